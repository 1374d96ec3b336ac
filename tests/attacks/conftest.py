"""A running server with two customers; a whole desk on the sample shop, for what is said in a conversation."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from graph.bootstrap import Desk
from tests.attacks.conversing import Visitor
from tests.integration.server.fixtures import ava, ben, site
from tests.integration.turns.conftest import OpenDesk
from tests.integration.turns.desks import Parts, running_desk

__all__ = ["ava", "ben", "site"]


@pytest.fixture
async def open_shop(seeded_database_url: str, parts: Parts) -> AsyncIterator[OpenDesk]:
    """Opens desks on one database with the sample shop's records, each as in a process of its own."""
    async with AsyncExitStack() as stack:

        async def opened(**options: object) -> Desk:
            return await stack.enter_async_context(running_desk(seeded_database_url, parts, **options))  # type: ignore[arg-type]

        yield opened


@pytest.fixture
async def desk(open_shop: OpenDesk) -> Desk:
    return await open_shop()


@pytest.fixture
async def visitor(desk: Desk) -> Visitor:
    return await Visitor.of(desk)
