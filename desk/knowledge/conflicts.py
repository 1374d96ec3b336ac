"""Conflicts that were found, each once however often it is met, with a content ticket for the owners (R4.5)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from desk.audit.events import audit_detail
from desk.db.pool import Pool
from desk.domain.errors import Conflict, InvalidRequest, NotFound
from desk.domain.ids import new_id

ConflictStatus = Literal["open", "dismissed", "resolved"]
"""``resolved``: one of the two versions is no longer in use."""
Judged = Literal["none", "confirmed", "failed"]
"""What a model said of it: none was asked, it agreed, or it could not be asked, which counts as agreement."""
JUDGE = "judge"
"""Who dismissed a conflict that a model found to be none."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two passages."""

    article: str
    version: str
    chunk_id: str
    quote: str


@dataclass(frozen=True, kw_only=True)
class NewConflict:
    one: Side
    other: Side
    kind: str
    reason: str
    confidence: float
    judge: Judged = "none"

    @property
    def key(self) -> str:
        """The same whichever side comes first."""
        sides = sorted(f"{side.chunk_id}\n{side.quote}" for side in (self.one, self.other))
        return hashlib.sha256("\n\n".join(sides).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class FoundConflict:
    """A stored conflict."""

    id: str
    article: str
    version: str
    chunk_id: str
    quote: str
    other_article: str
    other_version: str
    other_chunk_id: str
    other_quote: str
    kind: str
    reason: str
    confidence: float
    judge: Judged
    found_in: Literal["submission", "conversation"]
    status: ConflictStatus
    found_at: datetime
    last_seen_at: datetime
    times_seen: int
    conversation_id: str | None
    ticket_id: str | None
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    key: str


class ConflictStore:
    """The table of conflicts. ``queue`` is where content tickets go."""

    def __init__(self, pool: Pool, *, queue: str) -> None:
        self._pool = pool
        self._queue = queue

    async def known(self, keys: Sequence[str]) -> dict[str, FoundConflict]:
        """Those of these that were met before."""
        return {found.key: found for found in await self._many(_KNOWN, keys=list(keys))}

    async def record(
        self, new: NewConflict, *, found_in: Literal["submission", "conversation"], conversation_id: str | None = None
    ) -> FoundConflict:
        """Stores it and opens its ticket; one met before is counted. A dismissed one stays dismissed."""
        reason = f"{new.one.article} and {new.other.article} contradict each other: {new.reason}"
        quotes = [vars(side) for side in (new.one, new.other)]
        packet = {"summary": reason, "trigger": "conflict", "reason": new.reason, "quotes": quotes}
        values = _values(new) | {
            "judge": new.judge, "found_in": found_in, "conversation": conversation_id, "ticket": new_id("tick"),
            "queue": self._queue, "ticket_reason": reason, "packet": Jsonb(packet),
        }  # fmt: skip
        (found,) = await self._many(_RECORD, **values)
        return found

    async def dismiss_unseen(self, new: NewConflict, *, reason: str) -> None:
        """Remembers that a model found no conflict here, so that it is not asked again."""
        values = _values(new) | {"by": JUDGE, "decision": reason[:500]}
        async with self._pool.connection() as connection:
            await connection.execute(_DISMISS_UNSEEN, values)

    async def dismiss(self, conflict_id: str, *, by: str, reason: str) -> FoundConflict:
        """Says that it is none; answers may use both passages again.

        Raises ``InvalidRequest`` without a reason, ``NotFound``, and ``Conflict`` when it is not open any more.
        """
        if not reason.strip():
            raise InvalidRequest("Say why the two passages do not contradict each other.")
        detail = audit_detail(change="conflict dismissed", conflict=conflict_id, reason=reason)
        rows = await self._many(_DISMISS, id=conflict_id, by=by, decision=reason.strip()[:500], detail=detail)
        if rows:
            return rows[0]
        found = await self.find(conflict_id)
        raise Conflict(f"This conflict is {found.status} already.")

    async def find(self, conflict_id: str) -> FoundConflict:
        """Raises ``NotFound``."""
        found = await self._many(_FIND, id=conflict_id)
        if not found:
            raise NotFound("There is no such conflict.")
        return found[0]

    async def page(self, *, status: ConflictStatus | None, after: str | None, limit: int) -> list[FoundConflict]:
        """Oldest first; ``after`` is the last id of the page before."""
        return await self._many(_PAGE, status=status, after=after or "", limit=limit)

    async def open_of(self, article: str, version: str | None = None) -> list[FoundConflict]:
        """Open conflicts this version takes part in; without one, any of the article's."""
        return await self._many(_OPEN_OF, article=article, version=version)

    async def _many(self, query: str, **values: Any) -> list[FoundConflict]:
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(query, values)).fetchall()
        return [FoundConflict(**row) for row in rows]


def _values(new: NewConflict) -> dict[str, Any]:
    one, other = new.one, new.other
    return {
        "id": new_id("conf"), "article": one.article, "version": one.version, "chunk": one.chunk_id,
        "quote": one.quote, "other_article": other.article, "other_version": other.version,
        "other_chunk": other.chunk_id, "other_quote": other.quote, "kind": new.kind, "reason": new.reason,
        "confidence": new.confidence, "key": new.key,
    }  # fmt: skip


_COLUMNS = """c.id, c.article, c.version, c.chunk_id, c.quote, c.other_article, c.other_version, c.other_chunk_id,
    c.other_quote, c.kind, c.reason, c.confidence, c.judge, c.found_in, c.status, c.found_at, c.last_seen_at,
    c.times_seen, c.conversation_id, c.ticket_id, c.decided_by, c.decided_at, c.decision, c.key"""

_KNOWN = f"SELECT {_COLUMNS} FROM knowledge_conflicts c WHERE key = ANY(%(keys)s)"
_FIND = f"SELECT {_COLUMNS} FROM knowledge_conflicts c WHERE id = %(id)s"
_PAGE = f"""
SELECT {_COLUMNS} FROM knowledge_conflicts c
 WHERE id > %(after)s AND (status = %(status)s OR %(status)s::text IS NULL AND decided_by IS DISTINCT FROM 'judge')
 ORDER BY id LIMIT %(limit)s
"""
_OPEN_OF = f"""
SELECT {_COLUMNS} FROM knowledge_conflicts c
 WHERE status = 'open'
   AND (article = %(article)s AND (version = %(version)s OR %(version)s::text IS NULL)
        OR other_article = %(article)s AND (other_version = %(version)s OR %(version)s::text IS NULL))
 ORDER BY confidence DESC, id
"""

_RECORD = f"""
WITH c AS (
    INSERT INTO knowledge_conflicts (id, article, version, chunk_id, quote, other_article, other_version,
        other_chunk_id, other_quote, kind, reason, confidence, judge, found_in, conversation_id, ticket_id, key)
    VALUES (%(id)s, %(article)s, %(version)s, %(chunk)s, %(quote)s, %(other_article)s, %(other_version)s,
        %(other_chunk)s, %(other_quote)s, %(kind)s, %(reason)s, %(confidence)s, %(judge)s, %(found_in)s,
        %(conversation)s, %(ticket)s, %(key)s)
    ON CONFLICT (key) DO UPDATE
       SET times_seen = knowledge_conflicts.times_seen + 1, last_seen_at = clock_timestamp(),
           conversation_id = coalesce(knowledge_conflicts.conversation_id, excluded.conversation_id),
           judge = CASE WHEN excluded.judge = 'confirmed' THEN excluded.judge ELSE knowledge_conflicts.judge END,
           -- A version that came back brings its contradictions with it.
           status = CASE WHEN knowledge_conflicts.status = 'resolved' THEN 'open' ELSE knowledge_conflicts.status END
    RETURNING *
), ticket AS (
    INSERT INTO tickets (id, kind, queue, priority, reason, packet)
    SELECT %(ticket)s, 'content', %(queue)s, 'high', %(ticket_reason)s, %(packet)s FROM c WHERE c.id = %(id)s
    RETURNING id
), noted AS (
    SELECT audit_append('handoff.created', 'system', NULL, NULL, jsonb_build_object(
               'ticket', id, 'queue', %(queue)s::text, 'priority', 'high', 'rule', 'conflict')) FROM ticket
)
SELECT {_COLUMNS} FROM c LEFT JOIN noted ON true
"""

_DISMISS_UNSEEN = """
INSERT INTO knowledge_conflicts (id, article, version, chunk_id, quote, other_article, other_version,
    other_chunk_id, other_quote, kind, reason, confidence, judge, found_in, status, decided_by, decided_at, decision,
    key)
VALUES (%(id)s, %(article)s, %(version)s, %(chunk)s, %(quote)s, %(other_article)s, %(other_version)s,
    %(other_chunk)s, %(other_quote)s, %(kind)s, %(reason)s, %(confidence)s, 'none', 'conversation', 'dismissed',
    %(by)s, clock_timestamp(), %(decision)s, %(key)s)
ON CONFLICT (key) DO NOTHING
"""

_DISMISS = f"""
WITH c AS (
    UPDATE knowledge_conflicts SET status = 'dismissed', decided_by = %(by)s, decided_at = clock_timestamp(),
           decision = %(decision)s
     WHERE id = %(id)s AND status = 'open' RETURNING *
), noted AS (
    SELECT audit_append('knowledge.changed', %(by)s, NULL, NULL, %(detail)s) FROM c
)
SELECT {_COLUMNS} FROM c LEFT JOIN noted ON true
"""
