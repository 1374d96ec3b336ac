"""Retrieval suite on files: what the product's own search finds in any corpus (R10.1, R4.4)."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from desk.domain.errors import InvalidRequest
from evals.ranking import not_found, ranked, ranking_scores
from evals.result import SuiteResult, means, mixed, row_id
from evals.searching import corpus_search
from evals.suites.rows import rows_of, text_of
from retrieval.chunking import Chunk, sections

PACK_QUESTIONS = Path(__file__).parents[1] / "data" / "retrieval_pack.jsonl"
RELEVANT_FIELDS = ("relevant", "required_documents")
"""The second is the name in tau-bench's files."""


@dataclass(frozen=True, kw_only=True)
class Query:
    id: str
    text: str
    relevant: frozenset[str]
    where: str
    """``file:line``."""


def run(*, corpus: Path, queries: Path) -> SuiteResult:
    """Recall@1/5/10, nDCG@10, ms per query, seconds to index. Raises ``InvalidRequest`` naming file and line."""
    documents: dict[str, list[Chunk]] = {}
    for where, row in rows_of(corpus):
        name = text_of(row, "id", where=where)
        if name in documents:
            raise InvalidRequest(f"{where}: there is another document {name!r}")
        documents[name] = _document(row, where=where)
    asked = read_queries(queries)
    for query in asked:
        if missing := query.relevant - documents.keys():
            raise InvalidRequest(f"{query.where}: relevant document {min(missing)!r} is not in {corpus.name}")
    return asyncio.run(_run([chunk for document in documents.values() for chunk in document], asked))


def read_queries(path: Path) -> list[Query]:
    """The rows of a file of queries. Raises ``InvalidRequest`` naming file and line."""
    return [_query(values, where=where) for where, values in rows_of(path)]


async def _run(chunks: Sequence[Chunk], queries: Sequence[Query]) -> SuiteResult:
    now = datetime(2000, 1, 2, tzinfo=UTC)
    started = time.perf_counter()
    async with corpus_search(chunks) as retriever:
        indexed = time.perf_counter()
        rows = [
            await ranked(retriever, query.text, row=Path(query.where).name, relevant=query.relevant, now=now)
            for query in queries
        ]
        ended = time.perf_counter()
    scores = ranking_scores(rows)
    return SuiteResult(
        suite="retrieval",
        engine="offline",
        rows=len(rows),
        figures=spent(started, indexed, ended, rows=len(rows), chunks=len(chunks)) | means(scores),
        failures=mixed(not_found(rows)),
        scores=scores,
    )


def spent(started: float, indexed: float, ended: float, *, rows: int, chunks: int) -> dict[str, float]:
    """The figures that are no quality: they are shown and have no threshold."""
    return {
        "ms_per_query": 1000 * (ended - indexed) / max(1, rows),
        "seconds_to_index": indexed - started,
        "chunks": float(chunks),
    }


def _document(values: dict[str, Any], *, where: str) -> list[Chunk]:
    name, title, content = (text_of(values, key, where=where) for key in ("id", "title", "content"))
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


def _query(values: dict[str, Any], *, where: str) -> Query:
    relevant = next((values[name] for name in RELEVANT_FIELDS if name in values), None)
    if not isinstance(relevant, list) or not all(isinstance(item, str) for item in relevant):
        raise InvalidRequest(f"{where}: 'relevant' must be a list of document ids")
    text = text_of(values, "text", where=where)
    return Query(id=row_id(values), text=text, relevant=frozenset(relevant), where=where)
