"""The connection pool every store shares."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


async def open_pool(url: str, *, max_size: int = 12) -> Pool:
    """An open pool; connections are checked before use, so a restart of PostgreSQL costs one retry, not the process.

    Autocommit and dict rows are what LangGraph's saver needs; stores open a transaction where they need one.
    """
    kwargs: dict[str, Any] = {"autocommit": True, "row_factory": dict_row, "prepare_threshold": 2}
    pool: Pool = AsyncConnectionPool(
        url, min_size=2, max_size=max_size, kwargs=kwargs, open=False, timeout=10,
        check=AsyncConnectionPool.check_connection, name="frontdesk",
    )  # fmt: skip
    await pool.open(wait=True, timeout=30)
    return pool
