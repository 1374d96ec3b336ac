"""Keyboard, screen reader, contrast, zoom, small screens: checked by hand-written rules."""

from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.page import ChatPage
from tests.browser.rules import CONTRAST, SMALL, UNNAMED, scheme_of, screen_of
from tests.browser.scripted_server import GATE, RETURNS_SOURCE, Refusal, ScriptedDesk, completed, delta

pytestmark = [pytest.mark.browser, pytest.mark.heavy]


def _full_conversation(page: ChatPage, desk: ScriptedDesk) -> None:
    """Every kind of thing the chat can show, at once."""
    desk.scripts["all"] = [
        completed("**Answer** with a [link](" + desk.url + "/docs).", sources=[RETURNS_SOURCE], options=["Yes", "No"]),
        ("handoff.offered", {"options": ["chat", "email"]}),
        ("handoff.created", {"ticket_id": "tick_1", "queue": "q", "position": 1, "eta_seconds": 90}),
        ("verification.required", {"method": "email", "sent_to": "a***@example.com"}),
        ("approval.pending", {"approval_id": "a", "summary": "Refund"}),
        ("agent.joined", {"name": "Noor"}),
        ("error", {"code": "x", "detail": "Busy.", "retryable": True}),
    ]
    desk.refusals.append(Refusal(status=422, detail="Too long."))
    desk.scripts["again"] = [completed("Once more.", message="m3", options=["Yes"]), GATE]
    page.open()
    page.set("feedback")
    page.say("refused")
    page.until(lambda: page.texts(".state.bad"), what="a refused message")
    page.say("all")
    page.until(lambda: page.texts("[data-kind=error]"), what="everything shown")
    page.say("again")
    page.until(lambda: len(page.answers) == 2 and page.texts(".options button"), what="the second answer")


def test_the_whole_conversation_can_be_held_with_the_keyboard(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.1: open, write, take a quick reply, close; the keyboard is never lost."""
    page.open(chat=False)
    page.run("root.querySelector('.launcher').focus()")
    keys = ActionChains(page.driver)
    keys.send_keys(Keys.ENTER).perform()
    page.until(lambda: page.focused == "input", what="the keyboard in the message field")
    page.until(lambda: page.texts(".disclosure"), what="the conversation")

    ActionChains(page.driver).send_keys("What is your returns policy?", Keys.ENTER).perform()
    page.until_answers(1)
    page.until(lambda: page.texts(".options button"), what="quick replies")
    assert page.focused == "input"

    for _ in range(2):
        ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    ring = page.run(
        "const s = getComputedStyle(root.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]"
    )
    assert ring == ["solid", 2]
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.until(lambda: page.mine[-1:] == ["Start a return"], what="the chosen reply")
    assert page.focused == "input"

    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    assert page.focused == "launcher"
    assert page.texts(".panel") == []


def test_shift_enter_makes_a_line_and_enter_sends(page: ChatPage) -> None:
    page.open()
    page.find("textarea").send_keys("one", Keys.SHIFT + Keys.ENTER, Keys.NULL, "two", Keys.ENTER)

    page.until(lambda: page.mine == ["one\ntwo"], what="one message of two lines")


def test_roles_names_and_states_are_there(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.1"""
    page.open(chat=False)
    assert page.run("return root.querySelector('.launcher').getAttribute('aria-expanded')") == "false"
    assert page.find(".launcher").accessible_name == "Open chat"

    _full_conversation(page, desk)

    assert page.find(".panel").aria_role == "dialog"
    assert page.find(".panel").accessible_name == "Harbor & Pine"
    assert page.find(".log").aria_role == "log"
    assert page.find("textarea").accessible_name == "Your message"
    assert page.find(".go").accessible_name == "Send message"
    assert page.find("input.code").accessible_name == "Verification code"
    assert page.run(UNNAMED) == []
    ids = page.run("return [...root.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    desk.release()


def test_a_screen_reader_hears_whole_messages_only(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.1: the log that streams is not live; the hidden region gets each finished text once."""
    desk.scripts["hello"] = [delta("Good "), delta("mor"), GATE, completed("Good morning.")]
    page.open()
    page.until(lambda: page.texts(".disclosure"), what="the conversation")
    page.say("hello")
    page.until(lambda: page.answers == ["Good mor"], what="a part of the answer")
    heard = "return root.querySelector('[role=log][aria-live=polite]').innerText"

    assert page.run("return root.querySelector('.log').getAttribute('aria-live')") == "off"
    assert page.run("return root.querySelector('.streaming').getAttribute('aria-busy')") == "true"
    assert "mor" not in page.run(heard)
    desk.release()
    page.until_answers(1)
    assert page.run(heard).count("Good morning.") == 1


def test_touch_targets_are_large_enough(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.1"""
    _full_conversation(page, desk)

    assert page.run(SMALL) == []
    desk.release()


WIDGET_TEXT: list[list[Any]] = [
    ["h2"], ["header p"], [".disclosure div"], [".mine .bubble"], [".turn .text"], [".text a"], ["summary span"],
    [".card .inner div"], [".card .small"], [".card .button"], [".button.main"], [".button.link"], [".options .button"],
    [".note"], ["textarea"], ["textarea", "::placeholder"], ["input.code"], [".state.bad"],
]  # fmt: skip
SHOP_TEXT: list[list[Any]] = [
    [".banner"], [".brand span"], ["nav a"], ["h1"], [".words > p"], [".try h2"], [".try > p"], [".try button span"],
    [".try small"], [".try code"], [".goods h3"], [".goods p"], [".service b"], [".service span"], ["pre code"],
    [".links a"], ["footer span"], ["footer button"],
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("chosen", ["system", "attribute"])
def test_text_has_enough_contrast(page: ChatPage, desk: ScriptedDesk, scheme: str, chosen: str) -> None:
    """R2.1: WCAG 2.2 AA, 4.5 to 1, for every kind of text, in both schemes, however the scheme was chosen."""
    other = {"light": "dark", "dark": "light"}[scheme]
    scheme_of(page.driver, scheme if chosen == "system" else other)
    _full_conversation(page, desk)
    if chosen == "attribute":
        page.set("theme", scheme)
    dark = page.run("return getComputedStyle(root.querySelector('.panel')).backgroundColor") == "rgb(23, 27, 28)"
    assert dark == (scheme == "dark")

    ratios = page.driver.execute_script(CONTRAST, "widget", WIDGET_TEXT)
    if chosen == "system":
        ratios |= page.driver.execute_script(CONTRAST, "page", SHOP_TEXT)

    assert {name: ratio for name, ratio in ratios.items() if ratio is None or ratio < 4.5} == {}
    desk.release()


@pytest.mark.parametrize("accent", ["#ffd54a", "#7a3e9d", "hsl(200 90% 40%)", "white"])
def test_any_accent_keeps_its_text_readable(page: ChatPage, accent: str) -> None:
    """R2.1"""
    page.open()
    page.set("accent", accent)
    page.say("hello")
    page.until_answers(1)

    ratios = page.driver.execute_script(CONTRAST, "widget", [[".mine .bubble"], [".go"]])
    assert min(ratios.values()) >= 4.5


@pytest.mark.parametrize(("width", "height", "mobile"), [(390, 844, True), (320, 568, True), (640, 360, False)])
def test_a_small_screen_is_filled_and_never_scrolls_sideways(
    page: ChatPage, desk: ScriptedDesk, width: int, height: int, mobile: bool
) -> None:
    """R2.1: a phone, WCAG's 320 px, and a 1280 px window at 200 % zoom."""
    screen_of(page.driver, width, height, mobile=mobile)
    page.open(chat=False)
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width

    _full_conversation(page, desk)
    box = page.run(
        "const b = root.querySelector('.panel').getBoundingClientRect(); return [b.left, b.top, b.width, b.height]"
    )
    across = page.driver.execute_script("return document.documentElement.clientWidth")  # less a classic scroll bar
    assert box == pytest.approx([0, 0, across, height], abs=1)
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.run("return [...root.querySelectorAll('.panel, .log')].every(e => e.scrollWidth <= e.clientWidth)")
    assert page.run("return root.querySelector('.log').clientHeight") > height * 0.3
    inside = page.run(
        "const b = root.querySelector('textarea').getBoundingClientRect(); return b.bottom <= innerHeight"
    )
    assert inside
    assert page.run("return root.querySelector('.panel').getAttribute('aria-modal')") == "true"
    desk.release()


def test_the_keyboard_stays_inside_a_full_screen_chat(page: ChatPage) -> None:
    """R2.1"""
    screen_of(page.driver, 390, 844, mobile=True)
    page.open()
    page.until(lambda: page.texts(".disclosure"), what="the conversation")
    for _ in range(12):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        assert page.focused != ""


def test_right_to_left_pages_are_mirrored(page: ChatPage) -> None:
    """R2.1"""
    page.open()
    page.driver.execute_script("document.documentElement.dir = 'rtl'")
    page.say("hello")
    page.until_answers(1)

    left, mine, answer = page.run(
        "const x = s => root.querySelector(s).getBoundingClientRect();"
        "return [x('.panel').left, x('.mine .bubble').left, x('.turn > .flat + .flat .bubble').left]"
    )
    assert left < 40, "the panel is at the end of the line"
    assert mine < answer, "the customer's own words are at the end of the line"
    assert page.run("return root.querySelector('.log').scrollWidth <= root.querySelector('.log').clientWidth")


def test_nothing_moves_for_those_who_asked_for_stillness(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.1"""
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    )
    desk.scripts["hello"] = [GATE, completed("Hi.")]
    page.open()
    page.say("hello")
    page.until(lambda: page.texts(".progress"), what="progress")

    assert page.run("return root.getAnimations().length") == 0
    desk.release()
    page.until_answers(1)


def test_messages_that_arrive_while_the_chat_is_closed_are_counted(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.1"""
    desk.scripts["hello"] = [GATE, completed("Hi.")]
    page.open()
    page.say("hello")
    page.until(lambda: desk.taken == ["hello"], what="the message taken")
    page.find("textarea").send_keys(Keys.ESCAPE)
    desk.release()

    page.until(lambda: page.texts(".badge") == ["1"], what="the count")
    assert page.find(".launcher").accessible_name == "Open chat, 1 new message"
    page.find(".launcher").click()
    assert page.answers == ["Hi."]


def test_the_shop_page_has_named_landmarks_and_one_heading(page: ChatPage) -> None:
    page.open(chat=False)
    count = "return document.querySelectorAll(arguments[0]).length"

    for landmark in ("main", "header", "footer", "nav[aria-label]", "h1"):
        assert page.driver.execute_script(count, landmark) == 1
    assert page.driver.execute_script("return document.documentElement.lang") == "en"
    assert page.driver.execute_script(count, "svg:not([aria-hidden], [aria-label])") == 0


def test_an_example_question_opens_the_chat_and_asks_it(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.1: a newcomer's first click."""
    page.open(chat=False)
    page.driver.find_element("css selector", ".try button").click()

    page.until_answers(1)
    assert desk.taken == ["What is your returns policy?"]
