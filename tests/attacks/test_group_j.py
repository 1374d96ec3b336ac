"""J04: Chroma accepts and never answers. It costs whoever asks a poorer answer, and everybody else nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from graph.bootstrap import Desk
from retrieval.chroma import Chroma, over_http
from retrieval.embeddings import LocalEmbedding
from retrieval.index import ChromaIndex
from retrieval.search import Retriever
from tests.attacks.conversing import Heard, Visitor
from tests.fakes.chroma_server import Doorway, chroma_running
from tests.integration.turns.desks import ORDER, QUESTION, Parts, running_desk

CUSTOMERS = 20

pytestmark = pytest.mark.heavy


@pytest.fixture
def doorway(tmp_path: Path) -> Iterator[Doorway]:
    with chroma_running(tmp_path) as url:
        door = Doorway(url)
        yield door
        door.close()


@pytest.fixture
async def retriever(doorway: Doorway, parts: Parts) -> AsyncIterator[Retriever]:
    """The pack's articles, their vectors behind the doorway."""
    chunks = parts.retriever.chunks
    embedding = LocalEmbedding.fitted([chunk.headed for chunk in chunks])
    index = ChromaIndex(chroma=Chroma(connect=over_http(doorway.url)), embedding=embedding)
    assert await index.open(chunks)
    yield replace(parts.retriever, index=index, embedding=embedding)
    doorway.open()
    await index.close()


@pytest.fixture
async def desk(retriever: Retriever, parts: Parts, seeded_database_url: str) -> AsyncIterator[Desk]:
    async with running_desk(seeded_database_url, replace(parts, retriever=retriever), turn_seconds=60.0) as desk:
        yield desk


async def all_say(desk: Desk, text: str) -> list[Heard]:
    visitors = [await Visitor.of(desk) for _ in range(CUSTOMERS)]
    return list(await asyncio.gather(*(visitor.says(text) for visitor in visitors)))


async def test_a_frozen_chroma_keeps_no_other_customer_waiting(
    desk: Desk, doorway: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J04, R12.4: however long it takes to be given up, twenty others are served meanwhile."""
    for limit in ("retrieval.chroma.QUERY_SECONDS", "retrieval.search.DENSE_SECONDS"):
        monkeypatch.setattr(limit, 50.0)
    doorway.shut()
    asking = asyncio.create_task((await Visitor.of(desk)).says(QUESTION))
    assert await asyncio.to_thread(doorway.waiting.wait, 20)

    others = await all_say(desk, ORDER)

    assert not asking.done(), "it still waits for its vectors"
    assert {heard.outcome for heard in others} == {"asked"}
    doorway.open()
    assert (await asking).outcome == "answered"


async def test_everybody_who_asks_a_frozen_chroma_is_answered_from_words(desk: Desk, doorway: Doorway) -> None:
    """J04, R12.4: with the limits as they are, twenty at once, and again when it is given up."""
    healthy = await (await Visitor.of(desk)).says(QUESTION)
    doorway.shut()

    first, again = await all_say(desk, QUESTION), await all_say(desk, QUESTION)

    assert healthy.outcome == "answered"
    assert {heard.outcome for heard in (*first, *again)} == {"answered"}
