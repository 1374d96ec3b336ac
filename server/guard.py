"""The guard: reads a request's body within bounds of size and time, before any framework parses it.

What is too large, too slow or not strict JSON is answered here in milliseconds, whatever the routes do.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.domain.errors import FrontdeskError, InvalidRequest, NotFound
from server.errors import BodyTimeout, BodyTooLarge, MalformedBody, UnsupportedMediaType, problem
from server.strict_json import check_json

MAX_BODY_BYTES = 64 * 1024
LARGER_BODIES = {"/v1/knowledge/articles": 1024 * 1024}
"""Addresses that take more: a whole article."""
BODY_SECONDS = 10.0
LINGER_SECONDS = 5.0  # how long the rest of a refused body is thrown away, so that the client can read our answer
_FORM = "application/x-www-form-urlencoded"
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class _Gone(Exception):
    """The client left before the body was complete."""


class Guard:
    """ASGI middleware in front of the routes. Routes see a complete body of strict JSON, or no body at all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (error := _unspeakable(scope)) is not None:
            await problem(error, scope)(scope, receive, send)
            return
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            body = await _read(headers, receive, limit=LARGER_BODIES.get(scope["path"], MAX_BODY_BYTES))
            _check(headers, body)
        except _Gone:
            return
        except (BodyTooLarge, BodyTimeout) as error:
            await _refuse_early(error, scope, receive, send)
            return
        except FrontdeskError as error:
            await problem(error, scope)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)


def _unspeakable(scope: Scope) -> FrontdeskError | None:
    """No id and no word holds a NUL, and the database would not even take the question."""
    if "\0" in scope["path"]:
        return NotFound("There is nothing at this address.")
    if b"%00" in scope["query_string"] or b"\0" in scope["query_string"]:
        return InvalidRequest("The address holds a NUL character.")
    return None


async def _read(headers: Headers, receive: Receive, *, limit: int) -> bytes:
    declared = headers.get("content-length", "0")
    if not declared.isdigit() or int(declared[:12]) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise BodyTimeout(f"The body was not complete after {BODY_SECONDS:g} seconds.") from None
    return bytes(body)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body may have at most {limit} bytes.")


def _check(headers: Headers, body: bytes) -> None:
    content_type, _, parameters = headers.get("content-type", "").lower().partition(";")
    if not body and content_type.strip() in {"", _FORM}:  # a page's button sends a form without fields
        return
    if content_type.strip() != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    charset = parameters.partition("charset=")[2].strip().strip('"')
    if charset and charset not in {"utf-8", "utf8"}:
        raise MalformedBody("Send the body in UTF-8.", code="not_utf8")
    if headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body without compression.")
    check_json(body)


async def _refuse_early(error: FrontdeskError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once, then throws away what still comes: closing on a client that writes would lose it the answer."""
    answer = problem(error, scope)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _replay(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body once and then whatever the connection still has to say."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
