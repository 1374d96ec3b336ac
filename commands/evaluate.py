"""``frontdesk eval``: measure a part of the product, on the pack or on any file, and compare two runs."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evals.comparing import Change
    from evals.report.files import Run
    from evals.result import SuiteResult
    from evals.thresholds import Limit

app = typer.Typer(help="Measure the product.", no_args_is_help=True)


@app.callback()
def evaluate() -> None:
    """Measure the product."""


@app.command("run")
def run_suites(
    suite: Annotated[
        list[str] | None, typer.Option(help="Suite to run; again for several. Default: all that measure the pack.")
    ] = None,
    data: Annotated[list[Path] | None, typer.Option(help="JSONL file; again for several. Default: the pack.")] = None,
    train: Annotated[Path | None, typer.Option(help="classifier: JSONL file to train on.")] = None,
    test: Annotated[Path | None, typer.Option(help="classifier: JSONL file to measure on.")] = None,
    group_by: Annotated[str | None, typer.Option(help="classifier: field whose values are measured apart.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="retrieval: JSONL file of documents.")] = None,
    queries: Annotated[Path | None, typer.Option(help="retrieval: JSONL file of queries.")] = None,
    judge_rows: Annotated[int | None, typer.Option(min=0, help="answers: how many the judge model reads.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for report.html and report.json.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Run to compare with. Default: the baseline kept with the suites.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run eval suites. Exit code 1 when a figure of the pack misses its threshold or clearly got worse."""
    from commands.output import print_json, progress
    from evals import run as running
    from evals.report.files import BASELINE, read_run
    from evals.result import printed
    from evals.thresholds import limits

    files = running.Files(
        data=tuple(data or ()), train=train, test=test, group_by=group_by, corpus=corpus, queries=queries
    )
    if baseline is None and BASELINE.exists() and not files.given:
        baseline = BASELINE
    run = running.run_suites(
        suite or [],
        running.Ask(files=files, judge_rows=judge_rows, progress=progress),
        limits=limits(),
        baseline=read_run(baseline) if baseline else None,
    )
    if report is not None:
        from evals.report.writing import write_report

        print(f"report: {write_report(run, report, limits=limits())}", file=sys.stderr)
    if json:
        results = [printed(result) for result in run["suites"]]
        print_json(results[0] if len(results) == 1 else results)
    else:
        for result in run["suites"]:
            _print_result(result, wanted=limits().get(result["suite"], {}), changes=run.get("changes", []))
    raise typer.Exit(code=_tell(run))


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="report.json of the earlier run, or a baseline.")],
    after: Annotated[Path, typer.Argument(help="report.json of the later run.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two runs figure by figure. Exit code 1 when a figure clearly got worse than its tolerance allows."""
    from commands.output import print_json, print_table
    from evals.comparing import compare as compared
    from evals.comparing import regressions
    from evals.report.files import read_run
    from evals.thresholds import limits

    changes = compared(read_run(before)["suites"], read_run(after)["suites"], limits=limits())
    worse = regressions(changes)
    if json:
        print_json({"changes": changes, "regressions": worse})
    else:
        print_table(
            ("figure", "before", "after", "difference", "95 %", "rows lost", "rows gained"),
            [_change_row(change) for change in changes if change["difference"]],
        )
    for sentence in worse:
        print(sentence, file=sys.stderr)
    raise typer.Exit(code=1 if worse else 0)


@app.command()
def accept(
    run: Annotated[Path, typer.Argument(help="report.json of the run.")],
    to: Annotated[Path | None, typer.Option(help="File to write. Default: the baseline kept with the suites.")] = None,
) -> None:
    """Make a run the baseline of the next ones: its figures and what each row adds to them, no texts."""
    from evals.report.files import BASELINE, read_run, write_baseline

    write_baseline(read_run(run), to or BASELINE)
    print(to or BASELINE)


def _print_result(result: "SuiteResult", *, wanted: "Mapping[str, Limit]", changes: "Sequence[Change]") -> None:
    from commands.output import print_table

    by_figure = {change["figure"]: change for change in changes if change["suite"] == result["suite"]}
    rows = []
    for figure, value in result["figures"].items():
        limit, change = wanted.get(figure), by_figure.get(figure)
        changed = f"{change['difference']:+.4f}{'' if change['clear'] else ' ~'}" if change else ""
        rows.append((figure, f"{value:.4f}", limit.wanted if limit else "", changed))
    print_table((f"{result['suite']}: {result['rows']} rows", "figure", "wanted", "since the baseline"), rows)


def _change_row(change: "Change") -> tuple[str, ...]:
    low, high = change.get("interval", (None, None))
    return (
        f"{change['suite']}: {change['figure']}",
        f"{change['before']:.4f}",
        f"{change['after']:.4f}",
        f"{change['difference']:+.4f}{'' if change['clear'] else ' ~'}",
        "" if low is None else f"{low:+.4f} to {high:+.4f}",
        str(len(change["lost"]) or ""),
        str(len(change["gained"]) or ""),
    )


def _tell(run: "Run") -> int:
    """What is wrong, on standard error; the exit code."""
    wrong = [*run.get("misses", []), *(f"worse: {sentence}" for sentence in run.get("regressions", []))]
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if wrong else 0
