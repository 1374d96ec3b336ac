"""The hub: tells the open streams of this process that a conversation has new events, wherever they were stored.

Batches stored by this process are handed over directly; those of other processes are announced by PostgreSQL's
NOTIFY, and the stream reads them from the log. A missed announcement costs at most one polling interval.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator

from psycopg import AsyncConnection, Error

from desk.conversations.events import EVENTS_CHANNEL, Batch, EventLog, StoredEvent

logger = logging.getLogger(__name__)

POLL_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
BACKLOG = 64  # batches kept for a slow reader; what falls out is read from the log


class _Subscription:
    def __init__(self) -> None:
        self.batches: deque[Batch] = deque(maxlen=BACKLOG)
        self.news = asyncio.Event()
        self.behind = False
        """Something was stored elsewhere: read the log."""


class EventHub:
    """Fan-out of one process. ``listen`` hears the other processes until it is cancelled."""

    def __init__(self, log: EventLog, *, owner: str, url: str) -> None:
        self._log = log
        self._owner = owner
        self._url = url
        self._subscriptions: dict[str, set[_Subscription]] = defaultdict(set)

    def publish(self, batch: Batch) -> None:
        """Hands a stored batch to the streams of its conversation."""
        for subscription in self._subscriptions.get(batch.conversation_id, ()):
            subscription.batches.append(batch)
            subscription.news.set()

    async def follow(self, conversation_id: str, *, after: int) -> AsyncIterator[StoredEvent]:
        """Every event with a number above ``after``: first from the log, then as they come. Never ends by itself."""
        subscription = _Subscription()
        self._subscriptions[conversation_id].add(subscription)
        try:
            while True:
                subscription.behind = False
                while events := await self._log.read(conversation_id, after=after):
                    for event in events:
                        yield event
                    after = events[-1].id
                while not subscription.behind:
                    await self._news(subscription)
                    while subscription.batches and not subscription.behind:
                        batch = subscription.batches.popleft()
                        # A gap: a batch between was stored by another process, or fell out of the backlog.
                        subscription.behind = batch.first > after + 1
                        for event in () if subscription.behind else batch.events():
                            if event.id > after:
                                yield event
                                after = event.id
        finally:
            self._subscriptions[conversation_id].discard(subscription)
            if not self._subscriptions[conversation_id]:
                del self._subscriptions[conversation_id]

    async def _news(self, subscription: _Subscription) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await subscription.news.wait()
        except TimeoutError:
            subscription.behind = True
        subscription.news.clear()

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
            subscription.behind = True
            subscription.news.set()
