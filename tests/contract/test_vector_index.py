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
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import chromadb
import pytest
from chromadb import Collection

from desk.domain.errors import ConfigurationError
from desk.policies.models import Article
from retrieval.chroma import Chroma, Connect, disconnect, embedded, over_http
from retrieval.chunking import Chunk, chunk_article
from retrieval.embeddings import Embedding, LocalEmbedding, Vectors
from retrieval.errors import DenseSearchUnavailable
from retrieval.index import LONG_ARTICLE, PREFIX, ChromaIndex, Eligibility, in_context, surroundings
from retrieval.search import Retriever
from tests.fakes.chroma_server import chroma_running
from tests.unit.retrieval.articles import SHOP, article

pytestmark = pytest.mark.heavy

PUBLIC = Eligibility(audiences=("public",), locales=("en",), on=date(2026, 11, 23))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class CountingEmbedding:
    """The local embedding, counting the documents it embeds."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._local = LocalEmbedding.fitted([chunk.headed for chunk in chunks])
        self.name = self._local.name
        self.dimensions = self._local.dimensions
        self.kind = self._local.kind
        self.embedded = 0

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        return await self._local.embed_documents(texts)

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return await self._local.embed_queries(texts)


def chunks_of(*articles: Any) -> list[Chunk]:
    return [chunk for one in articles or SHOP for chunk in chunk_article(one)]


@pytest.fixture(scope="module")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Chroma server on loopback."""
    with chroma_running(tmp_path_factory.mktemp("chroma-server")) as url:
        yield url


@pytest.fixture(params=["embedded", "http"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    """Connects to an empty Chroma of either kind."""
    if request.param == "embedded":
        yield embedded(tmp_path / "chroma")
        return
    connector = over_http(request.getfixturevalue("chroma_server"))
    yield connector
    drop_everything(connector)


ZEBRA = article("Zebra.", id="zebra", title="Zebra", audience="internal")
OPENED = (*SHOP, ZEBRA)


@pytest.fixture
async def chroma(connect: Connect) -> AsyncIterator[Chroma]:
    """A connection that stays while snapshots come and go, as in a server."""
    one = Chroma(connect=connect)
    one.join()
    yield one
    await one.leave()


@pytest.fixture
async def opened(chroma: Chroma) -> AsyncIterator[tuple[ChromaIndex, CountingEmbedding]]:
    chunks = chunks_of(*OPENED)
    embedding = CountingEmbedding(chunks)
    index = await open_index(chroma, embedding, chunks)
    yield index, embedding
    await index.close()


async def open_index(chroma: Chroma, embedding: Embedding, chunks: Sequence[Chunk]) -> ChromaIndex:
    index = ChromaIndex(chroma=chroma, embedding=embedding)
    assert await index.open(chunks)
    return index


async def near(
    index: ChromaIndex, embedding: Embedding, query: str, *, where: Eligibility = PUBLIC
) -> dict[str, float]:
    [found] = await index.nearest(await embedding.embed_queries([query]), where=where, limit=50)
    return found


async def test_the_nearest_chunk_comes_with_its_cosine(opened: tuple[ChromaIndex, CountingEmbedding]) -> None:
    """R4.4"""
    index, embedding = opened

    [found] = await index.nearest(await embedding.embed_queries(["express delivery days"]), where=PUBLIC, limit=3)

    assert len(found) == 3
    assert max(found, key=found.__getitem__) == "delivery-times@1.0#how-long-delivery-takes"
    assert all(-1.0001 <= cosine <= 1.0001 for cosine in found.values())


async def test_only_the_audience_asked_for_is_found(opened: tuple[ChromaIndex, CountingEmbedding]) -> None:
    """R4.4"""
    index, embedding = opened
    staff = replace(PUBLIC, audiences=("public", "internal"))

    assert set(await near(index, embedding, "zebra")) == {chunk.id for chunk in chunks_of(*SHOP)}
    assert set(await near(index, embedding, "zebra", where=staff)) == {chunk.id for chunk in chunks_of(*OPENED)}


@pytest.mark.parametrize("nobody", [{"audiences": ()}, {"locales": ()}, {"locales": ("fr",)}], ids=str)
async def test_whoever_may_see_nothing_is_told_nothing(
    opened: tuple[ChromaIndex, CountingEmbedding], nobody: dict[str, Any]
) -> None:
    """R4.4: an empty filter would return everything (PITFALLS, Chroma)."""
    index, embedding = opened

    assert await near(index, embedding, "zebra", where=replace(PUBLIC, **nobody)) == {}


async def test_what_is_not_published_is_not_in_the_index(chroma: Chroma) -> None:
    """R4.4"""
    chunks = chunks_of(*SHOP, article("Zebra.", id="zebra", title="Zebra", status="approved"))
    index = await open_index(chroma, embedding := CountingEmbedding(chunks), chunks)

    assert await index.count() == len(chunks) - 1
    assert not any("zebra" in chunk_id for chunk_id in await near(index, embedding, "zebra"))
    await index.close()


async def test_every_chunk_is_counted(opened: tuple[ChromaIndex, CountingEmbedding]) -> None:
    index, _ = opened

    assert await index.count() == len(chunks_of(*OPENED))


async def test_an_unchanged_pack_reuses_its_index(connect: Connect) -> None:
    """R12.1"""
    chunks = chunks_of(*OPENED)
    embedded_at_start = []
    for _ in range(2):
        embedding = CountingEmbedding(chunks)
        index = await open_index(Chroma(connect=connect), embedding, chunks)
        embedded_at_start.append(embedding.embedded)
        assert await near(index, embedding, "linen")
        await index.close()

    assert embedded_at_start == [len(chunks), 0]


async def test_a_changed_article_alone_is_embedded_again(chroma: Chroma) -> None:
    """R4.7: the others' vectors stay; the snapshot before goes on finding what it found."""
    old, new = chunks_of(*OPENED), chunks_of(*SHOP[1:], ZEBRA, changed_returns())
    before = await open_index(chroma, embedding := CountingEmbedding(old), old)
    found = await near(before, embedding, "who pays the return postage")
    embedding.embedded = 0

    after = await open_index(chroma, embedding, new)

    assert embedding.embedded == len(chunk_article(changed_returns()))
    assert await near(before, embedding, "who pays the return postage") == pytest.approx(found)
    assert {name for name in await near(after, embedding, "postage") if "returns" in name} == {
        "returns-policy@2.0#returns-policy",
        "returns-policy@2.0#who-pays",
    }
    assert (await before.count(), await after.count()) == (len(old), len(new))
    await before.close()
    await after.close()


async def test_a_changed_text_is_embedded_again_although_its_id_is_the_same(chroma: Chroma) -> None:
    """An edited pack file whose version nobody raised. The whole article decides each of its vectors."""
    old = chunks_of(article("Zebras.\n\n## More\n\nLamps."), ZEBRA)
    new = chunks_of(article("Zebras.\n\n## More\n\nLinen."), ZEBRA)
    assert [chunk.id for chunk in old] == [chunk.id for chunk in new]
    embedding = CountingEmbedding([*old, *new])
    await (await open_index(chroma, embedding, old)).close()
    embedding.embedded = 0

    index = await open_index(chroma, embedding, new)

    assert embedding.embedded == 2
    assert await near(index, embedding, "linen") == pytest.approx(await exact(embedding, new, "linen"), abs=1e-5)
    await index.close()


async def exact(embedding: Embedding, chunks: Sequence[Chunk], query: str) -> dict[str, float]:
    """What an index made anew would say of everything public."""
    documents = await embedding.embed_documents([chunk.headed for chunk in chunks])
    vectors = in_context(documents, around=surroundings(chunks))
    [asked] = await embedding.embed_queries([query])
    return {
        chunk.id: float(vector @ asked)
        for chunk, vector in zip(chunks, vectors, strict=True)
        if chunk.audience == "public"
    }


def handbook(version: str, *, new: str = "") -> Article:
    """A long article: ten main sections of five."""
    body = "\n\n".join(
        f"## Part {part}\n\nAbout lamps.\n\n"
        + "\n\n".join(
            f"### Lamp {part} {n}\n\nLinen lamp number {part} {n}. {new if part == 3 else ''}" for n in range(4)
        )
        for part in range(10)
    )
    return article(body, id="handbook", title="Handbook", version=version)


async def test_of_a_long_article_only_the_main_section_that_changed_is_embedded_again(chroma: Chroma) -> None:
    """R4.7: a version that says one thing more is there in a moment, however long the article is."""
    old, new = chunks_of(handbook("1.0")), chunks_of(handbook("2.0", new="Zebras like it."))
    assert len(old) == len(new) == 50 > LONG_ARTICLE
    embedding = CountingEmbedding([*old, *new])
    await (await open_index(chroma, embedding, old)).close()
    embedding.embedded = 0

    index = await open_index(chroma, embedding, new)

    assert embedding.embedded == 5
    assert await near(index, embedding, "zebras like linen") == pytest.approx(
        await exact(embedding, new, "zebras like linen"), abs=1e-5
    )
    await index.close()


async def test_a_version_that_says_the_same_needs_no_vector(chroma: Chroma) -> None:
    """R4.1: a review date moved on."""
    old, new = (
        chunks_of(*SHOP, article("Zebras.\n\n## Food\n\nGrass.", id="zebra", version=v)) for v in ("1.0", "1.1")
    )
    embedding = CountingEmbedding(old)
    await (await open_index(chroma, embedding, old)).close()
    embedding.embedded = 0

    index = await open_index(chroma, embedding, new)

    assert embedding.embedded == 0
    assert {name for name in await near(index, embedding, "zebras food") if "zebra" in name} == {
        "zebra@1.1#returns-policy",
        "zebra@1.1#food",
    }
    await index.close()


def changed_returns() -> Article:
    return article("Return within 60 days.\n\n## Who pays\n\nYou pay the postage.", version="2.0")


async def test_vectors_of_no_live_chunk_do_not_crowd_out_live_ones(chroma: Chroma) -> None:
    """R4.7: an article published four times, all of its versions near to the question."""
    versions = [
        chunks_of(*SHOP, article("## Zebra\n\nZebra. Zebra.", id="zebra", version=f"{n}.0")) for n in range(1, 5)
    ]
    embedding = CountingEmbedding(versions[-1])
    for chunks in versions:
        index = await open_index(chroma, embedding, chunks)
        await index.close()
    index = await open_index(chroma, embedding, versions[-1])

    [found] = await index.nearest(await embedding.embed_queries(["zebra"]), where=PUBLIC, limit=2)

    assert len(found) == 2
    assert max(found, key=found.__getitem__) == "zebra@4.0#zebra"
    await index.close()


async def test_what_no_chunk_uses_any_more_is_swept_after_its_time(chroma: Chroma) -> None:
    """R4.7"""
    old, new = chunks_of(*OPENED), chunks_of(SHOP[1], changed_returns())
    embedding = CountingEmbedding(old)
    await (await open_index(chroma, embedding, old)).close()
    index = await open_index(chroma, embedding, new)

    assert await index.sweep(grace=3600) == 0, "first met now"
    assert await index.sweep(grace=3600) == 0, "not long enough ago"
    assert await index.sweep(grace=0) == len([chunk for chunk in old if chunk not in new]) == 4
    assert await index.sweep(grace=0) == 0
    assert await index.count() == len(new)
    assert set(await near(index, embedding, "postage delivery")) == {chunk.id for chunk in new}
    await index.close()


async def test_what_came_back_is_not_swept(chroma: Chroma) -> None:
    """R4.1: a roll-back within the time finds the vectors where they were."""
    old, new = chunks_of(*OPENED), chunks_of(SHOP[1])
    embedding = CountingEmbedding(old)
    first = await open_index(chroma, embedding, old)
    second = await open_index(chroma, embedding, new)
    await second.sweep(grace=3600)
    embedding.embedded = 0

    back = await open_index(chroma, embedding, old)
    swept = await back.sweep(grace=0)
    again = await second.sweep(grace=3600)

    assert (embedding.embedded, swept, again) == (0, 0, 0)
    assert await back.count() == len(old)
    for index in (first, second, back):
        await index.close()


async def test_only_the_last_used_embeddings_are_kept(connect: Connect) -> None:
    """Each text has an embedding of its own here. One that is used again is not the oldest."""
    for number in (0, 1, 2, 3, 0, 4, 5):
        chunks = chunks_of(article(f"Text number {number}.", id=f"text-{number}"))
        index = await open_index(Chroma(connect=connect), CountingEmbedding(chunks), chunks)
        await index.close()
        await asyncio.sleep(1.01)  # used_at is in whole seconds

    assert sorted(ours(connect)) == [f"text-{number}@1.0#returns-policy" for number in (0, 3, 4, 5)]


async def test_an_index_half_built_is_completed(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """R12.4: only what is missing is added."""
    chunks = chunks_of()
    embedding = CountingEmbedding(chunks)
    with monkeypatch.context() as patch:
        patch.setattr("retrieval.index.BATCH", 1)
        patch.setattr("chromadb.Collection.upsert", dying_after(1))
        crashed = ChromaIndex(chroma=Chroma(connect=connect), embedding=embedding)
        assert not await crashed.open(chunks)
        await crashed.close()

    written: list[str] = []
    upsert = Collection.upsert
    monkeypatch.setattr(
        "chromadb.Collection.upsert", lambda self, **values: written.extend(values["ids"]) or upsert(self, **values)
    )
    index = await open_index(Chroma(connect=connect), embedding, chunks)

    assert len(written) == len(chunks) - 1
    assert set(await near(index, embedding, "linen curtains")) == {chunk.id for chunk in chunks}
    await index.close()


def dying_after(calls: int) -> Callable[..., None]:
    """``Collection.upsert`` that works so many times."""
    upsert, made = Collection.upsert, itertools.count()

    def dying(*args: Any, **kwargs: Any) -> None:
        if next(made) >= calls:
            raise MemoryError("killed here")
        upsert(*args, **kwargs)

    return dying


OTHER_PROCESS = """
import asyncio, sys
import chromadb
import retrieval.index
from retrieval.chroma import Chroma, embedded, over_http
from tests.contract.test_vector_index import LAMPS, CountingEmbedding, chunks_of, near
from pathlib import Path

retrieval.index.BATCH = 5
upsert = chromadb.Collection.upsert

def told(self, **values):
    upsert(self, **values)
    print("written", len(values["ids"]), flush=True)

chromadb.Collection.upsert = told

async def main(where):
    connect = over_http(where) if where.startswith("http") else embedded(Path(where))
    chunks = chunks_of(*LAMPS)
    embedding = CountingEmbedding(chunks)
    index = retrieval.index.ChromaIndex(chroma=Chroma(connect=connect), embedding=embedding)
    print("ready", flush=True)
    sys.stdin.readline()
    opened = await index.open(chunks)
    print("opened", opened, await index.count(), len(await near(index, embedding, "lamp")), flush=True)
    await index.close()

asyncio.run(main(sys.argv[1]))
"""
LAMPS = tuple(
    article(
        f"Lamp number {n} is of brass.", id=f"lamp-{n}", title=f"Lamp {n}", audience="public" if n % 7 else "internal"
    )
    for n in range(60)
)


@pytest.fixture
def place(request: pytest.FixtureRequest, connect: Connect, tmp_path: Path) -> str:
    """What another process connects to."""
    kind = request.node.callspec.params["connect"]
    return str(tmp_path / "chroma") if kind == "embedded" else request.getfixturevalue("chroma_server")


@contextlib.contextmanager
def another_process(place: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", OTHER_PROCESS, place]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


async def test_an_index_whose_process_was_killed_is_completed(connect: Connect, place: str) -> None:
    """R12.4: kill -9 while it is filled; what it had written is not embedded again."""
    with another_process(place) as process:
        begin(process)
        assert process.stdout is not None
        written = 0
        while written < 20:
            written += int(process.stdout.readline().removeprefix("written "))
        process.kill()
    chunks = chunks_of(*LAMPS)
    index = await open_index(Chroma(connect=connect), embedding := CountingEmbedding(chunks), chunks)

    assert 0 < embedding.embedded <= len(chunks) - written
    assert await index.count() == len(chunks)
    everybody = replace(PUBLIC, audiences=("public", "internal"))
    [found] = await index.nearest(await embedding.embed_queries(["lamp"]), where=everybody, limit=len(chunks))
    assert set(found) == {chunk.id for chunk in chunks}
    await index.close()


async def test_two_processes_at_once_do_the_same_work_and_no_harm(connect: Connect, place: str) -> None:
    """R4.7"""
    with another_process(place) as one, another_process(place) as other:
        for process in (one, other):
            begin(process)
        outputs = [process.communicate(timeout=60)[0].splitlines()[-1] for process in (one, other)]

    assert outputs == [f"opened True {len(LAMPS)} 50"] * 2
    index = await open_index(
        Chroma(connect=connect), embedding := CountingEmbedding(chunks_of(*LAMPS)), chunks_of(*LAMPS)
    )
    assert embedding.embedded == 0
    await index.close()


async def test_what_is_new_keeps_nobody_waiting_for_its_vectors(
    chroma: Chroma, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R4.7: the rest is found by its vectors meanwhile."""
    old, new = chunks_of(*SHOP), chunks_of(*SHOP, article("Zebra.", id="zebra", title="Zebra"))
    embedding = CountingEmbedding(new)
    await (await open_index(chroma, embedding, old)).close()
    go_on, upsert = threading.Event(), Collection.upsert
    monkeypatch.setattr("chromadb.Collection.upsert", lambda self, **values: go_on.wait() and upsert(self, **values))
    index = ChromaIndex(chroma=chroma, embedding=embedding)

    assert not await index.open(new, patience=0.05)

    assert set(await near(index, embedding, "linen")) == {chunk.id for chunk in old}
    assert await index.count() == len(old)
    go_on.set()
    await until_complete(index, embedding, new)
    await index.close()


async def test_vectors_that_could_not_be_added_are_added_later(chroma: Chroma, monkeypatch: pytest.MonkeyPatch) -> None:
    """R12.4"""
    old, new = chunks_of(*SHOP), chunks_of(*SHOP, article("Zebra.", id="zebra", title="Zebra"))
    embedding = CountingEmbedding(new)
    await (await open_index(chroma, embedding, old)).close()
    index = ChromaIndex(chroma=chroma, embedding=embedding)
    with monkeypatch.context() as patch:
        patch.setattr("retrieval.index.RETRY_SECONDS", 0)
        patch.setattr("chromadb.Collection.upsert", dying_after(0))
        assert not await index.open(new)

    await until_complete(index, embedding, new)
    await index.close()


async def until_complete(index: ChromaIndex, embedding: Embedding, chunks: Sequence[Chunk]) -> None:
    async with asyncio.timeout(20):
        while set(await near(index, embedding, "zebra linen")) != {chunk.id for chunk in chunks}:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.05)


async def test_a_deleted_index_is_built_again(opened: tuple[ChromaIndex, CountingEmbedding], connect: Connect) -> None:
    """R12.4"""
    index, embedding = opened
    drop_everything(connect)

    with pytest.raises(DenseSearchUnavailable):
        await near(index, embedding, "linen")

    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(DenseSearchUnavailable):
                assert await near(index, embedding, "linen")
                break
            await asyncio.sleep(0.05)


async def test_a_snapshot_that_was_replaced_answers_the_searches_that_run(chroma: Chroma) -> None:
    """R4.7"""
    chunks = chunks_of()
    before, after = [await open_index(chroma, embedding := CountingEmbedding(chunks), chunks) for _ in range(2)]

    await before.close()
    await before.close()

    assert await near(before, embedding, "linen")
    assert await near(after, embedding, "linen")
    await after.close()


def ours(connect: Connect) -> list[str]:
    """The first chunk of each of our collections."""
    client = connect()
    found = [one for one in client.list_collections() if one.name.startswith(PREFIX)]
    texts = [one.get()["metadatas"][0]["chunk"] for one in found]
    disconnect(client)
    return texts


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
    index = ChromaIndex(chroma=Chroma(connect=over_http(frozen.url)), embedding=CountingEmbedding(chunks))
    started = time.monotonic()
    assert not await index.open(chunks)
    assert time.monotonic() - started < 3

    result = await (await retriever_over(index, chunks)).search("express delivery", channel="web", now=NOW)

    assert result.degraded
    assert result.passages[0]["article"] == "delivery-times"
    await index.close()


async def test_a_frozen_server_keeps_neither_a_publication_nor_a_question_waiting(
    frozen: FrozenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12.4: filling and sweeping hang on a thread of their own; the event loop was free all the time."""
    chunks = chunks_of()
    monkeypatch.setattr("retrieval.chroma.UPKEEP_SECONDS", 0.5)
    # It answered the heartbeat and froze then.
    chroma = Chroma(connect=lambda: chromadb.HttpClient(port=int(frozen.url.rpartition(":")[2])))
    index = ChromaIndex(chroma=chroma, embedding=CountingEmbedding(chunks))

    async with longest_pause() as pause:
        assert not await index.open(chunks, patience=0.1)
        assert not await index.open(chunks)
        with pytest.raises(DenseSearchUnavailable):
            await index.sweep()
        result = await (await retriever_over(index, chunks)).search("express delivery", channel="web", now=NOW)

    assert result.degraded
    assert result.passages[0]["article"] == "delivery-times"
    assert max(pause) < 0.5
    frozen.close()
    await index.close()


async def test_an_index_that_freezes_costs_two_seconds_and_then_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12.4: sixteen customers at once; afterwards nobody waits, and the event loop was free all the time."""
    chunks = chunks_of()
    connect = embedded(tmp_path / "chroma")
    index = await open_index(Chroma(connect=connect), CountingEmbedding(chunks), chunks)
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
