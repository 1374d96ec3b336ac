"""Delivery: sends what is in the outbox, one loop for each channel, for as long as the process lives."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from desk.channels.base import DeliveryFailed, Outgoing, Sender
from desk.channels.outbox import Due, Outbox, OutboxChannel
from desk.domain.errors import RecordNotFound

logger = logging.getLogger(__name__)

Write = Callable[[Due], Awaitable[Outgoing | None]]

AT_A_TIME = 4
POLL_SECONDS = 1.0
SEND_SECONDS = 40.0  # below the outbox's lease
RECOVER_SECONDS = 2.0


class Delivery:
    """Sends messages. A crash between sending and marking sends once more, never not at all."""

    def __init__(self, outbox: Outbox, *, senders: Mapping[OutboxChannel, Sender], write: Write) -> None:
        self._outbox = outbox
        self._senders = senders
        self._write = write

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run beside."""
        return [self._run(channel, sender) for channel, sender in self._senders.items()]

    async def deliver_due(self, channel: OutboxChannel, sender: Sender) -> int:
        """Sends what is due on this channel now; how many were tried."""
        claimed = await self._outbox.claim(channel, limit=AT_A_TIME)
        await asyncio.gather(*(self._deliver(due, sender) for due in claimed))
        return len(claimed)

    async def _run(self, channel: OutboxChannel, sender: Sender) -> None:
        while True:
            try:
                if await self.deliver_due(channel, sender) == 0:
                    await self._outbox.news(channel, seconds=POLL_SECONDS)
            except Exception as exc:
                logger.warning(
                    "The outbox could not be read; it is tried again",
                    extra={"action": "outbox_failed", "channel": channel, "error": type(exc).__name__},
                )
                await asyncio.sleep(RECOVER_SECONDS)

    async def _deliver(self, due: Due, sender: Sender) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                message = await self._write(due)
                if message is not None:
                    await sender.send(message)
        except DeliveryFailed as exc:
            await self._failed(due, reason=exc.reason, permanent=exc.permanent)
        except RecordNotFound:
            await self._failed(due, reason="no_such_customer", permanent=True)
        except Exception as exc:
            await self._failed(due, reason=type(exc).__name__, permanent=False)
        else:
            if message is None:
                await self._outbox.dropped(due, reason="superseded")
                return
            await self._outbox.sent(due)
            logger.info("Message sent", extra={"action": "message_sent", "outbox_id": due.id, "channel": due.channel})

    async def _failed(self, due: Due, *, reason: str, permanent: bool) -> None:
        dead = await self._outbox.failed(due, reason=reason, permanent=permanent)
        about = {
            "outbox_id": due.id,
            "channel": due.channel,
            "kind": due.kind,
            "reason": reason,
            "attempts": due.attempts,
        }
        if dead:
            logger.error("Message given up", extra={"action": "message_dead", **about})
        else:
            logger.warning("Message not sent; it is tried again", extra={"action": "message_delayed", **about})
