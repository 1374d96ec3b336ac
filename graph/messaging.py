"""What reaches customers outside their conversation: the outbox, who sends it, and the work that does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from desk.channels.outbox import Outbox
from desk.channels.senders import Senders
from desk.domain.contact import ContactPoints
from desk.jobs.delivery import Delivery
from desk.jobs.messages import MessageWriter
from graph.builder import Services


@dataclass(frozen=True, kw_only=True)
class Messaging:
    """The outbox codes are put into, and the senders of this installation."""

    outbox: Outbox
    senders: Senders


@asynccontextmanager
async def delivering(messaging: Messaging, services: Services, *, public_url: str | None) -> AsyncIterator[None]:
    """Sends what is in the outbox for as long as this is open."""

    async def find_contact(customer_id: str) -> ContactPoints:
        return await services.crm.get_contact_points(customer_id=customer_id)

    write = MessageWriter(
        policies=services.policies, step_up=services.gates.step_up, find_contact=find_contact, public_url=public_url
    )
    delivery = Delivery(messaging.outbox, senders=messaging.senders.by_channel, write=write)
    tasks = [asyncio.create_task(work) for work in delivery.background()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
