"""The page as a test sees it: what is shown in the widget's shadow tree, and what a customer does there."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

_ROOT = "const root = document.querySelector('frontdesk-chat').shadowRoot;"


class ChatPage:
    """A driver with the words of a chat."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, path: str = "/", *, chat: bool = True, **timings: int) -> None:
        """Loads the page; ``timings`` overrides the widget's own before the chat is opened."""
        with self._arriving():
            self.driver.get(self.url + path)
        self.tune(**timings)
        if chat:
            self.driver.execute_script("document.querySelector('frontdesk-chat').show()")

    def reload(self) -> None:
        """Loads the page again."""
        with self._arriving():
            self.driver.refresh()

    @contextlib.contextmanager
    def _arriving(self) -> Iterator[None]:
        """Waits for the new page's chat.

        In a tab that has just been opened the driver takes the load of the empty page for ours: on a busy machine it
        returned before the widget's script had run 16 of 150 times. The page we leave is marked, so that it is not
        taken for the next one.
        """
        self.driver.execute_script("document.left = true")
        yield
        arrived = (
            "return !document.left && document.readyState === 'complete'"
            " && customElements.get('frontdesk-chat') !== undefined"
        )

        def look() -> bool:
            with contextlib.suppress(WebDriverException):  # one page goes, the next one comes
                return bool(self.driver.execute_script(arrived))
            return False

        try:
            self.until(look, what="the chat", seconds=30)
        except TimeoutException as late:
            raise AssertionError(f"The page came without its chat: {self._situation()}") from late

    def _situation(self) -> str:
        """What the browser has in front of it, and what it says about it."""
        seen = "return [location.href, document.readyState, document.documentElement.outerHTML.slice(0, 500)]"
        url, state, page = self.driver.execute_script(seen)
        answered = [
            (entry["params"]["response"]["status"], entry["params"]["response"]["url"])
            for entry in (json.loads(line["message"])["message"] for line in self.log("performance"))
            if entry["method"] == "Network.responseReceived"
        ]
        return f"{url} is {state}; {answered=}; console: {self.log('browser')}; {page}"

    def tune(self, **timings: int) -> None:
        """Shorter waits than a customer would have, so that a test of a time-out need not last one."""
        short = {"retryBase": 40, "retryMax": 200, **timings}
        self.driver.execute_script("Object.assign(customElements.get('frontdesk-chat').timings, arguments[0])", short)

    def run(self, code: str, *arguments: Any) -> Any:
        """Runs ``code`` with ``root``, the shadow root of the chat."""
        return self.driver.execute_script(_ROOT + code, *arguments)

    def find(self, selector: str) -> WebElement:
        element: WebElement = self.run("return root.querySelector(arguments[0])", selector)
        assert element is not None, f"nothing matches {selector}"
        return element

    def texts(self, selector: str) -> list[str]:
        """Visible text of every match."""
        found: list[str] = self.run(
            "return [...root.querySelectorAll(arguments[0])].filter(e => e.checkVisibility()).map(e => e.innerText)",
            selector,
        )
        return found

    @property
    def answers(self) -> list[str]:
        return [text.strip() for text in self.texts(".turn > .flat + .flat .bubble .text")]

    @property
    def mine(self) -> list[str]:
        return self.texts(".mine .bubble")

    @property
    def focused(self) -> str:
        """Class, tag or id of the element with the keyboard inside the widget."""
        name: str = self.run(
            "const a = root.activeElement; return a === null ? '' : (a.id || a.className || a.tagName.toLowerCase())"
        )
        return name

    def set(self, attribute: str, value: str = "") -> None:
        """Sets an attribute of the chat, as the host page would."""
        self.driver.execute_script(
            "document.querySelector('frontdesk-chat').setAttribute(...arguments)", attribute, value
        )

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What the browser noted since the last call: ``browser`` (its console) or ``performance`` (its network)."""
        return list(self.driver.get_log(kind))  # type: ignore[no-untyped-call]

    def say(self, text: str) -> None:
        """Types into the chat and presses Enter."""
        self.find("textarea").send_keys(text, Keys.ENTER)

    def until(self, seen: Callable[[], Any], *, what: str, seconds: float = 10) -> Any:
        """Waits for something to be seen; what is not there yet may come."""

        def look(_: Chrome) -> Any:
            with contextlib.suppress(AssertionError, IndexError):
                return seen()
            return False

        return WebDriverWait(self.driver, seconds, poll_frequency=0.03).until(look, what)

    def until_answers(self, count: int) -> list[str]:
        """Waits until ``count`` answers are complete."""
        self.until(
            lambda: len(self.answers) == count and not self.texts(".streaming") and not self.texts(".progress"),
            what=f"{count} complete answers",
        )
        return self.answers
