"""Appointments of the reference shop: slots, bookings, moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

from desk.db.pool import Pool
from desk.integrations.postgres.customer_reads import read_as_customer
from desk.integrations.postgres.customer_writes import Effect, ShopWrite, write_once
from desk.integrations.protocols import Booking, Bookings, Slots

_SLOTS = """
SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'slot_id', id, 'kind', kind, 'starts_at', starts_at, 'place', place) ORDER BY starts_at, id), '[]')
          FROM (SELECT * FROM shop.slots WHERE kind = %(kind)s AND starts_at > now() AND NOT shop.is_taken(slots.id)
                 ORDER BY starts_at, id LIMIT 10) AS free) AS slots
  FROM shop.customers
"""

_BOOKINGS = """
SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'reference', reference, 'customer_id', customer_id, 'kind', kind, 'starts_at', starts_at,
                   'place', place, 'status', status, 'slot_id', slot_id, 'previous_slot_id', previous_slot_id)
                   ORDER BY starts_at, reference), '[]')
          FROM (SELECT * FROM shop.bookings JOIN shop.slots ON slots.id = slot_id
                 WHERE status = 'booked' AND starts_at > now() ORDER BY starts_at, reference LIMIT 10) AS next)
       AS bookings
  FROM shop.customers
"""

_BOOKING = """
SELECT reference, customer_id, kind, starts_at, place, status, slot_id, previous_slot_id
  FROM shop.bookings JOIN shop.slots ON slots.id = slot_id WHERE reference = %(reference)s
"""

_BOOK = """
INSERT INTO shop.bookings (customer_id, slot_id)
SELECT customers.id, slots.id FROM shop.customers JOIN shop.slots ON slots.id = %(slot_id)s RETURNING reference
"""
_MOVE = """
UPDATE shop.bookings SET slot_id = slots.id
  FROM shop.slots WHERE slots.id = %(slot_id)s AND reference = %(reference)s RETURNING reference
"""
_CANCEL = "UPDATE shop.bookings SET status = 'cancelled' WHERE reference = %(reference)s RETURNING reference"


@dataclass(frozen=True, kw_only=True)
class PostgresScheduling:
    """``desk.integrations.protocols.Scheduling``."""

    pool: Pool

    async def list_slots(self, kind: str, *, customer_id: str) -> Slots:
        slots: Slots = await read_as_customer(
            self.pool, _SLOTS, {"kind": kind}, shape=Slots, customer_id=customer_id, system="scheduling"
        )
        return slots

    async def list_bookings(self, *, customer_id: str) -> Bookings:
        bookings: Bookings = await read_as_customer(
            self.pool, _BOOKINGS, shape=Bookings, customer_id=customer_id, system="scheduling"
        )
        return bookings

    async def book(self, slot_id: str, *, customer_id: str, key: str) -> Booking:
        return await self._write("book", _BOOK, {"slot_id": slot_id}, customer_id=customer_id, key=key)

    async def move_booking(self, reference: str, slot_id: str, *, customer_id: str, key: str) -> Booking:
        values = {"reference": reference, "slot_id": slot_id}
        return await self._write("move_booking", _MOVE, values, customer_id=customer_id, key=key)

    async def cancel_booking(self, reference: str, *, customer_id: str, key: str) -> Booking:
        return await self._write("cancel_booking", _CANCEL, {"reference": reference}, customer_id=customer_id, key=key)

    async def _write(
        self, operation: str, query: LiteralString, values: Mapping[str, str], *, customer_id: str, key: str
    ) -> Booking:
        """One change of one booking, then the booking as it is."""
        effect = Effect(key=key, operation=operation, arguments=values, customer_id=customer_id, system="scheduling")

        async def change(shop: ShopWrite) -> dict[str, object]:
            return await shop.one(_BOOKING, await shop.one(query, values))

        booking: Booking = await write_once(self.pool, effect, change, shape=Booking)
        return booking
