"""Charts as inline SVG that take their colours from the page: they read in the light and in the dark (R10.3)."""

import html
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from desk.domain.errors import ConfigurationError
from evals.comparing import Change
from evals.intervals import interval
from evals.result import Histogram, Lines, Plot, SuiteResult
from evals.thresholds import Limit

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as exc:
    raise ConfigurationError(
        'The report draws with matplotlib, which is not installed; install it with: pip install "frontdesk[evals]"'
    ) from exc

WIDTH = 5.2
INK, SOFT, FAINT, GOOD, BAD = "#010101", "#060606", "#020202", "#030303", "#040404"
SERIES = ("#050501", "#050502", "#050503", "#050504")
_COLOURS = {
    INK: "--ink",
    SOFT: "--soft",
    FAINT: "--faint",
    GOOD: "--good",
    BAD: "--bad",
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES, start=1)},
}
"""Stand-ins that matplotlib draws with, and the page's own colours they become."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "frontdesk",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "legend.frameon": False,
}  # fmt: skip


def overview(result: SuiteResult, *, limits: Mapping[str, Limit], changes: Sequence[Change]) -> str | None:
    """The figures between 0 and 1 with a limit: value and its 95 % interval, the limit, the aim, the baseline."""
    shown = [figure for figure in result["figures"] if figure in limits and 0 <= result["figures"][figure] <= 1]
    if not shown:
        return None
    before = {change["figure"]: change["before"] for change in changes if change["suite"] == result["suite"]}
    with mpl.rc_context(_STYLE):
        figure, axes = _axes(height=0.5 + 0.3 * len(shown))
        for place, name in enumerate(reversed(shown)):
            value, limit = result["figures"][name], limits[name]
            colour = GOOD if limit.holds(value) else BAD
            if rows := result.get("scores", {}).get(name):
                axes.plot(interval(list(rows.values())), (place, place), color=colour, linewidth=1.2)
            axes.plot(limit.value, place, marker="|", color=INK, markersize=12, markeredgewidth=1.6)
            if limit.aim is not None:
                axes.plot(limit.aim, place, marker="D", color=SOFT, markersize=4, fillstyle="none")
            if name in before:
                axes.plot(before[name], place, marker="o", color=INK, markersize=7, fillstyle="none", linewidth=0)
            axes.plot(value, place, marker="o", color=colour, markersize=5)
        axes.set_yticks(range(len(shown)), list(reversed(shown)))
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.grid(axis="x")
        return _svg(figure, title=f"{result['suite']}: figures and their limits")


def chart(plot: Plot) -> str:
    with mpl.rc_context(_STYLE):
        return _histogram(plot) if plot["kind"] == "histogram" else _lines(plot)


def _histogram(plot: Histogram) -> str:
    figure, axes = _axes(height=2.7)
    groups = {name: values for name, values in plot["groups"].items() if values}
    axes.hist(
        list(groups.values()),
        bins=20,
        range=(0, 1),
        label=[f"{name} ({len(values)})" for name, values in groups.items()],
        color=SERIES[: len(groups)],
    )
    if plot["line"] is not None:
        axes.axvline(plot["line"], color=INK, linestyle="--", linewidth=1, label=f"threshold {plot['line']:g}")
    axes.set_xlabel(plot["axis"])
    axes.set_ylabel("rows")
    axes.legend(fontsize=8)
    return _svg(figure, title=plot["title"])


def _lines(plot: Lines) -> str:
    figure, axes = _axes(height=2.9)
    for number, (name, points) in enumerate(plot["groups"].items()):
        axes.plot(*zip(*points, strict=True), color=SERIES[number % len(SERIES)], linewidth=1.6, label=name)
    for name, (x, y) in plot["marks"].items():
        axes.plot(x, y, marker="o", color=INK, linewidth=0, label=name)
    axes.set_xlabel(plot["axes"][0])
    axes.set_ylabel(plot["axes"][1])
    axes.grid()
    axes.legend(fontsize=8)
    return _svg(figure, title=plot["title"])


def _axes(*, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def _svg(figure: Figure, *, title: str) -> str:
    """An ``<svg>`` that scales with the page and says to a screen reader what it shows."""
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :]
    for pattern, replacement in _CLEANED:
        svg = re.sub(pattern, replacement, svg, flags=re.DOTALL)
    for colour, name in _COLOURS.items():
        svg = svg.replace(colour, f"var({name})")
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(title)}"', 1)


_CLEANED = (
    (r"<metadata>.*?</metadata>\s*", ""),
    (r"<defs>\s*<style.*?</style>\s*</defs>\s*", ""),
    (r'<g id="[^"]*">', "<g>"),
    (r'^(<svg[^>]*?) width="[^"]*"', r"\1"),
    (r'^(<svg[^>]*?) height="[^"]*"', r"\1"),
    (r"font-family: [^;\"]*; ?", ""),
    (r"[ \t]*\n[ \t]*", " "),
)
"""What matplotlib writes and a page with several charts does not want."""
