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

SELECTION_TEXTS = 2_500
"""Texts the kernel is chosen on when there are more: which kernel wins shows on a sample."""
COPY_SIMILARITY = 0.7
"""Texts of one class at least so similar are variations of one sentence …"""
CUSTOMER_SIMILARITY = 0.6
"""… where examples differ as customers' messages do: these are 0.43 to 0.61 from the nearest example in public sets."""
COPY_BREADTH = 0.75

# Measured in docs/decisions/0002-offline-classifier.md.
_SCOPE_CAUTION = 10.0
_SCOPE_TEMPER = 0.75
_SCOPE_ODDS = 0.6
_UNKNOWN_WORDS = 2.0
"""Log-odds a text loses when none of its words is known. Leaving classes out cannot teach this: what is left of the
examples still has the words of the business."""


@dataclass(frozen=True, kw_only=True)
class _Kernel:
    """``((similarity + offset) / (1 + offset)) ** power``: a higher power looks at combinations of words."""

    power: int
    offset: float
    ridge: float

    def __call__(self, similarity: Vector) -> Vector:
        value: Vector = ((similarity + np.float32(self.offset)) / np.float32(1 + self.offset)) ** self.power
        return value


_KERNELS = (
    _Kernel(power=1, offset=0.05, ridge=0.3),
    _Kernel(power=2, offset=0.5, ridge=0.1),
    _Kernel(power=3, offset=0.5, ridge=0.1),
)


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
    kernel: _Kernel
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
        kernel = _best_kernel(similarity, y, classes=len(names))
        dual, inverse = _solve(kernel, similarity, y, classes=len(names))
        known = _without_like(similarity=similarity, dual=dual, inverse=inverse, y=y)
        unknown = [_without_class(similarity=similarity, dual=dual, inverse=inverse, y=y)]
        if out_of_scope_texts:
            asked = np.asarray((features.matrix(out_of_scope_texts) @ rows.T).toarray(), dtype=np.float32)
            unknown.append(_Evidence(scores=kernel(asked) @ dual, nearest=asked.max(axis=1)))
        sharpness = _fit_sharpness(known.scores, y)
        weights = _fit_scope(known, unknown, sharpness=sharpness)
        threshold = _scope_threshold(_unseen_mass(len(texts), len(names)))
        self._model = _Model(
            labels=names, features=features, rows=rows, kernel=kernel, dual=dual, sharpness=sharpness,
            scope_weights=weights, scope_threshold=threshold,
        )  # fmt: skip
        return self

    def predict(self, text: str) -> Prediction:
        """The label of one text. Raises ``InvalidRequest`` before ``fit``."""
        model = self._fitted()
        similarity = model.rows @ model.features.vector(text)
        scores = model.kernel(similarity) @ model.dual
        probabilities = _softmax(scores[None, :], model.sharpness)[0]
        order = np.argsort(-probabilities, kind="stable")
        evidence = _Evidence(scores=scores[None, :], nearest=similarity.max(keepdims=True))
        scope = float((_scope_columns(evidence, sharpness=model.sharpness) @ model.scope_weights)[0])
        scope -= _UNKNOWN_WORDS * (1 - model.features.coverage(text))
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


def _best_kernel(similarity: Matrix, y: NDArray[np.int64], *, classes: int) -> _Kernel:
    """The kernel that tells most texts right that it has not seen."""
    # An even stride over rows sorted by label keeps every label's share.
    rows = np.argsort(y, kind="stable")[:: -(-len(y) // SELECTION_TEXTS)]
    similarity, y = similarity[np.ix_(rows, rows)], y[rows]

    def right(kernel: _Kernel) -> float:
        dual, inverse = _solve(kernel, similarity, y, classes=classes)
        evidence = _without_like(similarity=similarity, dual=dual, inverse=inverse, y=y)
        return float(np.mean(evidence.scores.argmax(axis=1) == y))

    return max(_KERNELS, key=right)


def _solve(kernel: _Kernel, similarity: Matrix, y: NDArray[np.int64], *, classes: int) -> tuple[Matrix, Matrix]:
    """Dual weights, and the inverse of the regularised kernel matrix they come from."""
    from scipy.linalg import lapack

    regularised = kernel(similarity)
    regularised[np.diag_indices_from(regularised)] += np.float32(kernel.ridge)
    factor, failed = lapack.spotrf(regularised, lower=True, overwrite_a=True)
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


def _without(
    groups: NDArray[np.int64], *, similarity: Matrix, dual: Matrix, inverse: Matrix, y: NDArray[np.int64]
) -> _Evidence:
    """What each training text would score had its whole group not been there; exact for ridge regression."""
    scores = _targets(y, dual.shape[1])
    others = similarity.copy()
    order = np.argsort(groups, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        block = np.ix_(rows, rows)
        if len(rows) == 1:
            scores[rows] -= dual[rows] / inverse[block]
        else:
            scores[rows] -= np.linalg.solve(inverse[block], dual[rows])
        others[block] = 0
    return _Evidence(scores=scores, nearest=others.max(axis=1))


def _without_like(*, similarity: Matrix, dual: Matrix, inverse: Matrix, y: NDArray[np.int64]) -> _Evidence:
    """What each text would score had neither it nor its near copies in the same class been there.

    Examples are often variations of one sentence; a text left out alone would be recognised by its copies, and the
    confidence learned from that would be too high for customers' own wording. The more the texts are copies of one
    another, the more broadly a copy is told.
    """
    others = similarity.copy()
    np.fill_diagonal(others, 0)
    excess = max(0.0, float(others.max(axis=1).mean()) - CUSTOMER_SIMILARITY)
    groups = _copies(similarity, y, least=COPY_SIMILARITY - COPY_BREADTH * excess)
    return _without(groups, similarity=similarity, dual=dual, inverse=inverse, y=y)


def _copies(similarity: Matrix, y: NDArray[np.int64], *, least: float) -> NDArray[np.int64]:
    """The number of each text's group: chains of texts of one class, each at least so similar to the next."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    groups = np.zeros(len(y), dtype=np.int64)
    used = 0
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        alike = np.argwhere(similarity[np.ix_(rows, rows)] >= least)
        graph = coo_array((np.ones(len(alike)), (alike[:, 0], alike[:, 1])), shape=(len(rows), len(rows)))
        found, group = connected_components(graph, directed=False)
        groups[rows] = group + used
        used += found
    return groups


def _without_class(*, similarity: Matrix, dual: Matrix, inverse: Matrix, y: NDArray[np.int64]) -> _Evidence:
    """What each text would score had its whole class not been there: texts out of scope, without any."""
    evidence = _without(y, similarity=similarity, dual=dual, inverse=inverse, y=y)
    evidence.scores[np.arange(len(y)), y] = -np.inf
    return evidence


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
    # Of two labels only one is left when a class is left out: the other scores as if it were ruled out.
    top = np.maximum(-np.partition(-evidence.scores, 1, axis=1)[:, :2].astype(np.float64), -2.0)
    best = np.clip(_softmax(evidence.scores, sharpness).max(axis=1), 1e-6, 1 - 1e-6)
    return np.column_stack(
        [np.ones(len(top)), top[:, 0], top[:, 0] - top[:, 1], np.log(best / (1 - best)), evidence.nearest]
    )


def _fit_scope(known: _Evidence, unknown: Sequence[_Evidence], *, sharpness: float) -> NDArray[np.float64]:
    """Weights of a logistic regression that tells known from unknown; every source of unknown counts the same."""
    inside = _scope_columns(known, sharpness=sharpness)
    outside = [_scope_columns(evidence, sharpness=sharpness) for evidence in unknown]
    shares = np.concatenate([np.full(len(rows), 0.5 / len(rows) / len(outside)) for rows in outside])
    return _logistic(inside, np.vstack(outside), shares)


def _scope_threshold(unseen_mass: float) -> float:
    """The log-odds of being known that a text must reach: the rarer news is, the less is asked for."""
    return float(np.log(min(_SCOPE_CAUTION * unseen_mass**_SCOPE_TEMPER, _SCOPE_ODDS)))


def _unseen_mass(texts: int, classes: int) -> float:
    """How probable it is that the next message belongs to a class not seen, from how slowly classes came up so far.

    The concentration a of a Chinese restaurant process is the one under which ``texts`` draws show ``classes``
    classes, a·log(1 + texts/a); the next draw is new with probability a / (texts + a).
    """
    concentration = 1.0
    for _ in range(50):
        concentration = classes / float(np.log1p(texts / concentration))
    return concentration / (texts + concentration)


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
        value = float(shares @ np.logaddexp(0, -margins)) + 1e-6 * float(weights @ weights)
        return value, rows.T @ slope + 2e-6 * weights

    return np.asarray(minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x)
