"""The word index gives what its definition says, for some chunks as for all, read at once or bit by bit (R4.4)."""

import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from retrieval.chunking import Chunk, chunk_article
from retrieval.lexical import K1, TITLE_WEIGHT, B, LexicalIndex, LexicalScores
from retrieval.order import SectionOrder
from retrieval.text import words
from tests.unit.retrieval.articles import article

WORDS = ["parcel", "lamp", "table", "rug", "vase", "mirror", "shelf", "candle", "pillow", "cushion", "curtain"]
QUERY = "parcel lamp shelf lamp unicorn candle"


def shop(seed: int, *, articles: int = 12, version: str = "1.0") -> list[Chunk]:
    """Articles of one to four sections, of few words, the first of them in every second section."""
    some = random.Random(seed)

    def text(length: int) -> str:
        return " ".join(some.choices(WORDS, weights=range(11, 0, -1), k=length))

    return [
        chunk
        for number in range(articles)
        for chunk in chunk_article(
            article(
                "\n\n".join(f"## {text(2)}\n\n{text(some.randint(3, 30))}" for _ in range(some.randint(1, 4))),
                id=f"article-{number}",
                title=text(2),
                version=version,
            )
        )
    ]


def assert_equal(one: LexicalScores, other: LexicalScores) -> None:
    for name in ("of", "relevance", "coverage", "titled", "specific", "headed"):
        assert np.allclose(getattr(one, name), getattr(other, name), atol=1e-12), name


def by_definition(chunks: Sequence[Chunk], query: str) -> LexicalScores:
    """Straight from the docstrings, chunk by chunk."""
    titles = [words(f"{chunk.title} {chunk.heading}") for chunk in chunks]
    bodies = [words(f"{chunk.heading}\n{chunk.text}") for chunk in chunks]
    asked = Counter(words(query))
    rarity = {}
    for word in asked:
        held = sum(word in title + body for title, body in zip(titles, bodies, strict=True))
        rarity[word] = math.log(1 + (len(chunks) - held + 0.5) / (held + 0.5))
    highest = sum(times * rarity[word] * (K1 + 1) * (1 + TITLE_WEIGHT) for word, times in asked.items())
    rows = []
    for chunk, title, body in zip(chunks, titles, bodies, strict=True):
        sisters = [
            other for other, one in zip(bodies, chunks, strict=True)
            if (one.article, one.version) == (chunk.article, chunk.version)
        ]  # fmt: skip
        apart = {
            word: 1 - (sum(word in sister for sister in sisters) - 1) / (len(sisters) - 1)
            if word in body and len(sisters) > 1
            else 0.0
            for word in asked
        }

        def share(found: Counter[str] | dict[str, float]) -> float:
            return sum(rarity[word] * weight for word, weight in found.items()) / sum(rarity.values())

        rows.append(
            (
                sum(
                    times * rarity[word] * (_bm25(body, bodies, word) + TITLE_WEIGHT * _bm25(title, titles, word))
                    for word, times in asked.items()
                )
                / highest,
                share({word: 1.0 for word in asked if word in title + body}),
                share({word: 1.0 for word in asked if word in words(chunk.title)}),
                share(apart),
                share({word: apart[word] for word in asked if word in words(chunk.heading)}),
            )
        )
    relevance, coverage, titled, specific, headed = (np.array(column) for column in zip(*rows, strict=True))
    everything = np.arange(len(chunks), dtype=np.int32)
    return LexicalScores(
        of=everything, relevance=relevance, coverage=coverage, titled=titled, specific=specific, headed=headed
    )


def _bm25(text: list[str], texts: list[list[str]], word: str) -> float:
    average = sum(map(len, texts)) / len(texts)
    times = text.count(word)
    return times * (K1 + 1) / (times + K1 * (1 - B + B * len(text) / average))


@pytest.mark.parametrize("articles", [1, 2, 12])
@pytest.mark.parametrize("seed", range(5))
def test_every_chunk_gets_what_the_definition_says(seed: int, articles: int) -> None:
    chunks = shop(seed, articles=articles)

    assert_equal(LexicalIndex(chunks).score(QUERY), by_definition(chunks, QUERY))


@pytest.mark.parametrize("chosen", [[], [3], [0, 1, 5, 9], list(range(14))], ids=len)
def test_some_chunks_get_what_they_get_among_all(chosen: list[int]) -> None:
    index = LexicalIndex(shop(1))
    everything = index.score(QUERY)

    some = index.score(QUERY, of=np.array(chosen, dtype=np.int32))

    assert some.of.tolist() == chosen
    for name in ("relevance", "coverage", "titled", "specific", "headed"):
        assert getattr(some, name).tolist() == getattr(everything, name)[chosen].tolist()


def test_the_chunks_that_share_a_word_are_found_and_no_others() -> None:
    chunks = shop(2)
    index = LexicalIndex(chunks)
    allowed = np.array([n % 3 > 0 for n in range(len(chunks))])

    found = index.sharing("vase unicorn", among=allowed, limit=1000)

    assert found.tolist() == [n for n, chunk in enumerate(chunks) if "vase" in words(chunk.headed) and allowed[n]]


def test_of_too_many_the_most_relevant_are_found() -> None:
    chunks = shop(3, articles=40)
    index = LexicalIndex(chunks)
    best = np.argsort(-index.score("parcel lamp").relevance)[:10]

    found = index.sharing("parcel lamp", among=np.ones(len(chunks), dtype=bool), limit=10)

    assert found.tolist() == sorted(best.tolist())


def test_the_commonest_words_of_a_large_corpus_count_but_do_not_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = shop(4, articles=40)
    index = LexicalIndex(chunks)
    everybody = np.ones(len(chunks), dtype=bool)
    rare, common = (index.sharing(word, among=everybody, limit=1000) for word in ("curtain", "parcel"))
    assert len(rare) < len(common)
    monkeypatch.setattr("retrieval.lexical.READ", len(rare) + 1)

    assert index.sharing("parcel curtain", among=everybody, limit=1000).tolist() == rare.tolist()
    assert index.sharing("parcel", among=everybody, limit=1000).tolist() == common.tolist(), "nothing rarer was asked"
    assert_equal(index.score("parcel curtain"), by_definition(chunks, "parcel curtain"))


@pytest.mark.parametrize("query", ["", "???", "the of and", "unicorn"])
def test_a_query_that_shares_no_word_is_relevant_to_nothing(query: str) -> None:
    chunks = shop(5)
    index = LexicalIndex(chunks)

    assert not len(index.sharing(query, among=np.ones(len(chunks), dtype=bool), limit=10))
    assert not index.score(query).relevance.any()


def test_an_index_made_from_the_one_before_is_as_one_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """R4.7: five articles stay, one is gone, one is new, one is there in another version; only new ones are read."""
    old = shop(6, articles=7)
    new = [
        *(chunk for chunk in old if chunk.article not in {"article-0", "article-1"}),
        *shop(7, articles=1, version="2.0"),
        *chunk_article(article("Unicorn lamps.\n\n## Vase\n\nParcel.", id="unicorn", title="Unicorn shelf")),
    ]
    carried = np.array([old.index(chunk) if chunk in old else -1 for chunk in new], dtype=np.int32)
    anew = LexicalIndex(new), SectionOrder(new)
    before = LexicalIndex(old), SectionOrder(old)
    seen: list[str] = []

    def reading(text: str) -> list[str]:
        seen.append(text)
        return words(text)

    monkeypatch.setattr("retrieval.lexical.words", reading)

    index = LexicalIndex(new, before=before[0], carried=carried)

    assert {chunk.text for chunk in new if chunk not in old} <= set(seen)
    assert not {chunk.text for chunk in old} & set(seen)
    order = SectionOrder(new, before=before[1], carried=carried)
    for query in (QUERY, "vase curtain parcel unicorn", "how long is the lamp"):
        assert_equal(index.score(query), anew[0].score(query))
        assert order.gains(query, index.score(query)) == pytest.approx(anew[1].gains(query, anew[0].score(query)))


def test_nothing_at_all_is_an_index_too() -> None:
    index = LexicalIndex([])

    assert not len(index.sharing("parcel", among=np.zeros(0, dtype=bool), limit=10))
    assert not len(index.score("parcel").relevance)


def test_chunks_of_an_article_in_two_places_are_refused() -> None:
    one, two, *_ = shop(8)
    elsewhere = chunk_article(article("Lamp.", id="elsewhere"))

    assert one.article == two.article
    with pytest.raises(ValueError, match="follow one another"):
        LexicalIndex([one, *elsewhere, two])
