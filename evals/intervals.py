"""How sure a figure is, and whether two runs over the same rows differ by more than chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
LEVEL = 0.95
SEED = 20_261
AT_ONCE = 200
MANY = 1_000
"""Changed rows from which the normal approximation is as good as the exact test."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """After minus before, over the rows both runs have."""

    rows: int
    mean: float
    low: float
    high: float
    chance: float
    """How often chance alone makes so large a difference: McNemar's exact test for rows that are right or wrong; for
    other values 0 when the interval is on one side of zero, else 1."""

    @property
    def is_clear(self) -> bool:
        return self.chance < 1 - LEVEL


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Percentile bootstrap of the mean."""
    means = _resampled(np.asarray(values, dtype=np.float64))
    return _percentiles(means)


def difference(before: Sequence[float], after: Sequence[float]) -> Difference:
    """Paired: the values of a row stand at the same place in both."""
    apart = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    low, high = _percentiles(_resampled(apart))
    if all(value in (0.0, 1.0) for value in (*before, *after)):
        chance = mcnemar(lost=int((apart < 0).sum()), gained=int((apart > 0).sum()))
    else:
        chance = 0.0 if low > 0 or high < 0 else 1.0
    return Difference(rows=len(apart), mean=float(apart.mean()), low=low, high=high, chance=chance)


def mcnemar(*, lost: int, gained: int) -> float:
    """The exact two-sided probability that so one-sided a change of rows is chance."""
    changed = lost + gained
    if changed > MANY:
        return math.erfc(max(0, abs(lost - gained) - 1) / math.sqrt(2 * changed))
    tail = sum(math.comb(changed, k) for k in range(min(lost, gained) + 1))
    return min(1.0, float(2 * tail / (1 << changed)))


def _resampled(values: Floats) -> Floats:
    """The means of ``RESAMPLES`` samples with replacement; the same every time."""
    random = np.random.default_rng(SEED)
    sizes = (AT_ONCE, len(values))
    return np.concatenate(
        [values[random.integers(len(values), size=sizes)].mean(axis=1) for _ in range(RESAMPLES // AT_ONCE)]
    )


def _percentiles(means: Floats) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
