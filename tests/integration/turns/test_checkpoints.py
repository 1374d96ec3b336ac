"""What is stored of a conversation between turns: small, plain, nobody waits for another's (PITFALLS 4, 5)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from desk.db.pool import Pool
from graph.checkpointer import EPOCH, TURN, ConversationSaver
from tests.integration.turns.conftest import OpenDesk
from tests.integration.turns.desks import (
    QUESTION,
    assert_told_once,
    completed,
    new_conversation,
    rows,
    say,
)

CONSTRUCT, CONSTRUCT_POSITIONAL, CALL_METHOD = 0, 1, 3  # codes of the library's msgpack extensions
WAITING_SECONDS = 0.4


def _forged(code: int, *content: Any) -> bytes:
    return ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(content)))


FORGERIES: dict[str, Callable[[Path], bytes]] = {
    "os.system": lambda marker: _forged(CONSTRUCT, "os", "system", f"touch {marker}"),
    "builtins.eval": lambda marker: _forged(CONSTRUCT, "builtins", "eval", f"open({str(marker)!r}, 'w').close()"),
    "positional": lambda marker: _forged(CONSTRUCT_POSITIONAL, "os", "system", [f"touch {marker}"]),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_checkpoint_runs_nothing(
    open_desk: OpenDesk, tmp_path: Path, caplog: pytest.LogCaptureFixture, forgery: str
) -> None:
    """L01: the plain library runs it; ours refuses, and the customer gets an honest reply."""
    caplog.set_level(logging.CRITICAL)
    desk = await open_desk()
    conversation_id = await new_conversation(desk)
    await say(desk, conversation_id, QUESTION, key="m0")
    await completed(desk, conversation_id, turns=1)
    marker = tmp_path / "was-here"
    await _forge(desk.pool, FORGERIES[forgery](marker))
    thread: Any = {"configurable": {"thread_id": conversation_id}}

    with pytest.raises(ValueError, match="not a plain value"):
        await ConversationSaver(desk.pool).aget_tuple(thread)
    await say(desk, conversation_id, QUESTION, key="m1")
    await completed(desk, conversation_id, turns=2)

    assert not marker.exists()
    assert (await rows(desk.pool, "SELECT outcome FROM turns ORDER BY position"))[1] == {"outcome": "failed"}
    await assert_told_once(desk.pool, conversation_id, turns=2)
    await AsyncPostgresSaver(desk.pool).aget_tuple(thread)
    assert marker.exists(), "the plain library's default runs it: the test can fail"


@pytest.mark.parametrize(
    ("kind", "blob"),
    [
        ("msgpack", _forged(CONSTRUCT_POSITIONAL, "pathlib", "Path", ["/etc/passwd"])),
        (
            "json",
            b'{"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "HumanMessage"], "kwargs": {}}',
        ),
        ("pickle", b"cos\nsystem\n(S'true'\ntR."),
    ],
)
async def test_not_even_classes_the_library_trusts_are_read(open_desk: OpenDesk, kind: str, blob: bytes) -> None:
    """L01: the state is plain, so whatever is not was put there by somebody else."""
    desk = await open_desk()
    conversation_id = await new_conversation(desk)
    await say(desk, conversation_id, QUESTION, key="m0")
    await completed(desk, conversation_id, turns=1)
    await _forge(desk.pool, blob, kind=kind)

    with pytest.raises(ValueError, match="a checkpoint holds"):
        await ConversationSaver(desk.pool).aget_tuple({"configurable": {"thread_id": conversation_id}})


async def _forge(pool: Pool, blob: bytes, *, kind: str = "msgpack") -> None:
    changed = await rows(
        pool,
        "UPDATE checkpoint_blobs SET blob = %s, type = %s WHERE channel = 'memory' RETURNING channel",
        blob,
        kind,
    )
    assert len(changed) == 1


async def test_the_state_does_not_grow_with_the_conversation(open_desk: OpenDesk) -> None:
    """PITFALLS 4: rows and bytes at turn 30 are those of turn 5."""
    desk = await open_desk()
    conversation_id = await new_conversation(desk)
    sizes = []
    for turn in range(1, 31):
        await say(desk, conversation_id, QUESTION, key=f"m{turn}")
        await desk.runner._running[conversation_id]
        if turn in (5, 30):
            sizes.append(await _size(desk.pool))

    assert sizes[0]["rows"] == sizes[1]["rows"] <= 3
    assert abs(sizes[0]["bytes"] - sizes[1]["bytes"]) < 64
    assert sizes[1]["bytes"] < 6_000


async def _size(pool: Pool) -> dict[str, Any]:
    (size,) = await rows(
        pool,
        "SELECT count(*) AS rows, sum(size)::int AS bytes FROM (SELECT pg_column_size(c.*) AS size FROM checkpoints c"
        " UNION ALL SELECT octet_length(blob) FROM checkpoint_blobs"
        " UNION ALL SELECT pg_column_size(w.*) FROM checkpoint_writes w) AS stored",
    )
    return size


def _config(conversation_id: str, turn_id: str = "none") -> Any:
    return {"configurable": {"thread_id": conversation_id, "checkpoint_ns": "", EPOCH: 0, TURN: turn_id}}


async def test_one_conversation_does_not_wait_for_another(open_desk: OpenDesk) -> None:
    """PITFALLS 4, ARCHITECTURE: the library's saver holds one lock around every statement; ours has none."""
    desk = await open_desk()
    slow, quick = await new_conversation(desk), await new_conversation(desk)
    turn = (await desk.runner._inbox.accept(slow, text=QUESTION, client_message_id="m")).turn_id
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"reply": {"turn_id": turn}}
    ours, plain = ConversationSaver(desk.pool), AsyncPostgresSaver(desk.pool)
    await ours.aput(_config(slow, turn), checkpoint, {}, {})

    for saver, waits in ((ours, False), (plain, True)):
        async with _locked(desk.pool, slow):
            writing = asyncio.create_task(saver.aput(_config(slow, turn), checkpoint, {}, {}))
            await _blocked(desk.pool)
            reading = asyncio.create_task(saver.aget_tuple(_config(quick)))
            done, _ = await asyncio.wait([reading], timeout=WAITING_SECONDS if waits else 5)
            assert (not done) == waits
        await asyncio.gather(writing, reading)


@asynccontextmanager
async def _locked(pool: Pool, conversation_id: str) -> AsyncIterator[None]:
    """Holds the stored checkpoint of a conversation, so that writing it has to wait."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM checkpoints WHERE thread_id = %s FOR UPDATE", (conversation_id,))
        yield


async def _blocked(pool: Pool) -> None:
    """Returns when a statement waits for a lock in this database."""
    query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(5):
        while not await rows(pool, query):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
