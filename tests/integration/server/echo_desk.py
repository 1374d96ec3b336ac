"""A desk of real parts (PostgreSQL, stores, event log, turns) around a graph of one node that repeats the customer.

``slow`` in a message makes the node wait in the middle of its answer until the test opens ``gate``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph

from desk.audit.heads import HeadFile
from desk.audit.log import AuditLog
from desk.channels.mailbox import FileMailbox
from desk.config.settings import Settings
from desk.conversations.events import EventLog
from desk.conversations.hub import EventHub
from desk.conversations.inbox import Inbox, OwedTurn
from desk.conversations.pace import Pace
from desk.conversations.store import ConversationStore
from desk.db.pool import Pool, open_pool
from desk.domain.errors import RecordNotFound
from desk.domain.ids import new_id
from desk.identity.accounts import Accounts
from desk.identity.host_tokens import HostTokens
from desk.identity.identification import IdentificationStore
from desk.identity.jwks import RemoteKeys
from desk.identity.staff import StaffStore
from desk.identity.step_up import StepUp
from desk.knowledge.store import ArticleStore
from desk.policies.loader import load_pack, resolve_pack
from desk.policies.models import PolicySet
from desk.rollout.switches import SwitchStore
from graph.bootstrap import assemble, open_knowledge
from graph.checkpointer import ConversationSaver
from graph.reviews import Reviews
from graph.runs import Graph, TurnRunner
from graph.state import Reply, SupportState, TurnInput, TurnOutput
from retrieval.knowledge import KnowledgeDesk
from retrieval.live import LiveKnowledge
from retrieval.words_alone import builder_of_words
from tests.integration.turns.desks import SECRET, heads_of


@dataclass(frozen=True)
class EchoCrm:
    """A CRM that knows who has an account."""

    customers: dict[str, Any]

    async def get_customer(self, *, customer_id: str) -> dict[str, object]:
        status = self.customers.get(customer_id)
        if isinstance(status, Exception):
            raise status
        if status is None:
            raise RecordNotFound("There is no such record in crm.")
        return {"customer_id": customer_id, "status": status}


@dataclass(kw_only=True)
class EchoDesk:
    """What ``server.deps.ServedDesk`` names, and what a test needs to steer it."""

    settings: Settings
    policies: PolicySet
    pool: Pool
    conversations: ConversationStore
    runner: TurnRunner
    log: EventLog
    hub: EventHub
    audit: AuditLog
    reviews: Reviews
    knowledge: KnowledgeDesk
    staff: StaffStore
    switches: SwitchStore
    customers: dict[str, Any]
    """The CRM's customers: id to status, or to the error it raises."""
    accounts: Accounts
    host_tokens: HostTokens
    identity: IdentificationStore
    step_up: StepUp
    gate: asyncio.Event
    reached: asyncio.Event
    """Set when a turn waits at the gate."""
    mailbox: FileMailbox | None = None
    broken: dict[str, str] = field(default_factory=dict)

    async def health(self) -> dict[str, str]:
        return {"postgres": "ok"} | self.broken


@asynccontextmanager
async def open_echo_desk(url: str, settings: Settings) -> AsyncIterator[EchoDesk]:
    """The desk on a migrated database."""
    pool = await open_pool(url, max_size=8)
    owner = new_id("proc")
    log = EventLog(pool, owner=owner)
    hub = EventHub(log, owner=owner, url=url)
    gate, reached = asyncio.Event(), asyncio.Event()
    policies = _pack(settings.pack)
    nothing: Any = None  # the graph below does not understand anything
    live = LiveKnowledge(ArticleStore(pool), policies=policies, build=builder_of_words(policies))
    await open_knowledge(live, ArticleStore(pool), policies=policies)
    services = assemble(pool, policies, secret=SECRET, engine=nothing, knowledge=live)
    runner = TurnRunner(
        _echo_graph(gate, reached, pool),
        inbox=Inbox(pool, owner=owner, lease_ttl=timedelta(seconds=8), pace=Pace(per_minute=settings.rate_per_minute)),
        log=log,
        hub=hub,
        refusals=(),
        apologise=_apologise,
        step_up=services.gates.step_up,
        notices=services.notices,
        turn_timeout=timedelta(seconds=30),
        lease_ttl=timedelta(seconds=8),
    )
    tasks = [asyncio.create_task(work) for work in runner.background()]
    customers: dict[str, Any] = {"C-1001": "active", "C-1002": "active"}
    accounts = Accounts(crm=EchoCrm(customers))
    desk = EchoDesk(
        settings=settings,
        policies=policies,
        pool=pool,
        conversations=ConversationStore(pool, secret=b"s" * 32),
        runner=runner,
        log=log,
        hub=hub,
        audit=AuditLog(pool, heads=HeadFile(path=heads_of(url), secret=SECRET)),
        reviews=Reviews(gates=services.gates, executor=services.executor, policies=policies, wake=runner.wake),
        knowledge=services.knowledge,
        staff=StaffStore(pool, secret=SECRET),
        switches=SwitchStore(pool, policies=policies),
        customers=customers,
        accounts=accounts,
        host_tokens=HostTokens(
            key=settings.host_jwt_key and settings.host_jwt_key.get_secret_value(),
            keys=RemoteKeys(settings.host_jwks_url) if settings.host_jwks_url else None,
            audience=settings.host_jwt_audience,
            is_customer=accounts.is_open,
        ),
        identity=IdentificationStore(pool=pool, key=SECRET),
        step_up=services.gates.step_up,
        gate=gate,
        reached=reached,
    )
    try:
        yield desk
    finally:
        await runner.drain(seconds=5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pool.close()


@lru_cache
def _pack(path: Path) -> PolicySet:
    return load_pack(resolve_pack(path))


def _echo_graph(gate: asyncio.Event, reached: asyncio.Event, pool: Pool) -> Graph:
    async def respond(state: SupportState) -> dict[str, Any]:
        write = get_stream_writer()
        message_id, text = new_id("msg"), f"You said: {state['text']}"
        write({"type": "step", "data": {"node": "respond", "status": "started"}})
        half = len(text) // 2
        write({"type": "message.delta", "data": {"message_id": message_id, "text": text[:half]}})
        if "slow" in state["text"]:
            reached.set()
            await gate.wait()
        write({"type": "message.delta", "data": {"message_id": message_id, "text": text[half:]}})
        return {"reply": _reply(state["turn_id"], message_id, text)}

    graph = StateGraph(SupportState, input_schema=TurnInput, output_schema=TurnOutput)
    graph.add_node("respond", respond)
    graph.add_edge(START, "respond")
    graph.add_edge("respond", END)
    return graph.compile(checkpointer=ConversationSaver(pool))


async def _apologise(turn: OwedTurn) -> Reply:
    reply = _reply(turn.turn_id, new_id("msg"), "Sorry, that did not work.")
    reply["outcome"] = "failed"
    return reply


def _reply(turn_id: str, message_id: str, text: str) -> Reply:
    return {
        "turn_id": turn_id,
        "message_id": message_id,
        "text": text,
        "sources": [],
        "options": ["Yes", "No"],
        "evidence": [],
        "outcome": "answered",
        "handoff": None,
        "offer_person": False,
        "news": [],
    }


def echo_settings(url: str, **changes: Any) -> Settings:
    """Settings that read nothing from the machine they run on."""
    settings = Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()})
    return settings.model_copy(update={"database_url": url, **changes})
