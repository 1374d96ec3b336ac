"""The page as a test sees it: what is shown in the widget's shadow tree, and what a customer does there."""

import contextlib
from collections.abc import Callable
from typing import Any

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
        self.driver.get(self.url + path)
        self.tune(**timings)
        if chat:
            self.driver.execute_script("document.querySelector('frontdesk-chat').show()")

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
