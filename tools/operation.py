"""What a tool can be bound to: one operation of one business system."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from desk.integrations.protocols import Billing, Orders


@dataclass(frozen=True, kw_only=True)
class Systems:
    """The business systems of this installation, whatever is behind them."""

    orders: Orders
    billing: Billing


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How an adapter's method is called."""

    arguments: tuple[str, ...]
    """Types of the arguments that come from the customer, in the method's order."""
    result: type
    """The TypedDict the method answers with."""
    method: Callable[[Systems], Callable[..., Awaitable[Any]]]
    """Called with those arguments and ``customer_id=``."""
