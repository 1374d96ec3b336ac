"""Makes a database ready: our schema and the checkpointer's."""

from desk.db.migrate import migrate, migration_lock
from graph.checkpointer import create_checkpoint_tables


async def prepare_database(url: str) -> list[str]:
    """Applies what is missing, alone among all processes that start; the names of the migrations applied."""
    async with migration_lock(url) as connection:
        applied = await migrate(connection)
        await create_checkpoint_tables(url)
    return applied
