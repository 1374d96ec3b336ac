"""Server-sent events: stored events as they come, a heartbeat, and an end for every stream that should not go on.

The stream only reads. Whether anybody reads it makes no difference to the turn it tells about.
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import orjson
from sse_starlette.sse import AppStatus, EventSourceResponse, SendTimeoutError
from starlette.types import Receive, Scope, Send

from desk.conversations.events import StoredEvent
from desk.conversations.hub import Subscription
from desk.conversations.inbox import AcceptedTurn
from desk.db.outage import is_outage
from desk.domain.clock import now, rfc3339
from desk.domain.errors import FrontdeskError, SystemUnavailable
from server.streams import StreamSlot

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 4.0  # also how long an ended session can still listen: attack A11 allows five
SEND_SECONDS = 10.0  # a reader that takes nothing for so long is cut off
RECONNECT_MS = 1000

# The library would end streams at a signal by itself; server.serving does, live streams first, those of turns later.
AppStatus.enable_automatic_graceful_drain = False


def frame(event: StoredEvent) -> bytes:
    """The event on the wire. ``data`` is JSON on one line, so no text in it can start another event."""
    return f"id: {event.id}\nevent: {event.type}\ndata: {event.data}\n\n".encode()


async def turn_batches(subscription: Subscription, turn: AcceptedTurn) -> AsyncIterator[list[StoredEvent]]:
    """The events of one turn, to its ``turn.completed``; those of other turns in between are left out."""
    batches: Any = subscription.batches(after=turn.after, idle=HEARTBEAT_SECONDS, up_to_date=not turn.duplicate)
    async with aclosing(batches):
        async for batch in batches:
            own = [event for event in batch if orjson.loads(event.data)["turn_id"] == turn.turn_id]
            if own or not batch:
                yield own
            if own and own[-1].type == "turn.completed":
                return


def live_batches(subscription: Subscription, *, after: int) -> AsyncIterator[list[StoredEvent]]:
    """Every event above ``after``, for as long as the stream stays open."""
    return subscription.batches(after=after, idle=HEARTBEAT_SECONDS)


class EventStream(EventSourceResponse):
    """An answer of ``text/event-stream`` that gives ``slot`` back when it ends.

    ``check_session`` is called with each heartbeat and raises a ``FrontdeskError`` once the session is over; the
    client is told by an ``error`` event without a number, which no replay repeats.
    """

    def __init__(
        self,
        batches: AsyncIterator[list[StoredEvent]],
        *,
        conversation_id: str,
        slot: StreamSlot,
        check_session: Callable[[], Awaitable[object]],
    ) -> None:
        self._batches: Any = batches
        self._conversation_id = conversation_id
        self._slot = slot
        self._check_session = check_session
        self._frames: Any = self._written()
        super().__init__(self._frames, ping=0, sep="\n", send_timeout=SEND_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except (SendTimeoutError, OSError):
            logger.info("A reader of events did not read", extra={"action": "stream_cut"})
        finally:
            self._slot.release()
            await self._frames.aclose()

    async def _written(self) -> AsyncIterator[bytes]:
        """The stream's bytes: a batch at a time, a heartbeat when the last look at the session is old enough."""
        yield f"retry: {RECONNECT_MS}\n\n".encode()
        looked = time.monotonic()
        try:
            async with aclosing(self._batches):
                async for events in self._batches:
                    if events:
                        yield b"".join(frame(event) for event in events)
                    if time.monotonic() - looked >= HEARTBEAT_SECONDS or not events:
                        await self._look_at_session()
                        looked = time.monotonic()
                        yield b": still here\n\n"
        except Exception as error:
            yield self._reason(error)

    async def _look_at_session(self) -> None:
        try:
            await self._check_session()
        except Exception as error:
            if not is_outage(error):  # a database that is away for a moment ends no session
                raise

    def _reason(self, error: Exception) -> bytes:
        """An ``error`` event for the end of a stream; raises ``error`` itself when it has no words for a customer."""
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
        return b"event: error\ndata: " + orjson.dumps(data) + b"\n\n"
