"""Search: dense and lexical evidence joined into one probability for each passage (R4.4)."""

import asyncio
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, TypedDict
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from desk.config.settings import Settings
from desk.domain.passages import Passage
from desk.policies.models import PolicySet
from retrieval.chunking import Chunk, chunk_article
from retrieval.embeddings import Embedding, choose_embedding
from retrieval.errors import DenseSearchUnavailable
from retrieval.index import ChromaIndex, Eligibility, VectorIndex, embedded, over_http
from retrieval.lexical import Floats, LexicalIndex
from retrieval.order import SectionOrder
from retrieval.spelling import Spelling
from retrieval.text import sentences, words

logger = logging.getLogger(__name__)

Audience = Literal["public", "customer", "internal"]

AUDIENCES: Mapping[Audience, tuple[str, ...]] = {
    "public": ("public",),
    "customer": ("public", "customer"),
    "internal": ("public", "customer", "internal"),
}
CANDIDATES = 50
"""Chunks asked of the vector index."""
DENSE_SECONDS = 2.0
"""Embedding the query and asking the index together; then the words alone decide."""
AREA_BOOST = 0.2
"""Added to the rank of a passage of an area the intent names. As much as a cosine of 0.2."""
AREA_LOG_ODDS = 1.0
"""Added to the log-odds of such a passage: that the question was understood is evidence of its own. Measured."""
MAX_QUERY_CHARACTERS = 8_000
MAX_ELIGIBILITIES = 64
MAX_QUESTIONS = 8
MAX_SENTENCES = 10
"""A longer message is a story told in many sentences: as a whole it says better what it is about. Measured."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Fusion:
    """How the evidence for a passage becomes its rank and its score (the log-odds that it answers the question)."""

    rank_cosine: float
    rank_relevance: float
    rank_gains: float
    """Weight of what ``SectionOrder`` adds."""
    bias: float
    cosine: float
    relevance: float
    coverage: float

    def rank(self, *, cosine: Floats, relevance: Floats, gains: Floats) -> Floats:
        return self.rank_cosine * cosine + self.rank_relevance * relevance + self.rank_gains * gains

    def log_odds(self, *, cosine: Floats, relevance: Floats, coverage: Floats) -> Floats:
        return self.bias + self.cosine * cosine + self.relevance * relevance + self.coverage * coverage


# Fitted on the best passage of each question of evals/data/retrieval_pack.jsonl, ten-fold by question:
# `python -m evals.suites.retrieval_fit packs/retail` prints these numbers; the error of calibration is 0.06.
HYBRID = Fusion(
    rank_cosine=1.0, rank_relevance=0.25, rank_gains=1.0, bias=-4.01, cosine=14.37, relevance=0.0, coverage=4.67
)
WORDS_ALONE = Fusion(
    rank_cosine=0.0, rank_relevance=1.0, rank_gains=0.4, bias=-3.42, cosine=0.0, relevance=12.39, coverage=2.48
)


class Health(TypedDict):
    """What readiness tells about retrieval."""

    ready: bool
    """The vector index answers. When it does not, search by words goes on."""
    chunks: int
    """Chunks in the vector index."""
    expected: int
    """Chunks of the pack."""
    embedding: str


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    passages: list[Passage]
    """Best first."""
    confident: bool
    """The best passage reaches the policy's threshold. False: say that you do not know."""
    best: float
    """The highest score; 0 when there is no passage."""
    degraded: bool
    """The vector index did not take part."""


@dataclass(frozen=True, kw_only=True)
class Retriever:
    """The only way the product reads knowledge."""

    chunks: Sequence[Chunk]
    lexical: LexicalIndex
    spelling: Spelling
    embedding: Embedding
    index: VectorIndex
    threshold: float
    """A best score below it means: not known."""
    default_locale: str
    """Used when there is nothing in the customer's language."""
    timezone: ZoneInfo
    """Whose midnight makes an article effective or expired."""

    async def search(
        self,
        query: str,
        *,
        areas: Sequence[str] = (),
        audience: Audience = "public",
        channel: str,
        locale: str = "en",
        limit: int = 6,
        now: datetime,
    ) -> SearchResult:
        """The passages that most probably answer the query. Never raises because Chroma or an embedding fails."""
        query = query[:MAX_QUERY_CHARACTERS]
        where = Eligibility(
            audiences=AUDIENCES[audience],
            locales=self._locales(locale),
            on=now.astimezone(self.timezone).date(),
        )
        allowed = self._allowed(where, channel)
        if not allowed.any() or not query.strip():
            return SearchResult(passages=[], confident=False, best=0.0, degraded=False)
        questions = _questions(self.spelling.mended(query))
        cosines = await self._cosines(questions, where=where)
        evidence = [
            self._evidence(question, allowed=allowed, cosines=cosines[n] if cosines else None)
            for n, question in enumerate(questions)
        ]
        ranks, log_odds = (np.max(kind, axis=0) for kind in zip(*evidence, strict=True))
        of_area = np.isin(self._areas, areas)
        log_odds = log_odds + AREA_LOG_ODDS * of_area
        ranked = np.argsort(-(ranks + AREA_BOOST * of_area), kind="stable")[: min(limit, int(np.isfinite(ranks).sum()))]
        passages = [_passage(self.chunks[n], score=_probability(float(log_odds[n]))) for n in ranked]
        best = max((passage["score"] for passage in passages), default=0.0)
        return SearchResult(passages=passages, confident=best >= self.threshold, best=best, degraded=cosines is None)

    def load(self, chunk_ids: Iterable[str]) -> list[Passage]:
        """The passages with these ids, in this order, score 1. Ids of another pack version are left out."""
        numbers = (self._numbers[chunk_id] for chunk_id in chunk_ids if chunk_id in self._numbers)
        return [_passage(self.chunks[number], score=1.0) for number in numbers]

    async def health(self) -> Health:
        """Asks the vector index; at most about two seconds, never raises."""
        try:
            count = await self.index.count()
        except DenseSearchUnavailable:
            count = 0
        return Health(
            ready=count == len(self.chunks), chunks=count, expected=len(self.chunks), embedding=self.embedding.name
        )

    async def close(self) -> None:
        await self.index.close()

    def _locales(self, locale: str) -> tuple[str, ...]:
        """The customer's language when anything is published in it, else the pack's own."""
        wanted = (locale, locale.split("-")[0])
        if any(chunk.locale in wanted for chunk in self.chunks):
            return wanted
        return (self.default_locale,)

    async def _cosines(self, questions: list[str], *, where: Eligibility) -> list[dict[str, float]] | None:
        try:
            async with asyncio.timeout(DENSE_SECONDS):
                vectors = await self.embedding.embed_queries(questions)
                return await self.index.nearest(vectors, where=where, limit=min(CANDIDATES, len(self.chunks)))
        except (DenseSearchUnavailable, TimeoutError) as exc:
            logger.warning(
                "Searched by words alone", extra={"action": "search_degraded", "reason": str(exc) or "took too long"}
            )
            return None

    def _evidence(self, query: str, *, allowed: Flags, cosines: dict[str, float] | None) -> tuple[Floats, Floats]:
        """Rank and log-odds of every chunk.

        The rank is minus infinity for those that may not be seen, and for those that share no word and are not near.
        """
        shared = self.lexical.score(query)
        near = np.zeros(len(self.chunks))
        for chunk_id, cosine in (cosines or {}).items():
            if chunk_id in self._numbers:
                near[self._numbers[chunk_id]] = cosine
        fusion = WORDS_ALONE if cosines is None else HYBRID
        gains = self._order.gains(query, shared)
        ranks = fusion.rank(cosine=near, relevance=shared.relevance, gains=gains)
        found = allowed & ((shared.relevance > 0) | (near > 0))
        log_odds = fusion.log_odds(cosine=near, relevance=shared.relevance, coverage=shared.coverage)
        return np.where(found, ranks, -np.inf), log_odds

    def _allowed(self, where: Eligibility, channel: str) -> Flags:
        """Which chunks may be seen. The same few questions come all day, so the answers are kept."""
        key = (where, channel)
        if key not in self._seen:
            if len(self._seen) >= MAX_ELIGIBILITIES:
                self._seen.clear()
            self._seen[key] = np.array(
                [where.admits(chunk) and (not chunk.channels or channel in chunk.channels) for chunk in self.chunks],
                dtype=bool,
            )
        return self._seen[key]

    @cached_property
    def _seen(self) -> dict[tuple[Eligibility, str], Flags]:
        return {}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {chunk.id: number for number, chunk in enumerate(self.chunks)}

    @cached_property
    def _order(self) -> SectionOrder:
        return SectionOrder(self.chunks)

    @cached_property
    def _areas(self) -> NDArray[np.str_]:
        return np.array([chunk.area for chunk in self.chunks])


def corpus_of(policies: PolicySet, chunks: Sequence[Chunk]) -> list[str]:
    """What a local embedding learns from: the chunks, and the intents, which hold the customers' own words."""
    intents = ["\n".join((intent.description, *intent.examples)) for intent in policies.intents.values()]
    return [chunk.headed for chunk in chunks] + intents


async def build_retriever(settings: Settings, policies: PolicySet) -> Retriever:
    """The retriever of this pack, its index reused or built. Close it with ``await retriever.close()``.

    Raises ``ConfigurationError``; a Chroma that does not answer is no error, search starts with words alone.
    """
    chunks = [chunk for article in policies.articles.values() for chunk in chunk_article(article)]
    corpus = corpus_of(policies, chunks)
    connect = over_http(settings.chroma_url) if settings.chroma_url else embedded(settings.data_dir / "chroma")
    embedding = await choose_embedding(settings, corpus=corpus)
    index = ChromaIndex(connect=connect, chunks=chunks, embedding=embedding)
    await index.open()
    return Retriever(
        chunks=chunks,
        lexical=LexicalIndex(chunks),
        spelling=Spelling(corpus),
        embedding=embedding,
        index=index,
        threshold=policies.thresholds.passage_confidence,
        default_locale=policies.locale,
        timezone=ZoneInfo(policies.timezone),
    )


def _questions(message: str) -> list[str]:
    """The message, and the sentences that may each be the question: a chatty message hides it among pleasantries."""
    spoken = [sentence for sentence in sentences(message) if len(words(sentence)) > 1]
    if not 1 < len(spoken) <= MAX_SENTENCES:
        return [message]
    asked = [sentence for sentence in spoken if "?" in sentence] or spoken
    return [message, *asked[:MAX_QUESTIONS]]


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _passage(chunk: Chunk, *, score: float) -> Passage:
    return Passage(
        chunk_id=chunk.id,
        article=chunk.article,
        version=chunk.version,
        title=chunk.title,
        heading=chunk.heading,
        area=chunk.area,
        text=chunk.text,
        score=score,
    )
