"""Fits the score of a passage: the numbers in ``retrieval/search.py``.

``python -m evals.suites.retrieval_fit packs/retail`` prints them, with the error of calibration over ten folds of
questions. One row for each question: its best-ranked passage, right when its article is a relevant one.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.policies.loader import load_pack
from desk.policies.models import PolicySet
from evals.suites.retrieval import PACK_QUESTIONS, read_queries
from retrieval.chunking import chunk_article
from retrieval.embeddings import LocalEmbedding
from retrieval.index import in_context
from retrieval.lexical import LexicalIndex
from retrieval.order import SectionOrder
from retrieval.search import HYBRID, WORDS_ALONE, Fusion, corpus_of
from retrieval.spelling import Spelling

Floats = NDArray[np.float64]
FOLDS = 10
BINS = 10


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A logistic function of cosine (or relevance) and coverage."""

    bias: float
    weights: tuple[float, ...]
    right: float
    """Share of all questions, answerable or not, whose best passage is of a relevant article."""
    calibration_error: float
    brier: float


def fit(policies: PolicySet, *, questions: Path = PACK_QUESTIONS) -> dict[str, Fit]:
    """The fits with the vector index (cosine, coverage) and without it (relevance, coverage)."""
    asked = read_queries(questions)
    chunks = [chunk for article in policies.articles.values() for chunk in chunk_article(article)]
    corpus = corpus_of(policies, chunks)
    embedding = LocalEmbedding.fitted(corpus)
    documents = asyncio.run(embedding.embed_documents([chunk.headed for chunk in chunks]))
    placed = in_context(documents, articles=[chunk.article for chunk in chunks])
    index, order, spelling = LexicalIndex(chunks), SectionOrder(chunks), Spelling(corpus)
    rows: dict[str, list[list[float]]] = {"hybrid": [], "words_alone": []}
    right: dict[str, list[bool]] = {"hybrid": [], "words_alone": []}
    for query in asked:
        text = spelling.mended(query.text)
        cosine = np.asarray(placed @ asyncio.run(embedding.embed_queries([text]))[0], dtype=np.float64)
        words = index.score(text)
        gains = order.gains(text, words)
        kinds: list[tuple[str, Fusion, Floats]] = [
            ("hybrid", HYBRID, cosine),
            ("words_alone", WORDS_ALONE, words.relevance),
        ]
        for kind, fusion, main in kinds:
            best = int(np.argmax(fusion.rank(cosine=cosine, relevance=words.relevance, gains=gains)))
            rows[kind].append([float(main[best]), float(words.coverage[best])])
            right[kind].append(chunks[best].article in query.relevant)
    return {kind: _logistic(np.array(rows[kind]), np.array(right[kind])) for kind in rows}


def _logistic(features: Floats, right: NDArray[np.bool_]) -> Fit:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict

    model: Any = LogisticRegression(C=100, max_iter=2000)
    folds = KFold(FOLDS, shuffle=True, random_state=1)
    predicted = cross_val_predict(model, features, right, cv=folds, method="predict_proba")[:, 1]
    model.fit(features, right)
    return Fit(
        bias=round(float(model.intercept_[0]), 2),
        weights=tuple(round(float(weight), 2) for weight in model.coef_[0]),
        calibration_error=round(_calibration_error(predicted, right), 3),
        right=round(float(np.mean(right)), 3),
        brier=round(float(np.mean((predicted - right) ** 2)), 3),
    )


def _calibration_error(predicted: Floats, right: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins of equal width."""
    bins = np.minimum((predicted * BINS).astype(int), BINS - 1)
    gaps = [abs(predicted[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in set(bins)]
    return float(sum(gaps))


if __name__ == "__main__":
    fits = fit(load_pack(Path(sys.argv[1])))
    sys.stdout.write(json.dumps({kind: asdict(found) for kind, found in fits.items()}, indent=2) + "\n")
