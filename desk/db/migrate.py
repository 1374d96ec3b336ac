"""Brings the schema up to date: numbered SQL files, each applied once, in order, in its own transaction."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psycopg import AsyncConnection

from desk.domain.errors import ConfigurationError

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x46524F4E54  # "FRONT": several processes may start at once, one migrates


@asynccontextmanager
async def migration_lock(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection that alone may change the schema.

    The lock is polled for rather than waited for: a waiting statement holds a snapshot, and LangGraph's
    ``CREATE INDEX CONCURRENTLY`` would wait for that snapshot while we wait for the lock.
    """
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,))).fetchone()
            if row is not None and row[0]:
                break
            await asyncio.sleep(0.1)
        yield connection  # closing the connection gives the lock back


async def migrate(connection: AsyncConnection, *, folder: Path = MIGRATIONS) -> list[str]:
    """Applies what is missing and returns the names of the files applied; call it under ``migration_lock``.

    Raises ``ConfigurationError`` when an applied file was changed afterwards or the database is from a newer release.
    """
    # In a thread: `langgraph dev` opens us within its event loop and forbids reading files there.
    files = await asyncio.to_thread(_read, folder)
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    rows = await (await connection.execute("SELECT name, checksum FROM schema_migrations")).fetchall()
    applied = {str(name): str(checksum) for name, checksum in rows}
    _refuse_unknown(applied, files)
    return [name for name, text in files.items() if await _apply(connection, name, text, applied)]


def _read(folder: Path) -> dict[str, str]:
    """The migrations in their order: name to SQL."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("[0-9]*.sql"))}


def _refuse_unknown(applied: dict[str, str], files: dict[str, str]) -> None:
    if unknown := sorted(applied.keys() - files.keys()):
        raise ConfigurationError(
            f"the database was migrated by a newer release ({', '.join(unknown)}); "
            "start that release, or restore a backup"
        )


async def _apply(connection: AsyncConnection, name: str, text: str, applied: dict[str, str]) -> bool:
    checksum = hashlib.sha256(text.encode()).hexdigest()
    if name in applied:
        if applied[name] != checksum:
            raise ConfigurationError(f"{name} was changed after it was applied; add a new migration instead")
        return False
    async with connection.transaction():
        await connection.execute(text.encode())
        await connection.execute("INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)", (name, checksum))
    logger.info("Migration applied", extra={"action": "migration_applied", "migration": name})
    return True
