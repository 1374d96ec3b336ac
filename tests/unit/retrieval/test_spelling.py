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


def test_a_corpus_that_changed_is_spelled_as_one_read_anew() -> None:
    """R4.7"""
    stays, goes, comes = "Standard delivery takes five days.", "Return the harden package.", "Washing the curtain."
    changed = Spelling([comes], before=Spelling([stays, goes]), gone=[goes])

    for text in ("delivry", "pakage", "washng", "curtan", "retun", "package"):
        assert changed.mended(text) == Spelling([stays, comes]).mended(text)


def test_only_the_commonest_words_of_a_large_corpus_are_what_somebody_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.spelling.MENDED_TO", 1)
    spelling = Spelling(["delivery delivery package"])

    assert spelling.mended("delivry pakage") == "delivery pakage"
