"""A tool call as the plan names it, and its result as the graph sees it. Both are plain JSON values."""

from typing import Any, Literal, TypedDict


class ToolCall(TypedDict):
    """What is proposed. Nothing in it says who the customer is: that comes from the actor."""

    id: str
    tool: str
    arguments: dict[str, str]


class ToolResult(TypedDict):
    """What came of it."""

    call_id: str
    tool: str
    outcome: Literal["succeeded", "not_found", "failed", "denied"]
    """not_found: no such record, or somebody else's; the two are the same bytes."""
    data: dict[str, Any]
    """The tool's ``result_fields`` of the record; times as RFC 3339, money as ``{"amount", "currency"}``."""
    detail: str | None
    """A word for the log and the ticket (``time_out``, ``not_allowed`` …); never the words of a database."""
