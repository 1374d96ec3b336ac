"""The content desk's rounds (R4.2): what is due is published, owners are reminded, late articles get a ticket.

Several processes make rounds; rows decide that each thing is said once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

from desk.channels.outbox import Outbox
from desk.db.outage import is_outage
from desk.db.pool import Pool
from desk.knowledge.reminders import Reminder, ReminderStore, reminders_on
from desk.policies.models import KnowledgePolicy

logger = logging.getLogger(__name__)

START_SECONDS = 5.0  # the first customers come first
ROUND_SECONDS = 60.0
"""An article approved for today is in use a minute after midnight."""


@dataclass(frozen=True, kw_only=True)
class ReviewRounds:
    """``publish_due`` publishes what was approved for a day that has come; ``today`` is the business's own day."""

    pool: Pool
    outbox: Outbox
    policy: KnowledgePolicy
    queue: str
    """Where tickets go whose owner has no queue."""
    publish_due: Callable[[], Awaitable[object]]
    today: Callable[[], date]

    async def run(self) -> None:
        """Makes rounds for as long as the process lives; an outage only delays the next."""
        await asyncio.sleep(START_SECONDS)
        while True:
            try:
                await self.publish_due()
                await self.remind(today=self.today())
            except Exception as exc:
                level = logging.WARNING if is_outage(exc) else logging.ERROR
                logger.log(level, "A round of the content desk failed", extra={"action": "round_failed"}, exc_info=exc)
            await asyncio.sleep(ROUND_SECONDS)

    async def remind(self, *, today: date) -> list[Reminder]:
        """Says what has not been said yet; what that was."""
        store = ReminderStore(self.pool)
        said = await store.said()
        told = []
        for reminder in reminders_on(today, await store.reviewed(), policy=self.policy, queue=self.queue):
            key = (reminder.article, reminder.version, reminder.kind, reminder.due)
            if key not in said and await self._tell(store, reminder):
                told.append(reminder)
        if told:
            self.outbox.nudge()
        return told

    async def _tell(self, store: ReminderStore, reminder: Reminder) -> bool:
        """In one transaction: the row, its ticket, the audit entry and the e-mail."""
        async with self.pool.connection() as connection, connection.transaction():
            if not await store.note(connection, reminder):
                return False
            if reminder.email is not None:
                await self.outbox.enqueue(
                    connection,
                    channel="email",
                    kind="reminder",
                    key=f"review {reminder.article}@{reminder.version} {reminder.kind} {reminder.due}",
                    payload={"to": reminder.email, "subject": reminder.subject, "text": reminder.text},
                )
        return True
