"""What our turns are measured against: nine LangGraph nodes that do nothing."""

import asyncio
import time
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from desk.domain.conversation import NODES


class BareState(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


async def in_memory(conversations: int, turns: int) -> list[float]:
    """Seconds of each turn, with the checkpoints in memory."""
    return await _drive(InMemorySaver(), conversations, turns)


async def on_postgres(url: str, conversations: int, turns: int) -> list[float]:
    """Seconds of each turn, with one ``AsyncPostgresSaver`` on a pool, in ``sync`` durability."""
    kwargs = {"autocommit": True, "row_factory": dict_row, "prepare_threshold": 0}
    async with AsyncConnectionPool(url, min_size=2, max_size=12, kwargs=kwargs, open=False) as pool:
        saver = AsyncPostgresSaver(pool)  # type: ignore[arg-type]
        await saver.setup()
        return await _drive(saver, conversations, turns)


async def _drive(saver: BaseCheckpointSaver[Any], conversations: int, turns: int) -> list[float]:
    async def nothing(state: BareState) -> dict[str, Any]:
        return {}

    builder = StateGraph(BareState)
    for before, name in zip((START, *NODES), NODES, strict=False):
        builder.add_node(name, nothing)
        builder.add_edge(before, name)
    builder.add_edge(NODES[-1], END)
    graph = builder.compile(checkpointer=saver)

    async def converse(number: int) -> list[float]:
        config: Any = {"configurable": {"thread_id": f"bare-{conversations}-{number}"}}
        seconds = []
        for turn in range(turns):
            started = time.perf_counter()
            message = {"messages": [HumanMessage(f"what is your returns policy? ({turn})")]}
            await graph.ainvoke(message, config, durability="sync")
            seconds.append(time.perf_counter() - started)
        return seconds

    return [second for row in await asyncio.gather(*(converse(n) for n in range(conversations))) for second in row]
