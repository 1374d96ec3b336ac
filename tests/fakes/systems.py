"""Business systems in memory, for tests of what stands before them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from desk.domain.errors import RecordNotFound

PLACED = datetime(2026, 11, 1, 12, tzinfo=UTC)


def order(number: str = "HP-1", customer_id: str = "C-1", **changes: Any) -> dict[str, Any]:
    """A whole order record."""
    price = {"amount": 4200, "currency": "USD"}
    return {
        "number": number, "customer_id": customer_id, "status": "processing", "total": price, "placed_at": PLACED,
        "shipped_at": None, "delivered_at": None, "delivery_address": "1 Main Street, Portland, ME 04101",
        "items": [{"name": "Candle", "quantity": 1, "price": price}],
    } | changes  # fmt: skip


def shipment(number: str = "HP-1") -> dict[str, Any]:
    return {
        "order_number": number, "tracking_number": None, "carrier": None, "status": "not_shipped", "last_scan": None,
        "expected_at": None,
    }  # fmt: skip


def invoice(number: str = "INV-HP-1") -> dict[str, Any]:
    return {
        "number": number, "order_number": number[4:], "total": {"amount": 4200, "currency": "USD"}, "issued_at": PLACED,
        "payment_status": "open", "payment_method": "Visa ending in 4242",
    }  # fmt: skip


class MemorySystems:
    """Orders, billing and CRM over one mapping ``(customer, number) -> record``; ``calls`` keeps what was asked."""

    def __init__(self, records: Mapping[tuple[str, str], Any], *, emails: Mapping[str, str] | None = None) -> None:
        self.records = records
        self.emails = emails or {}
        self.calls: list[tuple[str, str]] = []

    async def get_order(self, number: str, *, customer_id: str) -> Any:
        return self._find(number, customer_id)

    async def get_invoice(self, number: str, *, customer_id: str) -> Any:
        return self._find(number, customer_id)

    async def track_order(self, number: str, *, customer_id: str) -> Any:
        found = self._find(number, customer_id)
        return shipment(number) if found["number"] == number else found

    async def identify(self, *, email: str, order_number: str) -> str | None:
        customer_id = self.emails.get(email.strip().lower())
        return customer_id if customer_id and (customer_id, order_number) in self.records else None

    def _find(self, number: str, customer_id: str) -> Any:
        self.calls.append((customer_id, number))
        match self.records.get((customer_id, number)):
            case None:
                raise RecordNotFound("There is no such record.")
            case Exception() as error:
                raise error
            case record:
                return record
