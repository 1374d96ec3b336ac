"""One process at a time runs a conversation; who lost its lease writes nothing any more (R12.2)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base import id as checkpoint_ids

from desk.conversations.events import EventLog
from desk.conversations.hub import EventHub
from desk.conversations.inbox import Answer, Inbox, OwedTurn
from desk.conversations.store import ConversationStore
from desk.db.pool import Pool
from desk.domain.conversation import Event
from desk.domain.errors import LeaseLost
from graph.checkpointer import EPOCH, TURN, ConversationSaver
from graph.recorder import Recorder
from tests.integration.turns.conftest import OpenDesk
from tests.integration.turns.desks import (
    ORDER,
    QUESTION,
    SECRET,
    GatedEngine,
    Parts,
    assert_told_once,
    completed,
    memory_of,
    new_conversation,
    rows,
    say,
)

EVENT: Event = {"type": "step", "data": {"node": "plan"}}
Write = Callable[[Pool, Inbox, OwedTurn], Awaitable[None]]
ANSWER = Answer(message_id="msg_late", text="Too late.", sources=[], options=[], evidence=[])


async def _expire(pool: Pool, conversation_id: str) -> None:
    await rows(
        pool,
        "UPDATE conversations SET lease_until = clock_timestamp() - interval '1 second' WHERE id = %s RETURNING id",
        conversation_id,
    )


async def _overtaken(pool: Pool) -> tuple[OwedTurn, OwedTurn, Inbox]:
    """A turn as its first owner sees it, the same as the second sees it, and the first owner's inbox."""
    session = await ConversationStore(pool, secret=SECRET).start(channel="web", locale="en", pack_version="1")
    first = Inbox(pool, owner="first", lease_ttl=timedelta(seconds=60))
    second = Inbox(pool, owner="second", lease_ttl=timedelta(seconds=60))
    await first.accept(session.conversation_id, text="hello", client_message_id="m")
    stale = await first.claim(session.conversation_id)
    assert await second.claim(session.conversation_id) is None, "the lease is held"
    await _expire(pool, session.conversation_id)
    current = await second.claim(session.conversation_id)
    assert stale is not None
    assert current is not None
    return stale, current, first


async def _append(pool: Pool, inbox: Inbox, turn: OwedTurn) -> None:
    await EventLog(pool, owner="first").append(turn.conversation_id, [EVENT], epoch=turn.epoch)


async def _complete(pool: Pool, inbox: Inbox, turn: OwedTurn) -> None:
    await inbox.complete(turn, outcome="answered", answer=ANSWER, events=[EVENT])


async def _checkpoint(pool: Pool, inbox: Inbox, turn: OwedTurn) -> None:
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"reply": {"turn_id": turn.turn_id}}
    config: Any = {"configurable": {
        "thread_id": turn.conversation_id, "checkpoint_ns": "", EPOCH: turn.epoch, TURN: turn.turn_id,
    }}  # fmt: skip
    await ConversationSaver(pool).aput(config, checkpoint, {}, {"reply": "1"})


@pytest.mark.parametrize("write", [_append, _complete, _checkpoint])
async def test_a_write_under_a_lost_lease_is_refused(pool: Pool, write: Write) -> None:
    """PITFALLS 7.2: events, answer and checkpoint are each fenced by the epoch."""
    stale, current, inbox = await _overtaken(pool)

    with pytest.raises(LeaseLost):
        await write(pool, inbox, stale)

    for table in ("event_batches", "checkpoints", "checkpoint_blobs"):
        assert await rows(pool, f"SELECT * FROM {table}") == []
    assert await rows(pool, "SELECT * FROM messages WHERE role = 'assistant'") == []
    await write(pool, inbox, current)  # the same write under the current lease lands


async def test_a_lost_lease_is_neither_kept_nor_given_back(pool: Pool) -> None:
    """PITFALLS 7.2"""
    stale, _, inbox = await _overtaken(pool)
    (before,) = await rows(pool, "SELECT lease_owner, lease_epoch, lease_until FROM conversations")

    await inbox.heartbeat({stale.conversation_id: stale.epoch})
    await inbox.release(stale.conversation_id, epoch=stale.epoch)

    assert await rows(pool, "SELECT lease_owner, lease_epoch, lease_until FROM conversations") == [before]


@pytest.mark.parametrize("write", [_complete, _checkpoint])
async def test_a_completed_turn_takes_no_more_writes_even_under_its_lease(pool: Pool, write: Write) -> None:
    """R12.2: a second completion would count open turns down twice; a run left behind would change the memory."""
    _, turn, inbox = await _overtaken(pool)
    await _complete(pool, inbox, turn)

    with pytest.raises(LeaseLost):
        await write(pool, inbox, turn)
    assert await rows(pool, "SELECT * FROM checkpoints") == []
    assert (await rows(pool, "SELECT open_turns, last_event FROM conversations"))[0] == {
        "open_turns": 0, "last_event": 1,
    }  # fmt: skip


async def test_an_event_after_the_end_of_a_turn_is_not_stored(pool: Pool) -> None:
    """R12.2: ``turn.completed`` is the last event of a turn, also when a run was left behind."""
    _, turn, _ = await _overtaken(pool)
    log = EventLog(pool, owner="second")
    recorder = Recorder(turn, log=log, hub=EventHub(log, owner="second", url=""))
    recorder.emit("step", {"node": "plan"})
    assert len(await recorder.finish()) == 1

    recorder.emit("step", {"node": "respond"})

    assert recorder._flusher is not None
    assert recorder._flusher.cancelled(), "nothing is on its way"
    assert len(await recorder.finish()) == 1


async def test_a_stalled_process_that_wakes_up_adds_nothing(open_desk: OpenDesk, parts: Parts) -> None:
    """R12.2: its turn was taken over meanwhile and has one answer."""
    engine = GatedEngine(parts.engine, word="returns")
    stalled = await open_desk(engine=engine, lease_seconds=60)
    conversation_id = await new_conversation(stalled)
    await say(stalled, conversation_id, QUESTION, key="m")
    await engine.reached.wait()
    other = await open_desk()
    await _expire(other.pool, conversation_id)
    before = await completed(other, conversation_id, turns=1)

    engine.gate.set()
    await stalled.runner.drain(seconds=10)

    assert await other.log.read(conversation_id, after=0) == before
    await assert_told_once(other.pool, conversation_id, turns=1)
    assert (await memory_of(other, conversation_id))["memory"]["recent"][0] == f"customer: {QUESTION}"


@pytest.mark.heavy
async def test_the_heartbeat_keeps_the_lease_of_a_slow_turn(open_desk: OpenDesk, parts: Parts) -> None:
    """R12.2: a turn of many lease times is not taken over by another living process."""
    engine = GatedEngine(parts.engine, word="returns")
    slow = await open_desk(engine=engine, lease_seconds=0.6)
    conversation_id = await new_conversation(slow)
    await say(slow, conversation_id, QUESTION, key="m")
    await engine.reached.wait()
    other = await open_desk(lease_seconds=0.6)

    await asyncio.sleep(2.5)  # the time is the thing tested: four lease times, two sweeps of the other
    engine.gate.set()

    await completed(other, conversation_id, turns=1)
    assert await rows(slow.pool, "SELECT attempts FROM turns") == [{"attempts": 1}]
    assert await rows(slow.pool, "SELECT lease_epoch FROM conversations") == [{"lease_epoch": 1}]


async def test_a_process_does_not_keep_a_lease_it_only_waits_for(open_desk: OpenDesk) -> None:
    """R12.2: else a turn that broke, queued again in a busy process, would wait for its own heartbeat to stop."""
    desk = await open_desk(lease_seconds=0.2)
    desk.runner._slots = asyncio.Semaphore(0)  # busy with others
    conversation_id = await new_conversation(desk)
    inbox = desk.runner._inbox
    await inbox.accept(conversation_id, text=QUESTION, client_message_id="m")
    assert await inbox.claim(conversation_id) is not None  # the attempt that broke

    desk.runner.wake(conversation_id)
    await asyncio.sleep(0.5)  # many heartbeats

    assert await inbox.unattended() == [conversation_id]
    await desk.runner.drain(seconds=0)


async def test_a_drained_process_hands_its_turn_over_at_once(open_desk: OpenDesk, parts: Parts) -> None:
    """R12.3: nobody waits for the lease to run out."""
    engine = GatedEngine(parts.engine, word="returns")
    leaving = await open_desk(engine=engine, lease_seconds=600)
    conversation_id = await new_conversation(leaving)
    await say(leaving, conversation_id, QUESTION, key="m")
    await engine.reached.wait()

    await leaving.runner.drain(seconds=0)

    other = await open_desk()
    await completed(other, conversation_id, turns=1, seconds=5)
    await assert_told_once(other.pool, conversation_id, turns=1)


async def test_a_wrong_clock_changes_nothing(open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """PITFALLS 1: with the plain saver a worker whose clock is behind loses whole turns."""
    desk = await open_desk()
    conversation_id = await new_conversation(desk)
    await say(desk, conversation_id, "hello", key="m0")
    await completed(desk, conversation_id, turns=1)
    real = time.time_ns
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: real() - 3_600 * 10**9)
        patch.setattr(checkpoint_ids, "_last_v6_timestamp", None)
        await say(desk, conversation_id, ORDER, key="m1")
        await completed(desk, conversation_id, turns=2)
    await say(desk, conversation_id, "thank you", key="m2")
    await completed(desk, conversation_id, turns=3)

    recent = (await memory_of(desk, conversation_id))["memory"]["recent"]
    said = [line for line in recent if line.startswith("customer")]
    assert said == ["customer: hello", f"customer: {ORDER}", "customer: thank you"]
    await assert_told_once(desk.pool, conversation_id, turns=3)
