"""Which of the known intents a text asks for, how sure that is, and whether it is any of them.

Kernel ridge regression on text similarities: for the sizes a pack has it trains in a fraction of a second, and its
closed form tells exactly what would have been predicted for a text had it not been in the training data, alone
(calibration of the confidence) or with its whole class (what texts out of scope look like). The reasons and the
measurements are in docs/decisions/0002-offline-classifier.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from desk.domain.errors import InvalidRequest
from desk.language.features import TextFeatures, Vector
from desk.language.normalise import normalise

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Matrix = NDArray[np.float32]

MAX_TEXTS = 12_000
"""Training texts kept, evenly by class: the kernel grows with the square of their number."""

_RIDGE = 0.2
_KERNEL_OFFSET = 0.5


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a text asks for."""

    label: str
    """The best known label, also when the text is out of scope."""
    confidence: float
    """Calibrated probability (0..1) that ``label`` is right, given that the text is in scope."""
    in_scope: bool
    ranked: list[tuple[str, float]]
    """Every label with its probability, best first; they add up to 1."""


@dataclass(frozen=True, kw_only=True)
class _Model:
    labels: list[str]
    features: TextFeatures
    rows: "csr_array[np.float32]"
    row_labels: NDArray[np.int64]
    dual: Matrix
    """Shape (training texts, labels)."""
    sharpness: float
    scope_weights: NDArray[np.float64]
    scope_threshold: float


class IntentClassifier:
    """Learns labels from example texts. Deterministic: equal examples give equal predictions."""

    def __init__(self) -> None:
        self._model: _Model | None = None

    @property
    def labels(self) -> list[str]:
        """The labels learned, sorted."""
        return list(self._fitted().labels)

    def fit(
        self, texts: Sequence[str], labels: Sequence[str], *, out_of_scope_texts: Sequence[str] = ()
    ) -> "IntentClassifier":
        """Learn from examples; ``out_of_scope_texts`` sharpen the scope decision but are not needed.

        Raises ``InvalidRequest`` for fewer than two labels or a different number of texts and labels.
        """
        if len(texts) != len(labels):
            raise InvalidRequest(f"{len(texts)} texts but {len(labels)} labels")
        texts, labels = _kept(texts, labels)
        names = sorted(set(labels))
        if len(names) < 2:
            raise InvalidRequest("A classifier needs examples of at least two labels")
        index = {name: number for number, name in enumerate(names)}
        y = np.asarray([index[label] for label in labels])
        features = TextFeatures.learn(texts)
        rows = features.matrix(texts)
        similarity = np.asarray((rows @ rows.T).toarray(), dtype=np.float32)
        dual, inverse = _solve(_kernel(similarity), y, classes=len(names))
        known = _leave_one_out(similarity, dual, inverse, y)
        unknown = _leave_class_out(similarity, dual, inverse, y)
        if out_of_scope_texts:
            asked = np.asarray((features.matrix(out_of_scope_texts) @ rows.T).toarray(), dtype=np.float32)
            unknown = _Evidence(
                scores=np.vstack([unknown.scores, _kernel(asked) @ dual]),
                nearest=np.concatenate([unknown.nearest, asked.max(axis=1)]),
            )
        sharpness = _fit_sharpness(known.scores, y)
        weights, threshold = _fit_scope(known, unknown, y, sharpness=sharpness)
        self._model = _Model(
            labels=names, features=features, rows=rows, row_labels=y, dual=dual, sharpness=sharpness,
            scope_weights=weights, scope_threshold=threshold,
        )  # fmt: skip
        return self

    def predict(self, text: str) -> Prediction:
        """The label of one text. Raises ``InvalidRequest`` before ``fit``."""
        model = self._fitted()
        similarity = model.rows @ model.features.vector(text)
        scores = _kernel(similarity) @ model.dual
        probabilities = _softmax(scores[None, :], model.sharpness)[0]
        order = np.argsort(-probabilities, kind="stable")
        evidence = _Evidence(scores=scores[None, :], nearest=similarity.max(keepdims=True))
        scope = float((_scope_columns(evidence, sharpness=model.sharpness) @ model.scope_weights)[0])
        return Prediction(
            label=model.labels[order[0]],
            confidence=float(probabilities[order[0]]),
            in_scope=scope >= model.scope_threshold,
            ranked=[(model.labels[number], float(probabilities[number])) for number in order],
        )

    def _fitted(self) -> _Model:
        if self._model is None:
            raise InvalidRequest("The classifier has not been trained")
        return self._model


@dataclass(frozen=True, kw_only=True)
class _Evidence:
    """What the decision about scope is made of, a row for each text."""

    scores: Matrix
    nearest: Vector
    """Similarity (0..1) of the nearest training text."""


def _kept(texts: Sequence[str], labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Without repetitions (by normalised text and label), and at most ``MAX_TEXTS``, taken evenly from all labels."""
    by_label: dict[str, dict[str, str]] = {}
    for text, label in zip(texts, labels, strict=True):
        by_label.setdefault(label, {}).setdefault(normalise(text), text)
    share = MAX_TEXTS
    while sum(min(len(group), share) for group in by_label.values()) > MAX_TEXTS:
        share = share * 9 // 10
    chosen = [(text, label) for label, group in by_label.items() for text in list(group.values())[:share]]
    return [text for text, _ in chosen], [label for _, label in chosen]


def _kernel(similarity: NDArray[np.float32]) -> NDArray[np.float32]:
    kernel: NDArray[np.float32] = np.square((similarity + _KERNEL_OFFSET) / (1 + _KERNEL_OFFSET), dtype=np.float32)
    return kernel


def _solve(kernel: Matrix, y: NDArray[np.int64], *, classes: int) -> tuple[Matrix, Matrix]:
    """Dual weights, and the inverse of the regularised kernel they come from."""
    from scipy.linalg import lapack

    kernel[np.diag_indices_from(kernel)] += _RIDGE
    factor, failed = lapack.spotrf(kernel, lower=True, overwrite_a=True)
    if not failed:
        inverse, failed = lapack.spotri(factor, lower=True, overwrite_c=True)
    if failed:
        raise InvalidRequest("The training texts cannot be told apart numerically")
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    return inverse @ _targets(y, classes), inverse


def _targets(y: NDArray[np.int64], classes: int) -> Matrix:
    targets = np.full((len(y), classes), -1, dtype=np.float32)
    targets[np.arange(len(y)), y] = 1
    return targets


def _leave_one_out(similarity: Matrix, dual: Matrix, inverse: Matrix, y: NDArray[np.int64]) -> _Evidence:
    """What each training text would score had it not been there (exact for ridge regression)."""
    scores = _targets(y, dual.shape[1]) - dual / np.diagonal(inverse)[:, None]
    others = similarity.copy()
    np.fill_diagonal(others, 0)
    return _Evidence(scores=scores, nearest=others.max(axis=1))


def _leave_class_out(similarity: Matrix, dual: Matrix, inverse: Matrix, y: NDArray[np.int64]) -> _Evidence:
    """What each training text would score had its whole class not been there: texts out of scope, without any."""
    scores = _targets(y, dual.shape[1])
    nearest = np.zeros(len(y), dtype=np.float32)
    for label in range(dual.shape[1]):
        rows = np.flatnonzero(y == label)
        scores[rows] -= np.linalg.solve(inverse[np.ix_(rows, rows)], dual[rows])
        scores[rows, label] = -np.inf
        others = similarity[rows]
        others[:, rows] = 0
        nearest[rows] = others.max(axis=1)
    return _Evidence(scores=scores, nearest=nearest)


def _softmax(scores: Matrix, sharpness: float) -> NDArray[np.float64]:
    scaled = scores.astype(np.float64) * sharpness
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = scaled / scaled.sum(axis=1, keepdims=True)
    return probabilities


def _fit_sharpness(scores: Matrix, y: NDArray[np.int64]) -> float:
    """The factor before the softmax under which texts not seen are most probable."""
    from scipy.optimize import minimize_scalar

    def surprise(log_sharpness: float) -> float:
        probabilities = _softmax(scores, float(np.exp(log_sharpness)))[np.arange(len(y)), y]
        return float(-np.log(np.maximum(probabilities, 1e-9)).mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(0.0, 5.0), method="bounded").x))


def _scope_columns(evidence: _Evidence, *, sharpness: float) -> NDArray[np.float64]:
    """Shape (texts, 5): constant, best score, margin, log-odds of the best label, nearest similarity."""
    top = -np.partition(-evidence.scores, 1, axis=1)[:, :2].astype(np.float64)
    best = np.clip(_softmax(evidence.scores, sharpness).max(axis=1), 1e-6, 1 - 1e-6)
    return np.column_stack(
        [np.ones(len(top)), top[:, 0], top[:, 0] - top[:, 1], np.log(best / (1 - best)), evidence.nearest]
    )


def _fit_scope(
    known: _Evidence, unknown: _Evidence, y: NDArray[np.int64], *, sharpness: float
) -> tuple[NDArray[np.float64], float]:
    """Weights of a logistic regression that tells known from unknown, and where to draw the line."""
    inside, outside = (_scope_columns(evidence, sharpness=sharpness) for evidence in (known, unknown))
    weights = _logistic(inside, outside)
    right = known.scores.argmax(axis=1) == y
    kept, rest = inside @ weights, outside @ weights
    lines = np.quantile(kept, np.linspace(0, 0.4, 161))
    gains = [np.mean(right & (kept >= line)) + 0.5 * np.mean(rest < line) for line in lines]
    return weights, float(lines[int(np.argmax(gains))])


def _logistic(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights under which ``inside`` is 1 and ``outside`` 0, both sides counting the same."""
    from scipy.optimize import minimize

    rows = np.vstack([inside, outside])
    signs = np.concatenate([np.ones(len(inside)), -np.ones(len(outside))])
    shares = np.concatenate([np.full(len(inside), 0.5 / len(inside)), np.full(len(outside), 0.5 / len(outside))])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (rows @ weights)
        slope = -shares * signs / (1 + np.exp(np.clip(margins, -30, 30)))
        value = float(shares @ np.logaddexp(0, -margins)) + 1e-3 * float(weights @ weights)
        return value, rows.T @ slope + 2e-3 * weights

    return np.asarray(minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x)
