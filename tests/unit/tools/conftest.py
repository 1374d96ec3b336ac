"""A counter for every test: the executor on a database with the sample shop."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from desk.db.pool import Pool, open_pool
from desk.policies.models import PolicySet
from tests.conftest import copied_database, url_database
from tests.unit.tools.counter import Counter

OURS = "actions, approval_votes, approvals, proposals, switches, step_up_challenges, step_up_sends, outbox"


@pytest.fixture(scope="package")
def filled_url(postgres_url: str, shop_url: str) -> str:
    """A database with the sample shop that the tests of this package share; none of them writes to the shop."""
    return copied_database(postgres_url, shop_url)


@pytest.fixture
def fresh_url(postgres_url: str, shop_url: str) -> Iterator[str]:
    """A database with the sample shop of the test's own."""
    url = copied_database(postgres_url, shop_url)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{url_database(url)}" WITH (FORCE)')


@pytest.fixture
async def filled(filled_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(filled_url, max_size=6)
    async with pool.connection() as connection:
        await connection.execute(f"TRUNCATE {OURS}")
    yield pool
    await pool.close()


@pytest.fixture
async def fresh(fresh_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(fresh_url, max_size=6)
    yield pool
    await pool.close()


@pytest.fixture
def counter(filled: Pool, retail: PolicySet) -> Counter:
    return Counter(pool=filled, policies=retail)


@pytest.fixture
def shop_counter(fresh: Pool, retail: PolicySet) -> Counter:
    """The same with a shop that may be written to."""
    return Counter(pool=fresh, policies=retail)
