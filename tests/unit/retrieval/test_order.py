"""Within an article the section that answers comes before the one that is merely near (R4.4)."""

import pytest

from retrieval.chunking import chunk_article
from retrieval.lexical import LexicalIndex
from retrieval.order import SectionOrder
from retrieval.search import SearchResult
from retrieval.text import words
from tests.unit.retrieval.articles import article
from tests.unit.retrieval.fakes import NOW, retriever_of

BODY = """We give a warranty on lamps and tables.

## How long the warranty lasts

| Products | Warranty |
| --- | --- |
| Tables | 5 years |
| Lamps | 2 years |

## Passing it on

The warranty belongs to the item and goes with it to a new owner.

## What we don't do

We don't sell warranty extensions; damage by accident has no warranty.
"""


async def first_of(query: str, *areas: str) -> str:
    retriever, _ = await retriever_of(
        article(BODY, id="warranty", title="Warranty", area="warranty"),
        article("## Returns\n\nWhen you return something, points go.", id="club", title="Club", area="loyalty"),
        article("Open your orders and choose the item.", id="how-to", title="How to return an item", area="returns"),
    )
    result: SearchResult = await retriever.search(query, areas=areas, channel="web", now=NOW)
    return result.passages[0]["chunk_id"]


@pytest.mark.parametrize(
    ("query", "section"),
    [
        ("how long is the warranty", "warranty@1.0#how-long-the-warranty-lasts"),
        ("what is your warranty?", "warranty@1.0#warranty"),
        ("does a new owner have the warranty", "warranty@1.0#passing-it-on"),
        ("do you sell warranty extensions", "warranty@1.0#what-we-don-t-do"),
    ],
)
async def test_the_section_that_answers_comes_first(query: str, section: str) -> None:
    """R4.4"""
    assert await first_of(query) == section


async def test_a_side_remark_does_not_beat_the_article_of_the_area() -> None:
    """R4.4: the club says a word about returns; the intent names the area."""
    assert await first_of("how do I return something", "returns") == "how-to@1.0#how-to-return-an-item"


@pytest.mark.parametrize(
    ("query", "first", "second"),
    [
        ("what is your warranty?", "", "What we don't do"),
        ("how soon will it end", "How long the warranty lasts", "Passing it on"),
        ("does the item have a new owner", "Passing it on", "How long the warranty lasts"),
    ],
)
def test_sections_differ_by_what_is_asked(query: str, first: str, second: str) -> None:
    """R4.4: exclusions, kind of fact, words of their own; without any nearness."""
    chunks = chunk_article(article(BODY, id="warranty", title="Warranty", area="warranty"))
    gains = SectionOrder(chunks).gains(query, LexicalIndex(chunks).score(query))
    gained = dict(zip((chunk.heading for chunk in chunks), gains, strict=True))

    assert gained[first] > gained[second] + 0.1


def test_words_of_one_meaning_meet() -> None:
    """R4.4"""
    assert words("Which couriers bring my package? E-mail me.") == words("Which carriers bring my parcel? Email me.")
