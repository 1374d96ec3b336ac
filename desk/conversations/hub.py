"""The hub: tells the open streams of this process that a conversation has new events, wherever they were stored.

Batches stored by this process are handed over directly; those of other processes are announced by PostgreSQL's
NOTIFY, and the stream reads them from the log. A missed announcement costs at most one polling interval.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable

from psycopg import AsyncConnection, Error

from desk.conversations.events import EVENTS_CHANNEL, Batch, EventLog, StoredEvent

logger = logging.getLogger(__name__)

POLL_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
BACKLOG = 64  # batches kept for a slow reader; what falls out is read from the log


class Subscription:
    """Follows one conversation from the moment it is made; close it when nobody reads it any more."""

    def __init__(self, log: EventLog, conversation_id: str, *, leave: Callable[["Subscription"], None]) -> None:
        self._log = log
        self._conversation_id = conversation_id
        self._leave = leave
        self._handed: deque[Batch] = deque(maxlen=BACKLOG)
        self._news = asyncio.Event()
        self._behind = False
        self._closed = False

    async def batches(
        self, *, after: int, idle: float = POLL_SECONDS, up_to_date: bool = False
    ) -> AsyncIterator[list[StoredEvent]]:
        """Events with numbers above ``after``, as many as there are at a time: first from the log, then as they come.

        An empty list says that nothing came for ``idle`` seconds. ``up_to_date`` spares the first look into the log:
        for a caller who knows that nothing above ``after`` was stored when this subscription was made.
        """
        self._behind = self._behind or not up_to_date
        while not self._closed:
            while self._behind:
                self._behind = False
                while events := await self._log.read(self._conversation_id, after=after):
                    yield events
                    after = events[-1].id
            while self._handed and not self._behind:
                batch = self._handed.popleft()
                # A gap: a batch between was stored by another process, or fell out of the backlog.
                self._behind = batch.first > after + 1
                if not self._behind and (fresh := [event for event in batch.events() if event.id > after]):
                    yield fresh
                    after = fresh[-1].id
            if not self._behind and not self._closed and not await self._woken(idle):
                self._behind = True
                yield []

    def hand(self, batch: Batch) -> None:
        """A batch this process stored."""
        self._handed.append(batch)
        self._news.set()

    def look(self) -> None:
        """Something was stored elsewhere: the log has it."""
        self._behind = True
        self._news.set()

    def close(self) -> None:
        """Ends ``batches``; may be called twice."""
        self._closed = True
        self._news.set()
        self._leave(self)

    async def _woken(self, idle: float) -> bool:
        try:
            async with asyncio.timeout(idle):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True


class EventHub:
    """Fan-out of one process. ``listen`` hears the other processes until it is cancelled."""

    def __init__(self, log: EventLog, *, owner: str, url: str) -> None:
        self._log = log
        self._owner = owner
        self._url = url
        self._subscriptions: dict[str, set[Subscription]] = defaultdict(set)

    def publish(self, batch: Batch) -> None:
        """Hands a stored batch to the streams of its conversation."""
        for subscription in self._subscriptions.get(batch.conversation_id, ()):
            subscription.hand(batch)

    def subscribe(self, conversation_id: str) -> Subscription:
        """A follower of the conversation."""

        def leave(subscription: Subscription) -> None:
            followers = self._subscriptions.get(conversation_id, set())
            followers.discard(subscription)
            if not followers:
                self._subscriptions.pop(conversation_id, None)

        subscription = Subscription(self._log, conversation_id, leave=leave)
        self._subscriptions[conversation_id].add(subscription)
        return subscription

    async def follow(self, conversation_id: str, *, after: int) -> AsyncIterator[StoredEvent]:
        """Every event with a number above ``after``, one by one. Never ends by itself."""
        subscription = self.subscribe(conversation_id)
        try:
            async for events in subscription.batches(after=after):
                for event in events:
                    yield event
        finally:
            subscription.close()

    async def listen(self) -> None:
        """Listens for batches stored by other processes; reconnects for ever."""
        while True:
            try:
                async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {EVENTS_CHANNEL}")
                    for conversation_id in list(self._subscriptions):  # what was announced while nobody listened
                        self._wake(conversation_id)
                    async for notification in connection.notifies():
                        owner, _, conversation_id = notification.payload.partition(" ")
                        if owner != self._owner:
                            self._wake(conversation_id)
            except (Error, OSError) as exc:
                logger.warning(
                    "Listening for events stopped; streams poll meanwhile",
                    extra={"action": "listen_failed", "error": type(exc).__name__},
                )
            await asyncio.sleep(RECONNECT_SECONDS)

    def _wake(self, conversation_id: str) -> None:
        for subscription in self._subscriptions.get(conversation_id, ()):
            subscription.look()
