"""Two passages that cannot both be true (R4.5)."""

import pickle

import pytest

from retrieval.conflicts import Conflict, conflicts_among, conflicts_between
from retrieval.facts import Facts, Statement, facts_of


def facts(text: str, *, title: str = "Returns", heading: str = "", name: str = "one") -> Facts:
    return facts_of(Statement(id=name, title=title, heading=heading, text=text))


def between(one: str, other: str) -> list[Conflict]:
    return conflicts_between(facts(one, name="one"), facts(other, name="other"))


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("You can return items within 30 days.", "You can return items within 14 days.", "period"),
        ("Express delivery costs 14.95 USD.", "Express delivery costs $12.", "amount"),
        ("You get a discount of 10 percent.", "You get a discount of 15%.", "percentage"),
        ("Items can be returned in the showroom.", "Items cannot be returned in the showroom.", "polarity"),
    ],
)
def test_statements_that_cannot_both_be_true_conflict(one: str, other: str, kind: str) -> None:
    """R4.5"""
    assert [conflict.kind for conflict in between(one, other)][:1] == [kind]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Full price items can be returned within 30 days.", "Sale items can be returned within 14 days."),
        ("You can use up to 10 codes.", "You can use 5 codes."),
        ("You get a discount of 10%.", "You get a discount of ten percent."),
        ("You have two weeks to return it.", "You have 14 days to return it."),
        ("The fee is $500.", "The fee is 500.00 USD."),
    ],
)
def test_statements_that_can_both_be_true_do_not_conflict(one: str, other: str) -> None:
    """R4.5"""
    assert between(one, other) == []


def test_facts_can_be_stored_and_read_again() -> None:
    made = facts("You can return items within 30 days.")

    assert pickle.loads(pickle.dumps(made)) == made


def test_a_text_has_no_conflict_with_itself() -> None:
    """R4.5"""
    text = "Items can be returned within 30 days. Sale items can be returned within 14 days."

    assert conflicts_among([facts(text, name="one"), facts(text, name="other")], question=None) == []
