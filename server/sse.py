"""Server-sent events: stored events as they come, a heartbeat, and an end for every stream that should not go on.

The stream only reads. Whether anybody reads it makes no difference to the turn it tells about.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from desk.conversations.events import StoredEvent
from desk.conversations.hub import EventHub
from desk.db.outage import is_outage
from desk.domain.clock import now, rfc3339
from desk.domain.errors import FrontdeskError, SystemUnavailable
from server.streams import StreamSlot

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 4.0  # also how long an ended session can still listen: attack A11 allows five
SEND_SECONDS = 10.0  # a reader that takes nothing for so long is cut off
RECONNECT_MS = 1000


def frame(event: StoredEvent) -> bytes:
    """The event on the wire. ``data`` is JSON on one line, so no text in it can start another event."""
    return f"id: {event.id}\nevent: {event.type}\ndata: {event.data}\n\n".encode()


async def turn_events(hub: EventHub, conversation_id: str, *, turn_id: str, after: int) -> AsyncIterator[StoredEvent]:
    """The events of one turn, to its ``turn.completed``; those of other turns in between are left out."""
    async with aclosing(_generator(hub.follow(conversation_id, after=after))) as events:
        async for event in events:
            if orjson.loads(event.data)["turn_id"] != turn_id:
                continue
            yield event
            if event.type == "turn.completed":
                return


def _generator(events: AsyncIterator[StoredEvent]) -> Any:
    return events  # the hub's iterators are generators, which its signature does not tell


class EventStream(Response):
    """An answer of ``text/event-stream`` that gives ``slot`` back when it ends.

    ``check_session`` is called with each heartbeat and raises a ``FrontdeskError`` once the session is over; the
    client is told by an ``error`` event without a number, which no replay repeats.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[StoredEvent],
        *,
        conversation_id: str,
        slot: StreamSlot,
        closing: asyncio.Event,
        check_session: Callable[[], Awaitable[object]],
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._conversation_id = conversation_id
        self._slot = slot
        self._closing = closing
        self._check_session = check_session
        self._sending = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def write(data: bytes) -> None:
            async with self._sending, asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": data, "more_body": True})

        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await write(f"retry: {RECONNECT_MS}\n\n".encode())
            if await self._until_the_first_ends(write, receive):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):
            logger.info("A reader of events did not read", extra={"action": "stream_cut"})
        finally:
            self._slot.release()

    async def _until_the_first_ends(self, write: Callable[[bytes], Awaitable[None]], receive: Receive) -> bool:
        """Runs the parts of the stream until one ends; False when the client is the one who left."""
        left = asyncio.create_task(_disconnected(receive))
        parts = [
            left,
            asyncio.create_task(self._tell(write)),
            asyncio.create_task(self._beat(write)),
            asyncio.create_task(self._closing.wait()),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            if error := part.exception():
                await self._say_why(error, write)
        return left not in done

    async def _tell(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        async with aclosing(_generator(self._events)) as events:
            async for event in events:
                await write(frame(event))

    async def _beat(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                await self._check_session()
            except Exception as error:
                if not is_outage(error):  # a database that is away for a moment ends no session
                    raise
            await write(b": still here\n\n")

    async def _say_why(self, error: BaseException, write: Callable[[bytes], Awaitable[None]]) -> None:
        """An ``error`` event for the end of a stream; raises ``error`` itself when there is nobody to tell."""
        if is_outage(error):
            error = SystemUnavailable("We cannot reach our records right now; please reconnect in a moment.")
        if not isinstance(error, FrontdeskError):
            raise error
        data = {
            "conversation_id": self._conversation_id,
            "turn_id": None,
            "at": rfc3339(now()),
            "code": error.error_code,
            "detail": error.detail,
            "retryable": error.status >= 500,
        }
        await write(b"event: error\ndata: " + orjson.dumps(data) + b"\n\n")


async def _disconnected(receive: Receive) -> None:
    with suppress(OSError):
        while (await receive())["type"] != "http.disconnect":
            pass
