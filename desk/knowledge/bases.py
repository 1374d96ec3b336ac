"""The fitted axes of the local embedding, shared by all processes on one database."""

from desk.db.pool import Pool

KEPT = 4
"""As many as collections of vectors are kept: another process may still use an older one."""


class EmbeddingBases:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def newest(self) -> str | None:
        """The name of those fitted last."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_NEWEST)).fetchone()
        return str(row["name"]) if row else None

    async def load(self, name: str) -> bytes | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_LOAD, {"name": name}, binary=True)).fetchone()
        return bytes(row["content"]) if row else None

    async def keep(self, name: str, content: bytes) -> None:
        """The newest from now on; whoever fitted the same keeps one copy."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_KEEP, {"name": name, "content": content})
            await connection.execute(_FORGET, {"kept": KEPT})


_NEWEST = "SELECT name FROM local_embeddings ORDER BY fitted_at DESC LIMIT 1"
_LOAD = "SELECT content FROM local_embeddings WHERE name = %(name)s"
_KEEP = """
INSERT INTO local_embeddings (name, content) VALUES (%(name)s, %(content)s)
ON CONFLICT (name) DO UPDATE SET fitted_at = clock_timestamp()
"""
_FORGET = """
DELETE FROM local_embeddings
WHERE name NOT IN (SELECT name FROM local_embeddings ORDER BY fitted_at DESC LIMIT %(kept)s)
"""
