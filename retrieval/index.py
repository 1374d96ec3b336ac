"""The vector index: chunks in a Chroma collection, embedded in this process or on a Chroma server.

A collection is named by a fingerprint of everything that decides its content, so a changed pack, embedding or chunker
gets a new collection beside the old one, and an unchanged one is found again and reused. It is marked complete last:
one that a crash left half-built is filled again, under the same ids.
"""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from desk.domain.errors import ConfigurationError
from retrieval.chunking import CHUNKER_VERSION, Chunk
from retrieval.embeddings import Embedding, Vectors, unit
from retrieval.errors import DenseSearchUnavailable
from retrieval.guard import Guard

if TYPE_CHECKING:
    import httpx
    from chromadb.api import ClientAPI

logger = logging.getLogger(__name__)

PREFIX = "frontdesk-"
KEPT_COLLECTIONS = 4
"""Complete collections kept, newest first: other processes may still run on an older pack (roll-out, roll-back)."""
QUERY_SECONDS = 1.8
"""Less than search as a whole may take, so that a slow index is noticed here and counted."""
BUILD_SECONDS = 120.0
RETRY_SECONDS = 10.0
BATCH = 256
NEVER = date.max
CONTEXT = 0.5
"""Measured: 3 more of 100 questions find their article first (docs/decisions/0003-retrieval.md)."""


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

    def as_where(self) -> dict[str, Any]:
        """Status, audience and locale as a Chroma filter; never empty, because an empty one returns everything.

        One condition on a joined value, because Chroma pays for each condition (0.6 ms); the dates are checked
        on what comes back.
        """
        scopes = {_scope("published", audience, locale) for audience in self.audiences for locale in self.locales}
        return {"scope": {"$in": sorted(scopes)}}


class VectorIndex(Protocol):
    """Nearest chunks to vectors. Raises ``DenseSearchUnavailable`` and nothing else, within about two seconds."""

    async def open(self) -> bool:
        """Make the index ready; False when that did not succeed and will be tried again."""
        ...

    async def nearest(self, vectors: Vectors, *, where: Eligibility, limit: int) -> list[dict[str, float]]:
        """For each row, the cosine (−1..1) of its nearest chunks by id."""
        ...

    async def count(self) -> int:
        """Chunks in the index."""
        ...

    async def close(self) -> None: ...


def fingerprint(chunks: Sequence[Chunk], *, embedding: str) -> str:
    """16 hex digits over every chunk with its metadata, the embedding's name and the chunker's version."""
    digest = hashlib.sha256(f"{CHUNKER_VERSION}\n{CONTEXT}\n{embedding}\n".encode())
    for chunk in sorted(chunks, key=lambda chunk: chunk.id):
        digest.update(repr((chunk.id, chunk.headed, sorted(_metadata(chunk).items()))).encode())
    return digest.hexdigest()[:16]


def in_context(vectors: Vectors, *, articles: Sequence[str]) -> Vectors:
    """Each chunk's vector drawn towards the mean of its article: a section seldom repeats what its article is about."""
    if not len(vectors):
        return vectors
    _, owner = np.unique(np.array(articles), return_inverse=True)
    means = np.zeros((owner.max() + 1, vectors.shape[1]), dtype=np.float32)
    np.add.at(means, owner, vectors)
    return unit(vectors + CONTEXT * unit(means)[owner])


class ChromaIndex:
    """A Chroma collection behind a guard.

    ``connect`` blocks: it is called on the guard's threads, and again if it fails.
    """

    def __init__(self, *, connect: Callable[[], "ClientAPI"], chunks: Sequence[Chunk], embedding: Embedding) -> None:
        self._connect = connect
        self._chunks = list(chunks)
        self._embedding = embedding
        self._guard = Guard(name="chroma")
        self._name = PREFIX + fingerprint(chunks, embedding=embedding.name)
        self._client: ClientAPI | None = None
        self._collection: Any = None
        self._opening: asyncio.Task[bool] | None = None
        self._open_again_at = 0.0

    async def open(self) -> bool:
        try:
            if await self._guard.run(self._reuse, seconds=BUILD_SECONDS):
                return True
            vectors = await self._embedding.embed_documents([chunk.headed for chunk in self._chunks])
            placed = in_context(vectors, articles=[chunk.article for chunk in self._chunks])
            await self._guard.run(lambda: self._build(placed), seconds=BUILD_SECONDS)
        except DenseSearchUnavailable as exc:
            self._open_again_at = time.monotonic() + RETRY_SECONDS
            logger.warning(
                "Vector index is not available, searching by words alone",
                extra={"action": "index_unavailable", "collection": self._name, "reason": str(exc.__cause__ or exc)},
            )
            return False
        return True

    async def nearest(self, vectors: Vectors, *, where: Eligibility, limit: int) -> list[dict[str, float]]:
        collection = self._ready()
        try:
            found = await self._guard.run(
                # Asking for documents as well triples the time; the chunks are in memory.
                lambda: collection.query(
                    query_embeddings=vectors, n_results=limit, where=where.as_where(), include=["distances"]
                ),
                seconds=QUERY_SECONDS,
            )
        except DenseSearchUnavailable as exc:
            if _is_missing(exc.__cause__):
                self._collection = None
            raise
        return [
            dict(zip(ids, (1.0 - distance for distance in distances), strict=True))
            for ids, distances in zip(found["ids"], found["distances"], strict=True)
        ]

    async def count(self) -> int:
        collection = self._ready()
        return await self._guard.run(collection.count, seconds=QUERY_SECONDS)

    async def close(self) -> None:
        if self._opening:
            self._opening.cancel()
        client, self._client, self._collection = self._client, None, None
        if client is not None:
            try:
                await self._guard.run(lambda: disconnect(client), seconds=QUERY_SECONDS)
            except DenseSearchUnavailable:
                logger.info("Chroma did not close in time", extra={"action": "index_close_timed_out"})
        self._guard.close()

    def _ready(self) -> Any:
        """The collection, or an error now and another attempt to open it in the background."""
        if self._collection is not None:
            return self._collection
        idle = self._opening is None or self._opening.done()
        if idle and time.monotonic() >= self._open_again_at:
            self._opening = asyncio.create_task(self.open())
        raise DenseSearchUnavailable("the vector index is not open")

    def _reuse(self) -> bool:
        """Use the collection when it is there and complete."""
        from chromadb.errors import NotFoundError

        if self._client is None:
            self._client = self._connect()
        try:
            # Without embedding_function=None Chroma would set up its own model, which it downloads.
            collection = self._client.get_collection(self._name, embedding_function=None)
        except NotFoundError:
            return False
        complete = (collection.metadata or {}).get("complete") is True
        if not complete or collection.count() != len(self._chunks):
            return False
        self._collection = collection
        return True

    def _build(self, vectors: Vectors) -> None:
        """Fill the collection, mark it complete, then use it. Repeating any part of this changes nothing."""
        if self._client is None:
            self._client = self._connect()
        collection = self._client.get_or_create_collection(
            self._name,
            embedding_function=None,
            metadata={"complete": False, "built_at": int(time.time())},
            configuration={"hnsw": {"space": "cosine"}},
        )
        for start in range(0, len(self._chunks), BATCH):
            part = self._chunks[start : start + BATCH]
            collection.upsert(
                ids=[chunk.id for chunk in part],
                embeddings=vectors[start : start + BATCH],
                documents=[chunk.headed for chunk in part],
                metadatas=[_metadata(chunk) for chunk in part],
            )
        collection.modify(metadata={"complete": True, "built_at": int(time.time()), "chunks": len(self._chunks)})
        self._collection = collection
        self._drop_old(self._client)

    def _drop_old(self, client: "ClientAPI") -> None:
        from chromadb.errors import NotFoundError

        ours = [c for c in client.list_collections() if c.name.startswith(PREFIX) and c.name != self._name]
        complete = [c for c in ours if (c.metadata or {}).get("complete") is True]
        newest_first = sorted(complete, key=lambda c: int((c.metadata or {}).get("built_at", 0)), reverse=True)
        for collection in newest_first[KEPT_COLLECTIONS - 1 :]:
            # Another process may have dropped it just now.
            with contextlib.suppress(NotFoundError):
                client.delete_collection(collection.name)


def embedded(folder: Path) -> Callable[[], "ClientAPI"]:
    """Connects to a Chroma inside this process whose files are in the folder."""

    def connect() -> "ClientAPI":
        import chromadb
        from chromadb.config import Settings

        folder.mkdir(parents=True, exist_ok=True)
        return chromadb.PersistentClient(path=folder, settings=Settings(anonymized_telemetry=False))

    return connect


def over_http(url: str) -> Callable[[], "ClientAPI"]:
    """Connects to a Chroma server such as ``http://chroma:8000``. Raises ``ConfigurationError`` for another form."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"CHROMA_URL: {url!r} is not an address like http://chroma:8000")
    host, port, is_https = (
        parts.hostname,
        parts.port or (443 if parts.scheme == "https" else 8000),
        parts.scheme == "https",
    )

    def connect() -> "ClientAPI":
        import chromadb
        import httpx
        from chromadb.config import Settings

        # Chroma's client has no time-out of its own and speaks to the server when it is made: ask first, with one.
        httpx.get(f"{parts.scheme}://{host}:{port}/api/v2/heartbeat", timeout=QUERY_SECONDS).raise_for_status()
        client = chromadb.HttpClient(host=host, port=port, ssl=is_https, settings=Settings(anonymized_telemetry=False))
        for session in _sessions(client):
            session.timeout = httpx.Timeout(BUILD_SECONDS / 4)
        return client

    return connect


def disconnect(client: "ClientAPI") -> None:
    """Releases the files of an embedded Chroma, and connections to a server: Chroma's own close leaves those open."""
    from chromadb.api.client import Client

    for session in _sessions(client):
        session.close()
    if isinstance(client, Client):
        client.close()


def _sessions(client: "ClientAPI") -> "Iterator[httpx.Client]":
    """The HTTP sessions inside Chroma's client. They have no public name, no time-out, and are never closed."""
    import httpx

    for part in (client, getattr(client, "_admin_client", None)):
        session = getattr(getattr(part, "_server", None), "_session", None)
        if isinstance(session, httpx.Client):
            yield session


def _metadata(chunk: Chunk) -> Mapping[str, str | int]:
    return {
        "article": chunk.article,
        "version": chunk.version,
        "area": chunk.area,
        "scope": _scope(chunk.status, chunk.audience, chunk.locale),
        "channels": ",".join(chunk.channels),
        "effective": chunk.effective.toordinal(),
        "expires": (chunk.expires or NEVER).toordinal(),
    }


def _scope(status: str, audience: str, locale: str) -> str:
    return f"{status}/{audience}/{locale}"


def _is_missing(cause: BaseException | None) -> bool:
    return type(cause).__name__ in {"NotFoundError", "InvalidCollectionException"}
