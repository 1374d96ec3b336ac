"""The Postgres checkpointer, with what a conversation needs beyond the library's.

Differences from ``AsyncPostgresSaver``, each for a reproduced fault (docs/decisions/0001-turns-that-survive.md):

- no lock around statements: the pool gives every statement its own connection, so conversations do not queue up;
- a checkpoint is written by the holder of the conversation's lease or not at all;
- one statement writes a checkpoint and removes what it replaces, so a thread stays as small as its state;
- a turn is stored whole or not at all: an attempt that broke leaves nothing the next one would start from;
- only plain values are read back: a forged blob that names a class is refused, not run.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from desk.db.pool import Pool
from desk.domain.errors import LeaseLost

EPOCH = "lease_epoch"
"""Key of ``config["configurable"]`` under which a run names the lease it holds."""
TURN = "turn_id"
"""The same for the turn the run answers."""

_PUT = """
WITH conversation AS (
    SELECT id FROM conversations WHERE id = %(thread)s AND lease_epoch = %(epoch)s
      AND EXISTS (SELECT FROM turns WHERE turns.id = %(turn)s AND completed_at IS NULL) FOR SHARE
), saved AS (
    INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    SELECT id, %(ns)s, %(checkpoint_id)s, NULL, %(checkpoint)s, %(metadata)s FROM conversation
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
    DO UPDATE SET checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata
    RETURNING thread_id, checkpoint -> 'channel_versions' AS versions
), blobs AS (
    INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT saved.thread_id, %(ns)s, value.channel, value.version, value.type, value.blob
    FROM saved, unnest(%(channels)s::text[], %(versions)s::text[], %(types)s::text[], %(blobs)s::bytea[])
        AS value (channel, version, type, blob)
    ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING
), old_blobs AS (
    DELETE FROM checkpoint_blobs USING saved
    WHERE checkpoint_blobs.thread_id = saved.thread_id AND checkpoint_ns = %(ns)s
      AND saved.versions ->> checkpoint_blobs.channel IS DISTINCT FROM checkpoint_blobs.version
), old_writes AS (
    DELETE FROM checkpoint_writes USING saved
    WHERE checkpoint_writes.thread_id = saved.thread_id AND checkpoint_ns = %(ns)s
      AND checkpoint_id <> %(checkpoint_id)s
), old AS (
    DELETE FROM checkpoints USING saved
    WHERE checkpoints.thread_id = saved.thread_id AND checkpoint_ns = %(ns)s AND checkpoint_id <> %(checkpoint_id)s
)
SELECT thread_id FROM saved
"""


class PlainSerializer(JsonPlusSerializer):
    """Strings, numbers, lists and dicts. Whatever names a class is an error, the library's own safe list included."""

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=None, __unpack_ext_hook__=_refuse)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Raises ``ValueError`` for a value that no run of ours stored."""
        if data[0] not in ("null", "msgpack"):
            raise ValueError(f"a checkpoint holds a value of type {data[0]!r}")
        try:
            return super().loads_typed(data)
        except ValueError as exc:
            raise ValueError("a checkpoint holds something that is not a plain value") from exc


def _refuse(code: int, _: bytes) -> Any:
    raise ValueError(f"extension {code}")


class ConversationSaver(AsyncPostgresSaver):
    """Keeps the latest checkpoint of each conversation; ``thread_id`` is the conversation's id."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool, serde=PlainSerializer())
        self._pool = pool

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Writes the checkpoint of the turn and lease named in the config; one that does not answer it is let go.

        Raises ``LeaseLost`` when the lease is another's or the turn is completed.
        """
        configurable = config["configurable"]
        thread, namespace = configurable["thread_id"], configurable["checkpoint_ns"]
        written: RunnableConfig = {
            "configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint["id"]}
        }
        reply = checkpoint["channel_values"].get("reply")
        if reply is None or reply["turn_id"] != configurable[TURN]:
            return written
        inline, blobs = self._split(checkpoint["channel_values"])
        rows = self._dump_blobs(
            thread, namespace, blobs, {name: version for name, version in new_versions.items() if name in blobs}
        )
        values: dict[str, Any] = {
            "thread": thread,
            "ns": namespace,
            "epoch": configurable[EPOCH],
            "turn": configurable[TURN],
            "checkpoint_id": checkpoint["id"],
            "checkpoint": Jsonb({**checkpoint, "channel_values": inline}),
            "metadata": Jsonb(get_serializable_checkpoint_metadata(config, metadata)),
            "channels": [row[2] for row in rows],
            "versions": [row[3] for row in rows],
            "types": [row[4] for row in rows],
            "blobs": [row[5] for row in rows],
        }
        async with self._cursor() as cursor:
            await cursor.execute(_PUT, values)
            if await cursor.fetchone() is None:
                raise LeaseLost("The conversation was taken over by another process.")
        return written

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Lets go what a broken attempt leaves: errors with their texts, results of half a turn."""

    @staticmethod
    def _split(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Primitive values travel inside the checkpoint, others as blobs: the library's layout."""
        inline = {k: v for k, v in values.items() if v is None or isinstance(v, str | int | float | bool)}
        return inline, {k: v for k, v in values.items() if k not in inline}

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        connection: AsyncConnection[DictRow]
        async with self._pool.connection() as connection:
            if pipeline:
                async with connection.pipeline(), connection.cursor(binary=True, row_factory=dict_row) as cursor:
                    yield cursor
            else:
                async with connection.cursor(binary=True, row_factory=dict_row) as cursor:
                    yield cursor


async def create_checkpoint_tables(url: str) -> None:
    """Creates or updates the library's tables. Call while holding the migration lock: it is not safe twice at once."""
    async with AsyncPostgresSaver.from_conn_string(url) as saver:
        await saver.setup()
