"""Reads of the shop as one customer: the role, the customer and the query leave in one batch.

Row-level security decides what is seen; the embedded server's user would bypass it, so every read first becomes
``frontdesk_shop`` for its transaction. Errors of psycopg are translated here and nowhere else.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
from psycopg_pool import PoolTimeout

from desk.db.pool import Pool
from desk.domain.errors import RecordNotFound, SystemUnavailable
from desk.integrations.records import from_json

STATEMENT_TIMEOUT_MS = 2000

BECOME = (
    "SELECT set_config('role', 'frontdesk_shop', true), set_config('frontdesk.customer_id', %s, true),"
    " set_config('statement_timeout', %s, true)"
)


async def read_as_customer(
    pool: Pool,
    query: LiteralString,
    values: Mapping[str, Any] | None = None,
    *,
    shape: type | None = None,
    customer_id: str,
    system: str,
) -> Any:
    """The one row the customer may see; ``shape`` is the record it stands for.

    Raises ``RecordNotFound`` when there is none, the same for a record of somebody else, and ``SystemUnavailable``.
    """
    async with translated(system), pool.connection() as connection:
        async with connection.pipeline(), connection.transaction():
            await connection.execute(BECOME, (customer_id, str(STATEMENT_TIMEOUT_MS)))
            cursor = await connection.execute(query, values)
        row = await cursor.fetchone()
    if row is None:
        raise no_such_record(system)
    return from_json(row, shape)


def no_such_record(system: str) -> RecordNotFound:
    """One sentence for what is not there and what is somebody else's."""
    return RecordNotFound(f"There is no such record in {system}.")


@asynccontextmanager
async def translated(system: str) -> AsyncIterator[None]:
    """Errors of the driver become ours; no word of the database gets out except as the cause."""
    try:
        yield
    except (psycopg.DataError, UnicodeEncodeError) as exc:
        # A NUL or half a surrogate pair: no record can have such a number.
        raise no_such_record(system) from exc
    except (psycopg.Error, PoolTimeout, OSError) as exc:
        raise SystemUnavailable(f"{system} did not answer.") from exc
