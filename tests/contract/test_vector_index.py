"""What every vector index does: Chroma inside the process and Chroma over HTTP, the same suite for both."""

import asyncio
import contextlib
import itertools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from desk.domain.errors import ConfigurationError
from retrieval.chunking import Chunk, chunk_article
from retrieval.embeddings import LocalEmbedding, Vectors
from retrieval.errors import DenseSearchUnavailable
from retrieval.index import PREFIX, ChromaIndex, Eligibility, disconnect, embedded, over_http
from retrieval.search import Retriever
from tests.unit.retrieval.articles import SHOP, article

pytestmark = pytest.mark.heavy

PUBLIC = Eligibility(audiences=("public",), locales=("en",), on=date(2026, 11, 23))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
Connect = Callable[[], Any]


class CountingEmbedding:
    """The local embedding, counting how often documents are embedded."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._local = LocalEmbedding.fitted([chunk.headed for chunk in chunks])
        self.name = self._local.name
        self.dimensions = self._local.dimensions
        self.embedded = 0

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.embedded += 1
        return await self._local.embed_documents(texts)

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return await self._local.embed_queries(texts)


def chunks_of(*articles: Any) -> list[Chunk]:
    return [chunk for one in articles or SHOP for chunk in chunk_article(one)]


@pytest.fixture(scope="module")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Chroma server on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("chroma-server")
    chroma = Path(sys.executable).with_name("chroma")
    command = [chroma, "run", "--path", folder / "db", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_up(url)
            yield url
        finally:
            process.kill()


def wait_until_up(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/api/v2/heartbeat", timeout=2).is_success:
                return
        time.sleep(0.1)
    raise TimeoutError("chroma run did not come up")


@pytest.fixture(params=["embedded", "http"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    """Connects to an empty Chroma of either kind."""
    if request.param == "embedded":
        yield embedded(tmp_path / "chroma")
        return
    connector = over_http(request.getfixturevalue("chroma_server"))
    yield connector
    drop_everything(connector)


@pytest.fixture
async def opened(connect: Connect) -> AsyncIterator[tuple[ChromaIndex, CountingEmbedding]]:
    chunks = chunks_of(*SHOP, article("Zebra.", id="zebra", title="Zebra", audience="internal"))
    embedding = CountingEmbedding(chunks)
    index = ChromaIndex(connect=connect, chunks=chunks, embedding=embedding)
    assert await index.open()
    yield index, embedding
    await index.close()


async def test_the_nearest_chunk_comes_with_its_cosine(opened: tuple[ChromaIndex, CountingEmbedding]) -> None:
    """R4.4"""
    index, embedding = opened

    [near] = await index.nearest(await embedding.embed_queries(["express delivery days"]), where=PUBLIC, limit=3)

    assert max(near, key=near.__getitem__) == "delivery-times@1.0#how-long-delivery-takes"
    assert all(-1.0001 <= cosine <= 1.0001 for cosine in near.values())


async def test_only_the_audience_asked_for_is_found(opened: tuple[ChromaIndex, CountingEmbedding]) -> None:
    """R4.4"""
    index, embedding = opened
    query = await embedding.embed_queries(["zebra"])
    staff = Eligibility(audiences=("public", "internal"), locales=("en",), on=PUBLIC.on)

    assert "zebra@1.0#zebra" not in (await index.nearest(query, where=PUBLIC, limit=50))[0]
    assert "zebra@1.0#zebra" in (await index.nearest(query, where=staff, limit=50))[0]


async def test_every_chunk_is_counted(opened: tuple[ChromaIndex, CountingEmbedding]) -> None:
    index, _ = opened

    assert await index.count() == len(chunks_of()) + 1


async def test_an_unchanged_pack_reuses_its_index(connect: Connect) -> None:
    """R12.1"""
    chunks = chunks_of()
    embedded_at_start = []
    for _ in range(2):
        embedding = CountingEmbedding(chunks)
        index = ChromaIndex(connect=connect, chunks=chunks, embedding=embedding)
        assert await index.open()
        embedded_at_start.append(embedding.embedded)
        assert await index.nearest(await embedding.embed_queries(["linen"]), where=PUBLIC, limit=5)
        await index.close()

    assert embedded_at_start == [1, 0]


async def test_a_changed_article_gets_an_index_beside_the_old_one(connect: Connect) -> None:
    """R4.7"""
    for text in ("Old text.", "New text."):
        chunks = chunks_of(article(text))
        index = ChromaIndex(connect=connect, chunks=chunks, embedding=CountingEmbedding(chunks))
        assert await index.open()
        await index.close()

    assert len(ours(connect)) == 2


async def test_only_a_few_old_indexes_are_kept(connect: Connect) -> None:
    for number in range(7):
        chunks = chunks_of(article(f"Text number {number}."))
        index = ChromaIndex(connect=connect, chunks=chunks, embedding=CountingEmbedding(chunks))
        assert await index.open()
        await index.close()

    assert len(ours(connect)) == 4


async def test_an_index_half_built_by_a_crash_is_completed(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """R12.4"""
    chunks = chunks_of()
    embedding = CountingEmbedding(chunks)
    with monkeypatch.context() as patch:
        patch.setattr("retrieval.index.BATCH", 1)
        patch.setattr("chromadb.Collection.upsert", dying_after(2))
        crashed = ChromaIndex(connect=connect, chunks=chunks, embedding=embedding)
        assert not await crashed.open()
        await crashed.close()
    assert ours(connect) == [2]

    index = ChromaIndex(connect=connect, chunks=chunks, embedding=embedding)
    assert await index.open()

    assert await index.count() == len(chunks)
    [near] = await index.nearest(await embedding.embed_queries(["linen curtains"]), where=PUBLIC, limit=50)
    assert set(near) == {chunk.id for chunk in chunks}
    await index.close()


def dying_after(calls: int) -> Callable[..., None]:
    """``Collection.upsert`` that works so many times."""
    from chromadb import Collection

    upsert, made = Collection.upsert, itertools.count()

    def dying(*args: Any, **kwargs: Any) -> None:
        if next(made) >= calls:
            raise MemoryError("killed here")
        upsert(*args, **kwargs)

    return dying


async def test_a_deleted_index_is_built_again(opened: tuple[ChromaIndex, CountingEmbedding], connect: Connect) -> None:
    """R12.4"""
    index, embedding = opened
    query = await embedding.embed_queries(["linen"])
    drop_everything(connect)

    with pytest.raises(DenseSearchUnavailable):
        await index.nearest(query, where=PUBLIC, limit=5)

    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(DenseSearchUnavailable):
                assert await index.nearest(query, where=PUBLIC, limit=5)
                break
            await asyncio.sleep(0.05)


def ours(connect: Connect) -> list[int]:
    """How many chunks each of our collections holds."""
    client = connect()
    counts = [one.count() for one in client.list_collections() if one.name.startswith(PREFIX)]
    disconnect(client)
    return counts


def drop_everything(connect: Connect) -> None:
    client = connect()
    for collection in client.list_collections():
        client.delete_collection(collection.name)
    disconnect(client)


class FrozenServer:
    """Accepts connections and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._connections.append(self._listener.accept()[0])

    def close(self) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.close()


@pytest.fixture
def frozen() -> Iterator[FrozenServer]:
    server = FrozenServer()
    yield server
    server.close()


async def retriever_over(index: ChromaIndex, chunks: list[Chunk]) -> Retriever:
    return Retriever.over(
        chunks,
        embedding=LocalEmbedding.fitted([chunk.headed for chunk in chunks]),
        index=index,
        threshold=0.4,
        default_locale="en",
        timezone=ZoneInfo("UTC"),
    )


async def test_a_frozen_server_at_the_start_leaves_search_by_words(frozen: FrozenServer) -> None:
    """R12.4"""
    chunks = chunks_of()
    index = ChromaIndex(connect=over_http(frozen.url), chunks=chunks, embedding=CountingEmbedding(chunks))
    started = time.monotonic()
    assert not await index.open()
    assert time.monotonic() - started < 3

    result = await (await retriever_over(index, chunks)).search("express delivery", channel="web", now=NOW)

    assert result.degraded
    assert result.passages[0]["article"] == "delivery-times"
    await index.close()


async def test_an_index_that_freezes_costs_two_seconds_and_then_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12.4: sixteen customers at once; afterwards nobody waits, and the event loop was free all the time."""
    chunks = chunks_of()
    index = ChromaIndex(connect=embedded(tmp_path / "chroma"), chunks=chunks, embedding=CountingEmbedding(chunks))
    assert await index.open()
    retriever = await retriever_over(index, chunks)
    thaw = threading.Event()
    monkeypatch.setattr("chromadb.Collection.query", lambda *_, **__: thaw.wait())
    started = time.monotonic()

    async with longest_pause() as pause:
        results = await asyncio.gather(
            *(retriever.search("express delivery", channel="web", now=NOW) for _ in range(16))
        )
    frozen_for = time.monotonic() - started
    again = time.monotonic()
    afterwards = await retriever.search("express delivery", channel="web", now=NOW)

    assert all(result.degraded and result.passages for result in (*results, afterwards))
    assert frozen_for < 2.6
    assert time.monotonic() - again < 0.2
    assert max(pause) < 0.5
    thaw.set()
    await index.close()


@asynccontextmanager
async def longest_pause() -> AsyncIterator[list[float]]:
    """Notes, in seconds, how long the event loop was kept from running each time."""
    pauses: list[float] = []

    async def beat() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            pauses.append(time.monotonic() - before)

    beating = asyncio.create_task(beat())
    yield pauses
    beating.cancel()


async def test_an_address_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="CHROMA_URL"):
        over_http("chroma:8000")
