"""Answers suite: what a customer reads when the offline engine answers from the pack's own articles (R10.1, R10.2).

Two files. ``answers_pack.jsonl``: what a right answer holds (``must``, regular expressions), what it must not hold
(``must_not``) and which article it stands on (``article``, alternatives joined by ``|``); ``intent`` gives the areas.
``questions_pack.jsonl``: the questions of the retrieval suite, searched as in a turn, with a reference answer
to compare with. A judge model, where one is configured, reads a part of those as well.
"""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desk.domain import clock
from desk.policies.models import PolicySet
from evals.grounding import is_grounded
from evals.progress import Progress, silent
from evals.ragas_metrics import AnswerMetrics, ProductEmbeddings
from evals.result import Histogram, Scores, SuiteResult, means, mixed
from evals.searching import Build, Routing, pack_search
from evals.suites.answering import Answer, Row, answer_question, answer_row, failure, read_rows
from evals.suites.questions import PARTS, QUESTIONS, Question, read_questions
from retrieval.search import build_retriever

if TYPE_CHECKING:
    from evals.ragas_judge import Judge, Judgement

PACK_ROWS = Path(__file__).parents[1] / "data" / "answers_pack.jsonl"
JUDGE_ROWS = 50
"""Answers a judge reads: a dozen calls each."""
NAMES = {
    "answerable": "right",
    "unanswerable": "unanswerable_declined",
    "follow_up": "follow_ups_right",
    "new_subject": "new_subjects_right",
}
"""The figure of each kind of question; an unanswerable one is right when nothing is said."""


def run_pack(
    policies: PolicySet,
    *,
    rows: Path = PACK_ROWS,
    questions: Path = QUESTIONS,
    build: Build = build_retriever,
    judge: "Judge | None" = None,
    judge_rows: int = JUDGE_ROWS,
    progress: Progress = silent,
) -> SuiteResult:
    """Measures the pack; docs/evals.md says what each figure is. Raises ``InvalidRequest`` naming a bad row."""
    fixed, asked = read_rows(rows, policies=policies), read_questions(questions, policies=policies)
    return asyncio.run(_run(policies, fixed, asked, build=build, judge=judge, judge_rows=judge_rows, progress=progress))


async def _run(
    policies: PolicySet,
    rows: Sequence[Row],
    questions: Sequence[Question],
    *,
    build: Build,
    judge: "Judge | None",
    judge_rows: int,
    progress: Progress,
) -> SuiteResult:
    now = clock.now()
    routing = Routing(policies)
    fixed: list[Answer] = []
    asked: list[Answer] = []
    async with pack_search(policies, build=build) as retriever:
        with progress("answers", total=len(rows) + len(questions)) as step:
            started = time.perf_counter()
            for row in rows:
                fixed.append(await answer_row(retriever, row, areas=policies.intents[row.intent].areas, now=now))
                step(1)
            seconds = time.perf_counter() - started
            for question in questions:
                asked.append(await answer_question(retriever, question, routing=routing, now=now))
                step(1)
        embeddings = ProductEmbeddings(retriever.embedding)
        likeness = await _likeness(asked, embeddings)
        judgement = await _judged(asked, judge=judge, rows=judge_rows, embeddings=embeddings, progress=progress)
    return _result(fixed, asked, likeness=likeness, judgement=judgement, ms=1000 * seconds / max(1, len(rows)))


def _result(
    fixed: Sequence[Answer],
    asked: Sequence[Answer],
    *,
    likeness: Scores,
    judgement: "Judgement | None",
    ms: float,
) -> SuiteResult:
    said = [answer for answer in fixed if answer.parts]
    scores = _scores(fixed, asked) | likeness
    result = SuiteResult(
        suite="answers",
        engine="offline",
        rows=len(fixed) + len(asked),
        figures={},
        failures=_failures(fixed, asked),
        scores=scores,
        plots=[_plot(likeness)],
    )
    if judgement is not None:
        scores |= judgement.scores
        result["not_judged"] = judgement.not_judged
        result["figures"]["judge_not_judged"] = len(judgement.not_judged) / max(1, judgement.rows)
    result["figures"] |= {
        **means(scores),
        "mean_sentences": sum(len(answer.parts) for answer in said) / max(1, len(said)),
        "mean_characters": sum(len(answer.text) for answer in said) / max(1, len(said)),
        "ms_per_answer": ms,
    }
    return result


def _scores(fixed: Sequence[Answer], asked: Sequence[Answer]) -> Scores:
    scores: Scores = {
        "right": {answer.row: float(not answer.wrong) for answer in fixed},
        "answered": {answer.row: float(bool(answer.parts)) for answer in fixed},
        "undisputed": {answer.row: float(not answer.disputed) for answer in (*fixed, *asked) if answer.confident},
        "grounded": {
            answer.row: float(is_grounded(answer.parts, passages=answer.passages))
            for answer in (*fixed, *asked)
            if answer.parts
        },
    }
    for answer in asked:
        assert answer.question is not None
        figure = f"{answer.question.part}.{NAMES[answer.question.kind]}"
        scores.setdefault(figure, {})[answer.row] = float(not answer.wrong)
    return scores


async def _likeness(asked: Sequence[Answer], embeddings: ProductEmbeddings) -> Scores:
    """RAGAS' string and semantic similarity to the reference, of what was answered."""
    compared = [
        (answer, question)
        for answer in asked
        if answer.parts and (question := answer.question) is not None and question.reference
    ]
    await embeddings.prepare([text for answer, question in compared for text in (answer.text, question.reference)])
    metrics = AnswerMetrics(embeddings)
    scores: Scores = {f"{part}.{name}": {} for part in PARTS for name in ("string_similarity", "semantic_similarity")}
    for answer, question in compared:
        string = await metrics.string_similarity(answer.text, reference=question.reference)
        semantic = await metrics.semantic_similarity(answer.text, reference=question.reference)
        scores[f"{question.part}.string_similarity"][answer.row] = string
        scores[f"{question.part}.semantic_similarity"][answer.row] = semantic
    return scores


async def _judged(
    asked: Sequence[Answer],
    *,
    judge: "Judge | None",
    rows: int,
    embeddings: ProductEmbeddings,
    progress: Progress,
) -> "Judgement | None":
    """What the judge makes of some of the answers: the same rows in every run, as long as they are answered."""
    if judge is None:
        return None
    from evals.ragas_judge import JudgedRow, judged

    readable = [
        JudgedRow(
            id=answer.row,
            question=answer.asked,
            answer=answer.text,
            reference=answer.question.reference,
            contexts=tuple(passage["text"] for passage in answer.passages),
        )
        for answer in asked
        if answer.parts and answer.question is not None and answer.question.reference
    ]
    readable.sort(key=lambda row: hashlib.sha256(row.id.encode()).digest())
    try:
        return await judged(readable[:rows], judge=judge, embeddings=embeddings, progress=progress)
    finally:
        await judge.aclose()


def _failures(fixed: Sequence[Answer], asked: Sequence[Answer]) -> list[dict[str, Any]]:
    """What was said wrongly, what was not said, and what nothing answers; in turn."""
    wrong = sorted((answer for answer in (*fixed, *asked) if answer.wrong), key=lambda answer: -len(answer.wrong))
    unanswerable = [answer for answer in wrong if answer.question is not None and not answer.question.relevant]
    answerable = [answer for answer in wrong if answer not in unanswerable]
    return mixed(
        [failure(answer) for answer in answerable if answer.parts],
        [failure(answer) for answer in answerable if not answer.parts],
        [failure(answer) for answer in unanswerable],
    )


def _plot(likeness: Scores) -> Histogram:
    return Histogram(
        kind="histogram",
        title="How near the answers are to the references",
        axis="similarity",
        groups={
            name: [
                value
                for figure, rows in likeness.items()
                if figure.endswith(name.replace(" ", "_"))
                for value in rows.values()
            ]
            for name in ("string similarity", "semantic similarity")
        },
        line=None,
    )
