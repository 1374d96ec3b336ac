"""What a classifier would have said about training texts it had not seen, alone or with their whole class.

Texts left out teach how sure to be; classes left out show what texts out of scope look like, without having any.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from desk.language.features import TextFeatures
from desk.language.linear import Labels, LinearScores, Matrix, Vector, train_linear

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FOLDS = 5
ENOUGH_TEXTS = 1000
"""Texts left out after which the folds that remain are not rehearsed: a few numbers are learned from them."""
COPY_SIMILARITY = 0.7
"""Texts of one class at least so similar are variations of one sentence …"""
CUSTOMER_SIMILARITY = 0.6
"""… where examples differ as customers' messages do: these are 0.43 to 0.61 from the nearest example in public sets."""
COPY_BREADTH = 0.75


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What decisions about texts are made of, a row for each text."""

    scores: Matrix
    """Shape (texts, classes)."""
    nearest: Vector
    """Similarity (0..1) of the nearest training text."""
    coverage: Vector
    """Share (0..1) of a text said in words that were taught."""
    y: Labels
    """The right class; for a class left out, the one left out."""


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """Trains on part of the examples and listens to the rest."""

    features: TextFeatures
    rows: "csr_array[np.float32]"
    y: Labels
    classes: int

    def without_texts(self) -> Evidence | None:
        """Texts left out together with their near copies in the same class; nothing if no class has two.

        Examples are often variations of one sentence; a text left out alone would be recognised by its copies, and the
        confidence learned from that would be too high for customers' own wording.
        """
        evidence = self._evidence(self._text_folds())
        if evidence is None:
            return None
        # A class that was left out with its text says nothing about confidence.
        told = np.isfinite(evidence.scores[np.arange(len(evidence.y)), evidence.y])
        return _select(evidence, told) if told.any() else None

    def without_classes(self) -> Evidence | None:
        """Texts whose whole class was left out; nothing with fewer than three classes."""
        # Neighbours in the sorted names are kin (refund_request, refund_status): one of them stays.
        return self._evidence(self.y % FOLDS)

    def _evidence(self, folds: NDArray[np.int64]) -> Evidence | None:
        found: list[Evidence] = []
        for fold in range(FOLDS):
            left_out, kept = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
            if len(left_out) and len(np.unique(self.y[kept])) > 1:
                found.append(self._listen(left_out, kept))
            if sum(len(evidence.y) for evidence in found) >= ENOUGH_TEXTS:
                break
        return _joined(found) if found else None

    def _listen(self, left_out: NDArray[np.int64], kept: NDArray[np.int64]) -> Evidence:
        taught = self.rows[kept]
        seen = self.features.columns_of(taught)
        scores = train_linear(taught, self.y[kept], classes=self.classes)
        heard = self.features.forgetting(self.rows[left_out], seen=seen)
        return Evidence(
            scores=scores.of_rows(heard), nearest=nearest_similarity(heard, taught),
            coverage=self.features.coverage_of_rows(self.rows[left_out], seen=seen), y=self.y[left_out],
        )  # fmt: skip

    def _text_folds(self) -> NDArray[np.int64]:
        """The fold of each text: copies together, every class spread evenly."""
        similar = [self._similarity_within(np.flatnonzero(self.y == label)) for label in range(self.classes)]
        nearest = np.concatenate([block.max(axis=1, initial=0) for block in similar])
        # The more the examples are copies of one another, the more broadly a copy is told.
        excess = max(0.0, float(nearest.mean()) - CUSTOMER_SIMILARITY)
        least = COPY_SIMILARITY - COPY_BREADTH * excess
        folds = np.zeros(len(self.y), dtype=np.int64)
        for label, block in enumerate(similar):
            rows = np.flatnonzero(self.y == label)
            filled = np.zeros(FOLDS)
            for copies in _copies(block, least=least):
                # Small classes must not all begin with the same fold.
                order = np.roll(np.arange(FOLDS), -label)
                fold = order[int(filled[order].argmin())]
                folds[rows[copies]] = fold
                filled[fold] += len(copies)
        return folds

    def _similarity_within(self, numbers: NDArray[np.int64]) -> Matrix:
        rows = self.rows[numbers]
        similarity: Matrix = (rows @ rows.T).toarray()
        np.fill_diagonal(similarity, 0)
        return similarity


def evidence_of(
    texts: Sequence[str], *, features: TextFeatures, rows: "csr_array[np.float32]", scores: LinearScores
) -> Evidence:
    """What a classifier trained on ``rows`` says about texts it was never to know."""
    asked = features.matrix(texts)
    return Evidence(
        scores=scores.of_rows(asked), nearest=nearest_similarity(asked, rows),
        coverage=np.asarray([features.coverage(text) for text in texts], dtype=np.float32),
        y=np.full(len(texts), -1),
    )  # fmt: skip


def nearest_similarity(asked: "csr_array[np.float32]", taught: "csr_array[np.float32]") -> Vector:
    """Shape (asked,): similarity of the nearest row of ``taught``."""
    step = 500  # Bounds the memory of the product, which is dense in all but name.
    parts = [(asked[start : start + step] @ taught.T).max(axis=1).toarray() for start in range(0, asked.shape[0], step)]
    return np.concatenate(parts).ravel().astype(np.float32)


def _copies(similarity: Matrix, *, least: float) -> Iterator[NDArray[np.int64]]:
    """Chains of texts each at least so similar to the next, the longest first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    alike = np.argwhere(similarity >= least)
    graph = coo_array((np.ones(len(alike)), (alike[:, 0], alike[:, 1])), shape=similarity.shape)
    _, chains = connected_components(graph, directed=False)
    sizes = np.bincount(chains)
    for chain in np.argsort(-sizes, kind="stable"):
        yield np.flatnonzero(chains == chain)


def _select(evidence: Evidence, rows: NDArray[np.bool_]) -> Evidence:
    return Evidence(
        scores=evidence.scores[rows], nearest=evidence.nearest[rows], coverage=evidence.coverage[rows],
        y=evidence.y[rows],
    )  # fmt: skip


def _joined(parts: Sequence[Evidence]) -> Evidence:
    return Evidence(
        scores=np.concatenate([part.scores for part in parts]),
        nearest=np.concatenate([part.nearest for part in parts]),
        coverage=np.concatenate([part.coverage for part in parts]),
        y=np.concatenate([part.y for part in parts]),
    )
