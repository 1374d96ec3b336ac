"""Makes a database ready: our schema and the checkpointer's."""

import asyncio
from contextlib import AsyncExitStack

from desk.config.settings import Settings
from desk.db.embedded import start_embedded_postgres, stop_embedded_postgres
from desk.db.migrate import migrate, migration_lock
from graph.checkpointer import create_checkpoint_tables


async def prepare_database(url: str) -> list[str]:
    """Applies what is missing, alone among all processes that start; the names of the migrations applied."""
    async with migration_lock(url) as connection:
        applied = await migrate(connection)
        await create_checkpoint_tables(url)
    return applied


async def open_database(settings: Settings, stack: AsyncExitStack) -> str:
    """The URL of the migrated database of these settings; an embedded one is started, and stopped with the stack."""
    url = settings.database_url
    if url is None:
        url = await asyncio.to_thread(start_embedded_postgres, settings.data_dir)
        stack.push_async_callback(asyncio.to_thread, stop_embedded_postgres, settings.data_dir)
    await prepare_database(url)
    return url
