"""Desks for the tests of turns: the real graph on a real database, the offline engine, search by words alone."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from pydantic import SecretStr

from desk.config.settings import Settings
from desk.conversations.events import StoredEvent
from desk.db.pool import Pool, open_pool
from desk.domain.passages import Passage
from desk.knowledge.store import ArticleStore
from desk.language.engine import AnswerPart, LanguageEngine, TurnContext, Understanding
from desk.language.offline import OfflineEngine
from desk.policies.models import PolicySet
from graph.bootstrap import Desk, assemble, run_desk
from graph.builder import Services
from retrieval.live import FixedKnowledge, LiveKnowledge
from retrieval.search import Retriever, build_retriever
from retrieval.words_alone import NoIndex, builder_of_words

_HEADS = TemporaryDirectory(prefix="frontdesk-tests-heads-")
SECRET = b"a secret of the tests, long enough"
QUESTION = "What is your returns policy?"
ORDER = "Where is my order HP-10001?"
EMAIL = "ava.moreno@example.com"
LEGAL = "Can I sue you? I want legal advice."


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is slow to make and belongs to no event loop."""

    policies: PolicySet
    engine: OfflineEngine
    retriever: Retriever


def make_parts(policies: PolicySet) -> Parts:
    # In a thread of its own: the event loops of the tests are left alone. Nothing listens on port 9.
    with ThreadPoolExecutor(max_workers=1) as thread:
        built = build_retriever(_settings(chroma_url="http://127.0.0.1:9"), policies)
        retriever = thread.submit(asyncio.run, built).result()
    return Parts(
        policies=policies, engine=OfflineEngine.from_policies(policies), retriever=replace(retriever, index=NoIndex())
    )


def _settings(**changes: Any) -> Settings:
    """Settings that read nothing from the machine they run on."""
    settings = Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()})
    return settings.model_copy(update=changes)


def live_over_words(store: ArticleStore, policies: PolicySet) -> LiveKnowledge:
    """What is published, found by words alone; not refreshed yet."""
    return LiveKnowledge(store, policies=policies, build=builder_of_words(policies))


def services_on(pool: Pool, parts: Parts, *, engine: LanguageEngine | None = None) -> Services:
    return assemble(
        pool,
        parts.policies,
        secret=SECRET,
        engine=engine or parts.engine,
        knowledge=FixedKnowledge(retriever=parts.retriever),
    )


@asynccontextmanager
async def running_desk(
    url: str,
    parts: Parts,
    *,
    engine: LanguageEngine | None = None,
    lease_seconds: float = 1.0,
    turn_seconds: float = 20.0,
    per_minute: int = 6000,
    pool_size: int = 6,
    change: Callable[[Services], Services] = lambda services: services,
) -> AsyncIterator[Desk]:
    """A desk with a pool of its own, as in a process of its own. ``change``: other services than the usual ones."""
    settings = _settings(
        database_url=url,
        secret_key=SecretStr(SECRET.decode()),
        lease_ttl=timedelta(seconds=lease_seconds),
        turn_timeout=timedelta(seconds=turn_seconds),
        rate_per_minute=per_minute,
        audit_heads=heads_of(url),
    )
    pool = await open_pool(url, max_size=pool_size)
    try:
        services = change(services_on(pool, parts, engine=engine))
        async with run_desk(services, settings=settings, pool=pool, url=url, secret=SECRET) as desk:
            yield desk
    finally:
        await pool.close()


class GatedEngine:
    """The offline engine, except that messages with ``word`` wait for ``gate`` while they are read."""

    name = "gated"

    def __init__(self, engine: OfflineEngine, *, word: str) -> None:
        self._engine = engine
        self._word = word
        self.gate = asyncio.Event()
        self.reached = asyncio.Event()

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        if self._word in message:
            self.reached.set()
            await self.gate.wait()
        return await self._engine.understand(message, context=context)

    def answer(self, question: str, *, passages: Sequence[Passage], context: TurnContext) -> AsyncIterator[AnswerPart]:
        return self._engine.answer(question, passages=passages, context=context)


def heads_of(url: str) -> Path:
    """Where processes of a test on one database keep the audit log's heads; gone with this process."""
    return Path(_HEADS.name) / hashlib.sha256(url.encode()).hexdigest()


async def new_conversation(desk: Desk) -> str:
    session = await desk.conversations.start(channel="web", locale="en", pack_version=desk.policies.version)
    return session.conversation_id


async def completed(desk: Desk, conversation_id: str, *, turns: int, seconds: float = 20.0) -> list[StoredEvent]:
    """Follows the conversation until so many turns are completed; every event from the first one."""
    events: list[StoredEvent] = []
    async with asyncio.timeout(seconds):
        async for event in desk.hub.follow(conversation_id, after=0):
            events.append(event)
            turns -= event.type == "turn.completed"
            if turns == 0:
                break
    return events


async def say(desk: Desk, conversation_id: str, text: str, *, key: str) -> str:
    return (await desk.runner.submit(conversation_id, text=text, client_message_id=key)).turn_id


async def rows(pool: Pool, query: str, *values: Any) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        return list(await (await connection.execute(query, values)).fetchall())


async def memory_of(desk: Desk, conversation_id: str) -> dict[str, Any]:
    """What the graph remembers, without what differs between two conversations about the same things."""
    from graph.checkpointer import ConversationSaver

    found = await ConversationSaver(desk.pool).aget_tuple({"configurable": {"thread_id": conversation_id}})
    assert found is not None
    values = {name: found.checkpoint["channel_values"].get(name) for name in ("memory", "reply")}
    text = re.sub(r"\b(turn|msg|tick|call|conv)_[0-9a-z]{26}\b", r"\1", orjson.dumps(values).decode())
    return dict(orjson.loads(re.sub(r'"position":\d+', '"position":0', text)))


async def assert_told_once(pool: Pool, conversation_id: str, *, turns: int) -> None:
    """Every promise about the turns of one conversation, read from the database."""
    (conversation,) = await rows(pool, "SELECT * FROM conversations WHERE id = %s", conversation_id)
    assert (conversation["open_turns"], conversation["lease_until"], conversation["lease_owner"]) == (0, None, None)
    owned = await rows(pool, "SELECT * FROM turns WHERE conversation_id = %s ORDER BY position", conversation_id)
    assert len(owned) == turns
    assert all(turn["completed_at"] is not None for turn in owned)
    answers = await rows(
        pool, "SELECT * FROM messages WHERE conversation_id = %s AND role = 'assistant' ORDER BY position",
        conversation_id,
    )  # fmt: skip
    assert [answer["turn_id"] for answer in answers] == [turn["id"] for turn in owned], "one answer a turn, in order"
    events = await stored_events(pool, conversation_id)
    assert [number for number, _, _ in events] == list(range(1, conversation["last_event"] + 1)), "no gap, no double"
    for answer in answers:
        of_turn = [(kind, data) for _, kind, data in events if data["turn_id"] == answer["turn_id"]]
        kinds = [kind for kind, _ in of_turn]
        assert kinds.count("message.completed") == kinds.count("turn.completed") == 1, kinds
        assert kinds.count("turn.started") == 1
        assert (kinds[0], kinds[-1]) == ("turn.started", "turn.completed")
        told = next(data for kind, data in of_turn if kind == "message.completed")
        assert (told["message_id"], told["text"]) == (answer["id"], answer["text"])
        pieces = [data["text"] for kind, data in of_turn
                  if kind == "message.delta" and data["message_id"] == answer["id"]]  # fmt: skip
        assert "".join(pieces) == answer["text"], "the pieces are the text"
    tickets = await rows(pool, "SELECT turn_id FROM tickets WHERE conversation_id = %s", conversation_id)
    assert len(tickets) == len({ticket["turn_id"] for ticket in tickets})
    notes = await rows(
        pool, "SELECT detail->>'turn' AS turn FROM audit_entries WHERE conversation_id = %s"
        " AND action = 'conversation.classified'", conversation_id,
    )  # fmt: skip
    assert len(notes) == len({note["turn"] for note in notes}), "an attempt that is run again is not noted again"
    order = [data["turn_id"] for _, kind, data in events if kind == "turn.completed"]
    assert order == [turn["id"] for turn in owned], "in the order they were sent"


async def stored_events(pool: Pool, conversation_id: str) -> list[tuple[int, str, dict[str, Any]]]:
    batches = await rows(
        pool, "SELECT * FROM event_batches WHERE conversation_id = %s ORDER BY first_event", conversation_id
    )
    return [
        (number, kind, orjson.loads(data))
        for batch in batches
        for number, (kind, data) in enumerate(orjson.loads(batch["events"]), batch["first_event"])
    ]
