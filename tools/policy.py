"""The gate before every tool: pure, and closed unless the pack opens it (R5.2, R5.3, R5.6).

The order of its answers is the order of a request's life: what is not allowed is denied before anybody is asked for
anything; then the customer proves who they are, says yes, and where the pack wants it a person agrees.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from desk.approvals.amounts import AMOUNT, minor_units
from desk.approvals.rules import Needed, needed_for
from desk.domain.conversation import Actor
from desk.policies.conditions import holds
from desk.policies.models import ApprovalRule, Intent, Requirement, ToolSpec
from tools.calls import ToolCall

_NUMBER = re.compile(r"[A-Z0-9]{1,12}(?:-[A-Z0-9]{1,12}){0,3}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
# One line of printable text: no control, format or tag characters, no line separators, no unpaired surrogates
# (Unicode's Cc, Cf, Zl, Zp and Cs).
_LINE = re.compile(
    r"[^\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]{1,500}"
)

PATTERNS: Mapping[str, re.Pattern[str]] = {
    "order_number": _NUMBER,
    "invoice_number": _NUMBER,
    "reference": re.compile(r"[A-Za-z0-9]{1,32}(?:[-_:][A-Za-z0-9]{1,32}){0,5}"),
    "choice": _WORD,
    "money": AMOUNT,
    "text": _LINE,
}
"""What an argument may consist of, by type: what is not listed is refused, before any system hears of it."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known when a call is decided on. Our own tables and the business systems say it, never a text."""

    switched_off: str | None = None
    """Name of the switch that is off."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Result of the tool's quote."""
    signals: Mapping[str, Any] = field(default_factory=dict)
    """Signs of fraud; one that could not be found out is missing."""
    spent_today: int = 0
    """Amounts of this tool for this customer in 24 hours, without this call; minor units."""
    is_verified: bool = False
    """A code was given for exactly these arguments, lately."""
    is_confirmed: bool = False
    """The customer said yes to exactly these arguments."""
    is_approved: bool = False
    """As many people as needed agreed to exactly these arguments."""


@dataclass(frozen=True, kw_only=True)
class Allow:
    """The call may run, as it is."""


@dataclass(frozen=True, kw_only=True)
class StepUp:
    """The customer must prove more first: assurance level ``level``."""

    level: int


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """The customer must say yes to exactly this."""


@dataclass(frozen=True, kw_only=True)
class NeedApproval:
    """People must agree to exactly this."""

    needed: Needed


@dataclass(frozen=True, kw_only=True)
class Deny:
    """The call may not run, whatever anybody proves. ``reason`` is a word for the log."""

    reason: str
    requirement: Requirement | None = None
    """The pack's requirement that is not met: it says what the customer hears instead."""


Verdict = Allow | StepUp | Confirm | NeedApproval | Deny


def gate(
    call: ToolCall,
    *,
    intent: Intent,
    tool: ToolSpec,
    actor: Actor,
    evidence: Evidence,
    currency: str,
    rules: Iterable[ApprovalRule] = (),
) -> Verdict:
    """Whether this call may run for this request and this customer. ``currency``: the pack's, which amounts are in."""
    action = next((action for action in intent.actions if action.tool == tool.name), None)
    if action is None or call["tool"] != tool.name:
        return Deny(reason="tool_not_allowed")
    if evidence.switched_off is not None:
        return Deny(reason="switched_off")
    if reason := fault(call, tool):
        return Deny(reason=reason)
    level = needed_level(tool, intent=intent, purpose=call["purpose"])
    if actor["level"] < min(level, 1) or (level > 0 and not actor["customer_id"]):
        return StepUp(level=level)
    if tool.risk == "read":
        return Allow() if actor["level"] >= level or evidence.is_verified else StepUp(level=level)
    if denied := unmet(call, tool, evidence=evidence, currency=currency):
        return denied
    amount = amount_of(call, tool)
    if amount is not None and action.up_to is not None and amount > action.up_to:
        return Deny(reason="above_intent_limit")
    if level > 1 and not evidence.is_verified:
        return StepUp(level=level)
    if not evidence.is_confirmed:
        return Confirm()
    needed = needed_for(tool.name, rules=rules, values=values_of(call, tool, evidence))
    if needed is not None and not evidence.is_approved:
        return NeedApproval(needed=needed)
    return Allow()


def gate_compensation(call: ToolCall, *, tool: ToolSpec, evidence: Evidence) -> Allow | NeedApproval | Deny:
    """The same for taking an action back, which staff ask for: no customer is asked, always somebody else agrees."""
    if evidence.switched_off is not None:
        return Deny(reason="switched_off")
    if reason := fault(call, tool):
        return Deny(reason=reason)
    if amount_of(call, tool) == 0:
        return Deny(reason="amount_out_of_bounds")
    if evidence.is_approved:
        return Allow()
    return NeedApproval(
        needed=Needed(
            rules=("compensation",), why="Staff want to take an action back.", roles=("approver", "supervisor"),
            people=1, expires_minutes=1440,
        )
    )  # fmt: skip


def needed_level(tool: ToolSpec, *, intent: Intent, purpose: Literal["answer", "facts"]) -> int:
    """Assurance level of a call. Facts are read to plan with, and shown no sooner than the tool they are for runs."""
    level = tool.level if purpose == "facts" else max(tool.level, intent.level)
    return max(level, 1) if any(argument.source == "session" for argument in tool.arguments) else level


def amount_of(call: ToolCall, tool: ToolSpec) -> int | None:
    """What the call moves, in minor units; None for a tool without an amount."""
    return minor_units(call["arguments"].get(tool.amount, "")) if tool.amount else None


def values_of(call: ToolCall, tool: ToolSpec, evidence: Evidence) -> dict[str, Any]:
    """What the pack's conditions look at."""
    values: dict[str, Any] = {
        "argument": call["arguments"],
        "fact": evidence.facts,
        "signal": evidence.signals,
    }
    if (amount := amount_of(call, tool)) is not None:
        values |= {"amount": amount, "daily_total": evidence.spent_today + amount}
    return values


def fault(call: ToolCall, tool: ToolSpec) -> str | None:
    """What is wrong with the arguments by themselves."""
    expected = {argument.name: argument for argument in tool.arguments if argument.source != "session"}
    if call["arguments"].keys() - expected.keys():
        return "arguments_unexpected"
    if expected.keys() - call["arguments"].keys():
        return "arguments_missing"
    for name, value in call["arguments"].items():
        argument = expected[name]
        if not isinstance(value, str) or (not value.isascii() and argument.type != "text"):
            return "argument_invalid"
        if not PATTERNS[argument.type].fullmatch(value):
            return "argument_invalid"
        if argument.source == "constant" and value != argument.constant:
            return "argument_invalid"
    return None


def unmet(call: ToolCall, tool: ToolSpec, *, evidence: Evidence, currency: str) -> Deny | None:
    """What the facts forbid: a requirement of the pack, or an amount that is none or above a system's bound."""
    values = values_of(call, tool, evidence)
    for requirement in tool.requires:
        if not holds(requirement, values):
            return Deny(reason="requirement_not_met", requirement=requirement)
    for argument in tool.arguments:
        if argument.type != "money":
            continue
        amount = minor_units(call["arguments"][argument.name])
        bound = _bound(evidence.facts.get(argument.at_most_fact or ""), currency=currency)
        if amount is None or bound is None or not 0 < amount <= bound:
            # Only what is above the bound has a sentence of its own; anything else is a fault.
            is_above, said = amount is not None and bound is not None and amount > bound, argument.out_of_bounds
            instead = Requirement(value=f"argument.{argument.name}", reply=said) if said and is_above else None
            return Deny(reason="amount_out_of_bounds", requirement=instead)
    return None


def _bound(fact: object, *, currency: str) -> int | None:
    """The fact in minor units; None for anything that is no money of this currency."""
    if not isinstance(fact, Mapping) or fact.get("currency") != currency:
        return None
    amount = fact.get("amount")
    return amount if type(amount) is int else None
