"""What a node is: an async callable from the state to an update of it, which may report progress as it goes."""

from collections.abc import Callable
from typing import Any, Protocol

from desk.domain.conversation import EventType
from graph.state import SupportState

Emit = Callable[[EventType, dict[str, Any]], None]
"""Reports progress to the customer's stream: an event's type and data."""


class Node(Protocol):
    """One of the nine steps. Knows nothing of LangGraph, so it can be called in a test."""

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState: ...
