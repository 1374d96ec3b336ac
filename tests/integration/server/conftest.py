"""A running server for each test, on a database all of them share."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.server.client import Session, Site, running_site
from tests.integration.server.echo_desk import echo_settings


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with running_site(database_url, echo_settings(database_url)) as site:
        yield site


@pytest.fixture
async def ava(site: Site) -> Session:
    return await site.start()


@pytest.fixture
async def ben(site: Site) -> Session:
    return await site.start()
