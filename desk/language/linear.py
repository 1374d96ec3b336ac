"""Linear support vector machines, one for each class against all others, on sparse rows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Labels = NDArray[np.int64]

_COST = 1.0
_TOLERANCE = 0.01
_MAX_STEPS = 10_000


@dataclass(frozen=True, kw_only=True)
class LinearScores:
    """A score for each class: above 0 speaks for it, and a class that was not trained scores ``-inf``."""

    weights: Matrix
    """Shape (columns, classes)."""
    bias: Vector

    def of_rows(self, rows: "csr_array[np.float32]") -> Matrix:
        """Shape (rows, classes)."""
        scores: Matrix = rows @ self.weights + self.bias
        return scores

    def of_vector(self, vector: Vector) -> Vector:
        """Shape (classes,). Only the columns a text has are read."""
        columns = np.flatnonzero(vector)
        scores: Vector = vector[columns] @ self.weights[columns] + self.bias
        return scores


def train_linear(rows: "csr_array[np.float32]", y: Labels, *, classes: int) -> LinearScores:
    """Learn the classes 0 … ``classes - 1`` present in ``y``, of which there are at least two.

    A class weighs by the square root of its examples: with few it is not drowned, with one it does not shout.
    """
    from sklearn.svm import LinearSVC

    present, counts = np.unique(y, return_counts=True)
    shares = {
        int(label): float((len(y) / len(present) / count) ** 0.5) for label, count in zip(present, counts, strict=True)
    }
    machine = LinearSVC(
        C=_COST, tol=_TOLERANCE, class_weight=shares, max_iter=_MAX_STEPS, random_state=0
    )  # fmt: skip
    machine.fit(rows, y)
    # Of two classes only the second has a machine of its own.
    both = len(present) == 2
    learned = np.vstack([-machine.coef_, machine.coef_]) if both else machine.coef_
    offsets = np.array([-machine.intercept_[0], machine.intercept_[0]]) if both else machine.intercept_
    weights = np.zeros((rows.shape[1], classes), dtype=np.float32)
    bias = np.full(classes, -np.inf, dtype=np.float32)
    weights[:, present] = learned.T
    bias[present] = offsets
    return LinearScores(weights=weights, bias=bias)
