"""Words as retrieval compares them."""

import pytest

from retrieval.text import stem, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("refunded", "refund"), ("returning", "returns"), ("shipped", "shipping"), ("policies", "policy"),
        ("boxes", "box"), ("charges", "charged"), ("calling", "calls"), ("quickly", "quick"),
    ],
)  # fmt: skip
def test_forms_of_a_word_meet(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("one", "other"), [("bus", "bu"), ("address", "addres"), ("thing", "th"), ("card", "care")])
def test_different_words_stay_apart(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_numbers_stay_whole_and_stop_words_go() -> None:
    assert words("Is the 100.00 limit for HP-10001 still 30 days?") == [
        "100.00",
        "limit",
        "hp",
        "10001",
        "still",
        "30",
        "day",
    ]


def test_case_accents_and_apostrophes_do_not_matter() -> None:
    assert words("Chloé's CAFÉ") == words("chloe cafe")
