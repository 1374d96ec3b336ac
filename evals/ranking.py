"""One search and how well its ranking answers: recall, discounted gain, and what is told when it went wrong."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk.domain.passages import Passage
from evals.result import Scores
from retrieval.search import Retriever

PASSAGES = 60
"""Passages read for each query; ten documents need at most so many in practice."""
DEPTHS = (1, 5, 10)
SHOWN = 3
"""Passages a failure shows."""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A query, what answers it (nothing: unanswerable), and what the search gave, best first."""

    id: str
    text: str
    relevant: frozenset[str]
    documents: list[str]
    passages: list[Passage]
    best: float
    confident: bool
    """The product would answer; else it says that it does not know."""

    def recall(self, depth: int) -> float:
        """Share of the relevant documents among the first ones."""
        return len(self.relevant & set(self.documents[:depth])) / len(self.relevant)

    @property
    def ndcg(self) -> float:
        """Normalised discounted cumulative gain at 10."""
        gained = [1 / math.log2(place + 2) for place, name in enumerate(self.documents[:10]) if name in self.relevant]
        return sum(gained) / sum(1 / math.log2(place + 2) for place in range(min(10, len(self.relevant))))


async def ranked(
    retriever: Retriever,
    text: str,
    *,
    row: str,
    relevant: frozenset[str],
    areas: Sequence[str] = (),
    shown_as: str = "",
    now: datetime,
) -> Ranked:
    """The row after one search for ``text``; ``shown_as`` is how a failure tells it when that is something else."""
    found = await retriever.search(text, areas=areas, channel="web", limit=PASSAGES, now=now)
    return Ranked(
        id=row,
        text=shown_as or text,
        relevant=relevant,
        documents=list(dict.fromkeys(passage["article"] for passage in found.passages)),
        passages=found.passages,
        best=found.best,
        confident=found.confident,
    )


def ranking_scores(rows: Iterable[Ranked]) -> Scores:
    """Recall at each depth and nDCG@10 of the rows that something answers."""
    answerable = [row for row in rows if row.relevant]
    scores = {f"recall_at_{depth}": {row.id: row.recall(depth) for row in answerable} for depth in DEPTHS}
    return scores | {"ndcg_at_10": {row.id: row.ndcg for row in answerable}}


def not_found(rows: Iterable[Ranked]) -> list[dict[str, Any]]:
    """Failures: rows with a relevant document that is not among the first ten, the worst first."""
    missed = [row for row in rows if row.relevant and row.recall(10) < 1]
    return [failure(row, wrong="not found") for row in sorted(missed, key=lambda row: (row.recall(10), row.ndcg))]


def failure(row: Ranked, *, wrong: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "wrong": wrong,
        "text": row.text[:300],
        "relevant": sorted(row.relevant),
        "missed": sorted(row.relevant - set(row.documents[:10])),
        "found": row.documents[:10],
        "best": round(row.best, 3),
        "passages": [shown(passage) for passage in row.passages[:SHOWN]],
    }


def shown(passage: Passage) -> dict[str, Any]:
    """A passage as a failure shows it."""
    return {"chunk": passage["chunk_id"], "score": round(passage["score"], 3), "text": passage["text"][:400]}
