"""The gate before every tool: pure, and closed unless the pack opens it (R5.2, R5.6)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from desk.domain.conversation import Actor
from desk.policies.models import Intent, ToolSpec
from tools.calls import ToolCall

_NUMBER = re.compile(r"[A-Z0-9]{1,12}(?:-[A-Z0-9]{1,12}){0,3}")

PATTERNS: Mapping[str, re.Pattern[str]] = {
    "order_number": _NUMBER,
    "invoice_number": _NUMBER,
    # One line of printable text: no control or format characters, no unpaired surrogates.
    "text": re.compile(r"[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]{1,500}"),
}
"""What an argument may consist of, by type: what is not listed is refused, before any system hears of it."""


@dataclass(frozen=True, kw_only=True)
class Allow:
    """The call may run, as it is."""


@dataclass(frozen=True, kw_only=True)
class StepUp:
    """The customer must prove more first: assurance level ``level``."""

    level: int


@dataclass(frozen=True, kw_only=True)
class Deny:
    """The call may not run, whatever the customer proves. ``reason`` is a word for the log."""

    reason: str


def gate(call: ToolCall, *, intent: Intent, tool: ToolSpec, actor: Actor) -> Allow | StepUp | Deny:
    """Whether this call may run for this request and this customer."""
    if call["tool"] != tool.name or tool.name not in {action.tool for action in intent.actions}:
        return Deny(reason="tool_not_allowed")
    if tool.risk != "read":
        # Writing needs the customer's confirmation and the ledger; without them it stays shut.
        return Deny(reason="writes_not_allowed")
    expected = {argument.name: argument.type for argument in tool.arguments if argument.source == "field"}
    if call["arguments"].keys() - expected.keys():
        return Deny(reason="arguments_unexpected")
    if expected.keys() - call["arguments"].keys():
        return Deny(reason="arguments_missing")
    for name, value in call["arguments"].items():
        if not isinstance(value, str) or not PATTERNS[expected[name]].fullmatch(value):
            return Deny(reason="argument_invalid")
    level = max(tool.level, intent.level)
    if any(argument.source == "session" for argument in tool.arguments):
        level = max(level, 1)
    if actor["level"] < level or (level > 0 and not actor["customer_id"]):
        return StepUp(level=level)
    return Allow()
