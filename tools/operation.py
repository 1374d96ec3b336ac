"""What a tool can be bound to: one operation of one business system."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from desk.integrations.protocols import Billing, Crm, Orders, Scheduling, Ticketing
from desk.policies.models import ArgumentType


@dataclass(frozen=True, kw_only=True)
class Systems:
    """The business systems of this installation, whatever is behind them."""

    orders: Orders
    billing: Billing
    crm: Crm
    ticketing: Ticketing
    scheduling: Scheduling
    sources: Mapping[str, Any] = field(default_factory=dict)
    """Tool sources of the pack's own, by id: each has a method for every operation it describes."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How an adapter's method is called."""

    arguments: tuple[ArgumentType, ...] = ()
    """Types of the arguments that do not come from the session, in the method's order."""
    result: Any
    """The TypedDict the method answers with."""
    method: Callable[[Systems], Callable[..., Awaitable[Any]]]
    """Called with those arguments, ``customer_id=`` and, when it writes, ``key=``."""
    writes: bool = False
