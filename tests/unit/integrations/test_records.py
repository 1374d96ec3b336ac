"""Records on their way through JSON (R5.4)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from desk.integrations.protocols import Booking, Bookings, ContactPoints, Order
from desk.integrations.records import from_json, to_json

MOMENT = datetime(2026, 11, 1, 12, 30, 15, 123456, tzinfo=UTC)
BOOKING: Booking = {
    "reference": "AP-1", "customer_id": "C-1", "kind": "showroom_visit", "starts_at": MOMENT, "place": "Showroom",
    "status": "booked", "slot_id": "SV-1", "previous_slot_id": None,
}  # fmt: skip


@pytest.mark.parametrize(("record", "shape"), [(BOOKING, Booking), ({"bookings": [BOOKING]}, Bookings)])
def test_a_record_comes_back_as_it_was(record: Any, shape: type) -> None:
    """R5.5: to the microsecond, in lists too."""
    assert from_json(json.loads(json.dumps(to_json(record))), shape) == record


def test_only_what_is_promised_to_be_a_time_becomes_one() -> None:
    """R5.6: a text that looks like a time stays text."""
    record = from_json({"number": MOMENT.isoformat(), "placed_at": "2026-11-01T12:30:15Z", "shipped_at": None}, Order)

    assert record["number"] == MOMENT.isoformat()
    assert record["placed_at"] == datetime(2026, 11, 1, 12, 30, 15, tzinfo=UTC)
    assert record["shipped_at"] is None


@pytest.mark.parametrize("value", ["yesterday", 5, None, [], "x", {"email_changed_at": "soon"}])
def test_what_does_not_fit_is_left_for_the_executor_to_refuse(value: Any) -> None:
    """R5.6."""
    assert from_json(value, ContactPoints) == value
