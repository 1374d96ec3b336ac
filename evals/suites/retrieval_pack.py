"""Retrieval suite on a pack: its own questions, its filters and its chunks (R10.1, R4.3, R4.4)."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from desk.domain import clock
from desk.policies.models import PolicySet
from evals.progress import Progress, silent
from evals.ranking import Ranked, not_found, ranked
from evals.result import SuiteResult, means, mixed, unique
from evals.searching import Build, Routing, pack_search
from evals.suites.asked import (
    Asked,
    asked,
    context_scores,
    declined,
    fitted_scores,
    plots,
    question_scores,
    wrongly_answered,
)
from evals.suites.chunks import table_scores
from evals.suites.filters import filter_scores
from evals.suites.questions import QUESTIONS, Question, read_questions
from evals.suites.retrieval import PACK_QUESTIONS, Query, read_queries, spent
from retrieval.search import build_retriever


def run_pack(
    policies: PolicySet,
    *,
    rows: Path = PACK_QUESTIONS,
    questions: Path = QUESTIONS,
    build: Build = build_retriever,
    progress: Progress = silent,
) -> SuiteResult:
    """Measures the pack; docs/evals.md says what each figure is. ``build`` makes the search that is measured."""
    fitted, asked = read_queries(rows), read_questions(questions, policies=policies)
    unique([query.id for query in fitted], of=rows.name)
    return asyncio.run(_run(policies, fitted, asked, build=build, progress=progress))


async def _run(
    policies: PolicySet, queries: Sequence[Query], questions: Sequence[Question], *, build: Build, progress: Progress
) -> SuiteResult:
    now = clock.now()
    routing = Routing(policies)
    rows: list[Ranked] = []
    answers: list[Asked] = []
    started = time.perf_counter()
    async with pack_search(policies, build=build) as retriever:
        indexed = time.perf_counter()
        with progress("retrieval", total=len(queries) + len(questions)) as step:
            for query in queries:
                rows.append(await ranked(retriever, query.text, row=query.id, relevant=query.relevant, now=now))
                step(1)
            ended = time.perf_counter()
            for question in questions:
                answers.append(await asked(retriever, question, routing=routing, now=now))
                step(1)
    scores = {
        **fitted_scores(rows),
        **question_scores(answers),
        **await context_scores(policies, answers),
        **await filter_scores(policies, build=build, now=now),
        **table_scores(policies, retriever.chunks),
    }
    turns = [*rows, *(answer.turn for answer in answers)]
    costs = spent(started, indexed, ended, rows=len(rows), chunks=len(retriever.chunks))
    return SuiteResult(
        suite="retrieval",
        engine="offline",
        rows=len(turns),
        figures=costs | means(scores),
        failures=mixed(not_found(turns), declined(turns), wrongly_answered(turns)),
        scores=scores,
        plots=plots(answers, threshold=retriever.threshold),
    )
