"""A tool call as the plan names it, and its result as the graph sees it. Both are plain JSON values."""

from typing import Any, Literal, TypedDict


class ToolCall(TypedDict):
    """What is proposed. Nothing in it says who the customer is: that comes from the actor."""

    id: str
    tool: str
    arguments: dict[str, str]
    purpose: Literal["answer", "facts"]
    """answer: its result is what the customer asked for · facts: read on the way, to go on planning with."""


class ToolResult(TypedDict):
    """What came of it."""

    call_id: str
    action_id: str | None
    """The ledger row; None when the ledger could not be written, so nothing ran."""
    tool: str
    outcome: Literal["succeeded", "not_found", "refused", "failed", "unknown", "denied"]
    """not_found: no such record, or somebody else's; the two are the same bytes · refused: a rule of the system ·
    failed: nothing was done · unknown: nobody can say; a person looks."""
    data: dict[str, Any]
    """The tool's ``result_fields`` of the record; times as RFC 3339, money as ``{"amount", "currency"}``."""
    detail: str | None
    """A word for the log and the ticket (``time_out``, ``not_allowed`` …); never the words of a database."""
