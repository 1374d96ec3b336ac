"""Where a turn goes next: pure functions of the state."""

from typing import Literal

from graph.state import SupportState


def at_start(state: SupportState) -> Literal["classify", "tool_call"]:
    """What woke a waiting conversation has no words to classify."""
    return "tool_call" if state.get("wake") else "classify"


def after_refusal_check(state: SupportState) -> Literal["escalate", "tool_call", "authenticate", "plan"]:
    if state.get("escalation"):
        return "escalate"
    if state.get("consent") in ("no", "stop"):
        return "tool_call"
    return "authenticate" if state.get("request") else "plan"


def after_authenticate(state: SupportState) -> Literal["escalate", "retrieve", "respond"]:
    """Without a request left, the customer was asked who they are."""
    if state.get("escalation"):
        return "escalate"
    return "retrieve" if state.get("request") else "respond"


def after_retrieve(state: SupportState) -> Literal["escalate", "plan"]:
    """Passages that contradict each other are for a person."""
    return "escalate" if state.get("escalation") else "plan"


def after_plan(state: SupportState) -> Literal["escalate", "tool_call", "validate", "respond"]:
    if state.get("escalation"):
        return "escalate"
    if state.get("planned_call"):
        return "tool_call"
    return "validate" if state.get("request") else "respond"


def after_tool_call(state: SupportState) -> Literal["escalate", "validate", "authenticate", "plan", "respond"]:
    """A result is validated; facts, and what was woken up, are planned with; without either somebody has to answer."""
    if state.get("escalation"):
        return "escalate"
    if state.get("result"):
        return "validate"
    if not state.get("request"):
        return "respond"
    return "plan" if state.get("facts") or state.get("wake") else "authenticate"


def after_validate(state: SupportState) -> Literal["escalate", "authenticate", "respond"]:
    """A further request of the same message goes round again."""
    if state.get("escalation"):
        return "escalate"
    return "authenticate" if state.get("request") else "respond"


def after_respond(state: SupportState) -> Literal["tool_call", "__end__"]:
    """What waits for a code or a person stops before the tool, not before the answer."""
    return "tool_call" if state.get("waiting") else "__end__"
