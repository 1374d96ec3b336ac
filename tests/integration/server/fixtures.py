"""A running server for the tests of one module, which share its event loop, and two customers for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.server.client import Session, Site, running_site
from tests.integration.server.echo_desk import echo_settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(database_url: str) -> AsyncIterator[Site]:
    async with running_site(database_url, echo_settings(database_url)) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def ava(site: Site) -> Session:
    return await site.start()


@pytest_asyncio.fixture(loop_scope="module")
async def ben(site: Site) -> Session:
    return await site.start()
