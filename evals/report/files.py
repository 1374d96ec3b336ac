"""Runs on disk: what a machine reads of a report, and the baseline that later runs are compared with (R10.3)."""

import json
import math
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from desk.domain.errors import InvalidRequest
from evals.comparing import Change
from evals.result import SuiteResult

FORMAT = 1
BASELINE = Path(__file__).parents[1] / "baseline.json"
KEPT = ("suite", "engine", "rows", "figures", "scores")
"""What a baseline keeps of a result: no texts."""
DIGITS = 4


class Run(TypedDict):
    """Everything one ``frontdesk eval run`` found."""

    format: int
    at: str
    pack: str
    """Name, label and version of the pack; for files their names."""
    judge: str | None
    suites: list[SuiteResult]
    misses: NotRequired[list[str]]
    baseline: NotRequired[str]
    """When the run it is compared with was made."""
    changes: NotRequired[list[Change]]
    regressions: NotRequired[list[str]]


def read_run(path: Path) -> Run:
    """A ``report.json`` or a baseline. Raises ``InvalidRequest``."""
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as exc:
        raise InvalidRequest(f"{path}: is no report of an eval run: {exc}") from exc
    if not isinstance(run, dict) or run.get("format") != FORMAT or not isinstance(run.get("suites"), list):
        raise InvalidRequest(f"{path}: is no report of an eval run of this version (format {FORMAT})")
    for result in run["suites"]:
        if not isinstance(result, dict) or not set(KEPT[:4]) <= result.keys():
            raise InvalidRequest(f"{path}: a suite lacks one of {', '.join(KEPT[:4])}")
    return cast(Run, run)


def write_run(run: Run, path: Path) -> None:
    path.write_text(_text(run), encoding="utf-8")


def write_baseline(run: Run, path: Path = BASELINE) -> None:
    """What later runs are compared with: the figures and what each row adds to them."""
    suites = [{key: value for key, value in result.items() if key in KEPT} for result in run["suites"]]
    path.write_text(
        _text({key: run.get(key) for key in ("format", "at", "pack", "judge")} | {"suites": suites}), "utf-8"
    )


def _text(run: Any) -> str:
    """JSON with the rows of a figure on one line: a changed figure is a changed line."""
    whole = _rounded(run)
    lines: list[str] = []
    for result in whole["suites"]:
        for figure, rows in result.get("scores", {}).items():
            result["scores"][figure] = f"@{len(lines)}@"
            lines.append(json.dumps(rows, ensure_ascii=False))
    text = json.dumps(whole, ensure_ascii=False, indent=1)
    for number, line in enumerate(lines):
        text = text.replace(f'"@{number}@"', line, 1)
    return text + "\n"


def _rounded(value: Any) -> Any:
    """Numbers to ``DIGITS`` places, whole ones without a point; NaN, which JSON has not, as null."""
    match value:
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case list() | tuple():
            return [_rounded(item) for item in value]
        case float():
            rounded = round(value, DIGITS)
            return None if not math.isfinite(value) else int(rounded) if rounded == int(rounded) else rounded
    return value
