"""Writes to the shop as one customer: the change and the row that remembers its key are one transaction.

The rules are the database's own (0006_systems.sql): who breaks one gets an error whose constraint is named after the
reason. What is left to say here is whether a write that failed may have happened after all.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString, get_args

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from desk.db.pool import Pool
from desk.domain.errors import FrontdeskError, NotPossible, OutcomeUnknown, SystemUnavailable
from desk.integrations.postgres.customer_reads import BECOME, STATEMENT_TIMEOUT_MS, no_such_record
from desk.integrations.protocols import Refused
from desk.integrations.records import RECORD_NAMES, from_json, is_text, to_json

_REASONS: tuple[Refused, ...] = get_args(Refused)

# One caller at a time per key: the second waits, and then finds what the first one left.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('shop.effects ' || %s, 0))"
_KNOWN = "SELECT operation, request_hash, result FROM shop.effects WHERE key = %s"
_KEEP = "INSERT INTO shop.effects (key, customer_id, operation, request_hash, result) VALUES (%s, %s, %s, %s, %s)"


@dataclass(frozen=True, kw_only=True)
class ShopWrite:
    """One transaction as the customer, in the hands of an operation."""

    connection: AsyncConnection[DictRow]
    system: str

    async def one(self, query: LiteralString, values: Mapping[str, Any] | None = None) -> DictRow:
        """The one row; raises ``RecordNotFound`` when the customer has none."""
        row = await self.maybe(query, values)
        if row is None:
            raise no_such_record(self.system)
        return row

    async def maybe(self, query: LiteralString, values: Mapping[str, Any] | None = None) -> DictRow | None:
        cursor = await self.connection.execute(query, values)
        return await cursor.fetchone()


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What is asked, and under which key."""

    key: str
    operation: str
    arguments: Mapping[str, Any]
    customer_id: str
    system: str
    request_hash: str = field(init=False)

    def __post_init__(self) -> None:
        text = json.dumps([self.operation, self.arguments], sort_keys=True)
        object.__setattr__(self, "request_hash", hashlib.sha256(text.encode()).hexdigest())


async def write_once(
    pool: Pool, effect: Effect, work: Callable[[ShopWrite], Awaitable[Mapping[str, Any]]], *, shape: type
) -> Any:
    """Runs ``work`` and keeps what it answers, or answers what was kept for the key.

    Raises ``RecordNotFound``, ``NotPossible``, ``SystemUnavailable`` (nothing was done) and ``OutcomeUnknown``: the
    connection was lost while the end of the transaction was on its way. The same key again then tells the truth.
    """
    _storable(effect)
    ending = False
    async with _translated(effect.system, ending=lambda: ending), pool.connection() as connection:
        async with connection.pipeline(), connection.transaction():
            await connection.execute(BECOME, (effect.customer_id, str(STATEMENT_TIMEOUT_MS)))
            await connection.execute(_LOCK, (effect.key,))
            cursor = await connection.execute(_KNOWN, (effect.key,))
            known = await cursor.fetchone()
            if known is not None:
                if (known["operation"], known["request_hash"]) != (effect.operation, effect.request_hash):
                    raise refusal("key_reused", system=effect.system)
                return from_json(known["result"], shape)
            result = to_json(await work(ShopWrite(connection=connection, system=effect.system)))
            ending = True
            await connection.execute(
                _KEEP, (effect.key, effect.customer_id, effect.operation, effect.request_hash, Jsonb(result))
            )
        return from_json(result, shape)


def refusal(reason: Refused, *, system: str) -> NotPossible:
    """A rule of the system in words; ``reason`` says which."""
    return NotPossible(f"{system} refuses: {reason.replace('_', ' ')}.", reason=reason)


def _storable(effect: Effect) -> None:
    """PostgreSQL stores neither a NUL nor half a surrogate pair: such a number names nothing, such a value is none."""
    if not is_text(effect.customer_id):
        raise no_such_record(effect.system)
    for name, value in effect.arguments.items():
        if isinstance(value, str) and not is_text(value):
            if name in RECORD_NAMES:
                raise no_such_record(effect.system)
            raise refusal("value_invalid", system=effect.system)


@asynccontextmanager
async def _translated(system: str, *, ending: Callable[[], bool]) -> AsyncIterator[None]:
    try:
        yield
    except FrontdeskError:
        raise
    except psycopg.IntegrityError as exc:
        name = (exc.diag.constraint_name or "").partition("__")[0]
        for reason in _REASONS:
            if reason == name:
                raise refusal(reason, system=system) from None  # the cause quotes the row, addresses and all
        raise SystemUnavailable(f"{system} could not do it.") from exc
    except psycopg.errors.NumericValueOutOfRange as exc:
        raise refusal("value_invalid", system=system) from exc
    except (psycopg.Error, PoolTimeout, OSError) as exc:
        if ending() and not _was_rolled_back(exc):
            raise OutcomeUnknown(f"{system} did not say whether it was done.") from exc
        raise SystemUnavailable(f"{system} did not answer.") from exc


def _was_rolled_back(error: Exception) -> bool:
    """An error of a server that lives on ended the transaction; a connection that went away tells nothing."""
    state = getattr(error, "sqlstate", None)
    return state is not None and not state.startswith(("08", "57P"))
