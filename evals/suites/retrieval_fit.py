"""Fits the score of a passage: the numbers in ``retrieval/search.py``.

``python -m evals.suites.retrieval_fit packs/retail`` prints them, with the error of calibration over ten folds of
questions. One row for each question that may be tuned on: its best-ranked passage as in a turn, right when its
article is a relevant one.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.policies.loader import load_pack
from desk.policies.models import PolicySet
from evals.searching import Routing
from evals.suites.questions import QUESTIONS, read_questions
from evals.suites.retrieval import PACK_QUESTIONS, read_queries
from retrieval.chunking import Chunk, chunk_article
from retrieval.embeddings import Embedding, LocalEmbedding, SentenceEmbedding
from retrieval.index import in_context, surroundings
from retrieval.lexical import LexicalIndex
from retrieval.order import SectionOrder
from retrieval.search import FUSIONS, corpus_of
from retrieval.sentence_model import sentence_model
from retrieval.spelling import Spelling

Floats = NDArray[np.float64]
FOLDS = 10
BINS = 10


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A logistic function of cosine (without vectors: relevance), coverage and area."""

    bias: float
    weights: tuple[float, ...]
    right: float
    """Share of all questions, answerable or not, whose best passage is of a relevant article."""
    calibration_error: float
    brier: float


def fit(policies: PolicySet) -> dict[str, Fit]:
    """The fit of each of ``FUSIONS``."""
    chunks = [chunk for article in policies.articles.values() for chunk in chunk_article(article)]
    corpus = corpus_of(policies, chunks)
    asked = tuned_on(policies)
    routing, spelling = Routing(policies), Spelling(corpus)
    texts = [spelling.mended(text) for text, _ in asked]
    areas = [routing.areas(text) for text, _ in asked]
    relevant = [articles for _, articles in asked]
    local = _cosines(LocalEmbedding.fitted(corpus), chunks, texts)
    language = _cosines(SentenceEmbedding(sentence_model()), chunks, texts)
    return {
        "language": _fitted("language", chunks, texts, areas, relevant, cosines=language),
        "corpus": _fitted("corpus", chunks, texts, areas, relevant, cosines=local),
        "words": _fitted("words", chunks, texts, areas, relevant, cosines=np.zeros_like(local)),
    }


def tuned_on(policies: PolicySet) -> list[tuple[str, frozenset[str]]]:
    """Questions with the articles that answer them: all that may be tuned on."""
    rows = [(query.text, query.relevant) for query in read_queries(PACK_QUESTIONS)]
    return rows + [
        (question.text, question.relevant)
        for question in read_questions(QUESTIONS, policies=policies)
        if question.part == "tune" and not question.before
    ]


def _cosines(embedding: Embedding, chunks: Sequence[Chunk], texts: Sequence[str]) -> Floats:
    """One row for each text."""
    documents = asyncio.run(embedding.embed_documents([chunk.headed for chunk in chunks]))
    placed = in_context(documents, around=surroundings(chunks))
    return np.asarray(asyncio.run(embedding.embed_queries(texts)) @ placed.T, dtype=np.float64)


def _fitted(
    kind: Any,
    chunks: Sequence[Chunk],
    texts: Sequence[str],
    areas: Sequence[Sequence[str]],
    relevant: Sequence[frozenset[str]],
    *,
    cosines: Floats,
) -> Fit:
    index, order, fusion = LexicalIndex(chunks), SectionOrder(chunks), FUSIONS[kind]
    rows, right = [], []
    for text, named, articles, cosine in zip(texts, areas, relevant, cosines, strict=True):
        words = index.score(text)
        of_area = np.array([chunk.area in named for chunk in chunks])
        gains = order.gains(text, words)
        ranks = fusion.rank(
            cosine=cosine, relevance=words.relevance, gains=gains, area=of_area, length=len(text.split())
        )
        best = int(np.argmax(ranks))
        main = words.relevance if kind == "words" else cosine
        rows.append([float(main[best]), float(words.coverage[best]), float(of_area[best])])
        right.append(chunks[best].article in articles)
    return _logistic(np.array(rows), np.array(right))


def _logistic(features: Floats, right: NDArray[np.bool_]) -> Fit:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict

    model: Any = LogisticRegression(C=100, max_iter=5000)
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
