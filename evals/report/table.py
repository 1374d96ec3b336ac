"""The table of a suite's figures: value, limit, aim, and what changed since the baseline."""

from collections.abc import Mapping
from html import escape
from typing import Any

from evals.comparing import Change
from evals.figures import meaning
from evals.result import SuiteResult
from evals.thresholds import Limit


def figures_table(
    result: SuiteResult, *, limits: Mapping[str, Limit], changes: Mapping[str, Change], compared: bool
) -> str:
    """Figures with a limit first."""
    headings = ["figure", "value", "limit", "aim", *(["baseline", "change", "95 % interval"] if compared else [])]
    figures = sorted(result["figures"], key=lambda figure: figure not in limits)
    rows = [
        _row(result, figure, limit=limits.get(figure), change=changes.get(figure), compared=compared)
        for figure in figures
    ]
    head = "".join(f'<th scope="col">{name}</th>' for name in headings)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def mark(held: bool | None) -> str:
    """Kept, missed, or without a limit."""
    match held:
        case True:
            return '<span class="mark good" title="kept">✓</span>'
        case False:
            return '<span class="mark bad" title="missed">✗</span>'
        case None:
            return '<span class="mark none" title="no limit">·</span>'


def _row(result: SuiteResult, figure: str, *, limit: Limit | None, change: Change | None, compared: bool) -> str:
    value = result["figures"][figure]
    held = limit.holds(value) if limit else None
    aim = limit.aim if limit else None
    cells = [
        f'<th scope="row" data-key="{escape(figure)}">{mark(held)}<code>{escape(figure)}</code>'
        f"<span>{escape(meaning(result['suite'], figure))}</span></th>",
        _cell("", _number(value), key=value, kind="value"),
        _cell("limit", limit.wanted if limit else "", key=limit.value if limit else ""),
        _cell("aim", "" if aim is None else _number(aim), key="" if aim is None else aim),
    ]
    if compared:
        cells += _compared(change, limit)
    return f"<tr{' class=bad' if held is False else ''}>{''.join(cells)}</tr>"


def _compared(change: Change | None, limit: Limit | None) -> list[str]:
    if change is None:
        return [_cell("", "", key="")] * 3
    better = change["difference"] * (limit.sign if limit else 0)
    moved = abs(change["difference"]) >= 0.00005
    shown = f"{change['difference']:+.4f}" if moved else "="
    if change["clear"] and better:
        shown = f'<span class="{"up" if better > 0 else "down"}">{shown}</span>'
    low, high = change.get("interval", (0.0, 0.0))
    spread = f"{low:+.3f} to {high:+.3f}" if moved and "interval" in change else ""
    return [
        _cell("baseline", _number(change["before"]), key=change["before"]),
        _cell("change", shown, key=change["difference"]),
        _cell("95 %", spread, key=low),
    ]


def _cell(name: str, shown: str, *, key: Any, kind: str = "") -> str:
    label = f' data-name="{name}"' if name and shown else ""
    return f'<td{f" class={kind}" if kind else ""}{label} data-key="{escape(str(key))}">{shown}</td>'


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
