"""Records the progress of one turn in the event log while it runs.

Events that come close together are stored in one batch: a short pause costs a reader nothing and saves a commit for
each event. What is still unsent when the turn ends travels in the transaction that completes it.
"""

import asyncio
from typing import Any

from desk.conversations.events import EventLog
from desk.conversations.hub import EventHub
from desk.conversations.inbox import AuditNote, OwedTurn
from desk.domain.clock import now, rfc3339
from desk.domain.conversation import Event, EventType

LINGER_SECONDS = 0.1


class Recorder:
    """Collects events of one attempt at a turn."""

    def __init__(self, turn: OwedTurn, *, log: EventLog, hub: EventHub) -> None:
        self._turn = turn
        self._log = log
        self._hub = hub
        self._unsent: list[Event] = []
        self._flusher: asyncio.Task[None] | None = None
        self._storing = False
        self._finished = False
        self.notes: list[AuditNote] = []
        """What goes into the audit log when the turn ends."""

    def emit(self, kind: EventType, data: dict[str, Any]) -> None:
        """Takes an event; it is stored within some hundredths of a second. Ignored after ``finish``."""
        if self._finished:
            return
        self._unsent.append(self.stamped(kind, data))
        if self._flusher is None or (self._flusher.done() and self._flusher.exception() is None):
            self._flusher = asyncio.create_task(self._flush())

    def stamped(self, kind: EventType, data: dict[str, Any]) -> Event:
        """The event as it is stored: with its conversation, turn and time."""
        common = {
            "conversation_id": self._turn.conversation_id,
            "turn_id": self._turn.turn_id,
            "at": rfc3339(now()),
        }
        return {"type": kind, "data": common | data}

    async def finish(self) -> list[Event]:
        """Stops storing and returns what was not stored yet.

        Raises what storing raised: ``LeaseLost``, or the database's error.
        """
        self._finished = True
        if self._flusher is not None:
            if not self._flusher.done() and not self._storing:
                self._flusher.cancel()
            await asyncio.gather(self._flusher, return_exceptions=True)
            if not self._flusher.cancelled() and (error := self._flusher.exception()):
                raise error
        return self._unsent

    async def _flush(self) -> None:
        await asyncio.sleep(LINGER_SECONDS)
        self._storing = True
        while batch := self._unsent:
            self._unsent = []
            self._hub.publish(await self._log.append(self._turn.conversation_id, batch, epoch=self._turn.epoch))
        self._storing = False
