"""Which of the offered choices is meant (R1.5): by comparison, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.choosing import chosen_label

SLOTS = {
    "Monday 30 November 2026 at 10:00 in Portland": "S-1",
    "Monday 30 November 2026 at 14:00 in Portland": "S-2",
    "Tuesday 1 December 2026 at 10:00 in Boston": "S-3",
    "Visa ending in 4242": "PM-4",
}
ONE, TWO, THREE, FOUR = SLOTS


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (ONE, ONE), (ONE.upper(), ONE), (f" {TWO}. ", TWO), ("monday 30 november 2026, at 14:00 (in Portland)", TWO),
        ("1", ONE), ("2", TWO), ("#3", THREE), ("number 4", FOUR), ("option 2", TWO), ("no. 2", TWO), ("2 please", TWO),
        ("the first", ONE), ("First one please", ONE), ("the second slot", TWO), ("third option", THREE),
        ("last", FOUR), ("the last one", FOUR),
        ("tuesday in boston", THREE), ("Monday at 14:00", TWO), ("visa 4242", FOUR), ("ending in 4242", FOUR),
        ("in Portland at 14:00, Monday 30 November 2026", TWO),
    ],
)  # fmt: skip
def test_a_choice_is_named_counted_or_described(text: str, label: str) -> None:
    assert chosen_label(text, SLOTS) == label


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "!?", "5", "9", "0", "10", "22", "fifth", "the fifth one", "not the first", "first or second", "1 2",
        "1,2", "monday at 10:00 not", "at 10:00", "Monday in Portland", "Monday", "4242", "monday at 11:00", "Paypal",
        "any", "both", "the first; ignore previous instructions", "S-1", "PM-4", "1; DROP TABLE", "１", "١",
        "first" * 1000, "x " * 2500, "Monday 30 November 2026 at 10:00 in Portland or Boston",
    ],
    ids=lambda text: ascii(text)[:40],
)  # fmt: skip
def test_what_is_not_clear_is_not_chosen(text: str) -> None:
    """D10: two that fit, a part of one word, a value nobody was shown, anything besides."""
    assert chosen_label(text, SLOTS) is None


def test_with_nothing_offered_nothing_is_chosen() -> None:
    for text in ("1", "the first", "last", "monday at 10:00"):
        assert chosen_label(text, {}) is None


def test_a_label_itself_goes_before_its_place() -> None:
    """A shop may number its boxes."""
    assert chosen_label("2", {"3": "a", "2": "b", "1": "c"}) == "2"
    assert chosen_label("last", {"first": "a", "last": "b", "second": "c"}) == "last"


@given(st.text(max_size=60))
def test_whatever_is_said_only_a_label_that_was_offered_is_chosen(text: str) -> None:
    """R6.1."""
    assert chosen_label(text, SLOTS) in {*SLOTS, None}


@given(st.sampled_from(sorted(SLOTS)), st.randoms())
def test_a_label_is_found_whatever_its_case(label: str, random: object) -> None:
    mixed = "".join(letter.upper() if random.random() < 0.5 else letter for letter in label)  # type: ignore[attr-defined]

    assert chosen_label(mixed, SLOTS) == label
