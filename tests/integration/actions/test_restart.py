"""PostgreSQL restarts in the middle of an action (R12.4, PITFALLS 2): one effect, or one reported as unknown."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from desk.db.embedded import stop_embedded_postgres
from desk.db.pool import open_pool
from desk.domain.money import Money
from desk.integrations.protocols import Billing, Refund
from graph.builder import Services
from graph.database import prepare_database
from tests.fakes.remote_billing import RemoteShop, with_remote_billing
from tests.integration.actions.shoppers import (
    BELOW,
    check_told,
    idle,
    new_customer,
    new_shoppers,
    told_of,
    until_the_yes,
)
from tests.integration.turns.desks import Parts, rows, running_desk, say
from tests.integration.turns.test_failures import OwnPostgres

pytestmark = pytest.mark.heavy


@dataclass(frozen=True, kw_only=True)
class Halting:
    """A billing system that halts once, before or after it refunds."""

    inner: Billing
    when: str
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    async def refund(self, order_number: str, amount: Money, *, customer_id: str, key: str) -> Refund:
        if self.when == "before":
            await self._halt()
        refund = await self.inner.refund(order_number, amount, customer_id=customer_id, key=key)
        if self.when == "after":
            await self._halt()
        return refund

    async def _halt(self) -> None:
        self.reached.set()
        await self.gate.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    """A server for these tests, which may be killed; each has a customer of its own."""
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-restart-"))
    own = OwnPostgres(folder)
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, prepare_database(own.url)).result()
    yield own
    stop_embedded_postgres(folder)
    shutil.rmtree(folder, ignore_errors=True)


def halting(
    found: list[Halting], inner: Callable[[Services], Services], *, when: str
) -> Callable[[Services], Services]:
    def change(services: Services) -> Services:
        services = inner(services)
        registry = services.executor.registry
        found.append(Halting(inner=registry.systems.billing, when=when))
        systems = replace(registry.systems, billing=cast(Billing, found[0]))
        return replace(
            services, executor=replace(services.executor, registry=type(registry)(services.policies, systems))
        )

    return change


def _reference(services: Services) -> Services:
    return services


@pytest.mark.parametrize(
    ("billing", "when", "goes_on"),
    [
        ("reference", "before", "while the database is away"),
        ("reference", "after", "when it is back"),
        ("keys", "after", "while the database is away"),
        ("nokeys", "after", "while the database is away"),
    ],
)
async def test_an_action_survives_a_restart_of_the_database(
    server: OwnPostgres, parts: Parts, billing: str, when: str, goes_on: str
) -> None:
    async with RemoteShop(honours_keys=billing == "keys") as remote:
        found: list[Halting] = []
        inner = (
            _reference if billing == "reference" else with_remote_billing(remote.port, honours_keys=billing == "keys")
        )
        change = halting(found, inner, when=when)
        async with running_desk(server.url, parts, change=change) as desk:
            (shopper,) = await new_shoppers(desk.pool, 1, total=BELOW)
            customer = await new_customer(desk, shopper)
            await until_the_yes(customer, shopper)
            await say(desk, customer.conversation_id, "yes", key="yes")
            await found[0].reached.wait()
            await asyncio.to_thread(server.crash)
            if goes_on == "while the database is away":
                found[0].gate.set()
                await asyncio.sleep(0.5)  # the call runs into the outage
            await asyncio.to_thread(server.start)
            found[0].gate.set()
            async with asyncio.timeout(60):
                while await _is_owed(server.url):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)

            await idle(desk.pool, [customer.conversation_id])
            story = await told_of(desk.pool, customer.conversation_id)
            paid = await rows(desk.pool, "SELECT amount FROM shop.refunds WHERE order_number = %s", shopper.order)
            story.refunds = remote.of_order(shopper.order) or [row["amount"] for row in paid]
            assert story.refunds == [shopper.total], story
            if story.outcomes == ["unknown"]:
                assert billing == "nokeys"
                assert "action.completed unknown" in story.news
            else:
                assert story.outcomes == ["succeeded"], story
                check_told(story)


async def _is_owed(url: str) -> bool:
    async with await open_pool(url, max_size=2) as pool:
        return bool(await rows(pool, "SELECT FROM conversations WHERE open_turns > 0"))
