"""One embedded PostgreSQL for the whole run, and an empty migrated database for every test that wants one."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from desk.db.embedded import start_embedded_postgres, stop_embedded_postgres
from desk.db.pool import Pool, open_pool
from graph.database import prepare_database

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's own maintenance database: nothing is migrated there."""
    folder: Path = tmp_path_factory.mktemp("pg")
    yield start_embedded_postgres(folder)
    stop_embedded_postgres(folder)


@pytest.fixture(scope="session")
def _template(postgres_url: str) -> str:
    """A migrated database that nobody is connected to: PostgreSQL copies it in milliseconds."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE frontdesk_template")
    # In a thread of its own: the event loops of the tests are left alone.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, prepare_database(_url_of(postgres_url, "frontdesk_template"))).result()
    return "frontdesk_template"


@pytest.fixture(scope="session")
def database_url(postgres_url: str, _template: str) -> str:
    """A migrated database all tests share: for those that make their own conversations and look at nothing else."""
    return _copy(postgres_url, _template)


@pytest.fixture
def empty_database_url(postgres_url: str, _template: str) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    url = _copy(postgres_url, _template)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{url_database(url)}" WITH (FORCE)')


@pytest.fixture
async def pool(empty_database_url: str) -> AsyncIterator[Pool]:
    """An open pool on a database of the test's own."""
    pool = await open_pool(empty_database_url, max_size=6)
    yield pool
    await pool.close()


def url_database(url: str) -> str:
    """The database's name in a connection URL."""
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def _copy(server: str, template: str) -> str:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return _url_of(server, name)


def _url_of(server: str, database: str) -> str:
    head, _, query = server.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{database}?{query}"
