"""The console with a real ``frontdesk serve --demo``: what staff decide there, and what the customer hears of it."""

from collections.abc import Iterator

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import LiveDesk
from tests.browser.console_page import ConsolePage, Customer, latest_code, next_code
from tests.browser.page import ChatPage
from tests.browser.rules import CONTRAST, SMALL, UNNAMED, scheme_of, screen_of

pytestmark = [pytest.mark.browser, pytest.mark.heavy, pytest.mark.timeout(300)]

_DEAF = """
const old = window.fetch;
window.fetch = (path, how) => path.includes('status=pending') ? new Promise(() => {}) : old(path, how);
"""
_STALE = """
const old = window.fetch;
const other = body => body.replace(/"args_hash":"./, '"args_hash":"!');
window.fetch = (path, how) => old(path, how.body ? {...how, body: other(how.body)} : how);
"""
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><b>quickly</b>"


@pytest.fixture
def console(browser: Chrome, live_desk: LiveDesk) -> ConsolePage:
    return ConsolePage(browser, live_desk.url)


@pytest.fixture
def second_tab(browser: Chrome, live_desk: LiveDesk) -> Iterator[ConsolePage]:
    """Another console, which remembers nothing of the first."""
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    page = ConsolePage(browser, live_desk.url)
    browser.switch_to.window(first)
    yield page
    browser.switch_to.window(page.tab)
    browser.close()
    browser.switch_to.window(first)


@pytest.fixture(scope="module")
def http(live_desk: LiveDesk) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live_desk.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def waiting(http: httpx.Client) -> str:
    """A request that nobody decides, of a customer with hostile words."""
    return Customer(http).asks_for_refund(f"HP-20001 {HOSTILE}", "ben.okafor@example.com")


def test_a_wrong_token_opens_nothing_and_is_forgotten(console: ConsolePage) -> None:
    console.open()
    for wrong in ("fdstaff_wrong", "ключ"):
        console.until(lambda: console.find("input"), what="the field for a token")
        console.find("input").send_keys(Keys.CONTROL + "a", Keys.NULL, wrong, Keys.ENTER)
        console.until(lambda: "token" in console.texts(".outcome.bad")[0], what="what is wrong")

    assert console.run("return sessionStorage.length") == 0
    assert console.texts("nav") == []


def test_a_token_is_kept_in_the_tab_only(console: ConsolePage, live_desk: LiveDesk) -> None:
    token = live_desk.tokens["approver"][0]
    console.sign_in(token)
    console.driver.refresh()
    console.until(lambda: console.texts(".who b") == ["Demo approver 1"], what="still signed in")

    assert token not in console.driver.current_url
    assert console.run("return localStorage.length + document.cookie.length") == 0
    console.click(".who button")
    assert console.run("return sessionStorage.length") == 0
    assert console.texts("nav") == []


@pytest.mark.parametrize(
    ("role", "sections", "title"),
    [
        ("approver", ["Approvals", "Actions"], "Approvals"),
        ("auditor", ["Actions", "Audit"], "Actions"),
        ("supervisor", ["Approvals", "Actions", "Audit", "Switches"], "Switches"),
        ("agent", [], "Nothing here for you yet"),
    ],
)
def test_roles_open_their_sections_and_no_others(
    console: ConsolePage, live_desk: LiveDesk, role: str, sections: list[str], title: str
) -> None:
    console.sign_in(live_desk.tokens[role][0], "switches")

    assert console.texts("nav a") == sections
    assert console.texts("main h1") == [title]


def test_a_refund_is_approved_and_the_chat_hears_it_without_a_reload(
    browser: Chrome, live_desk: LiveDesk, http: httpx.Client, second_tab: ConsolePage
) -> None:
    """R5.3: code, yes, approver, outcome; all of it in a browser."""
    chat = ChatPage(browser, live_desk.url)
    tab = browser.current_window_handle
    chat.open()
    chat.until(lambda: chat.texts(".disclosure"), what="the disclosure", seconds=20)
    before = latest_code(http)
    chat.say("I want a refund for order HP-10003")
    chat.until(lambda: len(chat.answers) == 1, what="a question", seconds=40)
    chat.say("ava.moreno@example.com")
    chat.until(lambda: chat.texts("input.code"), what="the card for a code", seconds=40)
    chat.find("input.code").send_keys(next_code(http, after=before), Keys.ENTER)
    chat.until(lambda: chat.texts(".options button") == ["Yes", "No"], what="the question", seconds=40)
    assert "129.00 USD" in chat.answers[-1]
    chat.run("root.querySelector('.options button').click()")
    chat.until(lambda: chat.texts("[data-kind=approval]"), what="that it waits", seconds=40)

    request = 'article[data-status="pending"]:has(h2)'
    second_tab.sign_in(live_desk.tokens["approver"][0])
    second_tab.until(lambda: "HP-10003" in "".join(second_tab.texts(request)), what="the card")
    card = second_tab.run(
        "return [...document.querySelectorAll('article')].find(e => e.innerText.includes('HP-10003')).id"
    )
    shown = second_tab.texts(f"#{card}")[0]
    for fact in ("Refund an order", "129.00 USD", "Ava Moreno", "C-1001", "above 100.00 USD", "Visa ending in 4242"):
        assert fact in shown
    second_tab.click(f"#{card} [data-decision=approve]")
    second_tab.until(lambda: "Approved, and done." in second_tab.texts(f"#{card} .outcome")[0], what="the outcome")
    assert second_tab.run("return document.activeElement.className").startswith("outcome")

    browser.switch_to.window(tab)
    chat.until(lambda: "HP-10003" in chat.answers[-1] and "refunded" in chat.answers[-1].lower(), what="the news")
    assert chat.texts("[data-kind=approval] strong") == ["Approved"]


def test_a_reason_is_needed_to_reject_and_the_customer_reads_it(
    console: ConsolePage, live_desk: LiveDesk, http: httpx.Client
) -> None:
    """R5.3"""
    customer = Customer(http)
    card = f"#{customer.asks_for_refund('HP-10009', 'farid.haddad@example.com')}"
    console.sign_in(live_desk.tokens["approver"][0])
    console.click(f"{card} [data-decision=reject]")
    assert console.run("return document.activeElement.tagName") == "TEXTAREA"
    console.click(f"{card} form .main")
    assert console.texts(f"{card} form"), "an empty reason is not sent"

    console.find(f"{card} textarea").send_keys("The parcel was opened <b>twice</b>.")
    console.click(f"{card} form .main")
    console.until(lambda: console.texts(f"{card} .badge") == ["Rejected"], what="the decision")
    console.until(lambda: "The parcel was opened" in customer.heard(), what="the reason in the chat")
    assert "by you" in console.texts(f"{card} .decision")[0]


def test_who_comes_second_hears_who_decided(
    console: ConsolePage, second_tab: ConsolePage, live_desk: LiveDesk, http: httpx.Client
) -> None:
    """R5.3: two consoles; one decides while the other one writes."""
    card = f"#{Customer(http).asks_for_refund('HP-10010', 'grace.nakamura@example.com')}"
    first, second = console, second_tab
    second.sign_in(live_desk.tokens["approver"][1])
    second.click(f"{card} [data-decision=reject]")
    second.find(f"{card} textarea").send_keys("Me too.")
    second.run(_DEAF)  # what happens in between is not heard: the click itself has to find out

    first.driver.switch_to.window(first.tab)
    first.sign_in(live_desk.tokens["approver"][0])
    first.click(f"{card} [data-decision=reject]")
    first.find(f"{card} textarea").send_keys("Not this time.")
    first.click(f"{card} form .main")
    first.until(lambda: first.texts(f"{card} .badge") == ["Rejected"], what="the first decision")

    second.driver.switch_to.window(second.tab)
    second.click(f"{card} form .main")
    second.until(lambda: "already rejected by Demo approver 1" in second.texts(f"{card} .outcome")[0], what="who did")


def test_a_decided_request_changes_where_it_is_looked_at(
    console: ConsolePage, live_desk: LiveDesk, http: httpx.Client
) -> None:
    """R5.3: decided elsewhere, shown without a reload and told to a screen reader."""
    approval = Customer(http).asks_for_refund("HP-10024", "tanya.brooks@example.com")
    console.sign_in(live_desk.tokens["supervisor"][0])
    console.until(lambda: console.texts(f"#{approval} [data-decision=approve]"), what="the card")
    headers = {"Authorization": f"Bearer {live_desk.tokens['approver'][1]}"}
    body = {"type": "reject", "reason": "Sorry."}
    http.post(f"/v1/approvals/{approval}/decision", json=body, headers=headers)

    console.until(lambda: "by Demo approver 2" in console.texts(f"#{approval} .decision")[0], what="who decided")
    assert "Rejected by Demo approver 2" in console.run("return document.getElementById('news').textContent")


def test_hostile_words_are_text(console: ConsolePage, live_desk: LiveDesk, waiting: str) -> None:
    """F02"""
    console.sign_in(live_desk.tokens["approver"][0])
    console.until(lambda: console.texts(f"#{waiting}"), what="the card")

    assert HOSTILE in console.texts(f"#{waiting} .words")[0]
    assert console.run("return document.querySelectorAll('.words b, .words img').length") == 0
    assert "owned" not in console.driver.title
    severe = [entry["message"] for entry in console.driver.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]
    assert severe == []


def test_an_edit_stays_within_its_bounds(console: ConsolePage, live_desk: LiveDesk, waiting: str) -> None:
    """R5.3"""
    console.sign_in(live_desk.tokens["approver"][0])
    console.click(f"#{waiting} [data-decision=edit]")
    console.find(f"#{waiting} form input").send_keys(Keys.CONTROL + "a", Keys.NULL, "250.01", Keys.ENTER)

    assert console.run("return document.activeElement.validationMessage") == "An amount like 12.50, at most 250.00."
    ActionChains(console.driver).send_keys(Keys.ESCAPE).perform()
    assert console.texts(f"#{waiting} form") == []
    assert console.run("return document.activeElement.dataset.decision") == "edit"


def test_an_edited_amount_is_what_runs(console: ConsolePage, live_desk: LiveDesk, http: httpx.Client) -> None:
    """R5.3"""
    customer = Customer(http)
    card = f"#{customer.asks_for_refund('HP-10023', 'samuel.whitaker@example.com')}"
    console.sign_in(live_desk.tokens["approver"][0])
    console.click(f"{card} [data-decision=edit]")
    console.find(f"{card} form input").send_keys(Keys.CONTROL + "a", Keys.NULL, "300.00", Keys.ENTER)

    console.until(lambda: "Approved, and done." in console.texts(f"{card} .outcome")[0], what="the outcome")
    assert "349.00 USD became 300.00" in console.texts(f"{card} .decision")[0]
    console.until(lambda: "300.00 USD" in customer.heard(), what="the amount in the chat")


def test_a_question_reaches_the_customer_and_the_request_goes_on_waiting(
    console: ConsolePage, live_desk: LiveDesk, http: httpx.Client
) -> None:
    """R5.3"""
    customer = Customer(http)
    card = f"#{customer.asks_for_refund('HP-10013', 'julia.becker@example.com')}"
    console.sign_in(live_desk.tokens["approver"][0])
    console.click(f"{card} [data-decision=respond]")
    console.find(f"{card} textarea").send_keys("Which part is broken?")
    console.click(f"{card} form .main")

    console.until(lambda: "on its way" in console.texts(f"{card} .outcome")[0], what="that it was sent")
    console.until(lambda: "Which part is broken?" in customer.heard(), what="the question in the chat")
    assert console.texts(f"{card} .badge") == ["Waiting"]


def test_an_amount_above_ones_limit_is_left_to_somebody_else(
    console: ConsolePage, live_desk: LiveDesk, http: httpx.Client
) -> None:
    """R5.3"""
    card = f"#{Customer(http).asks_for_refund('HP-10015', 'leah.goldberg@example.com')}"
    console.sign_in(live_desk.tokens["approver"][0])
    console.click(f"{card} [data-decision=approve]")

    console.until(lambda: "above your limit" in console.texts(f"{card} .outcome.bad")[0], what="why not")
    assert console.texts(f"{card} .badge") == ["Waiting"]


def test_an_action_is_taken_back_by_asking_for_it(
    console: ConsolePage, live_desk: LiveDesk, http: httpx.Client
) -> None:
    """R5.7: a supervisor asks, and may not agree to their own request."""
    customer = Customer(http)
    customer.proves("Cancel order HP-10002", "ava.moreno@example.com")
    customer.say("yes")
    console.sign_in(live_desk.tokens["supervisor"][0], f"actions?conversation_id={customer.conversation_id}")
    console.click("[data-risk=write] .act button")
    console.click("[data-risk=write] .inline .main")
    console.click("[data-risk=write] .outcome.good a")

    console.until(lambda: "Take the cancellation of an order back" in console.texts("article h2")[0], what="the card")
    console.click("article [data-decision=approve]")
    console.until(lambda: "your own request" in console.texts("article .outcome.bad")[0], what="why not")


def test_who_may_not_decide_reads_why(console: ConsolePage, live_desk: LiveDesk, waiting: str) -> None:
    console.sign_in(live_desk.tokens["admin"][0])
    console.until(lambda: console.texts(f"#{waiting}"), what="the card")

    assert console.texts(f"#{waiting} [data-decision]") == []
    assert "approver, supervisor" in console.texts(f"#{waiting} .decision")[0]


def test_a_tool_is_switched_off_and_on(console: ConsolePage, live_desk: LiveDesk) -> None:
    """R9.3"""
    console.sign_in(live_desk.tokens["supervisor"][0], "switches")
    console.find("input[name=switch]").send_keys("move_appointmnt")
    console.find("input[name=reason]").send_keys("Wrong calendar", Keys.ENTER)
    console.until(lambda: "Did you mean move_appointment?" in console.texts(".outcome.bad")[0], what="a suggestion")
    console.find("input[name=switch]").send_keys(Keys.CONTROL + "a", Keys.NULL, "move_appointment", Keys.ENTER)
    console.until(lambda: console.texts("[data-switch=move_appointment] .badge") == ["Off"], what="the switch")
    assert "Wrong calendar" in console.texts("[data-switch=move_appointment]")[0]

    console.click("[data-switch=move_appointment] button")
    console.until(lambda: console.texts("[data-switch=move_appointment] .badge") == ["On"], what="on again")


def test_the_chain_is_verified_and_searched(console: ConsolePage, live_desk: LiveDesk, waiting: str) -> None:
    """R6.7"""
    console.sign_in(live_desk.tokens["auditor"][0], "audit?customer_id=C-1002&action=approval.requested")
    console.until(lambda: console.texts(".entry"), what="entries")
    assert waiting in " ".join(console.texts(".entry"))
    assert {text.split()[0] for text in console.texts(".entry b")} == {"approval.requested"}

    console.click(".heading button")
    console.until(lambda: "The chain is whole" in console.texts(".outcome.good")[0], what="the verdict")


def test_a_decision_names_what_was_seen(console: ConsolePage, live_desk: LiveDesk, waiting: str) -> None:
    """R5.3: a card that is not what waits any more decides nothing."""
    console.sign_in(live_desk.tokens["approver"][0])
    console.until(lambda: console.texts(f"#{waiting}"), what="the card")
    console.run(_STALE)
    console.click(f"#{waiting} [data-decision=approve]")

    console.until(lambda: "not the one you saw" in console.texts(f"#{waiting} .outcome.bad")[0], what="why not")
    assert console.texts(f"#{waiting} .badge") == ["Waiting"]


def test_a_list_that_is_not_live_says_so(console: ConsolePage, live_desk: LiveDesk) -> None:
    """R12.4"""
    console.sign_in(live_desk.tokens["approver"][0])
    console.until(lambda: console.texts(".updated")[0].startswith("Updated"), what="the list")
    console.driver.execute_cdp_cmd("Network.enable", {})
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    console.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **network})
    console.until(lambda: "cannot be reached" in console.texts(".updated.bad")[0], what="that it is not live")

    console.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **network})
    console.until(lambda: console.texts(".updated")[0].startswith("Updated"), what="live again")


def test_a_decision_needs_no_mouse(console: ConsolePage, live_desk: LiveDesk, http: httpx.Client) -> None:
    """R5.3: sign in, find the request, reject it with a reason; the keyboard is never lost."""
    approval = Customer(http).asks_for_refund("HP-10010", "grace.nakamura@example.com")
    console.open()
    console.until(lambda: console.find("input"), what="the field for a token")
    ActionChains(console.driver).send_keys(live_desk.tokens["approver"][0], Keys.ENTER).perform()
    console.until(lambda: console.texts(f"#{approval}"), what="the card")
    assert console.run("return document.activeElement.tagName") == "H1"

    reject = f"document.activeElement.matches('#{approval} [data-decision=reject]')"
    for _ in range(60):
        ActionChains(console.driver).send_keys(Keys.TAB).perform()
        if console.run(f"return {reject}"):
            break
    ActionChains(console.driver).send_keys(Keys.ENTER, "Too late", Keys.TAB, Keys.ENTER).perform()
    console.until(lambda: console.texts(f"#{approval} .badge") == ["Rejected"], what="the decision")
    console.until(lambda: console.run("return document.activeElement.className") == "outcome good", what="the focus")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(
    console: ConsolePage, live_desk: LiveDesk, http: httpx.Client, waiting: str, scheme: str
) -> None:
    """R5.3: WCAG 2.2 AA, 4.5 to 1."""
    scheme_of(console.driver, scheme)
    console.open()
    console.until(lambda: console.find("input"), what="the field for a token")
    ratios = console.run(CONTRAST, "page", [[".sign-in h1"], [".sign-in p"], ["label"], ["small"], [".button.main"]])
    console.sign_in(live_desk.tokens["supervisor"][0])
    console.click(f"#{waiting} [data-decision=reject]")
    ratios |= console.run(CONTRAST, "page", APPROVALS_TEXT)
    for section, texts in SECTION_TEXTS.items():
        console.go(section)
        if section == "actions":
            console.click(".check input")
        console.until(lambda: console.texts(".entries > li"), what=section)
        ratios |= console.run(CONTRAST, "page", texts)

    assert {name: ratio for name, ratio in ratios.items() if ratio is None or ratio < 4.5} == {}


APPROVALS_TEXT: list[list[str]] = [
    [".brand span"], [".brand b"], ["nav a"], ["nav a[aria-current]"], [".who b"], [".who small"], ["h1"], [".updated"],
    [".tabs button"], [".tabs [aria-pressed=true]"], [".badge.warn"], [".card .state"], ["h2"], [".amount"], [".why"],
    ["h3"], ["dt"], ["dd"], ["dd a"], [".words .author"], [".words q"], [".words .quiet a"], [".decision .button"],
    ["form .button.main"], ["form label"], ["form small"], ["textarea"],
]  # fmt: skip
SECTION_TEXTS: dict[str, list[list[str]]] = {
    "actions": [
        [".lead"],
        [".when"],
        [".what b"],
        [".what p"],
        [".badge.good"],
        [".check"],
        ["input", "::placeholder"],
    ],
    "audit": [[".when .quiet"], [".what .quiet"], [".detail i"], [".detail span"], [".heading .button"]],
    "switches": [[".button.danger"], [".lead"]],
}


@pytest.mark.parametrize(("width", "mobile"), [(390, True), (320, True), (1280, False)])
def test_every_section_fits_and_can_be_operated(
    console: ConsolePage, live_desk: LiveDesk, waiting: str, width: int, mobile: bool
) -> None:
    """Names for every control, targets of 44 px, nothing scrolls sideways, ids are unique, one main heading."""
    screen_of(console.driver, width, 844, mobile=mobile)
    console.sign_in(live_desk.tokens["supervisor"][0])
    console.click(f"#{waiting} [data-decision=edit]")
    for section in ("approvals", "actions", "audit", "switches"):
        if section != "approvals":
            console.go(section)
            console.until(lambda: console.texts(".entries > li") or console.texts(".outcome"), what=section)
        assert console.run("return document.documentElement.scrollWidth") <= width, section
        assert console.run(f"const root = document; {UNNAMED}") == [], section
        assert [small for small in console.run(f"const root = document; {SMALL}") if "checkbox" not in small] == []
        ids = console.run("return [...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))
        assert console.run("return document.querySelectorAll('h1').length") == 1
        assert console.run("return document.querySelectorAll('nav [aria-current=page]').length") == 1
