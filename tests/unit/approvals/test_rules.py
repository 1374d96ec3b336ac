"""Which rules of the pack apply, and what they ask for together (R5.3)."""

from typing import Any

import pytest

from desk.approvals.rules import Needed, needed_for
from desk.policies.models import ApprovalRule, Condition


def rule(name: str, *, tools: tuple[str, ...] = ("refund",), **changes: Any) -> ApprovalRule:
    return ApprovalRule(id=name, tools=tools, why=f"{name}.", **changes)


def above(amount: int) -> tuple[Condition, ...]:
    return (Condition(value="amount", above=amount),)


def test_no_rule_asks_for_nobody() -> None:
    assert needed_for("refund", rules=[], values={}) is None
    assert needed_for("refund", rules=[rule("other", tools=("cancel_order",))], values={}) is None
    assert needed_for("refund", rules=[rule("big", when=above(100))], values={"amount": 100}) is None


def test_a_rule_without_conditions_always_applies() -> None:
    assert needed_for("refund", rules=[rule("always")], values={}) == Needed(
        rules=("always",), why="always.", roles=("approver", "supervisor"), people=1, expires_minutes=1440
    )


def test_a_rule_needs_all_of_its_conditions() -> None:
    both = rule("both", when=(*above(100), Condition(value="signal.country_mismatch", equals=True)))

    assert needed_for("refund", rules=[both], values={"amount": 200, "signal": {"country_mismatch": False}}) is None
    assert needed_for("refund", rules=[both], values={"amount": 100, "signal": {"country_mismatch": True}}) is None
    assert needed_for("refund", rules=[both], values={"amount": 200, "signal": {"country_mismatch": True}})


def test_a_value_nobody_knows_asks_for_a_person() -> None:
    """R12.4: doubt never lets an action pass."""
    assert needed_for("refund", rules=[rule("big", when=above(100))], values={})
    assert needed_for("refund", rules=[rule("big", when=above(100))], values={"amount": "odd"})


def test_the_strictest_of_each_counts() -> None:
    rules = [
        rule("one", when=above(0), expires_minutes=60),
        rule("two", when=above(0), roles=("supervisor", "admin"), people=2, expires_minutes=90),
        rule("not", when=above(500), roles=("approver",), expires_minutes=5),
    ]

    assert needed_for("refund", rules=rules, values={"amount": 100}) == Needed(
        rules=("one", "two"), why="one. two.", roles=("supervisor",), people=2, expires_minutes=60
    )


@pytest.mark.parametrize("order", [1, -1])
def test_rules_that_no_role_satisfies_together_are_for_admins(order: int) -> None:
    rules = [rule("one", roles=("approver",)), rule("two", roles=("supervisor",))][::order]

    needed = needed_for("refund", rules=rules, values={})

    assert needed is not None
    assert needed.roles == ("admin",)
