"""The connection pool every store shares."""

import time
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

TRUSTED_SECONDS = 1.0  # a connection that answered so recently is not asked again: a check costs a round trip

_answered: WeakKeyDictionary[AsyncConnection[DictRow], float] = WeakKeyDictionary()


async def open_pool(url: str, *, max_size: int = 12) -> Pool:
    """An open pool. Connections are checked before use, so a restart of PostgreSQL costs a retry, not the process.

    Autocommit and dict rows are what LangGraph's saver needs; stores open a transaction where they need one.
    """
    kwargs: dict[str, Any] = {"autocommit": True, "row_factory": dict_row, "prepare_threshold": 2}
    pool: Pool = AsyncConnectionPool(
        url, min_size=2, max_size=max_size, kwargs=kwargs, open=False, timeout=10,
        check=_check, name="frontdesk",
    )  # fmt: skip
    await pool.open(wait=True, timeout=30)
    return pool


async def _check(connection: AsyncConnection[DictRow]) -> None:
    if time.monotonic() - _answered.get(connection, 0.0) > TRUSTED_SECONDS:
        await AsyncConnectionPool.check_connection(connection)
        _answered[connection] = time.monotonic()
