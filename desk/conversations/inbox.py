"""The inbox: a message is durable before it is acknowledged, and owed an answer until its turn is completed.

One process at a time runs a conversation's turns: it holds the conversation's lease. The lease's epoch is the fence:
every write of a turn names the epoch and is refused once another process has taken over. Clocks are the database's.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypedDict

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from desk.audit.events import Action, audit_detail
from desk.conversations.events import EVENTS_CHANNEL, Batch, encode_batch
from desk.conversations.pace import Pace
from desk.db.pool import Pool
from desk.domain.conversation import Channel, Event, Outcome
from desk.domain.errors import Conflict, LeaseLost, NotFound, TooManyRequests
from desk.domain.ids import new_id
from desk.domain.passages import Source


@dataclass(frozen=True, kw_only=True)
class AcceptedTurn:
    """A durable message. ``after`` is the number of the last event before this turn's first possible one."""

    turn_id: str
    after: int
    duplicate: bool


Also = Callable[[AsyncConnection[DictRow]], Awaitable[None]]
"""Stores something within a transaction that is not its own."""


class AuditNote(TypedDict):
    """Something a turn decided; its entry is written when the turn ends."""

    action: Action
    detail: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class OwedTurn:
    """A turn this process has to run now, with what is known at its start."""

    turn_id: str
    message_id: str
    text: str
    attempts: int
    """This one included."""
    conversation_id: str
    channel: Channel
    locale: str
    epoch: int
    started: bool
    """An earlier attempt already stored events of this turn."""
    wake: dict[str, Any] | None
    """What woke the conversation, when no message of the customer did (or the message was a one-time code)."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the assistant says at the end of a turn."""

    message_id: str
    text: str
    sources: Sequence[Source]
    options: Sequence[str]
    evidence: Sequence[dict[str, Any]]
    """Sentence by sentence: ``text``, ``chunk_ids``."""


# The conversation's row is locked first, so messages of one conversation get their positions one after the other.
_ACCEPT = """
WITH conversation AS (
    UPDATE conversations SET
        open_turns = open_turns + 1,
        paced_until = GREATEST(paced_until, clock_timestamp()) + %(interval)s::interval
    WHERE id = %(conversation)s AND NOT EXISTS (
        SELECT 1 FROM turns WHERE conversation_id = %(conversation)s AND client_message_id = %(client_message_id)s)
      AND (paced_until IS NULL OR %(slack)s::interval IS NULL OR paced_until <= clock_timestamp() + %(slack)s::interval)
    RETURNING id, last_event
), turn AS (
    INSERT INTO turns (id, conversation_id, client_message_id, message_id, text, wake)
    SELECT %(turn)s, id, %(client_message_id)s, %(message)s, %(text)s, %(wake)s FROM conversation
    RETURNING id
), message AS (
    INSERT INTO messages (id, conversation_id, turn_id, role, text)
    SELECT %(message)s, %(conversation)s, id, 'customer', %(text)s FROM turn
)
SELECT conversation.last_event FROM conversation, turn
"""

# Nobody said anything: no message, no pace. A conversation that is gone, or was never ours, is not woken.
_WAKE = """
WITH conversation AS (
    UPDATE conversations SET open_turns = open_turns + 1
    WHERE id = %(conversation)s AND NOT EXISTS (
        SELECT 1 FROM turns WHERE conversation_id = %(conversation)s AND client_message_id = %(key)s)
    RETURNING id
)
INSERT INTO turns (id, conversation_id, client_message_id, message_id, text, wake)
SELECT %(turn)s, id, %(key)s, %(message)s, '', %(wake)s FROM conversation
RETURNING id
"""

_EXISTING = """
SELECT turns.id, turns.text, turns.first_event, conversations.last_event
FROM turns JOIN conversations ON conversations.id = turns.conversation_id
WHERE conversation_id = %(conversation)s AND client_message_id = %(client_message_id)s
"""

_EARLIER = """
SELECT text FROM turns WHERE conversation_id = %(conversation)s ORDER BY position DESC LIMIT 3
"""

_WAIT = """
SELECT EXTRACT(EPOCH FROM paced_until - clock_timestamp() - %(slack)s::interval)::float8 AS seconds
FROM conversations WHERE id = %(conversation)s
"""

_TAKE_LEASE = """
UPDATE conversations SET
    lease_owner = %(owner)s, lease_epoch = lease_epoch + 1, lease_until = clock_timestamp() + %(ttl)s
WHERE id = %(conversation)s AND open_turns > 0 AND (lease_until IS NULL OR lease_until < clock_timestamp())
RETURNING lease_epoch AS epoch
"""

# A statement of its own: its snapshot is newer than the lease, so a turn completed meanwhile is not seen as owed.
_NEXT_TURN = """
WITH conversation AS (
    SELECT * FROM conversations WHERE id = %(conversation)s AND lease_epoch = %(epoch)s
), owed AS (
    SELECT id FROM turns WHERE conversation_id = %(conversation)s AND completed_at IS NULL ORDER BY position LIMIT 1
), turn AS (
    UPDATE turns SET attempts = attempts + 1, first_event = COALESCE(first_event, conversation.last_event + 1)
    FROM conversation, owed
    WHERE turns.id = owed.id
    RETURNING turns.*
)
SELECT turn.id AS turn_id, turn.message_id, turn.text, turn.attempts, conversation.id AS conversation_id,
       conversation.channel, conversation.locale, conversation.lease_epoch AS epoch,
       turn.first_event <= conversation.last_event AS started, turn.wake
FROM turn, conversation
"""

_RELEASE = """
UPDATE conversations SET lease_until = NULL, lease_owner = NULL WHERE id = %(conversation)s AND lease_epoch = %(epoch)s
"""

# One transaction ends a turn: its last events, its answer, its outcome, and the lease when nothing more is owed.
_COMPLETE = f"""
WITH conversation AS (
    UPDATE conversations SET
        last_event = last_event + %(count)s,
        open_turns = open_turns - 1,
        lease_until = CASE WHEN open_turns > 1 THEN lease_until END,
        lease_owner = CASE WHEN open_turns > 1 THEN lease_owner END
    WHERE id = %(conversation)s AND lease_epoch = %(epoch)s
      AND EXISTS (SELECT 1 FROM turns WHERE id = %(turn)s AND completed_at IS NULL)
    RETURNING id, last_event, open_turns
), turn AS (
    UPDATE turns SET completed_at = now(), outcome = %(outcome)s
    FROM conversation WHERE turns.id = %(turn)s
    RETURNING turns.id
), message AS (
    INSERT INTO messages (id, conversation_id, turn_id, role, text, sources, options, evidence)
    SELECT %(message)s, conversation.id, turn.id, 'assistant', %(text)s, %(sources)s, %(options)s, %(evidence)s
    FROM conversation, turn WHERE %(message)s::text IS NOT NULL
), batch AS (
    INSERT INTO event_batches (conversation_id, first_event, last_event, events)
    SELECT id, last_event - %(count)s + 1, last_event, %(events)s FROM conversation
    RETURNING first_event
), noted AS (
    SELECT audit_append(note.action, 'assistant', conversation.id, customer_id,
                        note.detail || jsonb_build_object('turn', turn.id))
    FROM conversation CROSS JOIN turn CROSS JOIN jsonb_to_recordset(%(notes)s) AS note (action text, detail jsonb)
    LEFT JOIN identifications ON identifications.conversation_id = conversation.id
)
SELECT batch.first_event, conversation.open_turns, (SELECT count(*) FROM noted) AS noted,
       pg_notify('{EVENTS_CHANNEL}', %(owner)s || ' ' || conversation.id)
FROM conversation, batch
"""

_HEARTBEAT = """
UPDATE conversations SET lease_until = clock_timestamp() + %(ttl)s
FROM unnest(%(conversations)s::text[], %(epochs)s::bigint[]) AS held (id, epoch)
WHERE conversations.id = held.id AND lease_epoch = held.epoch AND lease_until IS NOT NULL
RETURNING conversations.id
"""

_UNATTENDED = """
SELECT DISTINCT turns.conversation_id FROM turns JOIN conversations ON conversations.id = turns.conversation_id
WHERE turns.completed_at IS NULL AND (lease_until IS NULL OR lease_until < clock_timestamp())
LIMIT %(limit)s
"""


async def enqueue_wake(
    connection: AsyncConnection[DictRow], conversation_id: str, *, key: str, wake: Mapping[str, Any]
) -> str | None:
    """Stores a turn that no message asked for, in the caller's transaction; its id.

    The same key is stored once; None then, and for a conversation that does not exist here (a thread of
    `langgraph dev`, which whoever resumes it wakes). The caller tells the runner after the commit; the sweeper would
    find it within a second.
    """
    values = {
        "conversation": conversation_id, "key": key, "wake": Jsonb(dict(wake)),
        "turn": new_id("turn"), "message": new_id("msg"),
    }  # fmt: skip
    row = await (await connection.execute(_WAKE, values)).fetchone()
    return str(row["id"]) if row else None


class Inbox:
    """Messages in, turns out. ``owner`` names this process; without a ``pace`` messages are not limited."""

    def __init__(self, pool: Pool, *, owner: str, lease_ttl: timedelta, pace: Pace | None = None) -> None:
        self._pool = pool
        self._owner = owner
        self._ttl = lease_ttl
        self._pace = pace

    async def accept(
        self,
        conversation_id: str,
        *,
        text: str,
        client_message_id: str,
        wake: Mapping[str, Any] | None = None,
        on: AsyncConnection[DictRow] | None = None,
    ) -> AcceptedTurn:
        """Stores a message once, whatever is sent how often. ``on``: within the caller's transaction.

        Raises ``Conflict`` when the same ``client_message_id`` came with another text, ``TooManyRequests`` beyond the
        pace (a message that is already stored costs nothing), ``NotFound`` without the conversation.
        """
        values = {
            "conversation": conversation_id, "client_message_id": client_message_id, "text": text,
            "turn": new_id("turn"), "message": new_id("msg"),
            "interval": self._pace and self._pace.interval, "slack": self._pace and self._pace.slack,
            "wake": Jsonb(dict(wake)) if wake else None,
        }  # fmt: skip
        try:
            row = await self._one(_ACCEPT, values, on=on)
        except UniqueViolation:  # the same message arrived twice at the same moment
            if on is not None:
                raise  # the caller's transaction is over; it tries again
            row = None
        if row is not None:
            return AcceptedTurn(turn_id=str(values["turn"]), after=row["last_event"], duplicate=False)
        known = await self.known(conversation_id, text=text, client_message_id=client_message_id, on=on)
        if known is None:
            await self._refuse(values, on=on)
            raise NotFound("There is no such conversation.")
        return known

    async def known(
        self,
        conversation_id: str,
        *,
        text: str,
        client_message_id: str,
        on: AsyncConnection[DictRow] | None = None,
    ) -> AcceptedTurn | None:
        """The turn of a message that is stored already. Raises ``Conflict`` when it was another text."""
        values = {"conversation": conversation_id, "client_message_id": client_message_id}
        existing = await self._one(_EXISTING, values, on=on)
        if existing is None:
            return None
        if existing["text"] != text:
            raise Conflict("This client_message_id was already used for another text.", code="client_message_id_reused")
        after = existing["last_event"] if existing["first_event"] is None else existing["first_event"] - 1
        return AcceptedTurn(turn_id=existing["id"], after=after, duplicate=True)

    async def _refuse(self, values: dict[str, Any], *, on: AsyncConnection[DictRow] | None) -> None:
        """Raises ``TooManyRequests`` when the conversation exists, so that only its pace can have been the reason."""
        wait = await self._one(_WAIT, values, on=on)
        if wait is not None:
            seconds = max(1, math.ceil(wait["seconds"] or 0))
            raise TooManyRequests(f"That was quick. Please write again in {seconds} s.", retry_after=seconds)

    async def earlier_words(self, conversation_id: str) -> str:
        """The customer's last three messages, oldest first, one to a line."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_EARLIER, {"conversation": conversation_id})
            return "\n".join(reversed([row["text"] for row in await cursor.fetchall()]))

    async def claim(self, conversation_id: str) -> OwedTurn | None:
        """Takes the lease and the oldest owed turn; None when another process has the lease or nothing is owed."""
        lease = await self._one(_TAKE_LEASE, {"conversation": conversation_id, "owner": self._owner, "ttl": self._ttl})
        return None if lease is None else await self.next_turn(conversation_id, epoch=lease["epoch"])

    async def next_turn(self, conversation_id: str, *, epoch: int) -> OwedTurn | None:
        """The oldest owed turn under a lease already held; gives the lease back when nothing is owed."""
        row = await self._one(_NEXT_TURN, {"conversation": conversation_id, "epoch": epoch})
        if row is None:
            await self._one(_RELEASE + " RETURNING id", {"conversation": conversation_id, "epoch": epoch})
            return None
        return OwedTurn(**row)

    async def complete(
        self,
        turn: OwedTurn,
        *,
        outcome: Outcome,
        answer: Answer | None,
        events: Sequence[Event],
        notes: Sequence[AuditNote] = (),
        also: Also | None = None,
    ) -> tuple[Batch, bool]:
        """Ends a turn and returns its last events and whether another turn is owed (the lease is then kept).

        ``also`` stores more in the same transaction.
        Raises ``LeaseLost`` when another process runs this conversation now, or ended the turn; nothing is stored then.
        """
        encoded = encode_batch(events)
        values: dict[str, Any] = {
            "conversation": turn.conversation_id, "turn": turn.turn_id, "epoch": turn.epoch, "outcome": outcome,
            "owner": self._owner,
            "count": len(events), "events": encoded,
            "notes": Jsonb([{"action": n["action"], "detail": audit_detail(**n["detail"]).obj} for n in notes]),
            "message": answer and answer.message_id, "text": answer and answer.text,
            "sources": Jsonb(list(answer.sources)) if answer and answer.sources else None,
            "options": Jsonb(list(answer.options)) if answer and answer.options else None,
            "evidence": Jsonb(list(answer.evidence)) if answer and answer.evidence else None,
        }  # fmt: skip
        if also is None:
            row = await self._one(_COMPLETE, values)
        else:
            async with self._pool.connection() as connection, connection.transaction():
                row = await self._one(_COMPLETE, values, on=connection)
                if row is not None:
                    await also(connection)
        if row is None:
            raise LeaseLost("The turn was taken over by another process.")
        batch = Batch(conversation_id=turn.conversation_id, first=row["first_event"], encoded=encoded)
        return batch, row["open_turns"] > 0

    async def release(self, conversation_id: str, *, epoch: int) -> None:
        """Gives the lease back at once, so that another process need not wait for it to run out."""
        await self._one(_RELEASE + " RETURNING id", {"conversation": conversation_id, "epoch": epoch})

    async def heartbeat(self, leases: Mapping[str, int]) -> None:
        """Keeps these leases (conversation to epoch); those that were lost or given back stay so."""
        values = {"conversations": list(leases), "epochs": list(leases.values()), "ttl": self._ttl}
        await self._one(_HEARTBEAT, values)

    async def unattended(self, *, limit: int = 100) -> list[str]:
        """Conversations that are owed a turn and that no living process works on."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_UNATTENDED, {"limit": limit})
            return [row["conversation_id"] for row in await cursor.fetchall()]

    async def _one(
        self, query: str, values: dict[str, Any], *, on: AsyncConnection[DictRow] | None = None
    ) -> dict[str, Any] | None:
        if on is not None:
            return await (await on.execute(query, values)).fetchone()
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, values)).fetchone()
