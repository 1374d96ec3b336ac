"""The outbox (R2.4): what is to be sent is a row first, in the transaction that decided it.

A row is claimed under a lease, sent, and marked. Who dies between sending and marking has sent it: it goes a second
time when the lease is over. So a message may come twice and is never lost; its id stays the same, so that a mail
program can recognise the repeat.
"""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from desk.db.pool import Pool
from desk.domain.ids import new_id

OutboxChannel = Literal["email", "sms"]
CHANNELS: tuple[OutboxChannel, ...] = ("email", "sms")
Kind = Literal["code", "notice", "reminder"]

MAX_ATTEMPTS = 20
"""With the pauses between them about seven hours; then the message is on the dead-letter list."""
LEASE = timedelta(seconds=60)  # above any sender's own time-out
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class Due:
    """A claimed row: this process sends it now."""

    id: str
    channel: OutboxChannel
    kind: Kind
    conversation_id: str | None
    customer_id: str | None
    """None for a reminder, which goes to a colleague."""
    payload: dict[str, Any]
    attempts: int
    """This one included."""
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message that could not be sent."""

    id: str
    channel: OutboxChannel
    kind: Kind
    conversation_id: str | None
    failure: str
    ended_at: datetime


class Outbox:
    """Puts messages in and hands them out. ``nudge`` tells the senders of this process that there is something new."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._news = {channel: asyncio.Event() for channel in CHANNELS}

    async def enqueue(
        self,
        connection: AsyncConnection[DictRow],
        *,
        channel: OutboxChannel,
        kind: Kind,
        key: str,
        conversation_id: str | None = None,
        customer_id: str | None = None,
        payload: dict[str, Any],
    ) -> None:
        """Stores a message within the caller's transaction; the same ``key`` again changes nothing.

        Payloads: ``code`` ``{challenge_id, number}`` · ``notice`` ``{subject, text}``
        · ``reminder`` ``{to, subject, text}``, which alone names no customer.
        """
        values = {
            "id": new_id("out"), "channel": channel, "kind": kind, "key": key, "payload": Jsonb(payload),
            "conversation_id": conversation_id, "customer_id": customer_id,
        }  # fmt: skip
        await connection.execute(_ENQUEUE, values)

    def nudge(self) -> None:
        """After the transaction that stored a message has committed."""
        for event in self._news.values():
            event.set()

    async def news(self, channel: OutboxChannel, *, seconds: float) -> None:
        """Returns at the next nudge, at the latest after so many seconds: other processes store messages as well."""
        try:
            async with asyncio.timeout(seconds):
                await self._news[channel].wait()
        except TimeoutError:
            return
        self._news[channel].clear()

    async def claim(self, channel: OutboxChannel, *, limit: int) -> list[Due]:
        """Up to ``limit`` messages that are due, oldest first; nobody else gets them before the lease is over."""
        return [Due(**row) for row in await self._rows(_CLAIM, channel=channel, limit=limit, lease=LEASE)]

    async def sent(self, due: Due) -> None:
        """It was handed over; its content is forgotten."""
        await self._rows(_END, id=due.id, attempts=due.attempts, status="sent", failure=None)

    async def dropped(self, due: Due, *, reason: str) -> None:
        """It need not be sent any more."""
        await self._rows(_END, id=due.id, attempts=due.attempts, status="dropped", failure=reason)

    async def failed(self, due: Due, *, reason: str, permanent: bool) -> bool:
        """It was not sent: tried again later, unless that is of no use. True when it is dead."""
        dead = permanent or due.attempts >= MAX_ATTEMPTS
        if dead:
            await self._rows(_END, id=due.id, attempts=due.attempts, status="dead", failure=reason)
        else:
            await self._rows(_LATER, id=due.id, attempts=due.attempts, pause=pause(due.attempts), failure=reason)
        return dead

    async def dead_letters(self, *, limit: int = 100) -> list[DeadLetter]:
        """What could not be sent, newest first."""
        return [DeadLetter(**row) for row in await self._rows(_DEAD, limit=limit)]

    async def _rows(self, query: LiteralString, **values: object) -> list[DictRow]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query, values)
            return await cursor.fetchall() if cursor.description else []


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, and never all at the same moment."""
    longest = min(FIRST_PAUSE_SECONDS * 2 ** (attempts - 1), LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))


_ENQUEUE = """
INSERT INTO outbox (id, channel, kind, key, conversation_id, customer_id, payload)
VALUES (%(id)s, %(channel)s, %(kind)s, %(key)s, %(conversation_id)s, %(customer_id)s, %(payload)s)
ON CONFLICT (key) DO NOTHING
"""

_CLAIM = """
UPDATE outbox SET attempts = attempts + 1, due_at = clock_timestamp() + %(lease)s
WHERE id IN (
    SELECT id FROM outbox
    WHERE status = 'waiting' AND channel = %(channel)s AND due_at <= clock_timestamp()
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id, channel, kind, conversation_id, customer_id, payload, attempts, created_at
"""

# `attempts` is the fence: whoever lost the lease meanwhile marks nothing.
_END = """
UPDATE outbox SET status = %(status)s, ended_at = clock_timestamp(), failure = %(failure)s,
    payload = CASE WHEN %(status)s = 'dead' THEN payload ELSE '{}' END
WHERE id = %(id)s AND attempts = %(attempts)s AND status = 'waiting'
"""

_LATER = """
UPDATE outbox SET due_at = clock_timestamp() + %(pause)s, failure = %(failure)s
WHERE id = %(id)s AND attempts = %(attempts)s AND status = 'waiting'
"""

_DEAD = """
SELECT id, channel, kind, conversation_id, failure, ended_at FROM outbox
WHERE status = 'dead' ORDER BY ended_at DESC LIMIT %(limit)s
"""
