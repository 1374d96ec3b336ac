"""Questions that lean on the ones before, told by their form and made whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.follow_up import MAX_CARRIED, leans, standalone

RETURNS = ["How long can I return something I bought?"]


@pytest.mark.parametrize(
    "question",
    [
        "and for sale items?",
        "And lamps?",
        "what about furniture",
        "how about Hawaii?",
        "same for gift cards?",
        "how long does that take?",
        "How much is it?",
        "why?",
        "until when?",
        "Is it free?",
        "can they be washed?",
        "ok thanks, and who pays for that?",
        "What if it arrives broken?",
        "and if I have lost the receipt",
        "rugs too?",
        "Will you tell me before?",
    ],
)
def test_a_question_without_a_subject_leans(question: str) -> None:
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        "What are your opening hours?",
        "How do I clean an oak table?",
        "And how do I cancel the newsletter?",
        "By the way, is it free?",
        "one more thing: does it cost extra?",
        "Is it possible to pay with PayPal?",
        "How long does it take to ship to Canada?",
        "Is there a car park at the showroom?",
        "My brass lamp is dull, how do I polish it?",
        "ok. do you ship to Mexico and what does it cost",
        "and cancel HP-10002",
        "and order HP-10002?",
        "opening hours?",
        "that was helpful, thank you",
        "it's broken",
        "",
        "…",
    ],
)
def test_a_question_with_a_subject_of_its_own_does_not(question: str) -> None:
    assert not leans(question)


def test_the_subject_of_the_question_before_is_added_behind_the_new_words() -> None:
    whole = standalone("and for sale items?", RETURNS)

    assert whole.is_follow_up
    assert whole.text.startswith("and for sale items ")
    assert "return" in whole.text


def test_a_new_subject_is_not_mixed_with_the_old_one() -> None:
    whole = standalone("What are your opening hours?", RETURNS)

    assert (whole.text, whole.is_follow_up) == ("What are your opening hours?", False)


def test_the_kind_of_fact_asked_before_is_not_asked_again() -> None:
    """ "why?" after "how long …" asks for no time."""
    assert "long" not in standalone("why?", RETURNS).text


def test_a_follow_up_of_a_follow_up_still_knows_the_first_question() -> None:
    whole = standalone("and how often?", ["How do I oil a walnut table?", "what with?"])

    assert "walnut" in whole.text


def test_without_an_earlier_question_nothing_is_added() -> None:
    assert standalone("and for sale items?", []).text == "and for sale items?"


def test_several_sentences_become_one_so_that_no_part_is_searched_alone() -> None:
    whole = standalone("It says it is not valid. Why could that be?", ["How do I use a promo code?"])

    assert whole.text.count("?") == 1
    assert "." not in whole.text


@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=4))
def test_any_text_is_made_whole_with_bounded_additions(question: str, before: list[str]) -> None:
    whole = standalone(question, before)

    assert whole.is_follow_up or whole.text == question
    assert len(whole.text.split()) <= len(question.split()) * 2 + MAX_CARRIED + len(question) + 1
