"""Parts that are slow to make, once for all tests of turns; a database with the sample shop for each."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest

from desk.db.pool import Pool
from graph.bootstrap import Desk
from tests.integration.turns.desks import Parts, running_desk


class OpenDesk(Protocol):
    async def __call__(self, **options: Any) -> Desk: ...


@pytest.fixture
async def open_desk(shop: Pool, empty_database_url: str, parts: Parts) -> AsyncIterator[OpenDesk]:
    """Opens desks on one database, each with a pool of its own; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def opened(**options: Any) -> Desk:
            return await stack.enter_async_context(running_desk(empty_database_url, parts, **options))

        yield opened
