"""Requests on one database all tests of this package share: each has conversations of its own."""

from collections.abc import AsyncIterator

import pytest

from desk.db.pool import open_pool
from tests.unit.approvals.requests import Requests


@pytest.fixture
async def requests(module_database_url: str) -> AsyncIterator[Requests]:
    async with await open_pool(module_database_url, max_size=6) as pool:
        yield Requests(pool=pool)
