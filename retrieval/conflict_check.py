"""Looks for contradictions twice: in what is submitted, and in what an answer would stand on (R4.5).

Facts are compared first; a model, where one is configured, confirms or dismisses what they show. A model that fails
counts as one that agrees. What was found is stored once, and what a person dismissed is not raised again.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from desk.domain.errors import LanguageModelFailed
from desk.domain.passages import Passage
from desk.knowledge.conflicts import ConflictStore, FoundConflict, NewConflict, Side
from desk.language.judge import Judge
from retrieval.chunking import Chunk
from retrieval.conflict.conflicts import Conflict, conflicts_among, conflicts_between
from retrieval.conflict.facts import Facts, Statement, facts_of

logger = logging.getLogger(__name__)

USED = 0.5
"""An answer may be taken from passages with at least this share of the best one's score."""
MAX_AT_SUBMISSION = 50
"""Conflicts one submission can bring; beyond that the text is wrong as a whole."""


class ConflictCheck:
    """``judge``: None where no judge model is configured."""

    def __init__(self, store: ConflictStore, *, judge: Judge | None) -> None:
        self._store = store
        self._judge = judge

    async def among(self, passages: Sequence[Passage], *, question: str, conversation_id: str) -> FoundConflict | None:
        """The worst contradiction among the passages an answer to the question would be taken from."""
        sides = {passage["chunk_id"]: (passage["article"], passage["version"]) for passage in passages}
        stored = await self._stored(
            [_new(conflict, sides) for conflict in contradictions(passages, question=question)],
            {passage["chunk_id"]: _statement(passage) for passage in passages},
            conversation_id=conversation_id,
            limit=1,
        )
        return stored[0] if stored else None

    async def against(self, submitted: Sequence[Chunk], published: Sequence[Chunk]) -> list[FoundConflict]:
        """Every contradiction between a submitted version and published passages near to it, worst first."""
        chunks = {chunk.id: chunk for chunk in (*submitted, *published)}
        statements = {
            name: Statement(id=name, title=chunk.title, heading=chunk.heading, text=chunk.text)
            for name, chunk in chunks.items()
        }
        found = [
            conflict
            for one in submitted
            for other in published
            if other.article != one.article
            for conflict in conflicts_between(_facts(statements[one.id]), _facts(statements[other.id]))
        ]
        found.sort(key=lambda conflict: -conflict.confidence)
        sides = {name: (chunk.article, chunk.version) for name, chunk in chunks.items()}
        new = [_new(conflict, sides) for conflict in found]
        return await self._stored(new, statements, conversation_id=None, limit=MAX_AT_SUBMISSION)

    async def _stored(
        self,
        found: Sequence[NewConflict],
        statements: dict[str, Statement],
        *,
        conversation_id: str | None,
        limit: int,
    ) -> list[FoundConflict]:
        """Those that stand, up to the limit: not dismissed by a person before, not by the model now."""
        if not found:
            return []
        known = await self._store.known([new.key for new in found])
        standing: list[FoundConflict] = []
        for new in found:
            before = known.get(new.key)
            if before is not None and before.status == "dismissed":
                continue
            judged = new
            if self._judge is not None and (before is None or before.judge != "confirmed"):
                verdict = await self._judged(new, statements)
                if verdict is None:
                    continue
                judged = verdict
            standing.append(
                await self._store.record(
                    judged,
                    found_in="submission" if conversation_id is None else "conversation",
                    conversation_id=conversation_id,
                )
            )
            if len(standing) >= limit:
                break
        return standing

    async def _judged(self, new: NewConflict, statements: dict[str, Statement]) -> NewConflict | None:
        """What the model makes of it; None when it sees no contradiction."""
        assert self._judge is not None, "only asked when there is one"
        one, other = (_whole(statements[side.chunk_id]) for side in (new.one, new.other))
        try:
            verdict = await self._judge.contradict(one, other)
        except LanguageModelFailed as exc:
            logger.warning(
                "The judge failed; the conflict stands", extra={"action": "judge_failed", "reason": exc.reason}
            )
            return replace(new, judge="failed")
        if not verdict["contradict"]:
            await self._store.dismiss_unseen(new, reason=verdict["reason"])
            return None
        return replace(new, judge="confirmed", reason=verdict["reason"] or new.reason)


def contradictions(passages: Sequence[Passage], *, question: str) -> list[Conflict]:
    """Those between articles, among the passages an answer to the question would be taken from; worst first."""
    best = max((passage["score"] for passage in passages), default=0.0)
    used = [_facts(_statement(passage)) for passage in passages if passage["score"] >= USED * best]
    articles = {passage["chunk_id"]: passage["article"] for passage in passages}
    found = conflicts_among(used, question=question)
    return [conflict for conflict in found if articles[conflict.one] != articles[conflict.other]]


def _statement(passage: Passage) -> Statement:
    return Statement(id=passage["chunk_id"], title=passage["title"], heading=passage["heading"], text=passage["text"])


def _new(conflict: Conflict, sides: dict[str, tuple[str, str]]) -> NewConflict:
    one, other = (
        Side(article=sides[name][0], version=sides[name][1], chunk_id=name, quote=quote)
        for name, quote in ((conflict.one, conflict.quote), (conflict.other, conflict.other_quote))
    )
    return NewConflict(one=one, other=other, kind=conflict.kind, reason=conflict.reason, confidence=conflict.confidence)


def _whole(statement: Statement) -> str:
    return "\n".join(part for part in (statement.title, statement.heading, statement.text) if part)


@lru_cache(maxsize=20_000)
def _facts(statement: Statement) -> Facts:
    """A passage says the same every time it is read."""
    return facts_of(statement)
