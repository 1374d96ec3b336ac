"""Messages of one conversation are answered in order, each once, wherever they arrive (R12.2)."""

import asyncio
import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from desk.conversations.inbox import Inbox, OwedTurn
from desk.db.pool import Pool
from desk.domain.errors import Conflict
from graph import runs
from graph.bootstrap import Desk
from tests.integration.turns.conftest import OpenDesk
from tests.integration.turns.desks import QUESTION, assert_told_once, completed, new_conversation, rows, say

FIVE = [QUESTION, "Do you ship to Canada?", "hello", "How long does delivery take?", "thank you"]


async def _at_once(desks: list[Desk], conversation_id: str) -> None:
    await asyncio.gather(
        *(say(desks[n % len(desks)], conversation_id, text, key=f"m{n}") for n, text in enumerate(FIVE))
    )


@pytest.mark.parametrize("desks", [1, 2])
async def test_five_messages_at_once_are_answered_in_order_once(open_desk: OpenDesk, desks: int) -> None:
    """R12.2, PITFALLS 1: also when they arrive at two processes."""
    opened = [await open_desk() for _ in range(desks)]
    conversation_id = await new_conversation(opened[0])

    await _at_once(opened, conversation_id)

    await completed(opened[0], conversation_id, turns=5)
    await assert_told_once(opened[0].pool, conversation_id, turns=5)


@pytest.mark.heavy
async def test_twenty_conversations_with_five_messages_each_lose_nothing_on_two_desks(open_desk: OpenDesk) -> None:
    """R12.2"""
    opened = [await open_desk(), await open_desk()]
    conversations = [await new_conversation(opened[0]) for _ in range(20)]

    await asyncio.gather(*(_at_once(opened, conversation_id) for conversation_id in conversations))

    for conversation_id in conversations:
        await completed(opened[1], conversation_id, turns=5, seconds=60)
        await assert_told_once(opened[0].pool, conversation_id, turns=5)


async def test_a_message_between_the_end_of_a_turn_and_of_its_task_does_not_wait_for_the_sweeper(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12.2: a lost wake-up; the turn before is stored, but its task has not ended yet."""
    monkeypatch.setattr(runs, "SWEEP_SECONDS", 600)
    desk = await open_desk()
    conversation_id = await new_conversation(desk)
    complete: Any = Inbox.complete

    async def complete_then_hear(self: Inbox, turn: OwedTurn, **values: Any) -> Any:
        ended = await complete(self, turn, **values)
        await say(desk, conversation_id, "Do you ship to Canada?", key="m1")
        return ended

    monkeypatch.setattr(Inbox, "complete", complete_then_hear)
    await say(desk, conversation_id, QUESTION, key="m0")

    await completed(desk, conversation_id, turns=2, seconds=5)
    await assert_told_once(desk.pool, conversation_id, turns=2)


async def test_plain_langgraph_loses_messages_that_come_at_once(pool: Pool) -> None:
    """PITFALLS 1: the fault ours is free of, so that the test above can fail."""

    class Plain(TypedDict):
        messages: Annotated[list[Any], add_messages]
        turns: Annotated[int, operator.add]

    async def answer(state: Plain) -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"messages": [AIMessage(f"re: {state['messages'][-1].content}")], "turns": 1}

    graph = StateGraph(Plain)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    compiled = graph.compile(checkpointer=AsyncPostgresSaver(pool))
    config: Any = {"configurable": {"thread_id": "plain"}}

    await asyncio.gather(*(compiled.ainvoke({"messages": [HumanMessage(text)], "turns": 0}, config) for text in FIVE))

    kept = [m.content for m in (await compiled.aget_state(config)).values["messages"] if isinstance(m, HumanMessage)]
    assert len(kept) < 5


async def test_the_same_message_sent_twenty_times_at_once_is_one_turn(open_desk: OpenDesk) -> None:
    """R12.2, CONTRACT: the same client_message_id is the same turn, also at another process."""
    opened = [await open_desk(), await open_desk()]
    conversation_id = await new_conversation(opened[0])

    turns = await asyncio.gather(*(say(opened[n % 2], conversation_id, QUESTION, key="same") for n in range(20)))

    assert len(set(turns)) == 1
    await completed(opened[0], conversation_id, turns=1)
    await assert_told_once(opened[0].pool, conversation_id, turns=1)
    said = await rows(opened[0].pool, "SELECT id FROM messages WHERE role = 'customer'")
    assert len(said) == 1


async def test_another_text_under_a_used_client_message_id_is_a_conflict(open_desk: OpenDesk) -> None:
    """CONTRACT"""
    desk = await open_desk()
    conversation_id = await new_conversation(desk)
    await say(desk, conversation_id, QUESTION, key="same")

    with pytest.raises(Conflict):
        await say(desk, conversation_id, "Do you ship to Canada?", key="same")
    await completed(desk, conversation_id, turns=1)
    await assert_told_once(desk.pool, conversation_id, turns=1)
