"""The one place that chooses implementations and opens everything, in order, and closes it again."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from desk.approvals.proposals import ProposalStore
from desk.approvals.service import ApprovalService
from desk.audit.heads import HeadFile
from desk.audit.log import AuditLog
from desk.channels.mailbox import FileMailbox
from desk.channels.outbox import Outbox
from desk.channels.senders import open_senders
from desk.config.secret import installation_secret
from desk.config.settings import Settings, system_variables
from desk.conversations.events import EventLog
from desk.conversations.hub import EventHub
from desk.conversations.inbox import Inbox, enqueue_wake
from desk.conversations.pace import Pace
from desk.conversations.store import ConversationStore
from desk.db.pool import Pool, open_pool
from desk.domain.contact import Factor
from desk.handoff.service import HandoffService
from desk.identity.accounts import Accounts
from desk.identity.host_tokens import HostTokens
from desk.identity.identification import IdentificationStore
from desk.identity.jwks import RemoteKeys
from desk.identity.staff import StaffStore
from desk.identity.step_up import StepUp
from desk.integrations.postgres.billing import PostgresBilling
from desk.integrations.postgres.crm import PostgresCrm
from desk.integrations.postgres.orders import PostgresOrders
from desk.integrations.postgres.scheduling import PostgresScheduling
from desk.integrations.postgres.ticketing import PostgresTicketing
from desk.integrations.remote import RemoteSystem
from desk.integrations.rest import RestTransport
from desk.integrations.seed import seed
from desk.jobs.reviews import ReviewRounds
from desk.knowledge.bases import EmbeddingBases
from desk.knowledge.conflicts import ConflictStore
from desk.knowledge.listing import ArticleLists
from desk.knowledge.store import ArticleStore
from desk.language.engine import LanguageEngine
from desk.language.fallback import FallbackEngine
from desk.language.judge import Judge, judge_from
from desk.language.offline import OfflineEngine
from desk.policies.loader import load_pack, resolve_pack
from desk.policies.models import PolicySet
from desk.policies.systems import STANDARD, McpSystem, PostgresSystem, RestSystem, SystemSpec, variables_of
from desk.rollout.switches import SwitchStore
from graph.apology import Apologist
from graph.builder import Services, build_graph
from graph.checkpointer import ConversationSaver
from graph.database import open_database
from graph.deploys import refuse_lost_proposals
from graph.gates import Gates
from graph.messaging import Messaging, delivering
from graph.notices import Notices
from graph.reviews import Reviews
from graph.runs import Graph, TurnRunner
from retrieval.chroma import chroma_of
from retrieval.chunking import Chunk, pieces
from retrieval.conflict_check import ConflictCheck
from retrieval.knowledge import KnowledgeDesk
from retrieval.live import Build, Knowledge, LiveKnowledge
from retrieval.search import Retriever, build_retriever
from tools.evidence import EvidenceStore
from tools.executor import ToolExecutor
from tools.ledger import Ledger
from tools.operation import Systems
from tools.registry import ToolRegistry

STOP_SECONDS = 0.5
DRAIN_SECONDS = 5.0  # after the server's own four: within the ten seconds most supervisors wait


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The open product: what the server, the terminal and the evals work with."""

    settings: Settings
    policies: PolicySet
    pool: Pool
    services: Services
    conversations: ConversationStore
    runner: TurnRunner
    log: EventLog
    hub: EventHub
    audit: AuditLog
    reviews: Reviews
    accounts: Accounts
    host_tokens: HostTokens
    mailbox: FileMailbox | None
    """The demo's; none where messages are really sent."""
    staff: StaffStore
    switches: SwitchStore

    @property
    def identity(self) -> IdentificationStore:
        return self.services.identity

    @property
    def knowledge(self) -> KnowledgeDesk:
        return self.services.knowledge

    @property
    def step_up(self) -> StepUp:
        return self.services.gates.step_up

    async def health(self) -> dict[str, str]:
        """Each dependency: ``ok``, or one sentence on what is wrong. Takes at most some seconds."""
        return {"postgres": await self._postgres(), "knowledge": await self._knowledge()}

    async def _postgres(self) -> str:
        try:
            async with asyncio.timeout(3), self.pool.connection() as connection:
                await connection.execute("SELECT 1")
        except Exception as exc:
            return f"PostgreSQL does not answer ({type(exc).__name__})"
        return "ok"

    async def _knowledge(self) -> str:
        health = await self.knowledge.live.retriever.health()
        if health["ready"]:
            return "ok"
        return f"the vector index has {health['chunks']} of {health['expected']} chunks; answers come from words alone"


@asynccontextmanager
async def open_desk(settings: Settings, *, demo: bool = False) -> AsyncIterator[Desk]:
    """Migrates, opens everything, runs the background work, and drains at the end.

    ``demo`` loads the pack's seed data and makes a secret of its own. Raises ``ConfigurationError`` and ``PackError``.
    """
    secret = installation_secret(settings, demo=demo)
    async with AsyncExitStack() as stack:
        url = await open_database(settings, stack)
        services, pool, messaging = await _services(settings, url=url, secret=secret, demo=demo, stack=stack)
        running = run_desk(services, settings=settings, pool=pool, url=url, secret=secret, messaging=messaging)
        yield await stack.enter_async_context(running)


@asynccontextmanager
async def run_desk(
    services: Services, *, settings: Settings, pool: Pool, url: str, secret: bytes, messaging: Messaging | None = None
) -> AsyncIterator[Desk]:
    """Runs conversations on services that are open already: turns, streams, and the work beside them.

    Without ``messaging`` what is put into the outbox stays there.
    """
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    log = EventLog(pool, owner=owner)
    hub = EventHub(log, owner=owner, url=url)
    runner = TurnRunner(
        build_graph(services, checkpointer=ConversationSaver(pool)),
        inbox=Inbox(pool, owner=owner, lease_ttl=settings.lease_ttl, pace=Pace(per_minute=settings.rate_per_minute)),
        log=log,
        hub=hub,
        refusals=services.policies.refusals,
        apologise=Apologist(services.handoff, policies=services.policies),
        step_up=services.gates.step_up,
        notices=services.notices,
        housekeeping=[services.gates.approvals.expire_due, services.executor.ledger.give_up],
        turn_timeout=settings.turn_timeout,
        lease_ttl=settings.lease_ttl,
    )
    accounts = Accounts(crm=services.crm)
    desk = Desk(
        settings=settings,
        policies=services.policies,
        pool=pool,
        services=services,
        conversations=ConversationStore(pool, secret=secret),
        runner=runner,
        log=log,
        hub=hub,
        audit=AuditLog(pool, heads=HeadFile(path=settings.audit_heads_file, secret=secret)),
        reviews=Reviews(gates=services.gates, executor=services.executor, policies=services.policies, wake=runner.wake),
        accounts=accounts,
        host_tokens=_host_tokens(settings, accounts=accounts),
        mailbox=messaging.senders.mailbox if messaging else None,
        staff=StaffStore(pool, secret=secret),
        switches=SwitchStore(pool, policies=services.policies),
    )
    await desk.audit.note_pack(name=services.policies.name, version=services.policies.version)
    content = services.knowledge
    beside = (desk.audit.run(), content.live.follow(), _rounds(content, pool=pool, messaging=messaging).run())
    tasks = [asyncio.create_task(work) for work in (*runner.background(), *beside)]
    sending = delivering(messaging, services, public_url=settings.public_url) if messaging else nullcontext()
    try:
        async with sending:
            yield desk
    finally:
        await runner.drain(seconds=DRAIN_SECONDS)
        await _stop(tasks)
        await desk.audit.close()


def _rounds(content: KnowledgeDesk, *, pool: Pool, messaging: Messaging | None) -> ReviewRounds:
    return ReviewRounds(
        pool=pool,
        outbox=messaging.outbox if messaging else Outbox(pool),
        policy=content.policies.knowledge,
        queue=content_queue(content.policies),
        publish_due=content.publish_due,
        today=content.today,
    )


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    """Cancels until all have ended: Python 3.11's ``wait_for``, in which psycopg waits, loses a cancellation that comes
    in the same moment as the answer."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=STOP_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


async def open_graph(settings: Settings, *, demo: bool, stack: AsyncExitStack) -> Graph:
    """The graph alone, for a host that brings its own checkpointer; what has to be closed goes onto the stack."""
    # In a thread: such a host forbids file access in its event loop.
    secret = await asyncio.to_thread(installation_secret, settings, demo=demo)
    url = await open_database(settings, stack)
    services, _, messaging = await _services(settings, url=url, secret=secret, demo=demo, stack=stack)
    await stack.enter_async_context(delivering(messaging, services, public_url=settings.public_url))
    return build_graph(services)


async def _services(
    settings: Settings, *, url: str, secret: bytes, demo: bool, stack: AsyncExitStack
) -> tuple[Services, Pool, Messaging]:
    policies = await asyncio.to_thread(lambda: load_pack(resolve_pack(settings.pack)))
    pool = await open_pool(url)
    stack.push_async_callback(pool.close)
    if demo:
        await seed(pool, policies)
    live = LiveKnowledge(ArticleStore(pool), policies=policies, build=_builder(settings, policies, pool=pool))
    engine, _ = await asyncio.gather(
        _engine(settings, policies, stack=stack), open_knowledge(live, ArticleStore(pool), policies=policies)
    )
    stack.push_async_callback(live.close)
    judge = judge_from(settings)
    if judge is not None:
        stack.push_async_callback(judge.aclose)
    variables = system_variables(frozenset().union(*(variables_of(spec) for spec in policies.systems.values())))
    systems = await stack.enter_async_context(open_systems(pool, policies.systems, variables=variables))
    senders = await stack.enter_async_context(open_senders(settings, shop=policies.title, demo=demo))
    messaging = Messaging(outbox=Outbox(pool), senders=senders)
    services = assemble(
        pool,
        policies,
        secret=secret,
        engine=engine,
        knowledge=live,
        judge=judge,
        outbox=messaging.outbox,
        factors=senders.available,
        systems=systems,
    )
    await refuse_lost_proposals(services.gates.proposals, policies=policies)
    return services, pool, messaging


async def open_knowledge(live: LiveKnowledge, store: ArticleStore, *, policies: PolicySet) -> None:
    """Puts in what the pack brings, and takes into use what is published."""
    await store.bring([(article, pieces(article)) for article in policies.articles.values()])
    await live.refresh()


def _builder(settings: Settings, policies: PolicySet, *, pool: Pool) -> Build:
    chroma, bases = chroma_of(settings), EmbeddingBases(pool)

    async def build(chunks: Sequence[Chunk], before: Retriever | None) -> Retriever:
        return await build_retriever(settings, policies, chunks=chunks, chroma=chroma, bases=bases, before=before)

    return build


def reference_systems(pool: Pool) -> Systems:
    """The business systems in our own database."""
    return Systems(
        orders=PostgresOrders(pool=pool),
        billing=PostgresBilling(pool=pool),
        crm=PostgresCrm(pool=pool),
        ticketing=PostgresTicketing(pool=pool),
        scheduling=PostgresScheduling(pool=pool),
    )


@asynccontextmanager
async def open_systems(
    pool: Pool, specs: Mapping[str, SystemSpec], *, variables: Mapping[str, str]
) -> AsyncIterator[Systems]:
    """The business systems of a pack: the reference ones, with those of its ``systems.yaml`` in their place or beside.

    ``variables``: values of those the pack names. Raises ``ConfigurationError`` for an MCP server that is not the one
    the pack describes.
    """
    async with AsyncExitStack() as stack:
        remote: dict[str, Any] = {}
        for spec in specs.values():
            match spec:
                case RestSystem():
                    transport = RestTransport(spec=spec, variables=variables)
                    stack.push_async_callback(transport.aclose)
                    remote[spec.id] = RemoteSystem(spec=spec, transport=transport)
                case McpSystem():
                    # Imported where it is used: it takes longer than all else here together.
                    from desk.integrations.mcp import McpTransport

                    server = McpTransport(spec=spec, variables=variables)
                    stack.push_async_callback(server.aclose)
                    await server.open()
                    remote[spec.id] = RemoteSystem(spec=spec, transport=server)
                case PostgresSystem():
                    pass
        standard = {name: system for name, system in remote.items() if name in STANDARD}
        sources = {name: system for name, system in remote.items() if name not in STANDARD}
        yield replace(reference_systems(pool), **standard, sources=sources)


def assemble(
    pool: Pool,
    policies: PolicySet,
    *,
    secret: bytes,
    engine: LanguageEngine,
    knowledge: Knowledge,
    judge: Judge | None = None,
    systems: Systems | None = None,
    outbox: Outbox | None = None,
    factors: frozenset[Factor] = frozenset({"email", "sms"}),
) -> Services:
    """Everything the nodes use, put together. ``systems``: others than the reference ones."""
    systems = systems or reference_systems(pool)
    approvals = ApprovalService(
        pool,
        enqueue_wake=enqueue_wake,
        limits=policies.approver_limits,
        editable={name: tool.editable for name, tool in policies.tools.items()},
    )
    outbox = outbox or Outbox(pool)
    proposals = ProposalStore(pool)
    step_up = StepUp(pool, key=secret, policy=policies.step_up, outbox=outbox, wake=enqueue_wake)
    ledger = Ledger(pool)
    evidence = EvidenceStore(
        policies=policies,
        ledger=ledger,
        approvals=approvals,
        grants=step_up,
        switches=SwitchStore(pool, policies=policies),
        crm=systems.crm,
    )
    return Services(
        policies=policies,
        engine=engine,
        knowledge=content_desk(pool, policies, knowledge=knowledge, judge=judge),
        identity=IdentificationStore(pool=pool, key=secret),
        crm=systems.crm,
        executor=ToolExecutor(
            policies=policies, registry=ToolRegistry(policies, systems), ledger=ledger, evidence=evidence
        ),
        gates=Gates(
            policies=policies,
            proposals=proposals,
            approvals=approvals,
            step_up=step_up,
            ledger=ledger,
            crm=systems.crm,
            factors=factors,
        ),
        notices=Notices(proposals=proposals, outbox=outbox, policies=policies),
        handoff=HandoffService(pool, policies=policies),
    )


def content_queue(policies: PolicySet) -> str:
    """Where tickets about articles go."""
    return policies.knowledge.queue or next(iter(policies.queues))


def content_desk(pool: Pool, policies: PolicySet, *, knowledge: Knowledge, judge: Judge | None) -> KnowledgeDesk:
    """Where articles are governed, and what is in use is looked at for contradictions."""
    conflicts = ConflictStore(pool, queue=content_queue(policies))
    return KnowledgeDesk(
        store=ArticleStore(pool),
        lists=ArticleLists(pool, review=policies.knowledge.review),
        conflicts=conflicts,
        check=ConflictCheck(conflicts, judge=judge),
        live=knowledge,
        policies=policies,
    )


def _host_tokens(settings: Settings, *, accounts: Accounts) -> HostTokens:
    return HostTokens(
        key=settings.host_jwt_key.get_secret_value() if settings.host_jwt_key else None,
        keys=RemoteKeys(settings.host_jwks_url) if settings.host_jwks_url else None,
        audience=settings.host_jwt_audience,
        is_customer=accounts.is_open,
    )


async def _engine(settings: Settings, policies: PolicySet, *, stack: AsyncExitStack) -> LanguageEngine:
    offline = await asyncio.to_thread(OfflineEngine.from_policies, policies, folder=settings.data_dir / "learned")
    if settings.openai_api_key is None or not settings.openai_api_key.get_secret_value():
        return offline
    from desk.language.openai import OpenAIEngine

    primary = OpenAIEngine.from_settings(settings, policies)
    stack.push_async_callback(primary.aclose)
    return FallbackEngine(primary=primary, fallback=offline)
