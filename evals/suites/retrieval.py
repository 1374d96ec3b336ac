"""Retrieval suite: recall and nDCG of the product's own search on any corpus (R10.1, R4.4).

``run`` measures files in the format of the contract, ``run_pack`` the questions written for a pack, threshold included.
"""

import asyncio
import json
import math
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from desk.domain import clock
from desk.domain.errors import InvalidRequest
from desk.policies.models import PolicySet
from evals.result import SuiteResult
from retrieval.chunking import Chunk, chunk_article, sections
from retrieval.embeddings import LocalEmbedding
from retrieval.index import ChromaIndex, embedded
from retrieval.search import Retriever, corpus_of

PACK_QUESTIONS = Path(__file__).parents[1] / "data" / "retrieval_pack.jsonl"
RELEVANT_FIELDS = ("relevant", "required_documents")
"""The second is the name in tau-bench's files."""
PASSAGES = 60
"""Passages read for each query; ten documents need at most so many in practice."""
MAX_FAILURES = 50


@dataclass(frozen=True, kw_only=True)
class Query:
    text: str
    relevant: frozenset[str]
    where: str
    """``file:line``."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """What one query got: documents best first."""

    query: Query
    documents: list[str]
    best: float


def run(*, corpus: Path, queries: Path) -> SuiteResult:
    """Recall@1/5/10, nDCG@10, ms per query, seconds to index. Raises ``InvalidRequest`` naming file and line."""
    documents: dict[str, list[Chunk]] = {}
    for where, row in _rows(corpus):
        name = _text(row, "id", where=where)
        if name in documents:
            raise InvalidRequest(f"{where}: there is another document {name!r}")
        documents[name] = _document(row, where=where)
    chunks = [chunk for document in documents.values() for chunk in document]
    asked = read_queries(queries)
    for query in asked:
        if missing := query.relevant - documents.keys():
            raise InvalidRequest(f"{query.where}: relevant document {min(missing)!r} is not in {corpus.name}")
    rankings, figures = asyncio.run(
        _measure(
            chunks,
            asked,
            corpus=[chunk.headed for chunk in chunks],
            timezone="UTC",
            now=datetime(2000, 1, 2, tzinfo=UTC),
        )
    )
    return _result(rankings, figures)


def run_pack(policies: PolicySet, *, questions: Path = PACK_QUESTIONS) -> SuiteResult:
    """The same on a pack's own articles and questions; questions without a relevant article measure the threshold.

    Besides the figures of ``run``: ``answered`` (share of answerable questions whose best score reaches the
    threshold) and ``wrongly_answered`` (share of unanswerable ones that do).
    """
    asked = read_queries(questions)
    chunks = [chunk for article in policies.articles.values() for chunk in chunk_article(article)]
    rankings, figures = asyncio.run(
        _measure(chunks, asked, corpus=corpus_of(policies, chunks), timezone=policies.timezone, now=clock.now())
    )
    threshold = policies.thresholds.passage_confidence
    answerable = [r for r in rankings if r.query.relevant]
    unanswerable = [r for r in rankings if not r.query.relevant]
    figures["answered"] = _mean(r.best >= threshold for r in answerable)
    figures["wrongly_answered"] = _mean(r.best >= threshold for r in unanswerable)
    return _result(rankings, figures)


def read_queries(path: Path) -> list[Query]:
    """The rows of a file of queries. Raises ``InvalidRequest`` naming file and line."""
    return [_query(row) for row in _rows(path)]


async def _measure(
    chunks: Sequence[Chunk], asked: Sequence[Query], *, corpus: Sequence[str], timezone: str, now: datetime
) -> tuple[list[Ranking], dict[str, float]]:
    started = time.perf_counter()
    async with _retriever(chunks, corpus=corpus, timezone=timezone) as retriever:
        indexed = time.perf_counter()
        rankings = []
        for query in asked:
            result = await retriever.search(query.text, channel="web", limit=PASSAGES, now=now)
            documents = list(dict.fromkeys(passage["article"] for passage in result.passages))
            rankings.append(Ranking(query=query, documents=documents, best=result.best))
        ended = time.perf_counter()
    return rankings, {
        "ms_per_query": 1000 * (ended - indexed) / max(1, len(asked)),
        "seconds_to_index": indexed - started,
        "chunks": float(len(chunks)),
    }


@asynccontextmanager
async def _retriever(chunks: Sequence[Chunk], *, corpus: Sequence[str], timezone: str) -> AsyncIterator[Retriever]:
    """The product's search over these chunks, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-eval-") as folder:
        embedding = LocalEmbedding.fitted(corpus)
        index = ChromaIndex(connect=embedded(Path(folder)), chunks=chunks, embedding=embedding)
        await index.open()
        retriever = Retriever.over(
            chunks,
            phrases=corpus[len(chunks) :],
            embedding=embedding,
            index=index,
            threshold=0.5,
            default_locale="en",
            timezone=ZoneInfo(timezone),
        )
        try:
            yield retriever
        finally:
            await retriever.close()


def _result(rankings: Sequence[Ranking], figures: dict[str, float]) -> SuiteResult:
    answerable = [ranking for ranking in rankings if ranking.query.relevant]
    for depth in (1, 5, 10):
        figures[f"recall_at_{depth}"] = _mean(_recall(ranking, depth) for ranking in answerable)
    figures["ndcg_at_10"] = _mean(_ndcg(ranking) for ranking in answerable)
    worst = sorted(answerable, key=lambda ranking: (_recall(ranking, 10), _ndcg(ranking)))
    return SuiteResult(
        suite="retrieval",
        engine="offline",
        rows=len(rankings),
        figures=figures,
        failures=[_failure(ranking) for ranking in worst if _recall(ranking, 10) < 1][:MAX_FAILURES],
    )


def _failure(ranking: Ranking) -> dict[str, Any]:
    return {
        "text": ranking.query.text[:300],
        "missed": sorted(ranking.query.relevant - set(ranking.documents[:10])),
        "found": ranking.documents[:10],
        "best": round(ranking.best, 3),
    }


def _recall(ranking: Ranking, depth: int) -> float:
    return len(ranking.query.relevant & set(ranking.documents[:depth])) / len(ranking.query.relevant)


def _ndcg(ranking: Ranking) -> float:
    gained = sum(
        1 / math.log2(place + 2)
        for place, document in enumerate(ranking.documents[:10])
        if document in ranking.query.relevant
    )
    return gained / sum(1 / math.log2(place + 2) for place in range(min(10, len(ranking.query.relevant))))


def _mean(values: Iterator[float] | Iterator[bool]) -> float:
    listed = [float(value) for value in values]
    return sum(listed) / len(listed) if listed else 0.0


def _document(values: dict[str, Any], *, where: str) -> list[Chunk]:
    name, title, content = (_text(values, key, where=where) for key in ("id", "title", "content"))
    return [
        Chunk(
            id=f"{name}@1.0#{section.slug}",
            article=name,
            version="1.0",
            title=title,
            heading=section.heading,
            area="corpus",
            text=section.text,
            path=where,
            status="published",
            audience="public",
            locale="en",
            channels=(),
            effective=date(2000, 1, 1),
            expires=None,
        )
        for section in sections(content, title=title)
    ]


def _query(row: tuple[str, dict[str, Any]]) -> Query:
    where, values = row
    relevant = next((values[name] for name in RELEVANT_FIELDS if name in values), None)
    if not isinstance(relevant, list) or not all(isinstance(item, str) for item in relevant):
        raise InvalidRequest(f"{where}: 'relevant' must be a list of document ids")
    return Query(text=_text(values, "text", where=where), relevant=frozenset(relevant), where=where)


def _text(values: dict[str, Any], key: str, *, where: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(f"{where}: {key!r} must be a text that is not empty")
    return value


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs of ``file:line`` and the row."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"{path}: cannot be read: {exc}") from exc
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            values = json.loads(line)
        except ValueError as exc:
            raise InvalidRequest(f"{where}: is not JSON: {exc}") from exc
        if not isinstance(values, dict):
            raise InvalidRequest(f"{where}: must be a JSON object")
        yield where, values
