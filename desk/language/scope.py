"""How sure a label is, and whether a text is about anything that was taught."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desk.language.linear import Matrix, Vector
from desk.language.rehearsal import Evidence

# Measured in docs/decisions/0002-offline-classifier.md.
_USUAL_SHARPNESS = 6.5
"""Where nothing can be left out; what most data sets learn is 6 to 8."""
_NOVELTY = 0.4
_LEAST_COVERAGE = 0.05
_UNKNOWN_WORDS = 1.0
"""Log-odds of being known that a text loses when none of its words is. Leaving classes out teaches too little of this:
what is left of the examples still has the words of the business."""
_CAUGHT = 13.0
_CAUGHT_TEMPER = 0.7
_CAUGHT_AT_MOST = 0.5
"""The line is set where this share of the texts of classes left out is caught; the rarer news is, the smaller it is."""


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """A softmax of the scores, flatter for a text with words nobody taught.

    Held-out examples have few such words, customers may have many: how much they cost cannot be learned from examples.
    """

    sharpness: float

    def __call__(self, scores: Matrix, coverage: Vector) -> NDArray[np.float64]:
        """Probabilities of shape (texts, classes)."""
        factor = self.sharpness * np.maximum(coverage, _LEAST_COVERAGE).astype(np.float64) ** _NOVELTY
        scaled = scores.astype(np.float64) * factor[:, None]
        scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = scaled / scaled.sum(axis=1, keepdims=True)
        return probabilities


def fit_confidence(known: Evidence | None) -> Confidence:
    """The sharpness under which texts left out are most probable."""
    from scipy.optimize import minimize_scalar

    if known is None:
        return Confidence(sharpness=_USUAL_SHARPNESS)

    def surprise(log_sharpness: float) -> float:
        probabilities = Confidence(sharpness=float(np.exp(log_sharpness)))(known.scores, known.coverage)
        right = probabilities[np.arange(len(known.y)), known.y]
        return float(-np.log(np.maximum(right, 1e-9)).mean())

    return Confidence(sharpness=float(np.exp(minimize_scalar(surprise, bounds=(0.0, 4.0), method="bounded").x)))


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whether a text is known, by a line through best score, margin, log-odds and nearest similarity."""

    confidence: Confidence
    weights: NDArray[np.float64]
    threshold: float = 0.0

    def log_odds(self, evidence: Evidence) -> NDArray[np.float64]:
        """Shape (texts,): the more, the more surely known."""
        known: NDArray[np.float64] = _columns(evidence, self.confidence) @ self.weights
        return known - _UNKNOWN_WORDS * (1.0 - evidence.coverage)

    def holds(self, evidence: Evidence) -> NDArray[np.bool_]:
        """Shape (texts,): what is in scope. A text without a single known word never is."""
        known: NDArray[np.bool_] = (self.log_odds(evidence) >= self.threshold) & (evidence.nearest > 0)
        return known


def fit_scope(
    known: Evidence | None, unknown: Sequence[Evidence], *, confidence: Confidence, unseen_mass: float
) -> Scope:
    """Learn to tell texts left out from classes left out; every source of unknown texts counts the same.

    With too few examples to leave any out, all that shares a word with them is in scope.
    """
    if known is None or not unknown:
        return Scope(confidence=confidence, weights=np.zeros(5), threshold=-np.inf)
    inside = _columns(known, confidence)
    outside = [_columns(evidence, confidence) for evidence in unknown]
    shares = np.concatenate([np.full(len(rows), 0.5 / len(rows) / len(outside)) for rows in outside])
    scope = Scope(confidence=confidence, weights=_logistic(inside, np.vstack(outside), shares))
    caught = min(_CAUGHT * unseen_mass**_CAUGHT_TEMPER, _CAUGHT_AT_MOST)
    # The first source are the classes left out: the line is set on them alone, whatever else was given.
    threshold = float(np.quantile(scope.log_odds(unknown[0]), caught))
    return Scope(confidence=confidence, weights=scope.weights, threshold=threshold)


def unseen_mass(texts: int, classes: int) -> float:
    """How probable it is that the next message belongs to a class not seen, from how slowly classes came up so far.

    The concentration a of a Chinese restaurant process is the one under which ``texts`` draws show ``classes``
    classes, a·log(1 + texts/a); the next draw is new with probability a / (texts + a).
    """
    concentration = 1.0
    for _ in range(50):
        concentration = classes / float(np.log1p(texts / concentration))
    return concentration / (texts + concentration)


def _columns(evidence: Evidence, confidence: Confidence) -> NDArray[np.float64]:
    """Shape (texts, 5): constant, best score, margin, log-odds of the best label, nearest similarity."""
    # Where all but one class were left out the second best is -inf.
    top = np.maximum(-np.partition(-evidence.scores, 1, axis=1)[:, :2].astype(np.float64), -3.0)
    best = np.clip(confidence(evidence.scores, evidence.coverage).max(axis=1), 1e-6, 1 - 1e-6)
    return np.column_stack(
        [np.ones(len(top)), top[:, 0], top[:, 0] - top[:, 1], np.log(best / (1 - best)), evidence.nearest]
    )


def _logistic(
    inside: NDArray[np.float64], outside: NDArray[np.float64], outside_shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights under which ``inside`` is 1 and ``outside`` 0, both sides counting the same."""
    from scipy.optimize import minimize

    rows = np.vstack([inside, outside])
    signs = np.concatenate([np.ones(len(inside)), -np.ones(len(outside))])
    shares = np.concatenate([np.full(len(inside), 0.5 / len(inside)), outside_shares])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (rows @ weights)
        slope = -shares * signs / (1 + np.exp(np.clip(margins, -30, 30)))
        value = float(shares @ np.logaddexp(0, -margins)) + 1e-4 * float(weights @ weights)
        return value, rows.T @ slope + 2e-4 * weights

    return np.asarray(minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x)
