"""Two runs, figure by figure: what changed, whether it is more than chance, and whether it is a regression (R10.3)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NotRequired, TypedDict

from evals.intervals import difference
from evals.result import SuiteResult
from evals.thresholds import Limit, Limits

SHOWN_ROWS = 50


class Change(TypedDict):
    """A figure in two runs."""

    suite: str
    figure: str
    before: float
    after: float
    rows: int
    """Rows both runs have; 0: the figure is no mean over rows, or no row is shared."""
    difference: float
    """After minus before, over the shared rows where there are some."""
    interval: NotRequired[tuple[float, float]]
    """Of the difference, 95 %."""
    clear: bool
    """More than chance makes; without shared rows any difference is."""
    regression: bool
    """Worse than its tolerance allows, and clearly so."""
    lost: list[str]
    """Shared rows that got worse."""
    gained: list[str]


def compare(before: Sequence[SuiteResult], after: Sequence[SuiteResult], *, limits: Limits) -> list[Change]:
    """The figures both runs have, of suites measured with the same engine."""
    earlier = {(result["suite"], result["engine"]): result for result in before}
    return [
        change
        for result in after
        if (old := earlier.get((result["suite"], result["engine"]))) is not None
        for change in _changes(old, result, limits=limits.get(result["suite"], {}))
    ]


def regressions(changes: Sequence[Change]) -> list[str]:
    """One sentence for each regression."""
    return [_sentence(change) for change in changes if change["regression"]]


def _changes(before: SuiteResult, after: SuiteResult, *, limits: Mapping[str, Limit]) -> Iterator[Change]:
    for figure, value in after["figures"].items():
        if figure not in before["figures"]:
            continue
        old_rows = before.get("scores", {}).get(figure, {})
        new_rows = after.get("scores", {}).get(figure, {})
        shared = [row for row in new_rows if row in old_rows]
        change = Change(
            suite=after["suite"],
            figure=figure,
            before=before["figures"][figure],
            after=value,
            rows=len(shared),
            difference=value - before["figures"][figure],
            clear=value != before["figures"][figure],
            regression=False,
            lost=[],
            gained=[],
        )
        limit = limits.get(figure)
        sign = limit.sign if limit else 1
        if shared:
            apart = difference([old_rows[row] for row in shared], [new_rows[row] for row in shared])
            change["difference"], change["interval"], change["clear"] = (
                apart.mean,
                (apart.low, apart.high),
                apart.is_clear,
            )
            change["lost"] = [row for row in shared if (new_rows[row] - old_rows[row]) * sign < 0][:SHOWN_ROWS]
            change["gained"] = [row for row in shared if (new_rows[row] - old_rows[row]) * sign > 0][:SHOWN_ROWS]
        if limit and limit.tolerance is not None:
            change["regression"] = change["clear"] and -change["difference"] * sign > limit.tolerance
        yield change


def _sentence(change: Change) -> str:
    told = f"{change['suite']}: {change['figure']} went from {change['before']:.4f} to {change['after']:.4f}"
    if "interval" not in change:
        return told
    low, high = change["interval"]
    return f"{told} ({change['difference']:+.4f} over {change['rows']} shared rows, 95 %: {low:+.4f} to {high:+.4f})"
