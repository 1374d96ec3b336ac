"""From an answer back to the files it stands on, also when they are no longer in use (R4.6)."""

from typing import Any, TypedDict, cast

from desk.db.pool import Pool
from desk.domain.errors import NotFound


class TracedSource(TypedDict):
    """One passage a sentence stands on."""

    chunk_id: str
    article: str
    version: str
    title: str
    path: str
    """The file the version came from."""
    status: str
    """Where the version stands now: it may have been retired since."""
    heading: str
    text: str
    """The passage as it was when the answer was given: versions never change."""


class TracedSentence(TypedDict):
    text: str
    template: str | None
    """The reply template it was written by, where it stands on no passage."""
    sources: list[TracedSource]


class Trace(TypedDict):
    turn_id: str
    conversation_id: str
    question: str | None
    """The customer's message, redacted; None for a turn nobody's message began."""
    sentences: list[TracedSentence]


async def trace_of(pool: Pool, turn_id: str) -> Trace:
    """The chain behind the answer of a turn. Raises ``NotFound``."""
    async with pool.connection() as connection:
        rows = await (await connection.execute(_MESSAGES, {"turn": turn_id})).fetchall()
        answer = next((row for row in rows if row["role"] == "assistant"), None)
        if answer is None:
            raise NotFound("There is no answered turn of this id.")
        evidence: list[dict[str, Any]] = answer["evidence"] or []
        ids = [row["chunk_id"] for row in evidence if row.get("chunk_id")]
        found = await (await connection.execute(_SOURCES, {"ids": ids})).fetchall()
    sources = {row["chunk_id"]: cast(TracedSource, row) for row in found}
    return Trace(
        turn_id=turn_id,
        conversation_id=answer["conversation_id"],
        question=next((row["text"] for row in rows if row["role"] == "customer"), None),
        sentences=_sentences(evidence, sources),
    )


def _sentences(evidence: list[dict[str, Any]], sources: dict[str, TracedSource]) -> list[TracedSentence]:
    """Rows of one sentence put together, in the order it was said."""
    told: list[TracedSentence] = []
    for row in evidence:
        if not told or told[-1]["text"] != row["text"]:
            told.append({"text": row["text"], "template": row.get("template"), "sources": []})
        source = sources.get(row.get("chunk_id", ""))
        if source is not None:
            told[-1]["sources"].append(source)
    return told


_MESSAGES = "SELECT conversation_id, role, text, evidence FROM messages WHERE turn_id = %(turn)s ORDER BY id"
_SOURCES = """
SELECT c.id AS chunk_id, c.article, c.version, v.front->>'title' AS title, v.path, v.status, c.heading, c.text
  FROM article_chunks c JOIN article_versions v USING (article, version) WHERE c.id = ANY(%(ids)s)
"""
