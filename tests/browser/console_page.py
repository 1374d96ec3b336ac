"""The console as a test sees it, and a customer who asks for something that a person has to decide."""

import contextlib
import re
import time
from collections.abc import Callable
from typing import Any

import httpx
from selenium.webdriver import Chrome
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait


class ConsolePage:
    """A driver with the words of the console. Each tab is a sign-in of its own."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url
        self.tab = driver.current_window_handle

    def open(self, section: str = "") -> None:
        """Loads the console anew."""
        self.driver.switch_to.window(self.tab)
        self.driver.get("about:blank")  # from one fragment to another nothing would be loaded
        self.driver.get(f"{self.url}/console{section and '#'}{section}")

    def sign_in(self, token: str, section: str = "") -> None:
        """Opens the console and signs in."""
        self.open(section)
        self.until(lambda: self.find("input"), what="the field for a token")
        self.find("input").send_keys(token)
        self.find("form button").click()
        self.until(lambda: self.texts("nav a") or self.texts("main > h1"), what="a signed-in console")

    def go(self, section: str) -> None:
        """Takes the way a member of staff takes to another section."""
        self.click(f"nav [href='#{section}']")
        self.until(lambda: self.texts("h1") == [section.capitalize()], what=section)

    def find(self, selector: str) -> WebElement:
        """The first match that can be seen."""
        shown = self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].find(e => e.checkVisibility()) ?? null", selector
        )
        assert isinstance(shown, WebElement), f"nothing matches {selector}"
        return shown

    def texts(self, selector: str) -> list[str]:
        """Visible text of every match."""
        found: list[str] = self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility())"
            ".map(e => e.innerText)",
            selector,
        )
        return found

    def click(self, selector: str) -> None:
        """Clicks what is there, or will be."""
        self.until(lambda: self.find(selector), what=selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.find(selector))
        self.find(selector).click()

    def run(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def until(self, seen: Callable[[], Any], *, what: str, seconds: float = 20) -> Any:
        """Waits for something to be seen; what is not there yet may come."""

        def look(_: Chrome) -> Any:
            with contextlib.suppress(AssertionError, IndexError):
                return seen()
            return False

        return WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(look, what)


class Customer:
    """A conversation over HTTP with the real server."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        started = self._http.post("/v1/conversations", json={"channel": "web"}).json()
        self.conversation_id: str = started["conversation_id"]
        self._headers = {"Authorization": f"Bearer {started['session_token']}"}
        self._said = 0

    def say(self, text: str) -> str:
        """The events of the turn, as they came."""
        self._said += 1
        body = {"text": text, "client_message_id": f"m-{self._said}"}
        path = f"/v1/conversations/{self.conversation_id}/messages"
        headers = self._headers | {"Accept": "text/event-stream"}
        return self._http.post(path, json=body, headers=headers).text

    def asks_for_refund(self, order: str, email: str) -> str:
        """As far as the approver; the id of the request."""
        self.proves(f"I want a refund for order {order}", email)
        found = re.search(r"appr_[0-9a-z]+", self.say("yes"))
        assert found is not None, "nobody was asked to decide"
        return found[0]

    def proves(self, wish: str, email: str) -> None:
        """Says what they want and who they are, and types the code they get."""
        before = latest_code(self._http)
        self.say(wish)
        self.say(email)
        self.say(next_code(self._http, after=before))

    def heard(self) -> str:
        """What the assistant has said so far."""
        path = f"/v1/conversations/{self.conversation_id}"
        messages = self._http.get(path, headers=self._headers).json()["messages"]
        return "\n".join(message["text"] for message in messages if message["role"] == "assistant")


def latest_code(http: httpx.Client) -> str:
    """Id of the newest letter in the demo's mailbox that has a code."""
    return next((letter["id"] for letter in _letters(http)), "")


def next_code(http: httpx.Client, *, after: str) -> str:
    """The code of the first letter that comes after one."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        letters = _letters(http)
        if letters and letters[0]["id"] != after:
            return letters[0]["code"]
        time.sleep(0.1)  # another process delivers it
    raise AssertionError("no code arrived")


def _letters(http: httpx.Client) -> list[dict[str, str]]:
    answer = http.get("/demo/mailbox", headers={"Accept": "application/json"}).json()
    return [letter for letter in answer["items"] if "code" in letter]
