"""One embedded PostgreSQL for the whole run, and an empty migrated database for every test that wants one."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from desk.db.embedded import start_embedded_postgres, stop_embedded_postgres
from desk.db.pool import Pool, open_pool
from desk.integrations.seed import seed
from desk.policies.loader import load_pack
from desk.policies.models import PolicySet
from graph.database import prepare_database
from tests.integration.turns.desks import Parts, make_parts

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server's own maintenance database: nothing is migrated there.

    Not under pytest's own temporary folder: the next pytest that starts closes that one to other users, and the
    server, which runs as a user of its own when we are root, dies of it.
    """
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-tests-", dir=_in_memory()))
    url = start_embedded_postgres(folder)
    with psycopg.connect(url, autocommit=True) as connection:
        # Our processes may die in a test, the machine does not: nothing has to reach the disk.
        for setting in ("fsync = off", "full_page_writes = off", "max_wal_size = '128MB'"):
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")
    yield url
    stop_embedded_postgres(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> Path | None:
    """A folder in memory, if there is plenty: a database of its own for a test is 500 files, made and removed."""
    folder = Path("/dev/shm")
    plenty = psutil.virtual_memory().available > 10e9 and folder.is_dir() and shutil.disk_usage(folder).free > 4e9
    return folder if plenty else None


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


@pytest.fixture(scope="module")
def module_database_url(postgres_url: str, _template: str) -> str:
    """A migrated, empty database for the tests of one file."""
    return _copy(postgres_url, _template)


@pytest.fixture
def empty_database_url(postgres_url: str, _template: str) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    url = _copy(postgres_url, _template)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{url_database(url)}" WITH (FORCE)')


@pytest.fixture
def seeded_database_url(postgres_url: str, _shop_template: str) -> Iterator[str]:
    """A migrated database of the test's own, with the sample pack's records in its reference shop."""
    url = _copy(postgres_url, _shop_template)
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


def copied_database(server: str, url: str) -> str:
    """A new database like the one at ``url``, to which nobody may be connected now."""
    return _copy(server, url_database(url))


def _copy(server: str, template: str) -> str:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return _url_of(server, name)


def _url_of(server: str, database: str) -> str:
    head, _, query = server.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{database}?{query}"


@pytest.fixture(scope="session")
def retail() -> PolicySet:
    """The sample pack."""
    return load_pack(Path(__file__).parents[1] / "packs" / "retail")


@pytest.fixture(scope="session")
def _shop_template(postgres_url: str, _template: str, retail: PolicySet) -> str:
    """A database whose reference shop holds the sample pack's records, and nobody is connected to it."""
    url = _copy(postgres_url, _template)

    async def fill() -> None:
        async with await open_pool(url, max_size=2) as pool:
            await seed(pool, retail)

    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, fill()).result()
    return url_database(url)


@pytest.fixture(scope="session")
def shop_url(postgres_url: str, _shop_template: str) -> str:
    """A database whose reference shop holds the sample pack's records. Nobody writes to it."""
    return _copy(postgres_url, _shop_template)


@pytest.fixture(scope="session")
def _written_shop_url(postgres_url: str, _shop_template: str) -> str:
    """The same shop with a copy of every table aside: putting the rows back costs far less than another database."""
    url = _copy(postgres_url, _shop_template)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA kept")
        for table in _shop_tables(connection):
            connection.execute(f"CREATE TABLE kept.{table} AS TABLE shop.{table}".encode())
    return url


@pytest.fixture
def own_shop_url(_written_shop_url: str) -> str:
    """The same shop, for one test that writes to it: it begins with the sample pack's records."""
    with psycopg.connect(_written_shop_url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")  # rows are put back without their rules
        for table in _shop_tables(connection):
            connection.execute(f"DELETE FROM shop.{table}".encode())
            connection.execute(f"INSERT INTO shop.{table} OVERRIDING SYSTEM VALUE TABLE kept.{table}".encode())
    return _written_shop_url


def _shop_tables(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'shop'").fetchall()
    return [str(table) for (table,) in rows]


@pytest.fixture
async def shop(shop_url: str) -> AsyncIterator[Pool]:
    """An open pool on ``shop_url``."""
    pool = await open_pool(shop_url, max_size=4)
    yield pool
    await pool.close()


@pytest.fixture
async def own_shop(own_shop_url: str) -> AsyncIterator[Pool]:
    """An open pool on ``own_shop_url``."""
    pool = await open_pool(own_shop_url, max_size=6)
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def parts(retail: PolicySet) -> Parts:
    """The sample pack's engine and search, made once: a desk on them opens in an instant."""
    return make_parts(retail)
