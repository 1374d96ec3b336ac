"""The graph: nine nodes and the edges between them, nothing else."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.types import StreamWriter

from desk.domain.ids import new_id
from desk.handoff.service import HandoffService
from desk.identity.identification import IdentificationStore
from desk.integrations.protocols import Crm
from desk.language.engine import LanguageEngine
from desk.policies.models import PolicySet
from graph.gates import Gates
from graph.node import Node
from graph.notices import Notices
from graph.routing import (
    after_authenticate,
    after_plan,
    after_refusal_check,
    after_respond,
    after_retrieve,
    after_tool_call,
    after_validate,
    at_start,
)
from graph.runs import Graph
from graph.state import SupportState, TurnInput, TurnOutput
from graph.woken import Woken
from nodes.authenticate import Authenticate
from nodes.classify import Classify
from nodes.escalate import Escalate
from nodes.plan import Plan
from nodes.refusal_check import RefusalCheck
from nodes.respond import Respond
from nodes.retrieve import Retrieve
from nodes.tool_call import ToolCallNode
from nodes.validate import Validate
from retrieval.knowledge import KnowledgeDesk
from tools.executor import ToolExecutor


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything the nodes use. ``graph.bootstrap`` chooses the implementations."""

    policies: PolicySet
    engine: LanguageEngine
    knowledge: KnowledgeDesk
    identity: IdentificationStore
    crm: Crm
    executor: ToolExecutor
    gates: Gates
    notices: Notices
    handoff: HandoffService


def build_graph(services: Services, *, checkpointer: BaseCheckpointSaver[str] | None = None) -> Graph:
    """The compiled graph. A thread is a conversation; an input is a customer's message."""
    s = services
    woken = Woken(executor=s.executor, gates=s.gates, identity=s.identity, policies=s.policies)
    nodes: dict[str, Node] = {
        "classify": Classify(engine=s.engine, policies=s.policies),
        "refusal_check": RefusalCheck(policies=s.policies),
        "authenticate": Authenticate(identity=s.identity, crm=s.crm, policies=s.policies),
        "retrieve": Retrieve(knowledge=s.knowledge.live, conflicts=s.knowledge.check, policies=s.policies),
        "plan": Plan(policies=s.policies),
        "tool_call": ToolCallNode(
            executor=s.executor, gates=s.gates, identity=s.identity, woken=woken, policies=s.policies
        ),
        "validate": Validate(policies=s.policies),
        "respond": Respond(engine=s.engine, policies=s.policies, knowledge=s.knowledge.live),
        "escalate": Escalate(handoff=s.handoff, policies=s.policies),
    }
    return connect(nodes, checkpointer=checkpointer)


def connect(nodes: Mapping[str, Node], *, checkpointer: BaseCheckpointSaver[str] | None = None) -> Graph:
    """The nine nodes, whatever they do, with the edges between them."""
    graph = StateGraph(SupportState, input_schema=TurnInput, output_schema=TurnOutput)
    for name, node in nodes.items():
        graph.add_node(name, _announced(name, node))
    graph.add_conditional_edges(START, at_start)
    graph.add_edge("classify", "refusal_check")
    graph.add_conditional_edges("refusal_check", after_refusal_check)
    graph.add_conditional_edges("authenticate", after_authenticate)
    graph.add_conditional_edges("retrieve", after_retrieve)
    graph.add_conditional_edges("plan", after_plan)
    graph.add_conditional_edges("tool_call", after_tool_call)
    graph.add_conditional_edges("validate", after_validate)
    graph.add_edge("escalate", "respond")
    graph.add_conditional_edges("respond", after_respond)
    return graph.compile(checkpointer=checkpointer, name="frontdesk")


def _announced(name: str, node: Node) -> Callable[..., Awaitable[SupportState]]:
    """The node as LangGraph calls it: announced on the customer's stream when it starts and when it ends."""

    async def run(state: SupportState, config: RunnableConfig, writer: StreamWriter) -> SupportState:
        def emit(kind: str, data: dict[str, Any]) -> None:
            writer({"type": kind, "data": data})

        # The thread is the conversation; nothing a client sends or jumps in with can name another one, so each node is
        # told again. The turn's id is not stored between turns: the first node of each sets it.
        state["conversation_id"] = config["configurable"]["thread_id"]
        first = "turn_id" not in state
        state.setdefault("turn_id", new_id("turn"))
        emit("step", {"node": name, "status": "started"})
        begun = time.perf_counter()
        update = await node(state, emit)
        emit("step", {"node": name, "status": "finished", "ms": round((time.perf_counter() - begun) * 1000, 1)})
        if first:
            update |= {"turn_id": state["turn_id"]}
        return update

    return run
