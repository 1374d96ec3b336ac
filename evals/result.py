"""What every eval suite returns: ``frontdesk eval run --json`` prints the first five, the report keeps all of it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

from desk.domain.errors import InvalidRequest

MAX_FAILURES = 50


class Histogram(TypedDict):
    """How a number is spread, by group."""

    kind: Literal["histogram"]
    title: str
    axis: str
    groups: dict[str, list[float]]
    line: float | None
    """A threshold to draw."""


class Lines(TypedDict):
    """One curve for each group. ``marks`` are points to point out, by what they are."""

    kind: Literal["lines"]
    title: str
    axes: tuple[str, str]
    groups: dict[str, list[tuple[float, float]]]
    marks: dict[str, tuple[float, float]]


Plot = Histogram | Lines
Scores = dict[str, dict[str, float]]
"""Figure → row → the row's part of the figure, which is their mean."""


class SuiteResult(TypedDict):
    suite: str
    engine: str
    """``offline`` or ``openai``."""
    rows: int
    """Test rows measured."""
    figures: dict[str, float]
    failures: list[dict[str, Any]]
    """Up to 50 rows that went wrong, the worst first."""
    scores: NotRequired[Scores]
    """For the figures that are means over rows: two runs are compared row by row."""
    plots: NotRequired[list[Plot]]
    not_judged: NotRequired[dict[str, str]]
    """Rows the judge said nothing usable about, and why. They count in no figure of the judge."""


PRINTED = ("suite", "engine", "rows", "figures", "failures")


def printed(result: SuiteResult) -> dict[str, Any]:
    """What ``--json`` shows of a result."""
    return {key: value for key, value in result.items() if key in PRINTED}


def means(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The figures that are means over rows; a figure without any row is left out."""
    return {figure: sum(by_row.values()) / len(by_row) for figure, by_row in scores.items() if by_row}


def row_id(values: Mapping[str, Any]) -> str:
    """The row's own id, else one made of its text, which stays when rows are added above it."""
    return str(values.get("id") or "~" + hashlib.sha256(str(values.get("text")).encode()).hexdigest()[:8])


def unique(ids: Sequence[str], *, of: str) -> None:
    """Raises ``InvalidRequest`` naming a row that is there twice."""
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InvalidRequest(f"{of}: there are two rows {name!r}")
        seen.add(name)


def mixed(*kinds: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The worst of each kind in turn, so that no kind of failure hides another."""
    turns = [[kind[n] for kind in kinds if n < len(kind)] for n in range(max(map(len, kinds), default=0))]
    return [failure for turn in turns for failure in turn][:MAX_FAILURES]
