"""Words of a conversation: channels, outcomes, turns and the events a customer's stream carries."""

from typing import Any, Literal, TypedDict

Channel = Literal["web", "in_app", "email", "sms", "whatsapp", "terminal", "studio"]
Role = Literal["customer", "assistant", "agent"]
Outcome = Literal["answered", "asked", "refused", "verifying", "awaiting_approval", "acted", "escalated", "failed"]
EventType = Literal[
    "turn.started", "turn.completed", "step", "message.delta", "message.completed",
    "verification.required", "verification.succeeded", "approval.pending", "approval.decided",
    "action.completed", "handoff.offered", "handoff.created",
    "agent.joined", "agent.message", "agent.left", "error",
]  # fmt: skip

NODES = (
    "classify", "refusal_check", "authenticate", "retrieve", "plan", "tool_call", "validate", "respond", "escalate",
)  # fmt: skip


class Event(TypedDict):
    """One event before it has a number: the log numbers it when it is stored."""

    type: EventType
    data: dict[str, Any]


class Actor(TypedDict):
    """Who the conversation's customer is known to be. Comes from the identity store, never from text."""

    customer_id: str | None
    level: int
    """Assurance level: 0 anonymous, 1 identified, 2 verified."""
