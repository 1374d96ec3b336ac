"""Calls, facts and evidence that fit a tool of the pack: what a test then changes one thing of."""

from typing import Any

from desk.domain.conversation import Actor
from desk.policies.models import PolicySet, ToolSpec
from tools.calls import ToolCall
from tools.policy import Evidence, Verdict, gate

ANONYMOUS: Actor = {"customer_id": None, "level": 0}
IDENTIFIED: Actor = {"customer_id": "C-1001", "level": 1}
QUIET = {"contact_changed_days": None, "country_mismatch": False, "actions_30_days": 0}
FITTING = {
    "order_number": "HP-10001", "invoice_number": "INV-HP-10001", "reference": "SV-20261125-1000", "choice": "email",
    "money": "20.00", "text": "12 Elm Street, Portland",
}  # fmt: skip


def call(tool: str, *, purpose: Any = "answer", **arguments: Any) -> ToolCall:
    return {"id": "call_1", "tool": tool, "arguments": arguments, "purpose": purpose}


def fitting(tool: ToolSpec, **changes: Any) -> ToolCall:
    """A call of the tool whose arguments are all right, but for the changes."""
    arguments = {
        argument.name: argument.constant or FITTING[argument.type]
        for argument in tool.arguments
        if argument.source != "session"
    }
    return call(tool.name, **arguments | changes)


def money(amount: int, currency: str = "USD") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def facts_for(tool: ToolSpec) -> dict[str, Any]:
    """Facts that meet every requirement of the tool."""
    facts: dict[str, Any] = {}
    for requirement in tool.requires:
        name = requirement.value.removeprefix("fact.")
        match requirement:
            case _ if requirement.equals is not None:
                facts[name] = requirement.equals
            case _ if requirement.at_most is not None:
                facts[name] = requirement.at_most
            case _ if requirement.above is not None:
                facts[name] = money(requirement.above + 50_000_00)
            case _:
                facts.setdefault(name, "something else")
    for argument in tool.arguments:
        if argument.at_most_fact is not None:
            facts[argument.at_most_fact] = money(50_000_00)
    return facts


def verdict(
    policies: PolicySet, intent: str, proposed: ToolCall, *, actor: Actor = IDENTIFIED, **known: Any
) -> Verdict:
    """The gate's word in the sample pack; ``known`` are fields of the evidence."""
    tool = policies.tools[proposed["tool"]]
    evidence = Evidence(**{"facts": facts_for(tool), "signals": QUIET} | known)
    return gate(
        proposed, intent=policies.intents[intent], tool=tool, actor=actor, evidence=evidence,
        currency=policies.currency, rules=policies.approvals.values(),
    )  # fmt: skip
