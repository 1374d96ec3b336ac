"""``frontdesk eval``: measure a part of the product, on the pack or on any file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evals.result import SuiteResult

app = typer.Typer(help="Measure the product.", no_args_is_help=True)


@app.callback()
def evaluate() -> None:
    """Measure the product."""


@app.command("run")
def run_suites(
    suite: Annotated[
        list[str] | None, typer.Option(help="Suite to run; again for several. Default: all offline.")
    ] = None,
    data: Annotated[list[Path] | None, typer.Option(help="JSONL file; again for several. Default: the pack.")] = None,
    train: Annotated[Path | None, typer.Option(help="classifier: JSONL file to train on.")] = None,
    test: Annotated[Path | None, typer.Option(help="classifier: JSONL file to measure on.")] = None,
    group_by: Annotated[str | None, typer.Option(help="classifier: field whose values are measured apart.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="retrieval: JSONL file of documents.")] = None,
    queries: Annotated[Path | None, typer.Option(help="retrieval: JSONL file of queries.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run eval suites; exit code 1 when a figure of a suite run on the pack misses its threshold."""
    from commands.output import print_json, print_table
    from evals.run import Files, misses, run_suite, suites

    files = Files(data=tuple(data or ()), train=train, test=test, group_by=group_by, corpus=corpus, queries=queries)
    results: list[SuiteResult] = []
    missed: list[str] = []
    for name in suite or suites():
        result = run_suite(name, files)
        results.append(result)
        missed += [] if files.given else misses(result)
        if not json:
            rows = [(figure, f"{value:.4f}") for figure, value in result["figures"].items()]
            print_table((f"{name}: {result['rows']} rows", "figure"), rows)
    if json:
        print_json(results[0] if len(results) == 1 else results)
    elif missed:
        print("\n".join(missed))
    raise typer.Exit(code=1 if missed else 0)
