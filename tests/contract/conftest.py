"""The systems under contract, once for each adapter."""

from collections.abc import AsyncIterator

import pytest

from desk.db.pool import Pool
from tests.contract.adapters import ADAPTERS, Adapters

HEAVY = {"mcp-http", "mcp-stdio"}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.heavy] if name in HEAVY else []) for name in ADAPTERS])
def adapter(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def systems(adapter: str, shop: Pool) -> AsyncIterator[Adapters]:
    """The sample pack's records, to read."""
    async with ADAPTERS[adapter](shop) as systems:
        yield systems


@pytest.fixture
async def writable(adapter: str, own_shop: Pool) -> AsyncIterator[Adapters]:
    """The sample pack's records, this test's own."""
    async with ADAPTERS[adapter](own_shop) as systems:
        yield systems
