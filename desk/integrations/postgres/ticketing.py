"""Cases of the reference shop's service desk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

from desk.db.pool import Pool
from desk.integrations.postgres.customer_reads import read_as_customer
from desk.integrations.postgres.customer_writes import Effect, ShopWrite, write_once
from desk.integrations.protocols import Ticket

_TICKET = """
SELECT reference, subject, status, queue, created_at,
       (SELECT coalesce(jsonb_agg(note ORDER BY id), '[]')
          FROM (SELECT id, note FROM shop.ticket_notes WHERE ticket = tickets.reference ORDER BY id DESC LIMIT 100)
               AS latest) AS notes
  FROM shop.tickets WHERE reference = %(reference)s
"""

_CREATE = """
INSERT INTO shop.tickets (customer_id, subject, description, queue)
SELECT id, %(subject)s, %(description)s, %(queue)s FROM shop.customers RETURNING reference
"""
_NOTE = """
INSERT INTO shop.ticket_notes (ticket, customer_id, note)
SELECT reference, customer_id, %(note)s FROM shop.tickets WHERE reference = %(reference)s RETURNING ticket AS reference
"""
_ROUTE = "UPDATE shop.tickets SET queue = %(queue)s WHERE reference = %(reference)s RETURNING reference"
_CLOSE = "UPDATE shop.tickets SET status = 'closed' WHERE reference = %(reference)s RETURNING reference"


@dataclass(frozen=True, kw_only=True)
class PostgresTicketing:
    """``desk.integrations.protocols.Ticketing``."""

    pool: Pool

    async def create_ticket(
        self, subject: str, description: str, queue: str, *, customer_id: str, key: str
    ) -> Ticket:  # fmt: skip
        values = {"subject": subject, "description": description, "queue": queue}
        return await self._write("create_ticket", _CREATE, values, customer_id=customer_id, key=key)

    async def get_ticket(self, reference: str, *, customer_id: str) -> Ticket:
        ticket: Ticket = await read_as_customer(
            self.pool, _TICKET, {"reference": reference}, shape=Ticket, customer_id=customer_id, system="ticketing"
        )
        return ticket

    async def add_note(self, reference: str, note: str, *, customer_id: str, key: str) -> Ticket:
        values = {"reference": reference, "note": note}
        return await self._write("add_note", _NOTE, values, customer_id=customer_id, key=key)

    async def route_ticket(self, reference: str, queue: str, *, customer_id: str, key: str) -> Ticket:
        values = {"reference": reference, "queue": queue}
        return await self._write("route_ticket", _ROUTE, values, customer_id=customer_id, key=key)

    async def close_ticket(self, reference: str, *, customer_id: str, key: str) -> Ticket:
        return await self._write("close_ticket", _CLOSE, {"reference": reference}, customer_id=customer_id, key=key)

    async def _write(
        self, operation: str, query: LiteralString, values: Mapping[str, str], *, customer_id: str, key: str
    ) -> Ticket:
        """One change of one ticket, then the ticket as it is."""
        effect = Effect(key=key, operation=operation, arguments=values, customer_id=customer_id, system="ticketing")

        async def change(shop: ShopWrite) -> dict[str, object]:
            return await shop.one(_TICKET, await shop.one(query, values))

        ticket: Ticket = await write_once(self.pool, effect, change, shape=Ticket)
        return ticket
