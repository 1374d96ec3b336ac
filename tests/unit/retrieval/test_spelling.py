"""Typing mistakes are mended, other words are left alone."""

import pytest

from retrieval.spelling import Spelling

SPELLING = Spelling(["Standard delivery takes five days. Return the harden package by parcel card."])


@pytest.mark.parametrize("typo", ["delivry", "delivvery", "dekivery", "deilvery", "deliver"])
def test_one_slip_is_mended(typo: str) -> None:
    assert SPELLING.mended(f"my {typo}, please!") == "my delivery, please!"


@pytest.mark.parametrize(
    "text", ["garden", "crad", "zebra", "returned", "delxxery", "TRK-10001", "a+b@example.com", ""]
)
def test_other_words_are_left_alone(text: str) -> None:
    assert SPELLING.mended(text) == text
