"""Questions that found no article: one row for each turn, stored in the transaction that ends it (R4.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from desk.db.pool import Pool


class Gap(TypedDict):
    """What a turn could not answer from knowledge."""

    question: str
    """Redacted, and complete without the conversation."""
    intent: str | None
    best: float
    """Score of the nearest passage (0..1)."""
    nearest: str | None
    """Its article."""


@dataclass(frozen=True, kw_only=True)
class AskedGap:
    """One stored question."""

    conversation_id: str
    asked_at: datetime
    question: str
    intent: str | None
    nearest: str | None


async def note_gaps(
    connection: AsyncConnection[DictRow],
    gaps: Sequence[Gap],
    *,
    turn_id: str,
    conversation_id: str,
    channel: str,
    locale: str,
) -> None:
    """Stores what a turn could not answer, in the caller's transaction, each question once."""
    common = {"turn": turn_id, "conversation": conversation_id, "channel": channel, "locale": locale}
    async with connection.cursor() as cursor:
        await cursor.executemany(_NOTE, [{**common, **gap} for gap in gaps])


class GapStore:
    """The table ``knowledge_gaps``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def since(self, moment: datetime, *, limit: int) -> list[AskedGap]:
        """The newest questions since then, newest first."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(_SINCE, {"since": moment, "limit": limit})).fetchall()
        return [AskedGap(**row) for row in rows]


_NOTE = """
INSERT INTO knowledge_gaps (turn_id, conversation_id, question, intent, channel, locale, best, nearest)
VALUES (%(turn)s, %(conversation)s, %(question)s, %(intent)s, %(channel)s, %(locale)s, %(best)s, %(nearest)s)
ON CONFLICT DO NOTHING
"""
_SINCE = """
SELECT conversation_id, asked_at, question, intent, nearest FROM knowledge_gaps
 WHERE asked_at >= %(since)s ORDER BY asked_at DESC, turn_id DESC LIMIT %(limit)s
"""
