"""The two conversations every newcomer has, in a browser, with a real ``frontdesk serve --demo``."""

import pytest
from selenium.webdriver import Chrome

from tests.browser.page import ChatPage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.heavy,
    pytest.mark.timeout(300),
]


@pytest.fixture
def live_page(browser: Chrome, live_server: str) -> ChatPage:
    """The demo page of the real server, loaded, with the chat open."""
    page = ChatPage(browser, live_server)
    page.open()
    page.until(lambda: page.texts(".disclosure"), what="the disclosure", seconds=20)
    return page


def _answers(page: ChatPage, count: int) -> list[str]:
    page.until(
        lambda: len(page.answers) >= count and not page.texts(".streaming") and not page.texts(".progress"),
        what=f"{count} complete answers; seen: {page.texts('.log')}", seconds=40,
    )  # fmt: skip
    return page.answers


def test_the_returns_policy_is_answered_with_its_source(live_page: ChatPage) -> None:
    """R1.6, R3.3, R4.6: disclosure, a correct answer from an approved article, its source."""
    assert "automated" in live_page.texts(".disclosure")[0].lower()
    live_page.say("What is your returns policy?")

    assert "30 days" in " ".join(_answers(live_page, 1))
    assert live_page.texts("details summary")[0].startswith("Based on:")


def test_an_order_is_found_after_identification_and_survives_a_reload(live_page: ChatPage) -> None:
    """R5.1, R5.2, R12.2: nothing about the order before e-mail and number match; then its state and its tracking."""
    live_page.say("Where is my order HP-10001?")
    asked = " ".join(_answers(live_page, 1))
    assert "84.50" not in asked
    assert "on its way" not in asked

    live_page.say("ava.moreno@example.com")
    assert "84.50 USD" in _answers(live_page, 2)[1]
    live_page.say("Please track order HP-10001.")
    assert "TRK-10001" in _answers(live_page, 3)[2]

    before = live_page.mine, live_page.answers
    live_page.reload()
    _answers(live_page, len(before[1]))
    live_page.until(lambda: (live_page.mine, live_page.answers) == before, what="the same conversation")


def test_a_discount_is_refused_and_a_person_takes_over(live_page: ChatPage) -> None:
    """R1.4"""
    live_page.say("Can you give me 20% off?")

    live_page.until(lambda: live_page.texts("[data-kind=handoff]"), what="the hand-off", seconds=40)
    assert _answers(live_page, 1)


def test_a_page_loaded_again_still_has_its_scripts(browser: Chrome, live_server: str) -> None:
    """R12.1: a 304 brings headers for the stored page; one with another policy would take its scripts away."""
    page = ChatPage(browser, live_server)
    for _ in range(2):
        page.open(chat=False)


def test_the_page_needs_nothing_the_server_does_not_serve(live_page: ChatPage) -> None:
    """R12.1: style and widget arrive, nothing breaks the policy, nothing is asked for elsewhere."""
    assert live_page.driver.execute_script("return document.styleSheets.length") == 1
    severe = [entry["message"] for entry in live_page.log("browser") if entry["level"] == "SEVERE"]
    assert severe == []
