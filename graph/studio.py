"""The graph for ``langgraph dev``: the same nodes on the same services, with the platform's own checkpointer."""

import asyncio
from contextlib import AsyncExitStack
from weakref import WeakKeyDictionary

from desk.config.settings import load_settings
from graph.bootstrap import open_graph
from graph.runs import Graph

# The platform asks for the graph again and again, from event loops of its own; a pool belongs to one loop.
_graphs: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Graph]] = WeakKeyDictionary()


async def graph() -> Graph:
    """The compiled graph of this event loop. What it opened is closed with the process."""
    loop = asyncio.get_running_loop()
    if loop not in _graphs:
        _graphs[loop] = loop.create_task(_open())
    try:
        return await asyncio.shield(_graphs[loop])
    except Exception:
        _graphs.pop(loop, None)  # what went wrong may be mended: the next call tries again
        raise


async def _open() -> Graph:
    settings = await asyncio.to_thread(load_settings)
    async with AsyncExitStack() as stack:
        opened = await open_graph(settings, demo=settings.secret_key is None, stack=stack)
        stack.pop_all()  # all went well: it stays open until the process ends
        return opened
