"""Retrieval suite: what the product's own search finds, on any corpus or on a pack (R10.1, R4.4).

``run`` measures files in the format of the contract, ``run_pack`` a pack's own rows.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from desk.domain import clock
from desk.domain.errors import InvalidRequest
from desk.policies.models import PolicySet
from evals.ranking import not_found, ranked, ranking_scores
from evals.result import SuiteResult, means, mixed, row_id, unique
from evals.searching import Build, Routing, corpus_search, pack_search
from evals.suites.pack_retrieval import Asked, asked, declined, fitted_scores, plots, question_scores, wrongly_answered
from evals.suites.questions import QUESTIONS, read_questions
from evals.suites.rows import rows_of, text_of
from retrieval.chunking import Chunk, sections
from retrieval.search import build_retriever

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


def run_pack(
    policies: PolicySet, *, build: Build = build_retriever, step: Callable[[int], None] = lambda rows: None
) -> SuiteResult:
    """The pack's own rows; docs/evals.md says what each figure is. ``step`` is called as rows are done."""
    return asyncio.run(_run_pack(policies, build=build, step=step))


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
        figures=_costs(started, indexed, ended, rows=len(rows), chunks=len(chunks)) | means(scores),
        failures=mixed(not_found(rows)),
        scores=scores,
    )


async def _run_pack(policies: PolicySet, *, build: Build, step: Callable[[int], None]) -> SuiteResult:
    now = clock.now()
    queries, questions = read_queries(PACK_QUESTIONS), read_questions(QUESTIONS, policies=policies)
    unique([query.id for query in queries], of=PACK_QUESTIONS.name)
    routing = Routing(policies)
    started = time.perf_counter()
    async with pack_search(policies, build=build) as retriever:
        indexed = time.perf_counter()
        rows = []
        for query in queries:
            rows.append(await ranked(retriever, query.text, row=query.id, relevant=query.relevant, now=now))
            step(1)
        ended = time.perf_counter()
        answers: list[Asked] = []
        for question in questions:
            answers.append(await asked(retriever, question, routing=routing, now=now))
            step(1)
        costs = _costs(started, indexed, ended, rows=len(rows), chunks=len(retriever.chunks))
        threshold = retriever.threshold
    scores = fitted_scores(rows) | question_scores(answers)
    turns = [*rows, *(answer.turn for answer in answers)]
    return SuiteResult(
        suite="retrieval",
        engine="offline",
        rows=len(turns),
        figures=costs | means(scores),
        failures=mixed(not_found(turns), declined(turns), wrongly_answered(turns)),
        scores=scores,
        plots=plots(answers, threshold=threshold),
    )


def _costs(started: float, indexed: float, ended: float, *, rows: int, chunks: int) -> dict[str, float]:
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
