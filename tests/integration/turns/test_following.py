"""Who follows a conversation gets every event, the same bytes, whenever and wherever (R12.2, CONTRACT)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from desk.conversations import hub
from desk.conversations.events import StoredEvent
from graph.bootstrap import Desk
from tests.integration.turns.conftest import OpenDesk
from tests.integration.turns.desks import (
    QUESTION,
    GatedEngine,
    Parts,
    assert_told_once,
    completed,
    new_conversation,
    rows,
    say,
)


async def test_a_client_that_leaves_loses_nothing(open_desk: OpenDesk, parts: Parts) -> None:
    """PITFALLS 2, R12.2: the turn goes on, and what it missed is replayed to the byte."""
    engine = GatedEngine(parts.engine, word="returns")
    desk = await open_desk(engine=engine)
    conversation_id = await new_conversation(desk)
    stays = asyncio.create_task(completed(desk, conversation_id, turns=1))
    leaves = asyncio.create_task(completed(desk, conversation_id, turns=1))
    await say(desk, conversation_id, QUESTION, key="m")
    await engine.reached.wait()
    leaves.cancel()
    await asyncio.wait([leaves])

    engine.gate.set()

    seen = await stays
    assert await completed(desk, conversation_id, turns=1) == seen
    assert [event async for event in _after(desk, conversation_id, 3, until=seen[-1].id)] == seen[3:]
    await assert_told_once(desk.pool, conversation_id, turns=1)
    assert not desk.hub._subscriptions, "no subscription is left behind"


async def test_a_follower_on_another_process_sees_the_same_bytes(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12.2: announced by NOTIFY, well before anybody would poll."""
    monkeypatch.setattr(hub, "POLL_SECONDS", 60)
    here, there = await open_desk(), await open_desk()
    conversation_id = await new_conversation(here)
    await _listening(here, there)
    far = asyncio.create_task(completed(there, conversation_id, turns=2, seconds=10))
    near = asyncio.create_task(completed(here, conversation_id, turns=2, seconds=10))
    await say(here, conversation_id, QUESTION, key="m0")
    await completed(here, conversation_id, turns=1)
    await say(here, conversation_id, "Do you ship to Canada?", key="m1")

    assert await far == await near


@pytest.mark.heavy
@pytest.mark.parametrize(("poll_seconds", "reconnect_seconds"), [(0.5, 600.0), (60.0, 0.1)])
async def test_a_cut_notification_connection_costs_nothing(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, poll_seconds: float, reconnect_seconds: float
) -> None:
    """R12.4: streams poll meanwhile, and catch up at once when somebody listens again."""
    monkeypatch.setattr(hub, "POLL_SECONDS", poll_seconds)
    monkeypatch.setattr(hub, "RECONNECT_SECONDS", reconnect_seconds)
    here, there = await open_desk(), await open_desk()
    conversation_id = await new_conversation(here)
    await _listening(here, there)
    far = asyncio.create_task(completed(there, conversation_id, turns=1, seconds=10))
    cut = await rows(here.pool, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %%'"
                                " AND datname = current_database()")  # fmt: skip
    assert len(cut) == 2

    await say(here, conversation_id, QUESTION, key="m")

    assert await far == await completed(here, conversation_id, turns=1)


async def _after(desk: Desk, conversation_id: str, after: int, *, until: int) -> AsyncIterator[StoredEvent]:
    async for event in desk.hub.follow(conversation_id, after=after):
        yield event
        if event.id == until:
            return


async def _listening(*desks: Desk) -> None:
    query = "SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN %%' AND datname = current_database()"
    async with asyncio.timeout(5):
        while len(await rows(desks[0].pool, query)) < len(desks):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
