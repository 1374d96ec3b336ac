"""What a conversation asks articles about: kept, carried on, and given up."""

from pathlib import Path

import pytest

from desk.language.engine import IntentGuess, Understanding
from desk.policies.loader import load_pack
from desk.policies.models import PolicySet
from graph.requests import memory_of, new_memory, new_request, nothing_understood
from graph.state import Memory, Subject
from graph.subjects import filed_by, followed_up, looked_up, made_whole, subject_after

PACK = Path(__file__).parents[3] / "packs" / "retail"

SUBJECT: Subject = {"intent": "returns_policy", "questions": ["How long can I return something?"]}


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return load_pack(PACK)


def remembering(subject: Subject | None = SUBJECT) -> Memory:
    return {**new_memory(), "subject": subject}


def understood(*guesses: tuple[str, float], **fields: str) -> Understanding:
    intents = [IntentGuess(intent=intent, confidence=confidence) for intent, confidence in guesses]
    return {**nothing_understood("en"), "intents": intents, "fields": fields}


def test_a_follow_up_goes_where_the_subject_was(policies: PolicySet) -> None:
    whole = made_whole("and for sale items?", memory=remembering())

    [request] = followed_up(
        understood(("promotion_codes", 0.3)), text="and for sale items?", whole=whole, memory=remembering(),
        policies=policies,
    )  # fmt: skip

    assert request["intent"] == "returns_policy"
    assert request["question"] == whole.text != "and for sale items?"


def test_a_follow_up_goes_where_the_whole_is_clear(policies: PolicySet) -> None:
    text = "how long does that take?"
    whole = made_whole(text, memory=remembering())

    [request] = followed_up(
        understood(("refund_timing", 0.9)), text=text, whole=whole, memory=remembering(), policies=policies
    )

    assert request["intent"] == "refund_timing"


@pytest.mark.parametrize(
    ("text", "intent"),
    [("does that cost anything?", "returns_policy"), ("and the same for my lamp", "return_and_refund")],
)
def test_a_question_does_nothing_and_a_wish_does(text: str, intent: str, policies: PolicySet) -> None:
    memory = remembering()
    whole = made_whole(text, memory=memory)

    [request] = followed_up(
        understood(("return_and_refund", 0.9)), text=text, whole=whole, memory=memory, policies=policies
    )

    assert whole.is_follow_up
    assert request["intent"] == intent


def test_an_answer_to_a_question_of_ours_leans_on_nothing() -> None:
    pending = new_request("track_order", 1.0, question="", fields={})

    whole = made_whole("and for sale items?", memory={**remembering(), "request": pending})

    assert not whole.is_follow_up


def test_the_first_and_the_last_question_of_a_subject_are_kept(policies: PolicySet) -> None:
    memory = remembering({"intent": "returns_policy", "questions": ["How long can I return a lamp?", "and rugs?"]})
    whole = made_whole("and how much?", memory=memory)
    request = new_request("returns_policy", 1.0, question=whole.text, fields={})

    subject = subject_after([request], text="and how much?", whole=whole, memory=memory, policies=policies)

    assert subject == {"intent": "returns_policy", "questions": ["How long can I return a lamp?", "and how much?"]}


def test_a_new_question_is_a_new_subject(policies: PolicySet) -> None:
    text = "What are your opening hours? " * 30
    whole = made_whole(text, memory=remembering())
    request = new_request("opening_hours_and_contact", 1.0, question=text, fields={})

    subject = subject_after([request], text=text, whole=whole, memory=remembering(), policies=policies)

    assert subject is not None
    assert (subject["intent"], len(subject["questions"])) == ("opening_hours_and_contact", 1)
    assert len(subject["questions"][0]) <= 300


def test_something_to_be_done_ends_the_subject_and_thanks_do_not(policies: PolicySet) -> None:
    whole = made_whole("x", memory=remembering())

    def after(intent: str) -> Subject | None:
        request = new_request(intent, 1.0, question="x", fields={})
        return subject_after([request], text="x", whole=whole, memory=remembering(), policies=policies)

    assert after("track_order") is None
    assert after("talk_to_person") is None
    assert after("thanks_goodbye") == SUBJECT
    assert subject_after([], text="x", whole=whole, memory=remembering(), policies=policies) == SUBJECT


def test_a_thread_of_an_older_release_has_no_subject() -> None:
    """PITFALLS 3"""
    stored = {name: value for name, value in new_memory().items() if name != "subject"}

    assert memory_of({"memory": stored})["subject"] is None  # type: ignore[typeddict-item]


def test_a_question_nobody_could_file_is_looked_up(policies: PolicySet) -> None:
    [request] = looked_up(
        understood(("track_order", 0.4), ("shipping_options", 0.2)), text="Who brings small boxes?",
        memory=new_memory(), policies=policies,
    )  # fmt: skip

    assert (request["intent"], request["confidence"]) == ("shipping_options", 0.2)


@pytest.mark.parametrize(
    ("text", "asks"),
    [("Who brings small boxes", True), ("do you have small boxes", True), ("boxes", False), ("I have a box.", False)],
)
def test_only_questions_are_looked_up(text: str, asks: bool, policies: PolicySet) -> None:
    assert bool(looked_up(understood(), text=text, memory=new_memory(), policies=policies)) == asks


def test_values_mean_that_something_is_to_be_done(policies: PolicySet) -> None:
    found = looked_up(understood(order_number="HP-10001"), text="What?", memory=new_memory(), policies=policies)

    assert found == []


def test_what_was_looked_up_is_filed_by_what_was_found(policies: PolicySet) -> None:
    [request] = looked_up(understood(), text="Who brings small boxes?", memory=new_memory(), policies=policies)

    assert "care" in policies.intents[filed_by("care", request, policies=policies)["intent"]].areas
