"""The event log: what a customer's stream carries, numbered by conversation, stored before it is sent.

Events are stored in batches, each one row with the very bytes that were sent, so a replay is the same to the byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from desk.db.pool import Pool
from desk.domain.conversation import Event
from desk.domain.errors import LeaseLost


class StoredEvent(NamedTuple):
    """A numbered event; ``data`` is the JSON text as it is sent."""

    id: int
    type: str
    data: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Events stored together; ``encoded`` is JSON ``[[type, data], …]``, the first one has the number ``first``."""

    conversation_id: str
    first: int
    encoded: str

    def events(self) -> list[StoredEvent]:
        return [
            StoredEvent(number, kind, data)
            for number, (kind, data) in enumerate(orjson.loads(self.encoded), self.first)
        ]


def encode_batch(events: Sequence[Event]) -> str:
    """The stored form of events."""
    return orjson.dumps([[event["type"], orjson.dumps(event["data"]).decode()] for event in events]).decode()


EVENTS_CHANNEL = "frontdesk_events"
"""PostgreSQL NOTIFY channel; the payload is ``<process that stored it> <conversation>``."""

_APPEND = f"""
WITH conversation AS (
    UPDATE conversations SET last_event = last_event + %(count)s
    WHERE id = %(conversation)s AND (%(epoch)s::bigint IS NULL OR lease_epoch = %(epoch)s)
    RETURNING id, last_event
), batch AS (
    INSERT INTO event_batches (conversation_id, first_event, last_event, events)
    SELECT id, last_event - %(count)s + 1, last_event, %(events)s FROM conversation
    RETURNING first_event
)
SELECT batch.first_event, pg_notify('{EVENTS_CHANNEL}', %(owner)s || ' ' || conversation.id) FROM conversation, batch
"""

_READ = """
SELECT conversation_id, first_event, events FROM event_batches
WHERE conversation_id = %(conversation)s AND last_event > %(after)s ORDER BY first_event LIMIT 200
"""


class EventLog:
    """Appends to and reads from the log of a conversation."""

    def __init__(self, pool: Pool, *, owner: str) -> None:
        self._pool = pool
        self._owner = owner

    async def append(self, conversation_id: str, events: Sequence[Event], *, epoch: int | None = None) -> Batch:
        """Stores events under the next numbers. With ``epoch``, raises ``LeaseLost`` when the lease is another's."""
        encoded = encode_batch(events)
        values = {
            "conversation": conversation_id, "epoch": epoch, "owner": self._owner,
            "count": len(events), "events": encoded,
        }  # fmt: skip
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_APPEND, values)).fetchone()
        if row is None:
            raise LeaseLost("The conversation was taken over by another process.")
        return Batch(conversation_id=conversation_id, first=row["first_event"], encoded=encoded)

    async def read(self, conversation_id: str, *, after: int) -> list[StoredEvent]:
        """Stored events with numbers above ``after``, in order; at most some hundreds, call again for more."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_READ, {"conversation": conversation_id, "after": after})
            rows = await cursor.fetchall()
        batches = (Batch(conversation_id=conversation_id, first=r["first_event"], encoded=r["events"]) for r in rows)
        return [event for batch in batches for event in batch.events() if event.id > after]
