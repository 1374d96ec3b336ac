"""Which approval rules of the pack apply to a call, and what they ask for together. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from desk.policies.conditions import all_hold
from desk.policies.models import ApprovalRule


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What the rules that apply ask for: the strictest of each."""

    rules: tuple[str, ...]
    why: str
    roles: tuple[str, ...]
    people: int
    expires_minutes: int


def needed_for(tool: str, *, rules: Iterable[ApprovalRule], values: Mapping[str, Any]) -> Needed | None:
    """None: no rule applies. A value nobody knows counts as fulfilled, so that doubt asks for a person."""
    applying = [rule for rule in rules if tool in rule.tools and all_hold(rule.when, values, unknown=True)]
    if not applying:
        return None
    roles = [role for role in applying[0].roles if all(role in rule.roles for rule in applying)]
    return Needed(
        rules=tuple(rule.id for rule in applying),
        why=" ".join(rule.why for rule in applying),
        roles=tuple(roles) or ("admin",),  # rules that no role satisfies together are for those who may do everything
        people=max(rule.people for rule in applying),
        expires_minutes=min(rule.expires_minutes for rule in applying),
    )
