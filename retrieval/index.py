"""The vector index: the vectors of published chunks in Chroma, kept over all versions of the knowledge.

A collection is named by what decides a vector (embedding, chunker, context), and there is one for each audience and
locale: what a customer may not see is not in what is searched, and no filter can be forgotten. A record is named by
the text that decides its vector. So opening a snapshot adds the records that are missing and touches no other; what a
crash left half-done, the next opening completes; two processes at once do the same work twice. Records of no live
chunk are ignored, and swept later.
"""

import asyncio
import contextlib
import hashlib
import heapq
import logging
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from retrieval.chroma import Chroma
from retrieval.chunking import CHUNKER_VERSION, Chunk
from retrieval.embeddings import Embedding, Vectors, unit
from retrieval.errors import DenseSearchUnavailable

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

logger = logging.getLogger(__name__)

PREFIX = "frontdesk-"
KEPT_FAMILIES = 4
"""Collections of so many embeddings are kept, last used first: other processes may still run on an older one."""
RETRY_SECONDS = 10.0
MOSTLY = 0.5
"""Share of vectors with which an index is used while the others are added: few are missing after most changes."""
BATCH = 256
GRACE_SECONDS = 3600.0
"""How long a vector stays that no chunk uses: another process may be behind, or the article come back."""
SPARE = 4
"""Records asked for at most, for each one wanted, where many are of no live chunk."""
NEVER = date.max
CONTEXT = 0.5
"""Measured: 3 more of 100 questions find their article first (docs/decisions/0003-retrieval.md)."""
LONG_ARTICLE = 40
"""Chunks."""


@dataclass(frozen=True, kw_only=True)
class Eligibility:
    """Which chunks may be seen. There is no search without it."""

    audiences: tuple[str, ...]
    locales: tuple[str, ...]
    on: date
    """Effective on or before this day, and not expired on it."""

    def admits(self, chunk: Chunk) -> bool:
        return (
            chunk.status == "published"
            and chunk.audience in self.audiences
            and chunk.locale in self.locales
            and chunk.effective <= self.on < (chunk.expires or NEVER)
        )

    @property
    def scopes(self) -> frozenset[str]:
        """Which collections may be searched; the dates are checked on what comes back."""
        return frozenset(_scope(audience, locale) for audience in self.audiences for locale in self.locales)


class VectorIndex(Protocol):
    """Nearest chunks to vectors. Raises ``DenseSearchUnavailable`` and nothing else, within about two seconds."""

    async def open(self, chunks: Sequence[Chunk], *, patience: float | None = None) -> bool:
        """Make the index ready for these chunks.

        False when that did not succeed and will be tried again, or goes on after ``patience`` seconds.
        """
        ...

    async def nearest(self, vectors: Vectors, *, where: Eligibility, limit: int) -> list[dict[str, float]]:
        """For each row, the cosine (−1..1) of its nearest chunks by id."""
        ...

    async def count(self) -> int:
        """How many of its chunks the index holds."""
        ...

    async def sweep(self) -> int:
        """Deletes the vectors no chunk has used for a while; how many there were. Call it on what is in use now."""
        ...

    async def close(self) -> None: ...


def surroundings(chunks: Sequence[Chunk]) -> list[str]:
    """For each chunk the name of what it is read in: its article version, or of a long one its main section.

    A long article is about many things, and one changed section must not change all its vectors.
    """
    sizes = Counter(_version(chunk) for chunk in chunks)
    return [
        "\n".join(_version(chunk))
        + ("" if sizes[_version(chunk)] <= LONG_ARTICLE else f"\n{chunk.heading.partition(' › ')[0]}")
        for chunk in chunks
    ]


def in_context(vectors: Vectors, *, around: Sequence[str]) -> Vectors:
    """Each vector drawn towards the mean of its surroundings: a section seldom repeats what its article is about."""
    if not len(vectors):
        return vectors
    _, owner = np.unique(np.array(around), return_inverse=True)
    means = np.zeros((owner.max() + 1, vectors.shape[1]), dtype=np.float32)
    np.add.at(means, owner, vectors)
    return unit(vectors + CONTEXT * unit(means)[owner])


@dataclass(kw_only=True)
class _Shelf:
    """The chunks of one audience and locale, in one collection."""

    collection: str
    chunks: dict[str, str] = field(default_factory=dict)
    """Record to chunk id."""
    held: int = 0
    """Records in the collection, with those of other snapshots."""

    def asked(self, limit: int) -> int:
        """How many records to ask for, so that ``limit`` of them are of live chunks."""
        return limit * min(SPARE, math.ceil(self.held / max(1, len(self.chunks))))


class ChromaIndex:
    """The vectors of one snapshot. It shares the connection with the snapshots before and after it."""

    def __init__(self, *, chroma: Chroma, embedding: Embedding) -> None:
        self._chroma = chroma
        self._embedding = embedding
        named = f"{CHUNKER_VERSION}\n{CONTEXT}\n{embedding.name}"
        self._family = PREFIX + hashlib.sha256(named.encode()).hexdigest()[:16]
        self._units: list[dict[str, Chunk]] = []
        self._shelves: dict[str, _Shelf] = {}
        self._collections: dict[str, Any] | None = None
        self._complete = False
        self._opening: asyncio.Task[bool] | None = None
        self._open_again_at = 0.0
        self._closed = False
        chroma.join()

    async def open(self, chunks: Sequence[Chunk], *, patience: float | None = None) -> bool:
        await asyncio.to_thread(self._arrange, [chunk for chunk in chunks if chunk.status == "published"])
        self._opening = asyncio.create_task(self._fill())
        if patience is None:
            return await self._opening
        done, _ = await asyncio.wait({self._opening}, timeout=patience)
        return bool(done) and self._opening.result()

    async def nearest(self, vectors: Vectors, *, where: Eligibility, limit: int) -> list[dict[str, float]]:
        collections = self._ready()
        searched = [scope for scope in collections if scope in where.scopes]

        def query(_: "ClientAPI") -> list[Any]:
            # Asking for documents or metadata as well triples the time; the chunks are in memory.
            return [
                collections[scope].query(
                    query_embeddings=vectors, n_results=self._shelves[scope].asked(limit), include=["distances"]
                )
                for scope in searched
            ]

        answers = await self._asked(query)
        found: list[dict[str, float]] = [{} for _ in vectors]
        for scope, answer in zip(searched, answers, strict=True):
            chunks = self._shelves[scope].chunks
            for row, records, distances in zip(found, answer["ids"], answer["distances"], strict=True):
                row |= {
                    chunks[record]: 1.0 - distance
                    for record, distance in zip(records, distances, strict=True)
                    if record in chunks
                }
        return [dict(heapq.nlargest(limit, row.items(), key=lambda near: near[1])) for row in found]

    async def count(self) -> int:
        collections = self._ready()
        held = await self._asked(lambda _: {scope: one.count() for scope, one in collections.items()})
        return sum(min(held[scope], len(self._shelves[scope].chunks)) for scope in collections)

    async def sweep(self, *, grace: float = GRACE_SECONDS) -> int:
        """By the clock of this process: a vector goes when two sweeps this far apart met it unused."""
        unused = await self._chroma.keep_up(self._unused)
        now = time.monotonic()
        since = {key: self._chroma.unused_since.get(key, now) for key in unused}
        old = [key for key, first in since.items() if now - first >= grace]
        for name, keys in groupby(sorted(old), key=lambda key: key[0]):
            for batch in _slices([record for _, record in keys], BATCH):
                await self._chroma.keep_up(partial(_delete, collection=name, records=batch))
        self._chroma.unused_since = {key: first for key, first in since.items() if key not in set(old)}
        return len(old)

    async def close(self) -> None:
        """Searches that run may end; nothing is begun any more."""
        if self._closed:
            return
        self._closed = True
        if self._opening:
            self._opening.cancel()
        await self._chroma.leave()

    def _arrange(self, chunks: Sequence[Chunk]) -> None:
        """Which record each chunk has, and where."""
        units: dict[str, list[Chunk]] = {}
        for name, chunk in zip(surroundings(chunks), chunks, strict=True):
            units.setdefault(name, []).append(chunk)
        self._units = [_records(unit) for unit in units.values()]
        self._shelves = {}
        for records in self._units:
            for record, chunk in records.items():
                scope = _scope(chunk.audience, chunk.locale)
                shelf = self._shelves.setdefault(scope, _Shelf(collection=self._named(scope)))
                shelf.chunks[record] = chunk.id

    def _named(self, scope: str) -> str:
        return f"{self._family}-{hashlib.sha256(scope.encode()).hexdigest()[:8]}"

    def _ready(self) -> dict[str, Any]:
        """The collections by scope, or an error now; what is not complete is tried again in the background."""
        idle = self._opening is None or self._opening.done()
        if not self._complete and idle and not self._closed and time.monotonic() >= self._open_again_at:
            self._opening = asyncio.create_task(self._fill())
        if self._collections is not None:
            return self._collections
        raise DenseSearchUnavailable("the vector index is not open")

    async def _asked(self, call: Any) -> Any:
        try:
            return await self._chroma.ask(call)
        except DenseSearchUnavailable as exc:
            if _is_missing(exc.__cause__):
                self._collections, self._complete = None, False
            raise

    async def _fill(self) -> bool:
        """Adds what is missing, then uses the collections. Repeating any part of this changes nothing."""
        try:
            collections, held = await self._chroma.keep_up(self._look)
            if self._held(held) >= MOSTLY * sum(len(shelf.chunks) for shelf in self._shelves.values()):
                self._use(collections, held)
            added = 0
            for batch in self._missing(held):
                added += await self._add(batch, collections, held)
            if added:
                await self._chroma.keep_up(self._drop_old)
        except DenseSearchUnavailable as exc:
            self._open_again_at = time.monotonic() + RETRY_SECONDS
            logger.warning(
                "Vector index is not available, searching by words alone",
                extra={"action": "index_unavailable", "collections": self._family, "reason": str(exc.__cause__ or exc)},
            )
            return False
        self._use(collections, held)
        self._complete = True
        return True

    def _held(self, held: dict[str, set[str]]) -> int:
        """How many of the chunks have their vectors."""
        return sum(len(held[scope] & shelf.chunks.keys()) for scope, shelf in self._shelves.items())

    def _use(self, collections: dict[str, Any], held: dict[str, set[str]]) -> None:
        for scope, shelf in self._shelves.items():
            shelf.held = len(held[scope])
        self._collections = collections

    def _look(self, client: "ClientAPI") -> tuple[dict[str, Any], dict[str, set[str]]]:
        """The collections by scope, made where they are missing, and the records each holds."""
        collections: dict[str, Any] = {}
        for scope, shelf in self._shelves.items():
            metadata = {"scope": scope, "used_at": int(time.time())}
            # Without embedding_function=None Chroma would set up its own model, which it downloads.
            collections[scope] = client.get_or_create_collection(
                shelf.collection,
                embedding_function=None,
                metadata=metadata,
                configuration={"hnsw": {"space": "cosine"}},
            )
            collections[scope].modify(metadata=metadata)
        return collections, {scope: set(one.get(include=[])["ids"]) for scope, one in collections.items()}

    def _missing(self, held: dict[str, set[str]]) -> Iterator[list[dict[str, Chunk]]]:
        """Units that lack a record, several small ones together."""
        batch: list[dict[str, Chunk]] = []
        for records in self._units:
            if all(record in held[_scope(chunk.audience, chunk.locale)] for record, chunk in records.items()):
                continue
            batch.append(records)
            if sum(map(len, batch)) >= BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _add(
        self, units: Sequence[dict[str, Chunk]], collections: dict[str, Any], held: dict[str, set[str]]
    ) -> int:
        """Embeds whole units, because a vector depends on what is around it, and adds the missing records."""
        records = {record: chunk for unit in units for record, chunk in unit.items()}
        around = [str(number) for number, unit in enumerate(units) for _ in unit]
        chunks = list(records.values())
        vectors = [
            await self._embedding.embed_documents([chunk.headed for chunk in part]) for part in _slices(chunks, BATCH)
        ]
        placed = in_context(np.vstack(vectors), around=around)
        added = 0
        for scope, shelf in self._shelves.items():
            new = [
                (record, chunk.id, vector)
                for (record, chunk), vector in zip(records.items(), placed, strict=True)
                if record in shelf.chunks and record not in held[scope]
            ]
            for part in _slices(new, BATCH):
                await self._chroma.keep_up(partial(_upsert, collection=collections[scope], records=part))
                held[scope].update(record for record, _, _ in part)
            added += len(new)
        return added

    def _unused(self, client: "ClientAPI") -> list[tuple[str, str]]:
        """Collection and record of every vector of this embedding that belongs to none of the chunks."""
        used = {shelf.collection: shelf.chunks for shelf in self._shelves.values()}
        ours = [one for one in client.list_collections() if one.name.startswith(self._family)]
        return [
            (one.name, record)
            for one in ours
            for record in client.get_collection(one.name, embedding_function=None).get(include=[])["ids"]
            if record not in used.get(one.name, {})
        ]

    def _drop_old(self, client: "ClientAPI") -> None:
        """Collections of embeddings nobody has used for long."""
        from chromadb.errors import NotFoundError

        used: dict[str, int] = {}
        ours = [one for one in client.list_collections() if one.name.startswith(PREFIX)]
        for one in ours:
            at = int((one.metadata or {}).get("used_at", 0))
            used[_family(one.name)] = max(at, used.get(_family(one.name), 0))
        kept = {self._family, *heapq.nlargest(KEPT_FAMILIES - 1, used.keys() - {self._family}, key=used.__getitem__)}
        for one in ours:
            if _family(one.name) not in kept:
                # Another process may have dropped it just now.
                with contextlib.suppress(NotFoundError):
                    client.delete_collection(one.name)


def _records(unit: Sequence[Chunk]) -> dict[str, Chunk]:
    """The chunks of one unit by the name of their record: all its texts decide each vector, its version does not."""
    texts = "\0".join(chunk.headed for chunk in unit).encode(errors="surrogatepass")
    around = hashlib.blake2b(texts, digest_size=16).digest()
    places = [f"{chunk.article}#{chunk.id.partition('#')[2]}".encode() for chunk in unit]
    names = [hashlib.blake2b(around + place, digest_size=16).hexdigest() for place in places]
    return dict(zip(names, unit, strict=True))


def _upsert(_: "ClientAPI", *, collection: Any, records: Sequence[tuple[str, str, Any]]) -> None:
    collection.upsert(
        ids=[record for record, _, _ in records],
        embeddings=np.array([vector for _, _, vector in records]),
        metadatas=[{"chunk": chunk_id} for _, chunk_id, _ in records],
    )


def _delete(client: "ClientAPI", *, collection: str, records: list[str]) -> None:
    client.get_collection(collection, embedding_function=None).delete(ids=records)


def _slices(items: Sequence[Any], size: int) -> Iterator[Any]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _version(chunk: Chunk) -> tuple[str, str]:
    return chunk.article, chunk.version


def _scope(audience: str, locale: str) -> str:
    return f"{audience}/{locale}"


def _family(collection: str) -> str:
    return collection.rpartition("-")[0]


def _is_missing(cause: BaseException | None) -> bool:
    return type(cause).__name__ in {"NotFoundError", "InvalidCollectionException"}
