"""Broken lines, busy servers, reloads: nothing is lost, nothing is shown or sent twice."""

import pytest

from tests.browser.page import ChatPage
from tests.browser.scripted_server import CUT, GATE, Refusal, ScriptedDesk, completed, delta

pytestmark = [pytest.mark.browser, pytest.mark.heavy]


def _offline(page: ChatPage, offline: bool) -> None:
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
    )


def test_a_stream_cut_in_the_middle_of_an_answer_goes_on_where_it_was(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2: no piece is lost and none is shown twice."""
    desk.scripts["count"] = [
        delta("one "), delta("two "), CUT, delta("three "), CUT, delta("four "), GATE, CUT, GATE,
        completed("one two three four five"),
    ]  # fmt: skip
    page.open()
    page.say("count")

    page.until(lambda: page.answers == ["one two three four"], what="every piece once")
    desk.release()
    page.until(lambda: len(desk.opened) > 1 and desk.opened[-1] == 5, what="a stream from the last event on")
    desk.release()
    assert page.until_answers(1) == ["one two three four five"]
    assert desk.opened == sorted(desk.opened), "a reconnect asked for what it already had"


def test_events_that_come_again_are_not_shown_again(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2: whatever number a server or a proxy begins a stream with."""
    desk.overlap = 1
    desk.scripts["count"] = [
        delta("one "), delta("two "), GATE, CUT, GATE, delta("three"), GATE, completed("one two three."),
    ]  # fmt: skip
    page.open()
    page.say("count")
    page.until(lambda: page.answers == ["one two"], what="the first pieces")
    desk.release()
    page.until(lambda: desk.opened[-1] == 3, what="a second stream")
    desk.release()

    page.until(lambda: "three" in page.answers[0], what="what follows the break")
    assert page.answers == ["one two three"]
    desk.release()
    page.until_answers(1)


def test_a_silent_stream_is_given_up_and_opened_again(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2: a line that is dead without saying so."""
    desk.mute = True
    page.open(silence=400)
    page.until(lambda: len(desk.opened) >= 3, what="several attempts on a silent stream")
    desk.mute = False
    page.say("hello")

    page.until_answers(1)


def test_a_reload_shows_the_same_conversation(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2"""
    desk.scripts["second"] = [completed("Second answer.", options=["A choice"])]
    page.open()
    page.say("What is your returns policy?")
    page.until_answers(1)
    page.say("second")
    before = page.until_answers(2), page.mine, page.texts("details summary"), page.texts(".options button")

    page.reload()

    assert (page.until_answers(2), page.mine, page.texts("details summary"), page.texts(".options button")) == before
    assert [line.split("\n")[-1] for line in page.texts(".mine")] == ["What is your returns policy?", "second"]
    assert len(desk.posts) == 2


def test_a_reload_in_the_middle_of_an_answer_sees_it_through(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2"""
    desk.scripts["hello"] = [delta("Good "), GATE, delta("morning"), GATE, completed("Good morning.")]
    page.open()
    page.say("hello")
    page.until(lambda: page.answers == ["Good"], what="the first piece")

    page.reload()
    page.until(lambda: page.answers == ["Good"] and page.mine == ["hello"], what="the same again")
    desk.release(2)

    assert page.until_answers(1) == ["Good morning."]


def test_what_was_read_is_not_read_out_again_after_a_reload(page: ChatPage) -> None:
    page.open()
    page.say("What is your returns policy?")
    page.until_answers(1)
    page.reload()
    page.until_answers(1)

    assert page.run("return root.querySelector('[aria-live=polite][role=log]').textContent").count("30 days") == 0


def test_a_server_error_is_retried_with_the_same_id(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2: at most one turn, though the first answer was lost after the message was taken."""
    desk.refusals.extend([Refusal(status=500), Refusal(status=503, take_it=True)])
    page.open()
    page.say("hello")

    page.until(lambda: len(desk.posts) == 3 and not page.texts(".mine .state"), what="the third try accepted")
    page.until_answers(1)
    assert len({body["client_message_id"] for body in desk.posts}) == 1
    assert desk.taken == ["hello"]
    assert page.mine == ["hello"]


def test_a_message_that_cannot_be_sent_says_so_and_has_a_button(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2"""
    desk.refusals.extend([Refusal(status=500)] * 2)
    page.open(sendTries=2)
    page.say("hello")
    page.until(
        lambda: len(desk.posts) == 2 and page.texts(".mine .state") == ["Not sent.\nRetry"], what="the message given up"
    )
    assert desk.taken == []

    page.find(".mine .state button").click()

    page.until_answers(1)
    assert page.mine == ["hello"]
    assert page.texts(".mine .state") == []
    assert len({body["client_message_id"] for body in desk.posts}) == 1


def test_messages_written_offline_leave_in_order_when_the_line_is_back(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2"""
    page.open()
    page.say("first")
    page.until_answers(1)
    _offline(page, True)
    page.say("second")
    page.say("third")
    page.until(lambda: page.texts(".mine .state")[:1] == ["Not sent.\nRetry"], what="unsent messages")

    _offline(page, False)

    page.until_answers(3)
    assert desk.taken == ["first", "second", "third"]
    assert page.mine == ["first", "second", "third"]


def test_an_unsent_message_outlives_a_reload(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2"""
    desk.refusals.append(Refusal(status=500))
    page.open(sendTries=1)
    page.until(lambda: page.texts(".disclosure"), what="the conversation")
    page.say("hello")
    page.until(lambda: page.texts(".mine .state") == ["Not sent.\nRetry"], what="the unsent message")

    page.reload()

    page.until_answers(1)
    assert desk.taken == ["hello"]
    assert len({body["client_message_id"] for body in desk.posts}) == 1


def test_a_message_taken_without_an_answer_is_shown_once_after_a_reload(page: ChatPage, desk: ScriptedDesk) -> None:
    """R12.2: the transcript has it already, and the outbox still does."""
    desk.refusals.append(Refusal(status=503, take_it=True))
    page.open(sendTries=1)
    page.say("hello")
    page.until(lambda: page.texts(".mine .state") == ["Not sent.\nRetry"], what="a message that seems unsent")

    page.reload()

    page.until_answers(1)
    page.until(lambda: len(desk.posts) == 2 and page.mine == ["hello"], what="the message once")
    assert desk.taken == ["hello"]


def test_too_many_requests_waits_as_long_as_it_is_told(page: ChatPage, desk: ScriptedDesk) -> None:
    """R3.4"""
    desk.refusals.append(Refusal(status=429, retry_after=1))
    page.open()
    page.say("hello")

    page.until(lambda: page.texts(".mine .state") == ["Sending again in 1 s"], what="the wait")
    page.until_answers(1)
    first, second = desk.posted_at
    assert second - first >= 0.95


@pytest.mark.parametrize("status", [413, 422])
def test_a_refused_message_shows_the_reason_and_is_not_repeated(
    page: ChatPage, desk: ScriptedDesk, status: int
) -> None:
    desk.refusals.append(Refusal(status=status, detail="That message is too long."))
    page.open()
    page.say("hello")
    page.until(lambda: page.texts(".mine .state") == ["That message is too long."], what="the reason")

    page.say("shorter")
    page.until_answers(1)
    assert [body["text"] for body in desk.posts] == ["hello", "shorter"]


@pytest.mark.parametrize("cut", [True, False], ids=["noticed by the stream", "noticed by a message"])
def test_a_conversation_that_is_gone_begins_anew_politely(page: ChatPage, desk: ScriptedDesk, cut: bool) -> None:
    """A02: a token that no longer opens anything."""
    page.open()
    page.say("hello")
    page.until_answers(1)
    desk.forget(cut=cut)
    if not cut:
        page.say("hello again")
    page.until(lambda: any("this is a new one" in text for text in page.texts(".note")), what="a polite line")
    if cut:
        page.say("hello again")

    page.until(lambda: len(page.answers) == 2, what="an answer in the new conversation")
    assert page.mine == ["hello", "hello again"]
    assert desk.taken == ["hello again"]


def test_an_error_is_told_and_can_be_tried_again(page: ChatPage, desk: ScriptedDesk) -> None:
    """R3.3"""
    desk.scripts["hello"] = [
        delta("I wo"), ("error", {"code": "failed", "detail": "The systems are busy.", "retryable": True})
    ]  # fmt: skip
    page.open()
    page.say("hello")
    page.until(lambda: "The systems are busy." in page.texts("[data-kind=error]")[0], what="the error")
    assert page.answers == [], "half an answer stayed"

    desk.scripts["hello"] = [completed("Here I am.")]
    page.find("[data-kind=error] button").click()

    assert page.until_answers(1) == ["Here I am."]
    assert len({body["client_message_id"] for body in desk.posts}) == 2, "the failed turn is closed: a new message"


def test_a_message_above_eight_kilobytes_is_stopped_with_a_count(page: ChatPage, desk: ScriptedDesk) -> None:
    """H01"""
    page.open()
    page.until(lambda: page.texts(".disclosure"), what="the conversation")
    page.run("root.querySelector('textarea').value = arguments[0]", "é" * 4000)
    page.find("textarea").send_keys("é")

    assert page.texts(".count") == ["8002 of 8000 bytes. Please shorten your message."]
    assert page.run("return root.querySelector('.go').disabled") is True
    page.say("")
    assert desk.posts == []


def test_a_card_number_is_never_put_into_the_browsers_storage(page: ChatPage, desk: ScriptedDesk) -> None:
    """R6.4"""
    desk.refusals.extend([Refusal(status=500)] * 2)
    page.open(sendTries=2)
    page.say("my card is 4111 1111 1111 1111")
    page.until(lambda: page.texts(".mine .state") == ["Not sent.\nRetry"], what="the unsent message")

    assert "4111" not in page.driver.execute_script("return JSON.stringify(sessionStorage)")
