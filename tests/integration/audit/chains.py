"""What tests of the chain share: a log on a database, entries for it, and a superuser with bad intentions."""

from pathlib import Path
from typing import Any, LiteralString

from psycopg import sql

from desk.audit.chain import GENESIS, entry_hash
from desk.audit.heads import HeadFile
from desk.audit.log import _SELECT_SEALED, AuditLog
from desk.db.pool import Pool
from tests.integration.turns.desks import SECRET, rows


def log_on(pool: Pool, folder: Path) -> AuditLog:
    return AuditLog(pool, heads=HeadFile(path=folder / "audit-heads.jsonl", secret=SECRET))


async def write(pool: Pool, entries: int, *, what: str = "get_order") -> None:
    await rows(
        pool,
        "SELECT count(audit_append('tool.finished', 'assistant', 'conv_1', 'C-1001',"
        " jsonb_build_object('tool', %s::text, 'n', n))) FROM generate_series(1, %s) AS n",
        what, entries,
    )  # fmt: skip


async def tamper(pool: Pool, statement: str, *values: Any) -> None:
    """As a superuser who switches the triggers off."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("ALTER TABLE audit_entries DISABLE TRIGGER ALL")
        await connection.execute(sql.SQL(_literal(statement)), values or None)
        await connection.execute("ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_append_only")
        await connection.execute("ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_no_truncate")


async def rebuild(pool: Pool) -> None:
    """Hashes the whole chain again, as somebody can who has read this code."""
    previous = GENESIS
    for number, row in enumerate(await rows(pool, _SELECT_SEALED), 1):
        digest = entry_hash(row, number=number, previous=previous)
        await tamper(
            pool, "UPDATE audit_entries SET number = %s, prev_hash = %s, hash = %s WHERE number = %s",
            -number, previous, digest, row["number"],
        )  # fmt: skip
        previous = digest
    await tamper(pool, "UPDATE audit_entries SET number = -number WHERE number < 0")


def _literal(statement: str) -> LiteralString:
    return statement  # type: ignore[return-value]
