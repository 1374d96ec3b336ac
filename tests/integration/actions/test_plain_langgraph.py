"""What plain LangGraph does where our tests of races look: reproduced, so that they are known to look at something.

PITFALLS of the naive way: the interrupt is the gate and the resume value the decision.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from desk.db.pool import open_pool

TOOL_SECONDS = 0.05


class _State(TypedDict, total=False):
    amount: int
    done: str


class NaiveRefunds:
    """A graph whose one node asks an approver by ``interrupt`` and then refunds."""

    def __init__(self, saver: AsyncPostgresSaver) -> None:
        self.refunded: list[int] = []
        builder = StateGraph(_State)
        builder.add_node("refund", self._refund)
        builder.add_edge(START, "refund")
        builder.add_edge("refund", END)
        self.graph = builder.compile(checkpointer=saver)

    async def _refund(self, state: _State) -> _State:
        if interrupt({"amount": state["amount"]}) != "approve":
            return {"done": "rejected"}
        await asyncio.sleep(TOOL_SECONDS)
        self.refunded.append(state["amount"])
        return {"done": "refunded"}


@pytest.fixture
async def naive(empty_database_url: str) -> AsyncIterator[NaiveRefunds]:
    pool = await open_pool(empty_database_url)
    yield NaiveRefunds(AsyncPostgresSaver(pool))
    await pool.close()


async def test_two_approvers_who_resume_one_interrupt_refund_twice(naive: NaiveRefunds) -> None:
    thread: Any = {"configurable": {"thread_id": "two approvers"}}
    await naive.graph.ainvoke({"amount": 129}, thread)

    told = await asyncio.gather(*(naive.graph.ainvoke(Command(resume="approve"), thread) for _ in range(2)))

    assert naive.refunded == [129, 129]
    assert [one["done"] for one in told] == ["refunded", "refunded"]


async def test_who_approves_and_who_rejects_are_both_told_that_it_worked(naive: NaiveRefunds) -> None:
    thread: Any = {"configurable": {"thread_id": "approve and reject"}}
    await naive.graph.ainvoke({"amount": 129}, thread)

    told = await asyncio.gather(
        naive.graph.ainvoke(Command(resume="approve"), thread), naive.graph.ainvoke(Command(resume="reject"), thread)
    )

    assert naive.refunded == [129]
    assert [one["done"] for one in told] == ["refunded", "rejected"]


async def test_a_message_throws_the_gate_away_and_the_old_card_approves_the_new_one(naive: NaiveRefunds) -> None:
    thread: Any = {"configurable": {"thread_id": "stale card"}}
    await naive.graph.ainvoke({"amount": 90}, thread)
    await naive.graph.ainvoke({"amount": 9000}, thread)

    await naive.graph.ainvoke(Command(resume="approve"), thread)  # by whoever looks at the card over 90

    assert naive.refunded == [9000]
