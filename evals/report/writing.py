"""Writes a run into a folder: the page for people, the file for machines."""

from pathlib import Path

from evals.report.files import Run, write_run
from evals.report.page import page
from evals.thresholds import Limits

PAGE, FILE = "report.html", "report.json"


def write_report(run: Run, folder: Path, *, limits: Limits) -> Path:
    """The page's path. The page is written last, so that one that is there belongs to a file that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    write_run(run, folder / FILE)
    (folder / PAGE).write_text(page(run, limits=limits), encoding="utf-8")
    return folder / PAGE
