"""Which of the known intents a text asks for, how sure that is, and whether it is any of them.

Linear support vector machines on words, characters and concepts. How sure to be and what out of scope looks like is
learned from texts and classes left out of training. The reasons and the measurements are in
docs/decisions/0002-offline-classifier.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from desk.domain.errors import InvalidRequest
from desk.language.features import TextFeatures
from desk.language.learned import Arrays, fingerprint, recall, remember
from desk.language.linear import LinearScores, train_linear
from desk.language.normalise import normalise
from desk.language.rehearsal import Evidence, Rehearsal, evidence_of
from desk.language.scope import Confidence, Scope, fit_confidence, fit_scope, unseen_mass

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MAX_TEXTS = 12_000
"""Training texts kept, evenly by class: similarity within a class grows with the square of its texts."""


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
    scores: LinearScores
    scope: Scope


class IntentClassifier:
    """Learns labels from example texts. Deterministic: equal examples give equal predictions."""

    def __init__(self) -> None:
        self._model: _Model | None = None

    @property
    def labels(self) -> list[str]:
        """The labels learned, sorted."""
        return list(self._fitted().labels)

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        out_of_scope_texts: Sequence[str] = (),
        folder: Path | None = None,
    ) -> "IntentClassifier":
        """Learn from examples; ``out_of_scope_texts`` sharpen the scope decision but are not needed.

        With a ``folder``, what was learned from these very examples is kept there and found again. Raises
        ``InvalidRequest`` for fewer than two labels or a different number of texts and labels.
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
        name = fingerprint([*zip(texts, labels, strict=True), *((text, "") for text in out_of_scope_texts)])
        stored = recall(folder, name) if folder else None
        scores, scope = _unpacked(stored) if stored else _learned(features, rows, y, names, out_of_scope_texts)
        if folder and not stored:
            remember(folder, name, _packed(scores, scope))
        self._model = _Model(labels=names, features=features, rows=rows, scores=scores, scope=scope)
        return self

    def predict(self, text: str) -> Prediction:
        """The label of one text. Raises ``InvalidRequest`` before ``fit``."""
        model = self._fitted()
        vector = model.features.vector(text)
        evidence = Evidence(
            scores=model.scores.of_vector(vector)[None, :],
            nearest=(model.rows @ vector).max(keepdims=True),
            coverage=np.asarray([model.features.coverage(text)], dtype=np.float32),
            y=np.asarray([-1]),
        )
        probabilities = model.scope.confidence(evidence.scores, evidence.coverage)[0]
        order = np.argsort(-probabilities, kind="stable")
        return Prediction(
            label=model.labels[order[0]],
            confidence=float(probabilities[order[0]]),
            in_scope=bool(model.scope.holds(evidence)[0]),
            ranked=[(model.labels[number], float(probabilities[number])) for number in order],
        )

    def _fitted(self) -> _Model:
        if self._model is None:
            raise InvalidRequest("The classifier has not been trained")
        return self._model


def _learned(
    features: TextFeatures,
    rows: "csr_array[np.float32]",
    y: NDArray[np.int64],
    names: Sequence[str],
    out_of_scope_texts: Sequence[str],
) -> tuple[LinearScores, Scope]:
    """The costly part: seconds for some thousand examples."""
    scores = train_linear(rows, y, classes=len(names))
    rehearsal = Rehearsal(features=features, rows=rows, y=y, classes=len(names))
    known = rehearsal.without_texts()
    left_out = rehearsal.without_classes()
    unknown = [left_out] if left_out is not None else []
    if out_of_scope_texts:
        unknown.append(evidence_of(out_of_scope_texts, features=features, rows=rows, scores=scores))
    unseen = unseen_mass(rows.shape[0], len(names))
    return scores, fit_scope(known, unknown, confidence=fit_confidence(known), unseen_mass=unseen)


def _packed(scores: LinearScores, scope: Scope) -> Arrays:
    return {
        "weights": scores.weights,
        "bias": scores.bias,
        "scope": scope.weights,
        "numbers": np.asarray([scope.threshold, scope.confidence.sharpness]),
    }


def _unpacked(arrays: Arrays) -> tuple[LinearScores, Scope]:
    threshold, sharpness = (float(number) for number in arrays["numbers"])
    scope = Scope(confidence=Confidence(sharpness=sharpness), weights=arrays["scope"], threshold=threshold)
    return LinearScores(weights=arrays["weights"], bias=arrays["bias"]), scope


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
