"""Search: dense and lexical evidence joined into one probability for each passage (R4.4)."""

import asyncio
import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal, TypedDict
from zoneinfo import ZoneInfo

import numpy as np

from desk.config.settings import Settings
from desk.domain.passages import Passage
from desk.policies.models import PolicySet
from retrieval.chroma import Chroma, chroma_of
from retrieval.chunking import Chunk, chunk_article
from retrieval.embeddings import Bases, Embedding, Learned, choose_embedding
from retrieval.errors import DenseSearchUnavailable
from retrieval.index import ChromaIndex, Eligibility, VectorIndex, in_context, surroundings
from retrieval.lexical import Flags, Floats, LexicalIndex, Numbers
from retrieval.order import SectionOrder
from retrieval.said import Said
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
TEXTS_AT_ONCE = 16
MAX_HIDDEN = 100
"""Passages asked for beyond those wanted, where some of the nearest are left out."""
SHARING = 500
"""Chunks that share words with a question and are compared; a small corpus has no more."""
HANDING_OVER = 2
"""Rounds of the event loop until the vector index works on a thread of its own; meanwhile words are compared here."""
PATIENCE_SECONDS = 2.0
"""What was published waits no longer for its vectors; until they are there, its words find it."""
DENSE_SECONDS = 2.0
"""Embedding the query and asking the index together; then the words alone decide."""
MAX_QUERY_CHARACTERS = 8_000
MAX_ELIGIBILITIES = 64
MAX_QUESTIONS = 8
MAX_SENTENCES = 10
"""A longer message is a story told in many sentences: as a whole it says better what it is about. Measured."""


@dataclass(frozen=True, kw_only=True)
class Fusion:
    """How the evidence for a passage becomes its rank and its score (the log-odds that it answers the question)."""

    rank_cosine: float
    rank_relevance: float
    rank_gains: float
    """Weight of what ``SectionOrder`` adds."""
    rank_area: float
    """Added for a passage of an area the intent names, as cosine."""
    bias: float
    cosine: float
    relevance: float
    coverage: float
    area: float
    """Added for such a passage: that the question was understood is evidence of its own."""
    sentence: float = math.inf
    """Words of one question. The longer a text is beyond that, the more its words decide where it belongs."""

    def rank(self, *, cosine: Floats, relevance: Floats, gains: Floats, area: Flags, length: int) -> Floats:
        spoken = min(1.0, self.sentence / max(1, length))
        near = self.rank_cosine * cosine + self.rank_gains * gains
        return spoken * near + self.rank_relevance * relevance + self.rank_area * area

    def log_odds(self, *, cosine: Floats, relevance: Floats, coverage: Floats, area: Flags) -> Floats:
        evidence = self.cosine * cosine + self.relevance * relevance + self.coverage * coverage
        return self.bias + evidence + self.area * area


# Fitted on the best passage of each question of retrieval_pack.jsonl and of the part "tune" of questions_pack.jsonl,
# ten-fold by question: `python -m evals.suites.retrieval_fit packs/retail` prints these numbers and their errors.
FUSIONS: Mapping[Learned | Literal["words"], Fusion] = {
    "language": Fusion(
        rank_cosine=1.0, rank_relevance=0.5, rank_gains=0.4, rank_area=0.15, sentence=40,
        bias=-5.13, cosine=9.8, relevance=0.0, coverage=3.36, area=0.84,
    ),
    "corpus": Fusion(
        rank_cosine=1.0, rank_relevance=0.25, rank_gains=1.0, rank_area=0.2,
        bias=-3.54, cosine=8.68, relevance=0.0, coverage=3.69, area=1.86,
    ),
    "words": Fusion(
        rank_cosine=0.0, rank_relevance=1.0, rank_gains=0.4, rank_area=0.2,
        bias=-3.4, cosine=0.0, relevance=6.62, coverage=2.75, area=2.16,
    ),
}  # fmt: skip
"""By what is known: vectors of a model of the language, vectors learned from the corpus alone, no vectors."""


class Health(TypedDict):
    """What readiness tells about retrieval."""

    ready: bool
    """The vector index answers. When it does not, search by words goes on."""
    chunks: int
    """Chunks in the vector index."""
    expected: int
    """Published chunks."""
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
    phrases: Sequence[str]
    """What customers say, beside the chunks: it teaches spelling."""
    lexical: LexicalIndex
    order: SectionOrder
    spelling: Spelling
    said: Said
    embedding: Embedding
    index: VectorIndex
    threshold: float
    """A best score below it means: not known."""
    default_locale: str
    """Used when there is nothing in the customer's language."""
    timezone: ZoneInfo
    """Whose midnight makes an article effective or expired."""

    @classmethod
    def over(
        cls,
        chunks: Sequence[Chunk],
        *,
        phrases: Sequence[str] = (),
        embedding: Embedding,
        index: VectorIndex,
        threshold: float,
        default_locale: str,
        timezone: ZoneInfo,
        before: "Retriever | None" = None,
    ) -> "Retriever":
        """The retriever over these chunks; only those that the one ``before`` did not have are read.

        CPU work, for each 1,000 new chunks about 0.2 s: call it in a thread.
        """
        carried = before._carried(chunks) if before else None
        fresh = [chunk.headed for n, chunk in enumerate(chunks) if carried is None or carried[n] < 0]
        gone = before._gone(carried) if before and carried is not None else []
        retriever = cls(
            chunks=chunks,
            phrases=phrases,
            lexical=LexicalIndex(chunks, before=before.lexical if before else None, carried=carried),
            order=SectionOrder(chunks, before=before.order if before else None, carried=carried),
            spelling=Spelling(
                [*fresh, *phrases],
                before=before.spelling if before else None,
                gone=[*gone, *before.phrases] if before else (),
            ),
            said=Said(fresh, before=before.said if before else None, gone=gone),
            embedding=embedding,
            index=index,
            threshold=threshold,
            default_locale=default_locale,
            timezone=timezone,
        )
        # Not left to the first customer.
        _ = retriever._numbers, retriever._ways, retriever._areas, retriever.paths
        return retriever

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
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._cosines(questions, where=where))
            for _ in range(HANDING_OVER):
                await asyncio.sleep(0)
            shared = [self.lexical.sharing(question, among=allowed, limit=SHARING) for question in questions]
        cosines = asking.result()
        near = [self._near(row, allowed=allowed) for row in cosines or [{}] * len(questions)]
        found = np.unique(np.concatenate([*shared, *(np.array(list(row), dtype=np.int32) for row in near)]))
        of_area = np.isin(self._areas[found], [number for name, number in self._area_numbers.items() if name in areas])
        fusion = FUSIONS["words" if cosines is None else self.embedding.kind]
        evidence = [
            self._evidence(question, of=found, near=near[n], of_area=of_area, fusion=fusion)
            for n, question in enumerate(questions)
        ]
        ranks, log_odds = (np.max(kind, axis=0) for kind in zip(*evidence, strict=True))
        ranked = np.argsort(-ranks, kind="stable")[: min(limit, int(np.isfinite(ranks).sum()))]
        passages = [_passage(self.chunks[found[n]], score=_probability(float(log_odds[n]))) for n in ranked]
        best = max((passage["score"] for passage in passages), default=0.0)
        return SearchResult(passages=passages, confident=best >= self.threshold, best=best, degraded=cosines is None)

    async def neighbours(self, chunks: Sequence[Chunk], *, limit: int, without: Collection[str] = ()) -> list[Chunk]:
        """The published passages nearest to these texts, each once: what they have to agree with.

        For each text ``limit`` that are near in meaning and as many that share its words, in its language and for
        whichever audience. ``without``: articles left out.
        """
        locales = tuple({chunk.locale: None for chunk in chunks})
        among, shared = await asyncio.to_thread(self._sharing, chunks, locales=locales, limit=limit, without=without)
        hidden = min(MAX_HIDDEN, len(among) - int(np.count_nonzero(among)))
        where = Eligibility(audiences=AUDIENCES["internal"], locales=locales, on=date.max)
        found = dict.fromkeys(number for numbers in shared for number in numbers)
        try:
            vectors = in_context(
                await self.embedding.embed_documents([chunk.headed for chunk in chunks]), around=surroundings(chunks)
            )
            for start in range(0, len(chunks), TEXTS_AT_ONCE):
                part = vectors[start : start + TEXTS_AT_ONCE]
                for row in await self.index.nearest(part, where=where, limit=limit + hidden):
                    near = [number for number, cosine in self._near(row, allowed=among).items() if cosine > 0]
                    found |= dict.fromkeys(near[:limit])
        except DenseSearchUnavailable as exc:
            logger.warning("Compared by words alone", extra={"action": "search_degraded", "reason": str(exc)})
        return [self.chunks[number] for number in found]

    def _sharing(
        self, chunks: Sequence[Chunk], *, locales: Collection[str], limit: int, without: Collection[str]
    ) -> tuple[Flags, list[list[int]]]:
        """Which passages are compared with these texts, and for each text those that share most."""
        among = np.array(
            [one.status == "published" and one.locale in locales and one.article not in without for one in self.chunks],
            dtype=bool,
        )
        return among, [self.lexical.sharing(chunk.headed, among=among, limit=limit).tolist() for chunk in chunks]

    @property
    def spoken(self) -> frozenset[str]:
        """Every word that stands in a passage."""
        return self.said.words

    @property
    def hosts(self) -> frozenset[str]:
        """Every host a passage links to."""
        return self.said.hosts

    @cached_property
    def paths(self) -> Mapping[str, str]:
        """By article, the file its version in use came from."""
        return {chunk.article: chunk.path for chunk in self.chunks}

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
        expected = sum(chunk.status == "published" for chunk in self.chunks)
        return Health(ready=count == expected, chunks=count, expected=expected, embedding=self.embedding.name)

    async def close(self) -> None:
        """Searches that run may end."""
        await self.index.close()

    def _locales(self, locale: str) -> tuple[str, ...]:
        """The customer's language when anything is published in it, else the pack's own."""
        wanted = (locale, locale.split("-")[0])
        if any(chunk.locale in wanted for chunk in self._ways[0]):
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

    def _near(self, cosines: Mapping[str, float], *, allowed: Flags) -> dict[int, float]:
        """The cosines of the vector index by number, without what may not be seen or is not there any more."""
        known = ((self._numbers.get(chunk_id), cosine) for chunk_id, cosine in cosines.items())
        return {number: cosine for number, cosine in known if number is not None and allowed[number]}

    def _evidence(
        self, query: str, *, of: Numbers, near: Mapping[int, float], of_area: Flags, fusion: Fusion
    ) -> tuple[Floats, Floats]:
        """Rank and log-odds of these chunks; the rank of what shares no word and is not near is minus infinity."""
        shared = self.lexical.score(query, of=of)
        # Of a model of language: what is not among the nearest is no nearer than the last of them, and seldom at zero.
        floored = self.embedding.kind == "language" and len(near) >= CANDIDATES
        cosine = np.full(len(of), min(near.values()) if floored else 0.0)
        cosine[np.searchsorted(of, list(near))] = list(near.values())
        ranks = fusion.rank(
            cosine=cosine,
            relevance=shared.relevance,
            gains=self.order.gains(query, shared),
            area=of_area,
            length=len(query.split()),
        )
        found = (shared.relevance > 0) | (cosine > 0)
        log_odds = fusion.log_odds(cosine=cosine, relevance=shared.relevance, coverage=shared.coverage, area=of_area)
        return np.where(found, ranks, -np.inf), log_odds

    def _allowed(self, where: Eligibility, channel: str) -> Flags:
        """Which chunks may be seen. The same few questions come all day, so the answers are kept."""
        key = (where, channel)
        if key not in self._seen:
            if len(self._seen) >= MAX_ELIGIBILITIES:
                self._seen.clear()
            examples, ways = self._ways
            admitted = [where.admits(one) and (not one.channels or channel in one.channels) for one in examples]
            self._seen[key] = np.array(admitted, dtype=bool)[ways]
        return self._seen[key]

    @cached_property
    def _area_numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(dict.fromkeys(chunk.area for chunk in self.chunks))}

    @cached_property
    def _areas(self) -> Numbers:
        """For each chunk the number of its area."""
        return np.array([self._area_numbers[chunk.area] for chunk in self.chunks], dtype=np.int32)

    @cached_property
    def _ways(self) -> tuple[list[Chunk], Numbers]:
        """One chunk for each way to be seen by somebody, and for each chunk the number of its way."""
        numbers: dict[tuple[Any, ...], int] = {}
        examples: list[Chunk] = []
        ways = np.zeros(len(self.chunks), dtype=np.int32)
        for number, chunk in enumerate(self.chunks):
            way = (chunk.status, chunk.audience, chunk.locale, chunk.channels, chunk.effective, chunk.expires)
            ways[number] = numbers.setdefault(way, len(numbers))
            if len(numbers) > len(examples):
                examples.append(chunk)
        return examples, ways

    def _carried(self, chunks: Sequence[Chunk]) -> Numbers:
        """For each chunk the number of one with the same text here, or -1. Each is given once."""
        numbers: dict[tuple[str, str, str], list[int]] = {}
        for number, chunk in enumerate(self.chunks):
            numbers.setdefault((chunk.title, chunk.heading, chunk.text), []).append(number)
        same = (numbers.get((chunk.title, chunk.heading, chunk.text)) for chunk in chunks)
        return np.array([left.pop() if left else -1 for left in same], dtype=np.int32)

    def _gone(self, carried: Numbers) -> list[str]:
        """The texts that are here and not among the carried ones."""
        stay = np.zeros(len(self.chunks), dtype=bool)
        stay[carried[carried >= 0]] = True
        return [self.chunks[number].headed for number in np.flatnonzero(~stay).tolist()]

    @cached_property
    def _seen(self) -> dict[tuple[Eligibility, str], Flags]:
        return {}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {chunk.id: number for number, chunk in enumerate(self.chunks)}


def corpus_of(policies: PolicySet, chunks: Sequence[Chunk]) -> list[str]:
    """What a local embedding learns from: the chunks, and the intents, which hold the customers' own words."""
    intents = ["\n".join((intent.description, *intent.examples)) for intent in policies.intents.values()]
    return [chunk.headed for chunk in chunks] + intents


async def build_retriever(
    settings: Settings,
    policies: PolicySet,
    *,
    chunks: Sequence[Chunk] | None = None,
    chroma: Chroma | None = None,
    bases: Bases | None = None,
    before: Retriever | None = None,
) -> Retriever:
    """A snapshot of these chunks, by default the pack's own. Close it when it was replaced.

    ``chroma``: the connection all snapshots share; without it this one has its own. ``bases``: where the embedding of
    a large corpus is kept. ``before``: what to take over from. Raises ``ConfigurationError``; a Chroma that does not
    answer is no error, search starts with words alone.
    """
    if chunks is None:
        chunks = [chunk for article in policies.articles.values() for chunk in chunk_article(article)]
    corpus = corpus_of(policies, chunks)
    embedding = await choose_embedding(
        settings, corpus=corpus, bases=bases, before=before.embedding if before else None
    )
    index = ChromaIndex(chroma=chroma or chroma_of(settings), embedding=embedding)
    await index.open(chunks, patience=PATIENCE_SECONDS if before else None)
    return await asyncio.to_thread(
        Retriever.over,
        chunks,
        phrases=corpus[len(chunks) :],
        embedding=embedding,
        index=index,
        threshold=policies.thresholds.passage_confidence,
        default_locale=policies.locale,
        timezone=policies.zone,
        before=before,
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
