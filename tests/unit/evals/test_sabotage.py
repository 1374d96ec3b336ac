"""Broken on purpose: each fault makes a suite fail that passes without it (R10.1, R10.3)."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from commands.main import main
from desk.config.settings import Settings
from desk.policies.loader import load_pack
from desk.policies.models import PolicySet
from evals.comparing import compare, regressions
from evals.report.files import FORMAT, write_run
from evals.result import SuiteResult
from evals.searching import Build
from evals.suites import answers, retrieval_pack
from evals.thresholds import limits, misses
from retrieval.chunking import Chunk, chunk_article
from retrieval.search import Retriever, build_retriever

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[3]
PACK, DATA = ROOT / "packs" / "retail", ROOT / "evals" / "data"

CIRCULAR = """---
id: returns-circular
title: How long you can return an item
area: returns
owner: Returns team
review_cadence: 6m
next_review: 2027-04-01
version: "1.0"
status: published
effective: 2024-10-01
{expires}source: A circular of the warehouse
---
You can return items within 14 days of delivery.

## How long you have

You have 14 days from the day of delivery to tell us that you want to return an item.
"""


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return load_pack(PACK)


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sample pack, which the command measures."""
    copy = tmp_path / "retail"
    shutil.copytree(PACK, copy)
    monkeypatch.setenv("FRONTDESK_PACK", str(copy))
    return copy


def test_a_stale_article_fails_the_command_once_nobody_looks_at_its_date(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It expired a year ago; then its date is lost."""
    circular = pack / "knowledge" / "returns-circular.md"
    nothing = tmp_path / "baseline.json"
    write_run({"format": FORMAT, "at": "", "pack": "", "judge": None, "suites": []}, nothing)
    measure = ("eval", "run", "--suite", "answers", "--baseline", str(nothing))
    circular.write_text(CIRCULAR.format(expires="expires: 2025-10-01\n"))
    assert exit_code(*measure) == 0, capsys.readouterr().err

    circular.write_text(CIRCULAR.format(expires=""))

    assert exit_code(*measure) == 1
    assert "answers: undisputed is" in capsys.readouterr().err


def exit_code(*words: str) -> int | str | None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    return stopped.value.code


def test_an_article_that_contradicts_another_fails_the_answers(pack: Path, policies: PolicySet, tmp_path: Path) -> None:
    files = {"rows": tmp_path / "answers.jsonl", "questions": tmp_path / "questions.jsonl"}
    for name, file in (("answers", files["rows"]), ("questions", files["questions"])):
        lines = (DATA / f"{name}_pack.jsonl").read_text().splitlines()
        file.write_text("\n".join(line for line in lines if "returns-policy" in line))
    (pack / "knowledge" / "returns-circular.md").write_text(CIRCULAR.format(expires=""))

    assert not faults(answers.run_pack(policies, **files), of="undisputed")
    assert faults(answers.run_pack(load_pack(pack), **files), of="undisputed")


def faults(result: SuiteResult, *, of: str) -> list[str]:
    """What makes the command's exit code 1, for one figure."""
    told = misses(result, wanted=limits()[result["suite"]])
    return [sentence for sentence in told if f": {of} " in sentence]


def building(change: Callable[[Chunk], list[Chunk]]) -> Build:
    """A search over chunks that are not what the product's chunker made."""

    async def build(settings: Settings, policies: PolicySet) -> Retriever:
        chunks = [chunk for article in policies.articles.values() for chunk in chunk_article(article)]
        return await build_retriever(settings, policies, chunks=[one for chunk in chunks for one in change(chunk)])

    return build


def cut_in_two(chunk: Chunk) -> list[Chunk]:
    """A table's first half, and its second without the names of the columns."""
    lines = chunk.text.splitlines()
    rows = [number for number, line in enumerate(lines) if line.startswith("|")]
    if len(rows) < 4:
        return [chunk]
    middle = rows[len(rows) // 2 + 1]
    halves = "\n".join(lines[:middle]), "\n".join(lines[middle:])
    return [replace(chunk, id=f"{chunk.id}-{n}", text=half) for n, half in enumerate(halves, start=1)]


@pytest.mark.parametrize(
    ("change", "figure"),
    [
        (cut_in_two, "tables_whole"),
        (lambda chunk: [replace(chunk, audience="public")], "filters_held"),
        (lambda chunk: [replace(chunk, effective=date(2020, 1, 1), expires=None)], "filters_held"),
        (lambda chunk: [replace(chunk, status="published")], "filters_held"),
        (lambda chunk: [replace(chunk, channels=())], "filters_held"),
    ],
    ids=["tables cut in two", "audience dropped", "dates dropped", "status dropped", "channels dropped"],
)
def test_a_fault_of_the_index_fails_the_retrieval(
    policies: PolicySet, tmp_path: Path, change: Callable[[Chunk], list[Chunk]], figure: str
) -> None:
    """Filters and chunks need no question, and a few articles."""
    (tmp_path / "none.jsonl").touch()
    none: dict[str, Path] = {"rows": tmp_path / "none.jsonl", "questions": tmp_path / "none.jsonl"}
    kept = {path: article for path, article in policies.articles.items() if article.area in ("returns", "shipping")}
    few = policies.model_copy(update={"articles": kept})

    assert not faults(retrieval_pack.run_pack(few, **none), of=figure)
    assert faults(retrieval_pack.run_pack(few, **none, build=building(change)), of=figure)


def test_articles_that_are_gone_are_a_regression(policies: PolicySet, tmp_path: Path) -> None:
    """Too few to miss a threshold, and more than chance."""
    (tmp_path / "none.jsonl").touch()
    gone = {"returns-policy", "non-returnable-items"}
    sound, broken = (
        retrieval_pack.run_pack(policies, questions=tmp_path / "none.jsonl", build=build)
        for build in (build_retriever, building(lambda chunk: [] if chunk.article in gone else [chunk]))
    )

    assert regressions(compare([sound], [sound], limits=limits())) == []
    assert any("recall_at_5 went from" in one for one in regressions(compare([sound], [broken], limits=limits())))
