"""The connection to Chroma, inside this process or on a server: one for all snapshots of the knowledge.

Chroma's client blocks and cannot be interrupted, so calls run on threads of their own behind a guard. Questions and
upkeep (filling, sweeping) have different ones: upkeep that hangs takes no thread from a customer.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from desk.config.settings import Settings
from desk.domain.errors import ConfigurationError
from retrieval.errors import DenseSearchUnavailable
from retrieval.guard import Guard

if TYPE_CHECKING:
    import httpx
    from chromadb.api import ClientAPI

logger = logging.getLogger(__name__)

Connect = Callable[[], "ClientAPI"]
Result = TypeVar("Result")

QUERY_SECONDS = 1.8
"""Less than search as a whole may take, so that a slow index is noticed here and counted."""
UPKEEP_SECONDS = 10.0
"""For one batch, not for all."""


class Chroma:
    """``connect`` blocks: it is called on the guards' threads, and again if it fails."""

    def __init__(self, *, connect: Connect) -> None:
        self._connect = connect
        self._questions = Guard(name="chroma")
        self._upkeep = Guard(name="chroma-upkeep", threads=1)
        self._client: ClientAPI | None = None
        self._connecting = threading.Lock()
        self._users = 0
        self.unused_since: dict[tuple[str, str], float] = {}
        """By collection and record, when a sweep first met a vector that no snapshot uses; see ``ChromaIndex``."""

    async def ask(self, call: Callable[["ClientAPI"], Result]) -> Result:
        """The answer to a question, in time. Raises ``DenseSearchUnavailable`` and nothing else."""
        return await self._questions.run(lambda: call(self._connected()), seconds=QUERY_SECONDS)

    async def keep_up(self, call: Callable[["ClientAPI"], Result]) -> Result:
        """One batch of work on the collections, one at a time. Raises ``DenseSearchUnavailable`` and nothing else."""
        return await self._upkeep.run(lambda: call(self._connected()), seconds=UPKEEP_SECONDS)

    def join(self) -> None:
        """One more snapshot uses this connection."""
        self._users += 1

    async def leave(self) -> None:
        """One snapshot less; with the last one the connection is closed."""
        self._users -= 1
        if self._users:
            return
        client, self._client = self._client, None
        if client is not None:
            try:
                await self._questions.run(lambda: disconnect(client), seconds=QUERY_SECONDS)
            except DenseSearchUnavailable:
                logger.info("Chroma did not close in time", extra={"action": "index_close_timed_out"})
        self._questions.close()
        self._upkeep.close()

    def _connected(self) -> "ClientAPI":
        with self._connecting:
            if self._client is None:
                self._client = self._connect()
            return self._client


def chroma_of(settings: Settings) -> Chroma:
    """The Chroma the settings name. Raises ``ConfigurationError`` for an address that is none."""
    connect = over_http(settings.chroma_url) if settings.chroma_url else embedded(settings.data_dir / "chroma")
    return Chroma(connect=connect)


def embedded(folder: Path) -> Connect:
    """Connects to a Chroma inside this process whose files are in the folder."""

    def connect() -> "ClientAPI":
        import chromadb
        from chromadb.config import Settings
        from filelock import FileLock

        folder.mkdir(parents=True, exist_ok=True)
        # Two processes that make Chroma's tables at once get in each other's way: "table collections already exists".
        with FileLock(folder / "opening.lock"):
            return chromadb.PersistentClient(path=folder, settings=Settings(anonymized_telemetry=False))

    return connect


def over_http(url: str) -> Connect:
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
            session.timeout = httpx.Timeout(UPKEEP_SECONDS)
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
