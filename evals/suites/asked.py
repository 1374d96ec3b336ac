"""The pack's questions to its own search: what is found, what is declined, and what should have been (R4.4)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk.domain.passages import Passage
from desk.policies.models import PolicySet
from evals.contexts import covering, holding, sections_of
from evals.ragas_metrics import ContextMetrics
from evals.ranking import Ranked, failure, ranked, ranking_scores
from evals.result import Histogram, Lines, Plot, Scores
from evals.searching import Routing
from evals.suites.questions import PARTS, Part, Question, as_said, asked_for
from retrieval.search import Retriever

TURN = 6
"""Passages a turn reads."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question, searched as a turn would, and without the areas a turn knows."""

    question: Question
    turn: Ranked
    alone: Ranked

    @property
    def passages(self) -> list[Passage]:
        """What a turn reads."""
        return self.turn.passages[:TURN]


async def asked(retriever: Retriever, question: Question, *, routing: Routing, now: datetime) -> Asked:
    text = asked_for(question)

    async def search(areas: Sequence[str]) -> Ranked:
        return await ranked(
            retriever,
            text,
            row=question.id,
            relevant=question.relevant,
            areas=areas,
            shown_as=as_said(question),
            now=now,
        )

    return Asked(question=question, turn=await search(routing.areas(text)), alone=await search(()))


def fitted_scores(rows: Sequence[Ranked]) -> Scores:
    """The questions the score is fitted on; ``answered`` and ``wrongly_answered`` are the threshold's work."""
    return ranking_scores(rows) | {
        "answered": {row.id: float(row.confident) for row in rows if row.relevant},
        "wrongly_answered": {row.id: float(row.confident) for row in rows if not row.relevant},
    }


def question_scores(answers: Sequence[Asked]) -> Scores:
    """The figures of each half of the questions, its name before them."""
    return {
        f"{part}.{figure}": rows
        for part in PARTS
        for figure, rows in _half([one for one in answers if one.question.part == part]).items()
    }


async def context_scores(policies: PolicySet, answers: Sequence[Asked]) -> Scores:
    """RAGAS' context precision and recall of the passages a turn reads, for the answerable questions."""
    metrics = ContextMetrics()
    scores: Scores = {f"{part}.{name}": {} for part in PARTS for name in ("context_precision", "context_recall")}
    for one in answers:
        question = one.question
        if question.kind != "answerable":
            continue
        retrieved = [passage["text"] for passage in one.passages]
        sections = sections_of(policies, question.relevant)
        precision = await metrics.precision(retrieved, reference=holding(question, sections))
        recall = await metrics.recall(retrieved, reference=covering(question, sections, retrieved=one.passages))
        scores[f"{question.part}.context_precision"][question.id] = precision
        scores[f"{question.part}.context_recall"][question.id] = recall
    return scores


def _half(answers: Sequence[Asked]) -> Scores:
    of = {
        kind: [one for one in answers if one.question.kind == kind]
        for kind in ("answerable", "unanswerable", "follow_up", "new_subject")
    }
    return {
        **ranking_scores(one.turn for one in of["answerable"]),
        "recall_at_5_alone": {one.alone.id: one.alone.recall(5) for one in of["answerable"]},
        "answerable_declined": {one.turn.id: float(not one.turn.confident) for one in of["answerable"]},
        "unanswerable_declined": {one.turn.id: float(not one.turn.confident) for one in of["unanswerable"]},
        "follow_ups_found": {one.turn.id: _found(one.turn) for one in of["follow_up"]},
        "new_subjects_found": {one.turn.id: _found(one.turn) for one in of["new_subject"]},
    }


def _found(row: Ranked) -> float:
    """Recall@5 of what is answered; a row nothing answers is right when it is declined."""
    return row.recall(5) * row.confident if row.relevant else float(not row.confident)


def declined(rows: Iterable[Ranked]) -> list[dict[str, Any]]:
    """Failures: found and yet declined, the least sure first."""
    wrong = [row for row in rows if row.relevant and not row.confident and row.recall(5)]
    return [failure(row, wrong="declined") for row in sorted(wrong, key=lambda row: row.best)]


def wrongly_answered(rows: Iterable[Ranked]) -> list[dict[str, Any]]:
    """Failures: nothing answers it and the product would, the surest first."""
    wrong = [row for row in rows if not row.relevant and row.confident]
    return [failure(row, wrong="not declined") for row in sorted(wrong, key=lambda row: -row.best)]


def plots(answers: Sequence[Asked], *, threshold: float) -> list[Plot]:
    answerable = [one for one in answers if one.question.kind == "answerable"]
    unanswerable = [one for one in answers if one.question.kind == "unanswerable"]
    return [
        _depths(answerable),
        Histogram(
            kind="histogram",
            title="How sure the search is of its best passage",
            axis="score of the best passage",
            groups={
                "answerable": [one.turn.best for one in answerable],
                "unanswerable": [one.turn.best for one in unanswerable],
            },
            line=threshold,
        ),
        _trade(answerable, unanswerable, threshold=threshold),
    ]


def _depths(answerable: Sequence[Asked]) -> Lines:
    ways: dict[str, Callable[[Asked], Ranked]] = {
        "in a turn": lambda one: one.turn,
        "search alone": lambda one: one.alone,
    }
    halves: dict[Part, list[Asked]] = {part: [one for one in answerable if one.question.part == part] for part in PARTS}
    return Lines(
        kind="lines",
        title="Recall of the answerable questions",
        axes=("articles looked at", "recall"),
        groups={
            f"{way}, {part}": [
                (depth, sum(row(one).recall(depth) for one in half) / len(half)) for depth in range(1, 11)
            ]
            for way, row in ways.items()
            for part, half in halves.items()
            if half
        },
        marks={},
    )


def _trade(answerable: Sequence[Asked], unanswerable: Sequence[Asked], *, threshold: float) -> Lines:
    """What every other threshold would decline."""

    def at(line: float) -> tuple[float, float]:
        return _below(answerable, line), _below(unanswerable, line)

    lines = [0.0, *sorted({one.turn.best for one in (*answerable, *unanswerable)}), 1.01]
    return Lines(
        kind="lines",
        title="What another threshold would decline",
        axes=("answerable declined", "unanswerable declined"),
        groups={"threshold from 0 to 1": [at(line) for line in lines]},
        marks={f"now: {threshold:g}": at(threshold)},
    )


def _below(answers: Sequence[Asked], line: float) -> float:
    return sum(one.turn.best < line for one in answers) / max(1, len(answers))
