"""The audit log: sealing what transactions wrote into one hash chain, reading it, checking it, exporting it.

Entries are inserted by the statements they speak of (``audit_append``), without a lock and not numbered. Sealing comes
after, under an advisory lock: whatever is committed and not sealed gets the next numbers. So no transaction waits for
another to write its entry, and one that commits late is sealed late, never skipped.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypedDict

import orjson
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from desk.audit.chain import GENESIS, ChainCheck, Verification, entry_hash
from desk.audit.events import Action, audit_detail
from desk.audit.heads import ROOMY_BYTES, Head, HeadFile, superfluous
from desk.db.outage import is_outage
from desk.db.pool import Pool
from desk.domain.clock import now
from desk.domain.errors import InvalidRequest

logger = logging.getLogger(__name__)

SEAL_SECONDS: Final = 0.5
CLOSE_SECONDS: Final = 3.0
BATCH: Final = 500
PAGE: Final = 100
_LOCK: Final = 0x4155444954  # "AUDIT"
_HOLD_SECONDS: Final = 20
"""A sealer that keeps the lock this long without a word is gone: PostgreSQL ends its transaction."""


class Entry(TypedDict):
    """An entry as it is read. ``number`` is None for the moment until it is sealed."""

    number: int | None
    at: datetime
    action: str
    actor: str
    conversation_id: str | None
    customer_id: str | None
    detail: dict[str, Any]


class Page(TypedDict):
    items: list[Entry]
    next: str | None


class AuditLog:
    """``heads`` is this installation's file of signed heads."""

    def __init__(self, pool: Pool, *, heads: HeadFile) -> None:
        self._pool = pool
        self._heads = heads
        self._head: Head | None = None
        self._roomy = ROOMY_BYTES

    async def append(
        self,
        action: Action,
        *,
        actor: str,
        conversation_id: str | None = None,
        customer_id: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """An entry of its own, for what is no change of the database: something was read or exported."""
        values = {
            "audit_action": action, "actor": actor, "conversation_id": conversation_id, "customer_id": customer_id,
            "detail": audit_detail(**(detail or {})),
        }  # fmt: skip
        async with self._pool.connection() as connection:
            await connection.execute(_APPEND, values)

    async def note_pack(self, *, name: str, version: str) -> None:
        """An entry when another version of the pack than the last one comes into force."""
        async with self._pool.connection() as connection:
            await connection.execute(_NOTE_PACK, {"detail": audit_detail(name=name, version=version)})

    async def run(self) -> None:
        """Seals what comes, until it is cancelled."""
        away, started = False, False
        while True:
            try:
                if not started or await self._is_behind():
                    await self.seal()
                away, started = False, True
            except Exception as exc:
                if not is_outage(exc):
                    logger.exception("The audit log could not be sealed", extra={"action": "audit_seal_failed"})
                elif not away:
                    logger.warning("The audit log waits for the database", extra={"action": "database_away"})
                away = True
            await asyncio.sleep(SEAL_SECONDS)

    async def close(self) -> None:
        """Seals what the last transactions wrote. With the database away it is left to the next process."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.seal()
        except Exception as exc:
            if not is_outage(exc):
                logger.exception("The audit log could not be sealed", extra={"action": "audit_seal_failed"})

    async def seal(self) -> int:
        """Seals everything that is committed; how many entries that were. The newest head is in the file afterwards."""
        sealed = 0
        while batch := await self._seal_batch():
            sealed += batch
        return sealed

    async def entries(
        self,
        *,
        conversation_id: str | None = None,
        customer_id: str | None = None,
        action: str | None = None,
        cursor: str | None = None,
        limit: int = PAGE,
    ) -> Page:
        """Newest first. ``cursor`` is ``next`` of the page before. Raises ``InvalidRequest`` for another cursor."""
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
            raise InvalidRequest("cursor is not one this list gave out.")
        values = {
            "conversation_id": conversation_id, "customer_id": customer_id, "action": action,
            "before": None if cursor is None else int(cursor), "limit": limit + 1,
        }  # fmt: skip
        conditions = [_CONDITIONS[name] for name in _CONDITIONS if values[name] is not None]
        where = (" WHERE " + " AND ".join(conditions)) if conditions else ""
        query = _SELECT_PAGE + where + " ORDER BY position DESC LIMIT %(limit)s"
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(query, values)).fetchall()
        following = str(rows[limit - 1]["position"]) if len(rows) > limit else None
        return Page(items=[_entry(row) for row in rows[:limit]], next=following)

    async def count(self) -> int:
        """How many entries are sealed."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_COUNT)).fetchone()
        return int(row["n"]) if row else 0

    async def verify(
        self, *, more_heads: Iterable[Path] = (), on_progress: Callable[[int], None] = lambda entries: None
    ) -> Verification:
        """Checks every entry, and every head of this installation's file and of ``more_heads``."""
        # Before sealing: what sealing signs now says nothing about what was changed before.
        files = [self._heads, *(HeadFile(path=path, secret=self._heads.secret) for path in more_heads)]
        read = [await asyncio.to_thread(file.read) for file in files]
        heads = [head for found, _ in read for head in found]
        problems = [problem for _, found in read for problem in found]
        await self.seal()
        check = ChainCheck.against(heads)
        async with self._sealed() as rows:
            async for row in rows:
                if not check.feed(row):
                    break
                on_progress(1)
        whole = check.end()
        return Verification(
            valid=whole and not problems,
            entries=await self.count(),
            heads=len(heads),
            broken_at=check.broken_at,
            why=check.why or next(iter(problems), None),
        )

    async def export(self) -> AsyncIterator[bytes]:
        """Every entry in order as a JSON line, with what its hash covers exactly as it was hashed."""
        await self.seal()
        async with self._sealed() as rows:
            async for row in rows:
                hashes = {"prev_hash": row["prev_hash"].hex(), "hash": row["hash"].hex()}
                detail = orjson.Fragment(row.pop("detail"))
                yield orjson.dumps({**row, **hashes, "detail": detail}) + b"\n"

    @asynccontextmanager
    async def _sealed(self) -> AsyncIterator[AsyncIterator[DictRow]]:
        """The sealed entries of one moment, in order, a thousand at a time."""
        async with (
            self._pool.connection() as connection,
            connection.transaction(),
            connection.cursor(name="audit_entries") as cursor,
        ):
            cursor.itersize = 1000
            await cursor.execute(_SELECT_SEALED)
            yield cursor

    async def _is_behind(self) -> bool:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_IS_BEHIND)).fetchone()
        return bool(row and row["behind"])

    async def _seal_batch(self) -> int:
        async with self._pool.connection() as connection, connection.transaction():
            # The lock is a statement of its own: the next one sees everything the sealer before us committed.
            await connection.execute(_HOLD_CHAIN, {"lock": _LOCK, "hold": f"{_HOLD_SECONDS}s"})
            last = await (await connection.execute(_SELECT_LAST)).fetchone()
            await self._sign(connection, last)
            rows = await (await connection.execute(_SELECT_UNSEALED, {"limit": BATCH})).fetchall()
            number, previous = (last["number"], last["hash"]) if last else (0, GENESIS)
            seals: list[tuple[int, int, bytes, bytes]] = []
            for row in rows:
                number += 1
                digest = entry_hash(row, number=number, previous=previous)
                seals.append((row["position"], number, previous, digest))
                previous = digest
            if seals:
                await connection.execute(_SEAL, [list(column) for column in zip(*seals, strict=True)])
        return len(seals)

    async def _sign(self, connection: AsyncConnection[DictRow], last: DictRow | None) -> None:
        """Writes the head of what is committed, unless it is in the file already. Called under the chain's lock."""
        known = self._head or await asyncio.to_thread(self._heads.last)
        if known is not None and not await self._fits(connection, known):
            logger.error(
                "The audit log is not what was sealed: run frontdesk audit verify",
                extra={"action": "audit_chain_broken", "number": known["number"]},
            )
        if last is None or (known and (known["number"], known["hash"]) == (last["number"], last["hash"].hex())):
            self._head = known
            return
        try:
            self._head = await asyncio.to_thread(
                self._heads.append, number=last["number"], entry_hash=last["hash"], at=now()
            )
            if await asyncio.to_thread(self._heads.size) > self._roomy:
                await self._thin_out(connection)
        except OSError:
            # A full disk does not stop the chain; the next head vouches for what this one would have.
            logger.exception("A head of the audit log could not be written", extra={"action": "audit_head_failed"})

    async def _thin_out(self, connection: AsyncConnection[DictRow]) -> None:
        """Lets go of older heads, but only of those the chain still agrees with: the others are evidence."""
        heads, problems = await asyncio.to_thread(self._heads.read)
        if not problems:
            gone = superfluous(heads)
            values = {"numbers": [h["number"] for h in gone], "hashes": [bytes.fromhex(h["hash"]) for h in gone]}
            rows = await (await connection.execute(_SELECT_FITTING, values)).fetchall()
            fitting = {(row["number"], row["hash"].hex()) for row in rows}
            going = {(head["number"], head["at"]) for head in gone if (head["number"], head["hash"]) in fitting}
            staying = [head for head in heads if (head["number"], head["at"]) not in going]
            await asyncio.to_thread(self._heads.replace, staying)
        self._roomy = max(ROOMY_BYTES, 2 * await asyncio.to_thread(self._heads.size))

    async def _fits(self, connection: AsyncConnection[DictRow], head: Head) -> bool:
        values = {"numbers": [head["number"]], "hashes": [bytes.fromhex(head["hash"])]}
        return await (await connection.execute(_SELECT_FITTING, values)).fetchone() is not None


def _entry(row: DictRow) -> Entry:
    return Entry(
        number=row["number"], at=row["at"], action=row["action"], actor=row["actor"],
        conversation_id=row["conversation_id"], customer_id=row["customer_id"], detail=row["detail"],
    )  # fmt: skip


_APPEND = """
SELECT audit_append(%(audit_action)s, %(actor)s, %(conversation_id)s, %(customer_id)s, %(detail)s)
"""

_NOTE_PACK = """
SELECT audit_append('pack.loaded', 'system', NULL, NULL, %(detail)s)
 WHERE %(detail)s IS DISTINCT FROM (
    SELECT detail FROM audit_entries WHERE action = 'pack.loaded' ORDER BY position DESC LIMIT 1)
"""

_HOLD_CHAIN = """
SELECT set_config('frontdesk.audit_sealing', 'on', true),
       set_config('idle_in_transaction_session_timeout', %(hold)s, true),
       pg_advisory_xact_lock(%(lock)s)
"""

_SELECT_LAST = "SELECT number, hash FROM audit_entries WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1"
_IS_BEHIND = "SELECT EXISTS (SELECT FROM audit_entries WHERE number IS NULL) AS behind"
_COUNT = "SELECT count(*) AS n FROM audit_entries WHERE number IS NOT NULL"

_COVERED = """
       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       || CASE WHEN at < '0001-01-01Z' THEN ' BC' ELSE '' END AS at,
       action, actor, conversation_id, customer_id, detail::text AS detail
  FROM audit_entries
"""
_SELECT_UNSEALED = "SELECT position," + _COVERED + " WHERE number IS NULL ORDER BY position LIMIT %(limit)s"
_SELECT_SEALED = "SELECT number, prev_hash, hash," + _COVERED + " WHERE number IS NOT NULL ORDER BY number"

_SEAL = """
UPDATE audit_entries SET number = seal.number, prev_hash = seal.prev_hash, hash = seal.hash
  FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[]) AS seal (position, number, prev_hash, hash)
 WHERE audit_entries.position = seal.position AND audit_entries.number IS NULL
"""

_SELECT_FITTING = """
SELECT number, hash FROM audit_entries
  JOIN unnest(%(numbers)s::bigint[], %(hashes)s::bytea[]) AS head (number, hash) USING (number, hash)
"""

_SELECT_PAGE = "SELECT position, number, at, action, actor, conversation_id, customer_id, detail FROM audit_entries"
_CONDITIONS: Final = {
    "conversation_id": "conversation_id = %(conversation_id)s",
    "customer_id": "customer_id = %(customer_id)s",
    "action": "action = %(action)s",
    "before": "position < %(before)s",
}
