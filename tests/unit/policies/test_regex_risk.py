"""Patterns that could take for ever are told apart from harmless ones (R1.4)."""

import pytest

from desk.policies.regex_risk import risk


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$", "(a*)*", "(?:a|aa)+", "(a?){1,30}", "((ab)*c)+", "([a-z]+ )*x", "(x{2,}){3,}",
        "discount.*please", "a.+b", "(.*)", "(a{1,40}){1,40}",
    ],
)  # fmt: skip
def test_a_nested_or_unbounded_repetition_is_refused(pattern: str) -> None:
    """R1.4"""
    assert risk(pattern) is not None


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bdiscount\b", r"(a|b)?c", r"\(a+\)+", r"[(a+)+]*", "(abc)+", r".{0,40}x", r"\d{1,2} ?%", "(?:yes|no) please",
        r"a\.*", "(?!x)y+", r"colou?r", "[.*]+",
    ],
)  # fmt: skip
def test_a_harmless_pattern_is_allowed(pattern: str) -> None:
    """R1.4"""
    assert risk(pattern) is None
