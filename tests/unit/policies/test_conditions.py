"""Conditions of the pack over what is known: fulfilled, not fulfilled, not known."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.policies.conditions import all_hold, holds
from desk.policies.models import Condition


def money(amount: object) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"above": 100}, 100, False),
        ({"above": 100}, 101, True),
        ({"above": 100}, money(100), False),
        ({"above": 100}, money(101), True),
        ({"at_most": 30}, 30, True),
        ({"at_most": 30}, 31, False),
        ({"at_most": 0}, money(0), True),
        ({"above": 1, "at_most": 3}, 1, False),
        ({"above": 1, "at_most": 3}, 3, True),
        ({"above": 1, "at_most": 3}, 4, False),
        ({"equals": "delivered"}, "delivered", True),
        ({"equals": "delivered"}, "Delivered", False),
        ({"equals": True}, True, True),
        ({"equals": True}, False, False),
        ({"equals": True}, 1, False),
        ({"equals": 1}, True, False),
        ({"equals": False}, 0, False),
        ({"equals": 0}, 0, True),
        ({"one_of": ["a", "b"]}, "b", True),
        ({"one_of": ["a", "b"]}, "c", False),
        ({"none_of": ["a", "b"]}, "b", False),
        ({"none_of": ["a", "b"]}, "c", True),
        ({"one_of": ["a", "b"], "none_of": ["b"]}, "b", False),
        ({"none_of": ["a"]}, ["a"], True),
    ],
)
def test_a_comparison(condition: dict[str, Any], value: object, expected: bool) -> None:
    """R5.3."""
    assert holds(Condition(value="fact.it", **condition), {"fact": {"it": value}}) is expected


@pytest.mark.parametrize(
    "comparison",
    [{"above": -1}, {"at_most": 9}, {"equals": "x"}, {"equals": True}, {"one_of": ["x"]}, {"none_of": ["x"]}],
)
def test_a_value_that_is_known_to_be_nothing_fulfils_no_comparison(comparison: dict[str, Any]) -> None:
    """R5.3: an order that was never delivered has no days since delivery."""
    condition = Condition(value="fact.it", **comparison)

    assert holds(condition, {"fact": {"it": None}}) is False
    assert holds(condition, {"fact": {"it": money(None)}}) is False


@pytest.mark.parametrize(
    "values", [{}, {"fact": {}}, {"fact": None}, {"fact": "it"}, {"fact": ["it"]}, {"signal": {"it": 1}}]
)
def test_a_value_nobody_knows_is_neither_fulfilled_nor_not(values: dict[str, Any]) -> None:
    """R5.3."""
    assert holds(Condition(value="fact.it", above=0), values) is None


@pytest.mark.parametrize("value", ["3", 3.0, True, [3], {"days": 3}, float("nan"), money("3"), money(True)])
@pytest.mark.parametrize("comparison", [{"above": 1}, {"at_most": 7}])
def test_what_is_no_number_is_not_known_where_numbers_are_compared(value: object, comparison: dict[str, int]) -> None:
    """R5.3: a system that answers oddly does not switch a rule off."""
    assert holds(Condition(value="fact.it", **comparison), {"fact": {"it": value}}) is None


def test_a_path_goes_as_deep_as_it_says() -> None:
    """R5.3."""
    assert holds(Condition(value="fact.a.b", equals="x"), {"fact": {"a": {"b": "x"}}}) is True
    assert holds(Condition(value="fact.a.b", equals="x"), {"fact": {"a": "x"}}) is None


def test_several_conditions_are_joined_by_and() -> None:
    """R5.3: where one is not known, the caller says what that counts as."""
    values = {"fact": {"yes": 1, "no": 0}}
    conditions = {True: "fact.yes", False: "fact.no", None: "fact.unknown"}
    for row in itertools.product(conditions, repeat=3):
        three = [Condition(value=conditions[answer], above=0) for answer in row]
        for unknown in (True, False):
            expected = all(unknown if answer is None else answer for answer in row)
            assert all_hold(three, values, unknown=unknown) is expected
    assert all_hold([], values, unknown=False) is True


@given(st.integers(), st.one_of(st.integers(), st.none(), st.text(), st.booleans(), st.floats()))
def test_above_and_at_most_the_same_number_are_opposites(bound: int, value: object) -> None:
    """R5.3: for every number; for everything else both are not fulfilled, or both are not known."""
    values = {"fact": {"it": value}}
    above = holds(Condition(value="fact.it", above=bound), values)
    at_most = holds(Condition(value="fact.it", at_most=bound), values)

    if type(value) is int:
        assert above is not at_most
        assert None not in (above, at_most)
    else:
        assert above is at_most
        assert above is not True
