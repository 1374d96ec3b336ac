"""Every adapter of the five systems, opened over one shop: add an opener to ``ADAPTERS`` and the suite runs against it.

An opener gets a pool on a seeded reference shop. An adapter of something remote serves ``postgres_systems(pool)`` on a
socket of its own and answers through a client, so the same records and the same rules stand behind all of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from desk.db.pool import Pool
from desk.integrations.mcp import McpTransport
from desk.integrations.postgres.billing import PostgresBilling
from desk.integrations.postgres.crm import PostgresCrm
from desk.integrations.postgres.orders import PostgresOrders
from desk.integrations.postgres.scheduling import PostgresScheduling
from desk.integrations.postgres.ticketing import PostgresTicketing
from desk.integrations.protocols import Billing, Crm, Orders, Scheduling, Ticketing
from desk.integrations.remote import RemoteSystem
from graph.bootstrap import open_systems
from tests.fakes.example_systems import example_systems
from tests.fakes.mcp_shop import mcp_shop
from tests.fakes.rest_shop import TOKEN, rest_shop
from tools.operation import Systems


@dataclass(frozen=True, kw_only=True)
class Adapters:
    orders: Orders
    billing: Billing
    crm: Crm
    ticketing: Ticketing
    scheduling: Scheduling


def postgres_systems(pool: Pool) -> Adapters:
    """The reference systems themselves."""
    return Adapters(
        orders=PostgresOrders(pool=pool),
        billing=PostgresBilling(pool=pool),
        crm=PostgresCrm(pool=pool),
        ticketing=PostgresTicketing(pool=pool),
        scheduling=PostgresScheduling(pool=pool),
    )


@asynccontextmanager
async def _postgres(pool: Pool) -> AsyncIterator[Adapters]:
    yield postgres_systems(pool)


@asynccontextmanager
async def _rest(pool: Pool) -> AsyncIterator[Systems]:
    async with rest_shop(postgres_systems(pool)) as shop:
        variables = {"SYSTEM_SHOP_URL": shop.base_url, "SYSTEM_SHOP_TOKEN": TOKEN}
        async with open_systems(pool, example_systems("rest-shop.yaml"), variables=variables) as systems:
            yield systems


@asynccontextmanager
async def _mcp_http(pool: Pool) -> AsyncIterator[Adapters]:
    async with mcp_shop(postgres_systems(pool)) as shop:
        specs = example_systems("mcp-shop.yaml")
        async with _connected_when_used(specs, {"SYSTEM_SHOP_MCP": shop.url}) as systems:
            yield systems


@asynccontextmanager
async def _mcp_stdio(pool: Pool) -> AsyncIterator[Adapters]:
    async with mcp_shop(postgres_systems(pool)) as shop:
        specs = {
            name: spec.model_copy(update={"url": None, "command": tuple(shop.command)})
            for name, spec in example_systems("mcp-shop.yaml").items()
        }
        async with _connected_when_used(specs, {}) as systems:
            yield systems


@asynccontextmanager
async def _connected_when_used(specs: Mapping[str, Any], variables: Mapping[str, str]) -> AsyncIterator[Adapters]:
    """Most tests use one system: the sessions of the others would take most of the time."""
    transports = {name: McpTransport(spec=spec, variables=variables) for name, spec in specs.items()}
    remote: dict[str, Any] = {
        name: RemoteSystem(spec=specs[name], transport=transport) for name, transport in transports.items()
    }
    try:
        yield Adapters(**remote)
    finally:
        await asyncio.gather(*(transport.aclose() for transport in transports.values()))


ADAPTERS: dict[str, Callable[[Pool], AbstractAsyncContextManager[Any]]] = {
    "postgres": _postgres,
    "rest": _rest,
    "mcp-http": _mcp_http,
    "mcp-stdio": _mcp_stdio,
}
