"""What the figures must keep (``thresholds.yaml``): limits, tolerances, and the aims beside them."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from desk.domain.errors import ConfigurationError
from evals.result import SuiteResult

THRESHOLDS = Path(__file__).parent / "thresholds.yaml"
JUDGED = "judge_"
"""Figures that are there only when a judge model is configured begin with it."""


class Limit(BaseModel):
    """A figure with ``min`` is better when it is higher, one with ``max`` when it is lower."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: float | None = None
    max: float | None = None
    aim: float | None = None
    """Where it should be. Only shown."""
    tolerance: float | None = None
    """How much worse than the baseline it may get; none: it is not compared."""

    @model_validator(mode="after")
    def _one_side(self) -> "Limit":
        if (self.min is None) == (self.max is None):
            raise ValueError("a limit has either min or max")
        return self

    @property
    def value(self) -> float:
        return self.min if self.min is not None else self.max if self.max is not None else 0.0

    @property
    def sign(self) -> int:
        """1 when more is better, else -1."""
        return 1 if self.min is not None else -1

    def holds(self, value: float) -> bool:
        return (value - self.value) * self.sign >= 0

    @property
    def wanted(self) -> str:
        return f"{'at least' if self.sign > 0 else 'at most'} {self.value:g}"


Limits = Mapping[str, Mapping[str, Limit]]
"""Suite → figure → limit."""


@lru_cache
def limits(path: Path = THRESHOLDS) -> Limits:
    """Raises ``ConfigurationError`` for a limit that is none."""
    written = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    try:
        return {
            suite: {figure: Limit.model_validate(limit) for figure, limit in figures.items()}
            for suite, figures in written.items()
        }
    except (ValidationError, AttributeError) as exc:
        raise ConfigurationError(f"{path.name}: {exc}") from exc


def misses(result: SuiteResult, *, wanted: Mapping[str, Limit]) -> list[str]:
    """One sentence for each figure beyond its limit, and for each that was not measured."""
    suite, figures = result["suite"], result["figures"]
    sentences = []
    for figure, limit in wanted.items():
        if figure not in figures:
            if not figure.startswith(JUDGED):
                sentences.append(f"{suite}: {figure} has a threshold and was not measured")
        elif figure == "judge_not_judged" and not limit.holds(figures[figure]):
            sentences.append(_unjudged(result, limit=limit))
        elif not limit.holds(figures[figure]):
            sentences.append(f"{suite}: {figure} is {figures[figure]:.4f}, {limit.wanted} is wanted")
    return sentences


def _unjudged(result: SuiteResult, *, limit: Limit) -> str:
    reasons: dict[str, int] = {}
    for why in result.get("not_judged", {}).values():
        for reason in why.split("; "):
            name = reason.partition(":")[0]
            reasons[name] = reasons.get(name, 0) + 1
    listed = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in sorted(reasons.items()))
    missing = len(result.get("not_judged", {}))
    return (
        f"{result['suite']}: the judge said nothing usable about {missing} answers ({listed}); "
        f"{limit.wanted} of those it reads may be missing, so its figures mean nothing"
    )
