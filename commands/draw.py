"""``frontdesk graph``: the graph as it is compiled, as Mermaid text or as a picture."""

from pathlib import Path
from typing import Annotated, Any

import typer

ROWS = (
    ("__start__",),
    ("classify",),
    ("refusal_check",),
    ("authenticate",),
    ("retrieve",),
    ("plan",),
    ("tool_call",),
    ("validate",),
    ("escalate",),
    ("respond",),
    ("__end__",),
)
"""Where each node stands in the picture, from top to bottom."""


def run(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write: .png or .mmd. Default: Mermaid on the screen.")
    ] = None,
) -> None:
    """Draw the graph of nodes and edges, dashed where a condition decides."""
    from desk.domain.errors import InvalidRequest

    graph = drawable()
    if output is None:
        print(graph.draw_mermaid(), end="")
    elif output.suffix == ".mmd":
        output.write_text(graph.draw_mermaid(), encoding="utf-8")
    elif output.suffix == ".png":
        picture(graph).save(output)
    else:
        raise InvalidRequest(f"{output.name} must end in .png or .mmd")


def drawable() -> Any:
    """The compiled graph's shape, as LangChain draws it; its nodes do nothing."""
    from desk.domain.conversation import NODES
    from graph.builder import connect
    from graph.node import Emit
    from graph.state import SupportState

    async def nothing(state: SupportState, emit: Emit) -> SupportState:
        return {}

    return connect(dict.fromkeys(NODES, nothing)).get_graph()


def picture(graph: Any) -> Any:
    """The graph as a Pillow image."""
    from commands.drawing import Edge, draw

    edges = [Edge(source=e.source, target=e.target, conditional=e.conditional) for e in graph.edges]
    return draw(list(graph.nodes), edges, rows=ROWS)
