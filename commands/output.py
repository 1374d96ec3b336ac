"""How commands speak: JSON for programs, tables for people."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output. The first column is never shortened: it names what the row is about."""
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(Column(headings[0], no_wrap=True), *headings[1:])
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@contextmanager
def progress(what: str, *, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where a person sees it and no program reads it. Call what it gives with each step."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.update(task, advance=steps)
