"""Where a turn goes next: pure functions of the state."""

from typing import Literal

from graph.state import SupportState


def after_refusal_check(state: SupportState) -> Literal["escalate", "authenticate", "plan"]:
    if state.get("escalation"):
        return "escalate"
    return "authenticate" if state.get("request") else "plan"


def after_authenticate(state: SupportState) -> Literal["escalate", "retrieve", "respond"]:
    """Without a request left, the customer was asked who they are."""
    if state.get("escalation"):
        return "escalate"
    return "retrieve" if state.get("request") else "respond"


def after_plan(state: SupportState) -> Literal["escalate", "tool_call", "validate", "respond"]:
    if state.get("escalation"):
        return "escalate"
    if state.get("planned_call"):
        return "tool_call"
    return "validate" if state.get("request") else "respond"


def after_validate(state: SupportState) -> Literal["escalate", "authenticate", "respond"]:
    """A further request of the same message goes round again."""
    if state.get("escalation"):
        return "escalate"
    return "authenticate" if state.get("request") else "respond"
