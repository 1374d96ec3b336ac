"""The business systems, as the tools see them. Every adapter answers these, whatever is behind it.

The customer is always an argument from the session; a system must refuse to show a record of anybody else, and a
record that is not there and one that is not yours raise the same ``RecordNotFound``.
"""

from datetime import datetime
from typing import Literal, Protocol, TypedDict

from desk.domain.money import Money

OrderStatus = Literal["processing", "shipped", "delivered", "cancelled"]


class OrderItem(TypedDict):
    name: str
    quantity: int
    price: Money


class Order(TypedDict):
    number: str
    customer_id: str
    status: OrderStatus
    total: Money
    placed_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None
    items: list[OrderItem]


class Shipment(TypedDict):
    order_number: str
    tracking_number: str | None
    carrier: str | None
    status: Literal["not_shipped", "in_transit", "delivered"]
    last_scan: str | None
    expected_at: datetime | None


class Invoice(TypedDict):
    number: str
    order_number: str
    total: Money
    issued_at: datetime
    payment_status: Literal["paid", "open", "refunded"]
    payment_method: str
    """Masked: "Visa ending in 4242"."""


class Orders(Protocol):
    """Raises ``RecordNotFound`` and ``SystemUnavailable``."""

    async def get_order(self, number: str, *, customer_id: str) -> Order: ...

    async def track_order(self, number: str, *, customer_id: str) -> Shipment: ...


class Billing(Protocol):
    """Raises ``RecordNotFound`` and ``SystemUnavailable``."""

    async def get_invoice(self, number: str, *, customer_id: str) -> Invoice: ...


class Crm(Protocol):
    """Raises ``SystemUnavailable``."""

    async def identify(self, *, email: str, order_number: str) -> str | None:
        """The customer's id when the order exists and was placed with this e-mail address, else None."""
        ...
