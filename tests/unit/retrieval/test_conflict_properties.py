"""What holds of every two passages, whatever they say (R4.5)."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.policies.loader import PACKS, load_pack
from retrieval.chunking import Chunk, chunk_article
from retrieval.conflict.conflicts import conflicts_among, conflicts_between, conflicts_with_title
from retrieval.conflict.facts import Facts, Statement, facts_of

CHUNKS = [chunk for article in load_pack(PACKS / "retail").articles.values() for chunk in chunk_article(article)]
VOCABULARY = """
you can not cannot must only return items orders within 30 14 days $5 10 EUR 10% free except sale if unless we
ship to Spain, Italy and Portugal Monday to Friday 9:00 18:00 closed without with no never twice up to at
least January 15 | --- - : ; . ( ) yes no it they before after
"""
WORDS = st.sampled_from(VOCABULARY.split())
SENTENCES = st.lists(WORDS, min_size=1, max_size=25).map(" ".join)
TEXTS = st.one_of(st.text(max_size=400), st.lists(SENTENCES, max_size=6).map("\n".join))
STATED = st.sampled_from(
    [
        "Items can be returned within {n} days.",
        "Express delivery costs {n}.00 USD.",
        "Up to {n} users can be added.",
        "New customers get {n} percent off.",
    ]
)


def read(text: str, *, name: str, title: str = "Returns", heading: str = "") -> Facts:
    return facts_of(Statement(id=name, title=title, heading=heading, text=text))


@given(one=TEXTS, other=TEXTS, title=st.text(max_size=60), heading=st.text(max_size=60))
def test_any_text_can_be_read_and_compared(one: str, other: str, title: str, heading: str) -> None:
    mine, theirs = read(one, name="one", title=title, heading=heading), read(other, name="other", title=title)

    for conflict in conflicts_among([mine, theirs], question=title):
        assert 0.5 <= conflict.confidence <= 1
        assert conflict.quote in mine.quotes
        assert conflict.other_quote in theirs.quotes
    conflicts_with_title(mine)


@given(one=TEXTS, other=TEXTS)
def test_who_is_first_does_not_matter(one: str, other: str) -> None:
    mine, theirs = read(one, name="one"), read(other, name="other")

    there = {(c.quote, c.other_quote, c.kind) for c in conflicts_between(mine, theirs)}
    back = {(c.other_quote, c.quote, c.kind) for c in conflicts_between(theirs, mine)}

    assert bool(there) == bool(back)


@given(text=TEXTS)
def test_a_text_never_conflicts_with_itself(text: str) -> None:
    assert conflicts_between(read(text, name="one"), read(text, name="other")) == []


@given(statement=STATED, number=st.integers(min_value=2, max_value=90))
def test_the_same_number_is_no_conflict_and_another_is(statement: str, number: int) -> None:
    one = read(statement.format(n=number), name="one")

    assert conflicts_between(one, read(statement.format(n=number), name="other")) == []
    assert conflicts_between(one, read(statement.format(n=number + 1), name="other")) != []


@given(order=st.permutations(["Items can be returned within 30 days.", "Shipping costs 5 EUR.", "We never call you."]))
def test_the_order_of_sentences_does_not_matter(order: list[str]) -> None:
    other = read("Items can be returned within 14 days.", name="other")

    assert [c.kind for c in conflicts_between(read(" ".join(order), name="one"), other)] == ["period"]


@pytest.mark.parametrize("chunk", CHUNKS[::7], ids=lambda chunk: chunk.id)
def test_an_article_does_not_conflict_with_its_own_text_laid_out_otherwise(chunk: Chunk) -> None:
    one = read(chunk.text, name="one", title=chunk.title, heading=chunk.heading)
    spaced = chunk.text.replace(". ", ".\n").replace("USD", "dollars").replace("'", "’")

    assert conflicts_between(one, read(spaced, name="other", title=chunk.title, heading=chunk.heading)) == []


def test_the_articles_of_the_sample_pack_do_not_contradict_each_other() -> None:
    """R4.5: a false alarm costs a customer an answer."""
    made = [(c.article, read(c.text, name=c.id, title=c.title, heading=c.heading)) for c in CHUNKS]

    found = [
        conflict
        for place, (article, one) in enumerate(made)
        for another, other in made[place + 1 :]
        if article != another
        for conflict in conflicts_between(one, other)
    ]

    assert found == []


HOSTILE = {
    "digits": "7" * 1_000_000,
    "blanks": " " * 1_000_000,
    "separated digits": "1," * 500_000,
    "one long word": "a" * 1_000_000,
    "bars": "|" * 1_000_000,
    "a table of one line": "| a | b |\n| --- | --- |\n" + "| 1 USD " * 100_000,
    "brackets": "[" * 500_000 + "](" * 100_000,
    "asterisks": "*" * 1_000_000,
    "ten thousand facts": "It costs 5 EUR and not 6 EUR, or 7 days. " * 25_000,
    "an address": "a@" * 500_000,
    "a telephone number": "+1 202 " * 150_000,
    "negations": "not " * 250_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.timeout(60)
def test_a_hostile_text_costs_no_more_than_a_long_one(text: str) -> None:
    """Bounded work: a hundred times the length the reader looks at costs what that length costs."""
    made = read(text, name="hostile", title=text[:100_000], heading=text[:100_000])
    conflicts_among([made, read(text, name="other", title="Returns")], question=text[:10_000])

    assert len(made.quotes) <= 121
    assert len(made.quantities) + len(made.claims) <= 400


def test_reading_grows_with_the_text_and_no_faster() -> None:
    def cost(sentences: int) -> float:
        text = "Items can be returned within 30 days, and a refund costs 5 EUR. " * sentences
        started = time.process_time()
        for _ in range(5):
            read(text, name="one")
        return time.process_time() - started

    cost(5)
    costs = [cost(sentences) for sentences in (10, 20, 40)]

    assert all(longer < 5 * shorter for shorter, longer in pairwise(costs))
