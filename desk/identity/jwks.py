"""The host's published keys (JWKS): fetched within bounds, kept, and asked for again when a key is not known."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from desk.domain.errors import SystemUnavailable

logger = logging.getLogger(__name__)

FETCH_SECONDS = 5.0
MAX_BYTES = 256 * 1024
MAX_KEYS = 100
KEPT_SECONDS = 3600.0  # so that a key the host takes back stops counting within an hour
PAUSE_SECONDS = 60.0  # tokens with made-up key ids must not become requests to the host
RETRY_SECONDS = 2.0  # while there are no keys at all, nobody can come in
MIN_BITS = 2048  # RFC 7518 3.3


class RemoteKeys:
    """RS256 keys by their id."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str | None, RSAPublicKey] = {}
        self._fetched = -float("inf")
        self._next_try = -float("inf")
        self._lock = asyncio.Lock()

    async def key(self, key_id: str | None) -> RSAPublicKey | None:
        """The key of this id; without an id the only key there is. None: the host has no such key.

        Raises ``SystemUnavailable`` while no keys could be fetched at all.
        """
        if self._found(key_id) is None or time.monotonic() - self._fetched > KEPT_SECONDS:
            await self._refresh()
        return self._found(key_id)

    async def fetch(self) -> Mapping[str | None, RSAPublicKey]:
        """The keys as they are published now. Raises ``SystemUnavailable``."""
        try:
            async with asyncio.timeout(FETCH_SECONDS), httpx.AsyncClient(timeout=FETCH_SECONDS) as client:
                body = await _bounded(client, self._url)
            return _usable(json.loads(body))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, RecursionError) as exc:
            raise SystemUnavailable("The keys of the host application cannot be read right now.") from exc

    def _found(self, key_id: str | None) -> RSAPublicKey | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id) if key_id is not None else None

    async def _refresh(self) -> None:
        async with self._lock:
            if time.monotonic() < self._next_try:
                if not self._keys:
                    raise SystemUnavailable("The keys of the host application cannot be read right now.")
                return
            try:
                self._keys = dict(await self.fetch())
                self._fetched = time.monotonic()
            except SystemUnavailable as exc:
                logger.warning("The host's keys could not be fetched", extra={"action": "jwks_failed"}, exc_info=exc)
                if not self._keys:
                    raise
            finally:
                self._next_try = time.monotonic() + (PAUSE_SECONDS if self._keys else RETRY_SECONDS)


async def _bounded(client: httpx.AsyncClient, url: str) -> bytes:
    """The body of a 200 answer. Raises ``ValueError`` for any other and for one that is too large."""
    async with client.stream("GET", url, headers={"Accept": "application/json"}) as answer:
        if answer.status_code != 200:
            raise ValueError(f"status {answer.status_code}")
        body = bytearray()
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > MAX_BYTES:
                raise ValueError("too large")
        return bytes(body)


def _usable(document: object) -> dict[str | None, RSAPublicKey]:
    """The RSA signing keys of a key set. Raises ``ValueError`` for what is no key set or has none."""
    rows = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise ValueError("no key set")
    keys: dict[str | None, RSAPublicKey] = {}
    for row in rows[:MAX_KEYS]:
        if not isinstance(row, dict) or row.get("kty") != "RSA" or "d" in row:
            continue
        if row.get("use", "sig") != "sig" or row.get("alg", "RS256") != "RS256":
            continue
        try:
            key = jwt.PyJWK(row, algorithm="RS256").key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        key_id = row.get("kid")
        if isinstance(key, RSAPublicKey) and key.key_size >= MIN_BITS and isinstance(key_id, str | None):
            keys[key_id] = key
    if not keys:
        raise ValueError("no usable key")
    return keys
