"""The hand-off packet: what a person needs to go on without asking anything twice."""

from typing import Any, Literal, NotRequired, TypedDict

Priority = Literal["normal", "high", "urgent"]


class Quote(TypedDict):
    """One side of a contradiction."""

    article: str
    version: str
    title: str
    chunk_id: str
    quote: str


class Escalation(TypedDict):
    """Why a conversation goes to a person, and to which queue."""

    trigger: str
    """Id of a trigger of ``escalation.yaml``, or of the refusal rule that matched."""
    reason: str
    """One sentence for the person who takes it."""
    queue: str
    priority: Priority
    template: str
    """What the customer is told."""
    quotes: NotRequired[list[Quote]]
    """The passages that contradict each other."""


class Packet(TypedDict):
    """Stored with the ticket."""

    summary: str
    trigger: str
    reason: str
    intent: str | None
    confidence: float | None
    fields: dict[str, str]
    last_message: str
    sentiment: str
    frustration: float
    level: int
    """Assurance level of the customer."""
    customer_id: str | None
    actions: list[dict[str, Any]]
    """Tools that were called in this turn: ``tool`` and ``outcome``."""
    sources: list[str]
    """Chunk ids of the passages at hand."""
    quotes: list[Quote]
    """Both sides where our own passages contradict each other; else empty."""


class HandoffNotice(TypedDict):
    """What the customer is told about the ticket a person will take."""

    ticket_id: str
    queue: str
    position: int
    """Open tickets of the queue up to and including this one."""
    eta_seconds: int
    """Longest expected wait, as the queue's owner promises it."""
