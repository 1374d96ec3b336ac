"""What the suites' own measures count: grounding, reference contexts, filters, tables (R10.1)."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from desk.config.settings import Settings
from desk.domain import clock
from desk.domain.passages import Passage
from desk.language.engine import AnswerPart
from desk.policies.loader import load_pack
from desk.policies.models import PolicySet
from evals.contexts import covering, holding, sections_of
from evals.grounding import is_grounded
from evals.result import means
from evals.suites.chunks import table_scores
from evals.suites.filters import filter_scores, probes
from evals.suites.questions import Question
from retrieval.chunking import chunk_article
from retrieval.search import Retriever, build_retriever

TABLE = "| Service | Time | Price |\n| --- | --- | --- |\n| Express | 1 day | 9.95 USD |\n| Standard | 5 days | free |"


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return load_pack(Path(__file__).parents[3] / "packs" / "retail")


def passage(text: str) -> Passage:
    return Passage(
        chunk_id="a@1.0#x", article="a", version="1.0", title="Shipping", heading="Express", area="shipping",
        text=text, score=0.9,
    )  # fmt: skip


def part(text: str, *chunk_ids: str) -> AnswerPart:
    return AnswerPart(text=text, chunk_ids=list(chunk_ids), restart=False)


@pytest.mark.parametrize(
    ("said", "grounded"),
    [
        (part("It takes **two** days.\n\n", "a@1.0#x"), True),
        (part("**Express**", "a@1.0#x"), True),
        (part("It takes three days.", "a@1.0#x"), False),
        (part("It takes two days."), False),
        (part("It takes two days.", "b@1.0#x"), False),
    ],
)
def test_an_answer_is_grounded_when_a_passage_it_cites_says_it(said: AnswerPart, grounded: bool) -> None:
    """R4.6"""
    assert is_grounded([said], passages=[passage("Yes.\nIt takes *two*\ndays.")]) is grounded


@pytest.mark.parametrize(
    ("row", "grounded"),
    [("- **Express**: Time: 1 day; Price: 9.95 USD", True), ("- **Express**: Time: 5 days; Price: 9.95 USD", False)],
)
def test_the_cells_of_two_rows_make_no_row(row: str, grounded: bool) -> None:
    """R4.6"""
    assert is_grounded([part(row, "a@1.0#x")], passages=[passage(TABLE)]) is grounded


def question(*must: str) -> Question:
    return Question(
        id="q", kind="answerable", part="test", text="?", before=(), relevant=frozenset({"returns-policy"}),
        intent=None, reference="", must=tuple(map(re.compile, must)),
    )  # fmt: skip


def test_the_reference_is_cut_at_the_headings_of_the_article(policies: PolicySet) -> None:
    """R10.1"""
    sections = sections_of(policies, ["returns-policy"])

    assert [text.split()[:3] for text in holding(question("6\\.95 USD"), sections)] == [["|", "Reason", "|"]]
    assert len(holding(question("within 30 days"), sections)) == 1
    assert covering(question("6\\.95 USD", "receipt is not needed"), sections, retrieved=[]) == [
        section for section in sections if "6.95" in section or "receipt" in section
    ]


def test_of_two_sections_that_say_it_the_one_that_was_found_counts() -> None:
    """R10.1"""
    sections = ["We take 30 days.", "After 30 days it is too late."]

    assert covering(question("30 days"), sections, retrieved=[]) == sections[:1]
    assert covering(question("30 days"), sections, retrieved=[passage(sections[1])]) == sections[1:]


async def test_the_search_keeps_back_what_may_not_be_seen(policies: PolicySet) -> None:
    """R4.4"""
    figures = means(await filter_scores(policies, build=build_retriever, now=clock.now()))

    assert figures == {"filters_held": 1.0, "filters_open": 1.0}


async def build_without_filters(settings: Settings, policies: PolicySet) -> Retriever:
    """A search whose passages forgot who may see them, and when."""
    forgotten: dict[str, Any] = {
        "audience": "public", "channels": (), "locale": "en", "status": "published", "expires": None,
        "effective": date(2020, 1, 1),
    }  # fmt: skip
    chunks = [replace(chunk, **forgotten) for article in policies.articles.values() for chunk in chunk_article(article)]
    return await build_retriever(settings, policies, chunks=chunks)


async def test_a_search_without_filters_is_caught_by_every_probe(policies: PolicySet) -> None:
    """R4.4"""
    now = clock.now()
    scores = await filter_scores(policies, build=build_without_filters, now=now)

    assert scores["filters_held"] == {probe.name: 0.0 for probe in probes(now.date())}


def test_a_table_that_is_cut_in_two_is_counted(policies: PolicySet) -> None:
    """R4.3"""
    chunks = [chunk for article in policies.articles.values() for chunk in chunk_article(article)]
    whole = table_scores(policies, chunks)["tables_whole"]
    cut = [replace(chunk, text=half) for chunk in chunks for half in _halves(chunk.text)]

    assert whole
    assert set(whole.values()) == {1.0}
    assert set(table_scores(policies, cut)["tables_whole"].values()) == {0.0}


def _halves(text: str) -> list[str]:
    lines = text.splitlines()
    rows = [number for number, line in enumerate(lines) if line.startswith("|")]
    middle = rows[len(rows) // 2] if rows else len(lines)
    return ["\n".join(lines[:middle]), "\n".join(lines[middle:])]
