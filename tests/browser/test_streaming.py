"""What the customer sees while an answer is on its way."""

import pytest

from tests.browser.page import ChatPage
from tests.browser.scripted_server import DISCLOSURE, GATE, RETURNS_SOURCE, ScriptedDesk, completed, delta, step

pytestmark = [pytest.mark.browser, pytest.mark.heavy]


def test_the_disclosure_is_the_first_thing_in_the_chat(page: ChatPage) -> None:
    """R1.6, R6.6: the assistant says what it is before anything else."""
    page.open()

    page.until(lambda: page.texts(".log > :first-child") == [DISCLOSURE], what="the disclosure")
    page.say("What is your returns policy?")
    page.until_answers(1)
    assert page.texts(".log > :first-child") == [DISCLOSURE]


def test_an_answer_appears_piece_by_piece(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.1"""
    desk.scripts["hello"] = [delta("Good "), GATE, delta("morning"), GATE, completed("Good morning, Ava.")]
    page.open()
    page.say("hello")

    page.until(lambda: page.answers == ["Good"], what="the first piece")
    desk.release()
    page.until(lambda: page.answers == ["Good morning"], what="the second piece")
    desk.release()
    page.until(lambda: page.answers == ["Good morning, Ava."], what="the whole answer")


def test_steps_are_told_in_plain_words_and_vanish(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.1"""
    desk.scripts["hello"] = [step("retrieve"), GATE, step("tool_call"), GATE, delta("Hi"), GATE, completed("Hi.")]
    page.open()
    page.say("hello")

    page.until(lambda: page.texts(".progress") == ["Checking our articles"], what="the first step")
    desk.release()
    page.until(lambda: page.texts(".progress") == ["Looking up your order"], what="the second step")
    desk.release()
    page.until(lambda: page.answers == ["Hi"] and not page.texts(".progress"), what="words in place of progress")
    desk.release()
    page.until_answers(1)


def test_an_answer_names_the_article_it_stands_on(page: ChatPage) -> None:
    """R4.6"""
    page.open()
    page.say("What is your returns policy?")
    page.until_answers(1)

    assert page.texts("details summary") == ["Based on: Returns and refunds (v1.2)"]
    page.find("details summary").click()
    assert page.texts("details li") == [f"Returns and refunds (v1.2) · {RETURNS_SOURCE['article']}"]


def test_bold_lists_and_allowed_links_are_formatted(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.2, R6.3"""
    text = (
        f"**Two** ways:\n1. [here]({desk.url}/docs)\n2. [there](https://evil.example/x)\n\n"
        f"Or https://evil.example/y or {desk.url}/healthz. Not {desk.url.replace('//', '//bank.example@')}/."
    )
    desk.scripts["links"] = [completed(text)]
    page.open()
    page.say("links")
    page.until_answers(1)

    assert page.texts(".text strong") == ["Two"]
    assert page.texts(".text ol li") == ["here", "there (https://evil.example/x)"]
    links = page.run("return [...root.querySelectorAll('.text a')].map(a => a.href)")
    assert links == [f"{desk.url}/docs", f"{desk.url}/healthz"]


def test_a_quick_reply_is_sent_and_the_choices_go_away(page: ChatPage, desk: ScriptedDesk) -> None:
    """R2.2"""
    page.open()
    page.say("What is your returns policy?")
    page.until(lambda: page.texts(".options button") == ["Start a return", "Talk to a person"], what="quick replies")

    desk.scripts["Start a return"] = [completed("Which order?")]
    page.find(".options button").click()

    page.until(lambda: page.mine == ["What is your returns policy?", "Start a return"], what="the choice")
    page.until_answers(2)
    assert page.texts(".options button") == []


def test_an_answer_begun_again_replaces_the_unfinished_one(page: ChatPage, desk: ScriptedDesk) -> None:
    """R3.3: another engine took over; nobody sees half of the first answer."""
    desk.scripts["hello"] = [delta("I would like to", message="m1"), GATE, delta("Here", message="m2"), GATE,
                             completed("Here it is.", message="m2")]  # fmt: skip
    page.open()
    page.say("hello")

    page.until(lambda: page.answers == ["I would like to"], what="the first attempt")
    desk.release()
    page.until(lambda: page.answers == ["Here"], what="only the second attempt")
    desk.release()
    page.until(lambda: page.answers == ["Here it is."], what="the whole answer")


def test_several_messages_may_be_written_while_one_is_answered(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2"""
    for name in ("one", "two", "three"):
        desk.scripts[name] = [GATE, completed(f"Answer {name}.")]
    page.open()
    for name in ("one", "two", "three"):
        page.say(name)
    page.until(lambda: desk.taken == ["one", "two", "three"], what="three messages taken in order")
    desk.release(3)

    assert page.until_answers(3) == ["Answer one.", "Answer two.", "Answer three."]
    shown = page.texts(".bubble")
    assert [line.split("\n")[-1].strip() for line in shown] == [
        "one", "Answer one.", "two", "Answer two.", "three", "Answer three.",
    ]  # fmt: skip


def test_a_handoff_says_what_happens_next(page: ChatPage, desk: ScriptedDesk) -> None:
    """R7.2, R7.4"""
    data = {"ticket_id": "tick_01", "queue": "returns", "position": 2, "eta_seconds": 240}
    desk.scripts["person please"] = [("handoff.created", data), completed("Somebody will be with you soon.")]
    page.open()
    page.say("person please")
    page.until_answers(1)

    card = page.texts("[data-kind=handoff]")[0]
    for part in ("A person will take over", "tick_01", "Place in the queue: 2", "about 4 minutes"):
        assert part in card

    desk.scripts["are you there?"] = [("handoff.created", {**data, "position": 1}), completed("Nearly.")]
    page.say("are you there?")
    page.until_answers(2)
    assert len(page.texts("[data-kind=handoff]")) == 1, "one ticket, one notice"
    assert "Place in the queue: 1" in page.texts("[data-kind=handoff]")[0]


@pytest.mark.parametrize(("seconds", "said"), [(20, "1 minute"), (7200, "2 hours"), (86400, "1 day")])
def test_the_expected_wait_is_told_in_a_sensible_unit(
    page: ChatPage, desk: ScriptedDesk, seconds: int, said: str
) -> None:
    """R7.4"""
    created = {"ticket_id": "tick_01", "queue": "returns", "position": 1, "eta_seconds": seconds}
    desk.scripts["person please"] = [("handoff.created", created)]
    page.open()
    page.say("person please")

    page.until(lambda: page.texts("[data-kind=handoff]")[0].endswith(f"Expected wait: about {said}"), what=said)


def test_a_code_can_be_entered_and_a_wrong_one_corrected(page: ChatPage, desk: ScriptedDesk) -> None:
    """R5.1"""
    required = {"method": "email", "sent_to": "a***@example.com", "expires_at": "2030-01-01T00:00:00Z"}
    desk.scripts["refund"] = [("verification.required", required), completed("Please enter the code.")]
    page.open()
    page.say("refund")
    page.until(lambda: "a***@example.com" in page.texts("[data-kind=verification]")[0], what="the code form")

    page.find("input.code").send_keys("000000\n")
    page.until(lambda: page.texts("#code-state") == ["That code is not right. 4 attempts left."], what="the reason")
    page.find("input.code").clear()
    page.find("input.code").send_keys("123456\n")

    page.until(lambda: "You are verified." in page.answers, what="the resumed turn")
    assert desk.actions == [("verification", {"code": "000000"}), ("verification", {"code": "123456"})]
    assert page.texts("input.code") == []


def test_an_approval_and_its_decision_are_one_notice(page: ChatPage, desk: ScriptedDesk) -> None:
    """R5.3"""
    desk.scripts["refund"] = [
        ("approval.pending", {"approval_id": "appr_1", "summary": "Refund of 129.00 USD"}), GATE,
        ("approval.decided", {"approval_id": "appr_1", "decision": "approve"}), completed("Done."),
    ]  # fmt: skip
    page.open()
    page.say("refund")
    page.until(lambda: "Waiting for a colleague" in page.texts("[data-kind=approval]")[0], what="the request")
    desk.release()
    page.until_answers(1)

    assert page.texts("[data-kind=approval]") == ["Approved\nRefund of 129.00 USD"]


def test_a_person_in_the_chat_is_named(page: ChatPage, desk: ScriptedDesk) -> None:
    """R7.4"""
    desk.scripts["person"] = [
        ("agent.joined", {"name": "Noor"}), ("agent.message", {"message_id": "a1", "text": "Hello, I am Noor."}),
        ("agent.left", {"name": "Noor"}),
    ]  # fmt: skip
    page.open()
    page.say("person")

    page.until(lambda: page.answers == ["Hello, I am Noor."], what="the agent's message")
    page.until(
        lambda: page.texts("[data-kind=agent]") == ["Noor has joined the chat.", "Noor has left the chat."],
        what="joined and left",
    )


def test_thumbs_are_shown_only_when_asked_for_and_vanish_without_support(page: ChatPage, desk: ScriptedDesk) -> None:
    """R8.4"""
    page.open()
    page.say("What is your returns policy?")
    page.until_answers(1)
    assert page.texts(".score") == []

    page.set("feedback")
    page.say("And again?")
    page.until_answers(2)
    page.find(".score .good").click()

    page.until(lambda: page.texts(".score") == [], what="no thumbs on a server without feedback")
    assert [name for name, _ in desk.actions] == ["feedback"]
