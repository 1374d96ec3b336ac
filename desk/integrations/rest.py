"""Anybody's HTTP API: one client for it, which never waits, reads, repeats or believes more than it should.

A call has one deadline for all its tries. Reads, and writes of a system that honours the ``Idempotency-Key``, are tried
up to three times; other writes once, on a connection of their own. Only JSON is read, and no more than a megabyte of
it; no redirect is followed and no cookie kept, so that one customer's session is never another's.
"""

import asyncio
import functools
import json
import random
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import quote

import httpx

from desk.integrations.mapping import fill, text_at
from desk.integrations.operations import RemoteOperation
from desk.integrations.remote import Answered, Failed
from desk.policies.systems import RestOperation, RestSystem, SystemAuth, filled

MAX_BYTES = 1_000_000
TRIES = 3
PAUSE_SECONDS = 0.1
POOL = 20  # connections to one system at once

_AGAIN = frozenset({429, 502, 503, 504})
_NOTHING_DONE = frozenset(range(400, 500))


@dataclass
class _Progress:
    """How far a call got: what was sent may have been done."""

    sent: bool = False
    lost: bool = False
    """An earlier try was sent and never answered."""

    async def trace(self, event: str, _: Any) -> None:
        if ".send_request_headers." in event:
            self.sent = True


@dataclass(frozen=True, kw_only=True)
class RestTransport:
    """``desk.integrations.remote.Transport`` over HTTP."""

    spec: RestSystem
    variables: Mapping[str, str]
    """Values of the variables the pack names."""
    _reading: httpx.AsyncClient = field(init=False)
    _writing: httpx.AsyncClient = field(init=False)
    _base: str = field(init=False)

    def __post_init__(self) -> None:
        reading = self._client(keep=POOL)
        # A kept connection that died meanwhile would make an unknown outcome of a write that was never read.
        writing = reading if self.spec.idempotent else self._client(keep=0)
        object.__setattr__(self, "_reading", reading)
        object.__setattr__(self, "_writing", writing)
        object.__setattr__(self, "_base", filled(self.spec.base_url, self.variables).rstrip("/"))

    async def aclose(self) -> None:
        await self._reading.aclose()
        await self._writing.aclose()

    async def send(
        self, operation: RemoteOperation, values: Mapping[str, Any], *, key: str | None
    ) -> Answered | Failed:
        endpoint = next(written for written in self.spec.operations if written.name == operation.name)
        repeatable = not operation.writes or self.spec.idempotent
        request = self._request(endpoint, values, key=key)
        if isinstance(request, Failed):
            return request
        client, progress = self._writing if operation.writes else self._reading, _Progress()
        try:
            async with asyncio.timeout(self.spec.timeout_seconds):
                for left in reversed(range(TRIES if repeatable else 1)):
                    outcome = await self._try(client, request, progress)
                    if isinstance(outcome, Answered) or left == 0 or not _worth_another(outcome):
                        return outcome
                    progress.lost |= outcome.maybe_done
                    await asyncio.sleep(PAUSE_SECONDS * (1 + random.random()))
        except TimeoutError:
            return Failed(why="no answer in time", maybe_done=progress.sent or progress.lost)
        raise AssertionError("the last try returns")

    async def _try(self, client: httpx.AsyncClient, request: httpx.Request, progress: _Progress) -> Answered | Failed:
        progress.sent = False
        request.extensions["trace"] = progress.trace
        try:
            answer = await client.send(request, stream=True)
            try:
                return _read(
                    answer.status_code, answer.headers, await _bounded(answer), spec=self.spec, progress=progress
                )
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return Failed(why=type(exc).__name__, maybe_done=progress.sent or progress.lost)

    def _request(
        self, endpoint: RestOperation, values: Mapping[str, Any], *, key: str | None
    ) -> httpx.Request | Failed:
        segments = {name: _in_path(value) for name, value in values.items()}
        path = str(fill(endpoint.path, segments))
        if any(segments[name] in ("", ".", "..") for name in segments if f"{{{name}}}" in endpoint.path):
            return _NOT_THERE
        headers = {name: str(value) for name, value in fill(endpoint.headers, values).items()}
        headers |= {"Accept": "application/json", "Accept-Encoding": "identity"}
        if key is not None and self.spec.idempotent:
            headers["Idempotency-Key"] = key
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            return _NOT_THERE
        content = None
        if endpoint.body:
            content = json.dumps(fill(endpoint.body, values), allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        query = {name: str(value) for name, value in fill(endpoint.query, values).items()}
        return self._reading.build_request(
            endpoint.method, self._base + path, params=query or None, headers=headers, content=content
        )

    def _client(self, *, keep: int) -> httpx.AsyncClient:
        auth = None
        headers = {"User-Agent": "frontdesk"}
        match self.spec.auth:
            case SystemAuth(kind="basic", user=user, secret=name):
                auth = httpx.BasicAuth(user, self.variables[name])
            case SystemAuth(kind="bearer", secret=name):
                headers["Authorization"] = f"Bearer {self.variables[name]}"
            case SystemAuth(kind="header", header=header, secret=name):
                headers[header] = self.variables[name]
        return httpx.AsyncClient(
            auth=auth,
            headers=headers,
            verify=trusted(),
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            timeout=self.spec.timeout_seconds,
            limits=httpx.Limits(max_connections=POOL, max_keepalive_connections=keep),
            follow_redirects=False,
        )


@functools.cache
def trusted() -> ssl.SSLContext:
    """Loaded once: it takes longer than most answers."""
    return httpx.create_ssl_context()


_NOT_THERE = Failed(why="an address no record can have", status=404, maybe_done=False, is_fault=False)


def _in_path(value: Any) -> Any:
    """One segment, whatever the value is made of."""
    if isinstance(value, dict):
        return {name: _in_path(str(item)) for name, item in value.items()}
    return quote(value, safe="") if isinstance(value, str) else value


class _TooLarge(httpx.HTTPError):
    """More than anybody should have to read."""


async def _bounded(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            raise _TooLarge("answer too large")
    return bytes(body)


def _read(
    status: int, headers: httpx.Headers, body: bytes, *, spec: RestSystem, progress: _Progress
) -> Answered | Failed:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = (kind == "application/json" or kind.endswith("+json")) and "content-encoding" not in headers
    value = strict_json(body) if is_json else None
    if 200 <= status < 300:
        if not body.strip():
            return Answered(value={})
        if value is None:
            return Failed(why="an answer that is not JSON", is_fault=True)
        return Answered(value=value)
    unanswered = status in _AGAIN and progress.lost
    return Failed(
        why=f"status {status}", status=status, code=text_at(value, spec.error_code),
        maybe_done=status not in _NOTHING_DONE or unanswered, is_fault=status >= 500 or status in (401, 403, 429),
    )  # fmt: skip


def _worth_another(failed: Failed) -> bool:
    return failed.status is None or failed.status in _AGAIN


def strict_json(body: bytes) -> Any:
    """The value, with exact decimals; None when it is not JSON as everybody would read it."""
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_number, parse_float=Decimal
        )
    except (ValueError, RecursionError):
        return None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key is there twice")
    return record


def _no_number(_: str) -> Any:
    raise ValueError("NaN and Infinity are no numbers")
