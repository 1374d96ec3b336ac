"""The report as one HTML page that needs nothing else: what failed first, then each suite (R10.3)."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from evals.comparing import Change
from evals.report import charts
from evals.report.examples import examples, folded
from evals.report.files import Run
from evals.report.table import figures_table, mark
from evals.result import SuiteResult
from evals.thresholds import Limit, Limits

_HERE = Path(__file__).parent


def page(run: Run, *, limits: Limits) -> str:
    """The whole document."""
    compared = "baseline" in run
    parts = [
        *_head(run, limits),
        _navigation(run, limits),
        *(
            _suite(result, limits=limits.get(result["suite"], {}), changes=run.get("changes", []), compared=compared)
            for result in run["suites"]
        ),
        _FOOTER,
    ]
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Evaluation of {escape(run['pack'])}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + f"\n<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _head(run: Run, limits: Limits) -> Iterator[str]:
    judge = f"judge {run['judge']}" if run["judge"] else "no judge model"
    compared = f"compared with the run of {_time(run['baseline'])}" if "baseline" in run else "no baseline"
    better = _better(run.get("changes", []), limits)
    yield f"<header><h1>Evaluation of {escape(run['pack'])}</h1>"
    yield (
        f'<p class="soft">{_time(run["at"])} UTC · {sum(result["rows"] for result in run["suites"])} rows · '
        f"{escape(judge)} · {compared}</p></header>"
    )
    missed, worse = run.get("misses", []), run.get("regressions", [])
    if not missed and not worse:
        compared = ", and nothing got worse" if "baseline" in run else ""
        yield f'<div class="verdict good"><strong>Passed.</strong> Every threshold is kept{compared}.{better}</div>'
        return
    counted = (_counted(missed, "threshold missed", "thresholds missed"), _counted(worse, "regression", "regressions"))
    told = ", ".join(filter(None, counted))
    listed = "".join(f"<li>{escape(sentence)}</li>" for sentence in (*missed, *worse))
    yield f'<div class="verdict bad"><strong>{told}.</strong><ul>{listed}</ul>{better}</div>'


def _better(changes: Sequence[Change], limits: Limits) -> str:
    """What clearly got better since the baseline."""
    told = [
        f"{change['suite']} {change['figure']} {change['difference']:+.3f}"
        for change in changes
        if (limit := limits.get(change["suite"], {}).get(change["figure"]))
        and change["rows"]
        and change["clear"]
        and change["difference"] * limit.sign > 0
    ]
    return f'<p class="small">Clearly better: {escape(", ".join(told))}.</p>' if told else ""


def _navigation(run: Run, limits: Limits) -> str:
    cards = []
    for result in run["suites"]:
        wanted, figures = limits.get(result["suite"], {}), result["figures"]
        held = [limit.holds(figures[figure]) for figure, limit in wanted.items() if figure in figures]
        told = f"{sum(held)} of {len(held)} thresholds kept" if held else "no thresholds"
        cards.append(
            f'<a href="#{escape(result["suite"])}"><b>{mark(all(held) if held else None)} '
            f"{escape(result['suite'].capitalize())}</b>"
            f'<span class="soft small">{result["rows"]} rows, {told}</span></a>'
        )
    return f'<nav aria-label="Suites">{"".join(cards)}</nav>'


def _suite(result: SuiteResult, *, limits: Mapping[str, Limit], changes: Sequence[Change], compared: bool) -> str:
    own = {change["figure"]: change for change in changes if change["suite"] == result["suite"]}
    drawn = charts.overview(result, limits=limits, changes=list(own.values()))
    figures = [_figure("Figures and their limits", drawn, legend=_LEGEND)] if drawn else []
    figures += [_figure(plot["title"], charts.chart(plot)) for plot in result.get("plots", [])]
    name = escape(result["suite"])
    return "\n".join(
        [
            f'<section><h2 id="{name}">{name.capitalize()}</h2>',
            f'<p class="soft">{result["rows"]} rows, {escape(result["engine"])} engine.</p>',
            f'<div class="charts">{"".join(figures)}</div>' if figures else "",
            "<h3>Figures</h3>",
            figures_table(result, limits=limits, changes=own, compared=compared),
            _moved(result, own),
            _unjudged(result),
            "<h3>Worst examples</h3>",
            examples(result["failures"]) or "<p>Nothing went wrong.</p>",
            "</section>",
        ]
    )


def _figure(title: str, svg: str, *, legend: str = "") -> str:
    told = f"<span>{legend}</span>" if legend else ""
    return f"<figure><figcaption>{escape(title)}{told}</figcaption>{svg}</figure>"


def _moved(result: SuiteResult, changes: Mapping[str, Change]) -> str:
    """Which rows made the figures change; their texts where they are among the failures."""
    texts = {str(failure.get("id")): str(failure.get("text", "")) for failure in result["failures"]}
    listed = []
    for change in changes.values():
        moved = [
            f"{word}: {', '.join(_named(row, texts.get(row, '')) for row in rows)}"
            for word, rows in (("lost", change["lost"]), ("gained", change["gained"]))
            if rows
        ]
        if moved:
            listed.append(f"<dt><code>{escape(change['figure'])}</code></dt><dd>{'<br>'.join(moved)}</dd>")
    return folded("Rows that changed since the baseline", f"<dl>{''.join(listed)}</dl>") if listed else ""


def _named(row: str, text: str) -> str:
    return f'<abbr title="{escape(text)}">{escape(row)}</abbr>' if text else escape(row)


def _unjudged(result: SuiteResult) -> str:
    rows = result.get("not_judged", {})
    listed = "".join(f"<dt>{escape(row)}</dt><dd>{escape(why)}</dd>" for row, why in rows.items())
    return folded(f"{_counted(rows, 'answer', 'answers')} not judged", f"<dl>{listed}</dl>") if rows else ""


def _counted(things: Sequence[str] | Mapping[str, str], one: str, many: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else many}" if things else ""


def _time(at: str) -> str:
    return escape(at[:16].replace("T", " "))


_LEGEND = "● value with its 95 % interval · | limit · ◇ aim · ○ baseline"
_FOOTER = (
    "<footer><p>Intervals are 95 % percentile bootstraps over rows. A change is coloured when it is more than chance: "
    "McNemar's exact test for rows that are right or wrong, else the interval of the paired difference. "
    "report.json holds the same for machines; docs/evals.md says how to read and to change this.</p></footer>"
)
