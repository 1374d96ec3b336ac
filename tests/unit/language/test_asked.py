"""Questions name the kind of fact they want, and texts show which kinds they state."""

import time

import pytest

from desk.language.asked import Kind, asked_kinds, is_negative, is_open, stated_kinds, without_question_words


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How long does delivery take?", "duration"),
        ("when do I get my refund", "duration"),
        ("what are your opening hours", "hours"),
        ("How much is shipping?", "amount"),
        ("which countries do you ship to", "choice"),
        ("how do I return something", "steps"),
        ("where is your showroom", "place"),
    ],
)
def test_a_question_word_names_the_kind_of_fact(question: str, kind: Kind) -> None:
    """R3.3"""
    assert kind in asked_kinds(question)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("3 to 5 business days", "duration"),
        ("We have a sale in April.", "date"),
        ("Monday to Friday 9:00 to 18:00", "hours"),
        ("4.95 USD, free from 75.00 USD", "amount"),
        ("Choose the field below.", "steps"),
        ("12 Wharf Street, Portland", "place"),
    ],
)
def test_a_text_shows_the_kinds_it_states(text: str, kind: Kind) -> None:
    """R3.3"""
    assert kind in stated_kinds(text)
    assert kind not in stated_kinds("We make few things and try to make them last.")


def test_exclusions_and_open_questions_are_recognised() -> None:
    """R3.3"""
    assert is_negative("What we don't do")
    assert is_negative("Items that cannot be returned")
    assert not is_negative("What is covered")
    assert is_open("how long is the warranty")
    assert not is_open("do you deliver on Sundays?")


def test_question_words_are_no_subject() -> None:
    """R3.3: otherwise "how fast is express" is nearest to "How fast we answer"."""
    assert without_question_words("How fast is express?").split() == ["is", "express?"]


@pytest.mark.parametrize("piece", ["how ", "what ", "1", "9.", '"', "how many business ", "in your "])
def test_hostile_text_takes_no_time(piece: str) -> None:
    """G05"""
    text, started = (piece * 8192)[:8192], time.process_time()
    asked_kinds(text), stated_kinds(text), is_negative(text), is_open(text), without_question_words(text)

    assert time.process_time() - started < 0.5
