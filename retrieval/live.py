"""The knowledge in use: one snapshot at a time, the next one built beside it and switched to in one step.

The database says what is published; every process follows it. A search keeps the snapshot it began with, so nobody
ever searches half an index, and there is no moment without answers.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from desk.db.outage import is_outage
from desk.domain.clock import now
from desk.knowledge.standing import Standing, standings
from desk.knowledge.store import ArticleStore
from desk.policies.models import Article, PolicySet
from retrieval.chunking import Chunk, stored_chunk
from retrieval.errors import DenseSearchUnavailable
from retrieval.search import Retriever

logger = logging.getLogger(__name__)

FOLLOW_SECONDS = 1.0
"""How long another process's change may go unnoticed: in use two seconds after it was made. One small statement each
time."""

SWEEP_SECONDS = 3600.0
"""Vectors nothing uses any more are deleted so often."""

Build = Callable[[Sequence[Chunk], Retriever | None], Awaitable[Retriever]]
"""Makes the next snapshot of these chunks; it may take over what it can from the one before."""


class Knowledge(Protocol):
    """Where nodes and the content desk find what is in use at the moment."""

    @property
    def retriever(self) -> Retriever: ...
    @property
    def articles(self) -> Mapping[str, Article]:
        """Everything published, by id."""
        ...

    @property
    def generation(self) -> int | None:
        """Which state of the database this is; None for what no database decides."""
        ...

    def standing(self, article_id: str) -> Standing | None:
        """Whether a published article is in use, and why not; None when nothing of this id is published."""
        ...

    async def refresh(self) -> bool:
        """Takes over what changed since; True when there was something."""
        ...

    async def follow(self) -> None:
        """Runs beside the server and keeps up with other processes."""
        ...


@dataclass(frozen=True, kw_only=True)
class FixedKnowledge:
    """A snapshot that stays: a pack's own articles, without a database that could publish others."""

    retriever: Retriever
    articles: Mapping[str, Article] = field(default_factory=dict)
    generation: None = None

    def standing(self, article_id: str) -> Standing | None:
        return "in_use" if article_id in self.articles else None

    async def refresh(self) -> bool:
        return False

    async def follow(self) -> None:
        """Nothing changes."""


class LiveKnowledge:
    """Follows the published articles. ``await refresh()`` once before use."""

    def __init__(self, store: ArticleStore, *, policies: PolicySet, build: Build) -> None:
        self._store = store
        self._policies = policies
        self._build = build
        self._retriever: Retriever | None = None
        self._articles: dict[str, Article] = {}
        self._standings: dict[str, Standing] = {}
        self._chunks: dict[tuple[str, str], list[Chunk]] = {}
        self._seen: tuple[int, date] | None = None
        self._switching = asyncio.Lock()

    @property
    def retriever(self) -> Retriever:
        assert self._retriever is not None, "refresh() comes first"
        return self._retriever

    @property
    def articles(self) -> Mapping[str, Article]:
        return self._articles

    @property
    def generation(self) -> int | None:
        return self._seen[0] if self._seen else None

    def standing(self, article_id: str) -> Standing | None:
        return self._standings.get(article_id)

    async def refresh(self) -> bool:
        """Several at once do the work once."""
        async with self._switching:
            today = now().astimezone(self._policies.zone).date()
            if self._seen == (await self._store.generation(), today):
                return False
            generation, articles = await self._store.published()
            found = standings(articles, on=today, review=self._policies.knowledge.review)
            chunks = await self._chunks_of([a for a in articles if found[a.id] in ("in_use", "overdue", "scheduled")])
            before = self._retriever
            self._retriever = await self._build(chunks, before)
            self._articles = {article.id: article for article in articles}
            self._standings, self._seen = found, (generation, today)
            if before is not None:
                await before.close()
            logger.info(
                "Knowledge in use changed",
                extra={"action": "knowledge_switched", "generation": generation, "chunks": len(chunks)},
            )
            return True

    async def follow(self) -> None:
        """An outage of the database or of the index only delays it."""
        swept = time.monotonic()
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                await self.refresh()
                if time.monotonic() - swept >= SWEEP_SECONDS:
                    swept = time.monotonic()
                    await self.retriever.index.sweep()
            except Exception as exc:
                expected = is_outage(exc) or isinstance(exc, DenseSearchUnavailable)
                level = logging.WARNING if expected else logging.ERROR
                logger.log(level, "Knowledge was not refreshed", extra={"action": "knowledge_stale"}, exc_info=exc)

    async def close(self) -> None:
        if self._retriever is not None:
            await self._retriever.close()

    async def _chunks_of(self, articles: Sequence[Article]) -> list[Chunk]:
        """Their pieces as they were stored when they were published; what this process has read before is kept."""
        wanted = {(article.id, article.version): article for article in articles}
        new = [key for key in wanted if key not in self._chunks]
        kept = {key: chunks for key, chunks in self._chunks.items() if key in wanted}
        for row in await self._store.chunks(new) if new else []:
            key = row["article"], row["version"]
            kept.setdefault(key, []).append(stored_chunk(row, wanted[key]))
        self._chunks = kept
        return [chunk for key in wanted for chunk in kept.get(key, [])]
