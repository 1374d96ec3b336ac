"""Search finds the right passage, shows nothing it must not, and knows when it does not know (R4.4)."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from desk.privacy.output_guard import words_in
from retrieval.chunking import chunk_article
from retrieval.errors import DenseSearchUnavailable
from retrieval.index import Eligibility
from retrieval.lexical import LexicalIndex
from retrieval.search import Retriever, SearchResult
from tests.unit.retrieval.articles import SHOP, article
from tests.unit.retrieval.fakes import NOW, retriever_of


async def ask(retriever: Retriever, query: str, **changes: Any) -> SearchResult:
    return await retriever.search(query, **({"channel": "web", "now": NOW} | changes))


def found(result: SearchResult) -> list[str]:
    return [passage["article"] for passage in result.passages]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("How many days do I have to return something?", "returns-policy"),
        ("how long does express delivery take", "delivery-times"),
        ("washing my linen curtains", "linen-care"),
    ],
)
async def test_the_passage_that_answers_comes_first(query: str, expected: str) -> None:
    """R4.4"""
    retriever, _ = await retriever_of()

    result = await ask(retriever, query)

    assert found(result)[0] == expected
    assert result.confident
    assert result.best == max(passage["score"] for passage in result.passages)
    assert all(0 < passage["score"] < 1 for passage in result.passages)


@pytest.mark.parametrize("query", ["Who won the football match?", "What is the tallest mountain in the world?"])
async def test_a_question_about_something_else_is_not_confident(query: str) -> None:
    """R4.4"""
    retriever, _ = await retriever_of()

    assert not (await ask(retriever, query)).confident


@pytest.mark.parametrize(
    "message",
    [
        "Hi, I bought three lovely things last month. How long does express delivery take? Kind regards, Ben Smith",
        "How long does exprss delivrey take",
        "HOW LONG DOES EXPRESS DELIVERY TAKE???",
    ],
)
async def test_chat_around_a_question_and_typing_mistakes_do_not_hide_it(message: str) -> None:
    """R4.4"""
    retriever, _ = await retriever_of()

    result = await ask(retriever, message)

    assert found(result)[0] == "delivery-times"
    assert result.confident


async def test_the_threshold_decides_what_is_confident() -> None:
    """R4.4"""
    easy, _ = await retriever_of(threshold=0.05)
    strict, _ = await retriever_of(threshold=0.99999)

    assert (await ask(easy, "linen curtains")).confident
    assert not (await ask(strict, "linen curtains")).confident


@pytest.mark.parametrize("query", ["", "   ", "???", "the of and", "\u200b"])
async def test_a_query_without_words_finds_nothing_and_is_not_confident(query: str) -> None:
    retriever, _ = await retriever_of()

    result = await ask(retriever, query)

    assert not result.confident


@pytest.mark.parametrize(
    "hidden",
    [
        {"status": "draft"},
        {"status": "retired"},
        {"effective": date(2026, 11, 24)},
        {"expires": date(2026, 11, 23)},
        {"audience": "internal"},
        {"audience": "customer"},
        {"locale": "fr"},
        {"channels": ("email",)},
    ],
    ids=str,
)
@pytest.mark.parametrize("broken", [False, True], ids=["hybrid", "degraded"])
async def test_what_a_customer_may_not_see_is_never_found(hidden: dict[str, Any], broken: bool) -> None:
    """R4.4"""
    secret = article("The secret zebra margin is 60 percent.", id="zebra", title="Zebra margin", **hidden)
    retriever, index = await retriever_of(*SHOP, secret)
    index.broken = broken

    assert "zebra" not in found(await ask(retriever, "secret zebra margin"))


@pytest.mark.parametrize(
    ("shown", "how"),
    [
        ({"audience": "customer"}, {"audience": "customer"}),
        ({"audience": "internal"}, {"audience": "internal"}),
        ({"locale": "fr"}, {"locale": "fr-CA"}),
        ({"channels": ("email",)}, {"channel": "email"}),
        ({"effective": date(2026, 11, 23), "expires": date(2026, 11, 24)}, {}),
    ],
    ids=str,
)
async def test_who_may_see_a_passage_finds_it(shown: dict[str, Any], how: dict[str, Any]) -> None:
    """R4.4"""
    special = article("The zebra margin is 60 percent.", id="zebra", title="Zebra margin", **shown)
    retriever, _ = await retriever_of(*SHOP, special)

    assert found(await ask(retriever, "zebra margin", **how))[0] == "zebra"


async def test_the_day_changes_at_the_shops_midnight() -> None:
    tomorrow = article("The zebra sale starts.", id="zebra", title="Zebra sale", effective=date(2026, 11, 24))
    retriever, _ = await retriever_of(*SHOP, tomorrow)

    evening = await ask(retriever, "zebra sale", now=datetime(2026, 11, 24, 3, tzinfo=UTC))
    morning = await ask(retriever, "zebra sale", now=datetime(2026, 11, 24, 6, tzinfo=UTC))

    assert "zebra" not in found(evening)
    assert found(morning)[0] == "zebra"


async def test_the_pack_s_language_answers_when_there_is_nothing_in_the_customers() -> None:
    retriever, _ = await retriever_of()

    assert found(await ask(retriever, "linen curtains", locale="de"))[0] == "linen-care"


def test_what_is_searched_is_named_one_by_one_and_nobody_in_particular_sees_nothing() -> None:
    """R4.4"""
    day = date(2026, 11, 23)

    assert Eligibility(audiences=("public", "customer"), locales=("en",), on=day).scopes == {"public/en", "customer/en"}
    assert not Eligibility(audiences=(), locales=("en",), on=day).scopes
    assert not Eligibility(audiences=("public",), locales=(), on=day).scopes


async def test_areas_come_first_but_others_are_not_forbidden() -> None:
    other = article("Return your items here.", id="other-returns", title="Returns desk", area="showroom")
    same = article("Return your items here.", id="more-returns", title="Returns desk", area="returns")
    retriever, _ = await retriever_of(other, same)

    plain = await ask(retriever, "return items desk")
    preferred = await ask(retriever, "return items desk", areas=["returns"])
    elsewhere = await ask(retriever, "return items desk", areas=["delivery"])

    assert found(plain) == found(elsewhere) == ["other-returns", "more-returns"]
    assert found(preferred) == ["more-returns", "other-returns"]
    assert preferred.best > plain.best


NEIGHBOURHOOD = (
    article("Express parcels take two days.", id="express", title="Express"),
    article(
        "A courier brings it within 48 hours.", id="courier", title="Fast delivery of parcels", audience="internal"
    ),
    article("Wash linen at 30 degrees.", id="linen", title="Linen"),
    article("Express parcels take three days.", id="secret", title="Express", status="approved"),
    article("Express parcels, jours.", id="francais", title="Express", locale="fr"),
    *(article(f"Lamps of brass, number {n}.", id=f"lamp-{n}", title="Lamps") for n in range(20)),
)


@pytest.mark.parametrize("broken", [False, True], ids=["hybrid", "degraded"])
async def test_a_text_is_compared_with_what_is_near_to_it_or_shares_its_words(broken: bool) -> None:
    """R4.5: for whichever audience, in its language, published, and not with what it replaces."""
    retriever, index = await retriever_of(*NEIGHBOURHOOD)
    index.broken = broken
    submitted = chunk_article(article("Express parcels take four days.", id="new", title="Express", version="9.0"))

    near = await retriever.neighbours(submitted, limit=3)
    without = await retriever.neighbours(submitted, limit=3, without={"express"})

    assert near[0].article == "express"
    assert "courier" in {chunk.article for chunk in near}
    assert not {"secret", "francais"} & {chunk.article for chunk in (*near, *without)}
    assert without[0].article == "courier"
    assert "express" not in {chunk.article for chunk in without}


async def test_what_a_text_replaces_does_not_hide_what_it_contradicts() -> None:
    """R4.5: the earlier version has thirty sections that say nearly the same."""
    old = "\n\n".join(f"## Express {n}\n\nExpress parcels take {n} days." for n in range(30))
    retriever, _ = await retriever_of(article(old, id="new", title="Express"), *NEIGHBOURHOOD)
    retriever = replace(
        retriever, lexical=LexicalIndex([replace(chunk, title="", text="") for chunk in retriever.chunks])
    )
    submitted = chunk_article(article("Express parcels take four days.", id="new", title="Express", version="9.0"))

    assert "express" in {chunk.article for chunk in await retriever.neighbours(submitted, limit=2, without={"new"})}


async def test_each_neighbour_comes_once_however_many_sections_are_near_to_it() -> None:
    retriever, _ = await retriever_of(*NEIGHBOURHOOD)
    body = "\n\n".join("## Part\n\nExpress parcels take four days." for _ in range(40))

    near = await retriever.neighbours(chunk_article(article(body, id="new", title="Express")), limit=3)

    assert len({chunk.id for chunk in near}) == len(near)
    assert len(near) < 10


async def test_words_and_hosts_of_all_passages_follow_the_snapshot() -> None:
    """R6.3"""
    gone = article("Zebra, see https://zebra.example.com/x", id="zebra")
    new = article("Unicorn, see https://unicorn.example.com/x", id="unicorn")
    before, _ = await retriever_of(*SHOP, gone)
    anew, index = await retriever_of(*SHOP, new)

    now = Retriever.over(
        anew.chunks, embedding=anew.embedding, index=index, threshold=0.4, default_locale="en", timezone=anew.timezone,
        before=before,
    )  # fmt: skip

    assert now.spoken == anew.spoken == words_in(" ".join(chunk.headed for chunk in anew.chunks))
    assert now.hosts == anew.hosts == {"unicorn.example.com"}


@pytest.mark.parametrize("broken", [False, True], ids=["hybrid", "degraded"])
async def test_a_retriever_made_from_the_one_before_finds_what_one_made_anew_finds(broken: bool) -> None:
    """R4.7: one article is gone, one has new words, one is internal, one is there thrice."""
    before, _ = await retriever_of(*SHOP, article("Zebra sale on Mondays.", id="zebra", title="Zebra sale"))
    anew, index = await retriever_of(
        SHOP[0],
        SHOP[2].model_copy(update={"audience": "internal"}),
        article("Unicorn sale on Fridays.", id="zebra", title="Unicorn sale", version="2.0"),
        *(SHOP[0].model_copy(update={"id": f"copy-{n}"}) for n in range(2)),
    )
    index.broken = broken

    now = Retriever.over(
        anew.chunks,
        phrases=("when is the unicorm sale",),
        embedding=anew.embedding,
        index=index,
        threshold=anew.threshold,
        default_locale="en",
        timezone=anew.timezone,
        before=before,
    )

    for query in ("zebra", "unicorm sale", "washing linen curtans", "who pays the postage", "express"):
        assert await ask(now, query) == await ask(replace(anew, spelling=now.spelling), query)
    assert found(await ask(now, "unicorn sale"))[0] == "zebra"
    assert "linen-care" not in found(await ask(now, "linen curtains"))


async def test_words_alone_answer_when_the_vector_index_fails() -> None:
    """R12.4"""
    retriever, index = await retriever_of()
    index.broken = True

    result = await ask(retriever, "how long does express delivery take")

    assert result.degraded
    assert found(result)[0] == "delivery-times"
    assert result.confident


async def test_an_embedding_that_never_answers_costs_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """R12.4"""
    retriever, _ = await retriever_of()

    async def never(_: list[str]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(retriever.embedding, "embed_queries", never)
    monkeypatch.setattr("retrieval.search.DENSE_SECONDS", 0.05)
    started = time.monotonic()

    result = await ask(retriever, "express delivery")

    assert result.degraded
    assert time.monotonic() - started < 1


async def test_a_huge_message_is_searched_in_bounded_time() -> None:
    retriever, _ = await retriever_of()
    started = time.monotonic()

    await ask(retriever, "delivery " * 200_000)

    assert time.monotonic() - started < 1


async def test_passages_are_loaded_by_id_in_the_order_asked() -> None:
    """R4.6"""
    retriever, _ = await retriever_of()
    ids = [retriever.chunks[2].id, "gone@1.0#nothing", retriever.chunks[0].id]

    assert [passage["chunk_id"] for passage in retriever.load(ids)] == [ids[0], ids[2]]


async def test_health_tells_when_the_index_does_not_answer() -> None:
    """R12.3"""
    retriever, index = await retriever_of()
    assert (await retriever.health())["ready"]

    index.broken = True

    assert await retriever.health() == {
        "ready": False, "chunks": 0, "expected": len(retriever.chunks), "embedding": retriever.embedding.name,
    }  # fmt: skip


async def test_no_dense_error_reaches_the_caller() -> None:
    retriever, index = await retriever_of()
    index.broken = True

    with pytest.raises(DenseSearchUnavailable):
        await index.count()
    assert (await ask(retriever, "delivery")).degraded
