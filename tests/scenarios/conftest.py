"""A whole desk on real PostgreSQL and Chroma with the sample pack, and a customer who talks to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from desk.config.settings import Settings
from desk.db.pool import open_pool
from desk.domain.conversation import Channel
from desk.knowledge.store import ArticleStore
from graph.bootstrap import Desk, content_desk, open_desk, open_knowledge
from graph.builder import Services
from tests.integration.turns.desks import Parts, live_over_words, running_desk


@dataclass(kw_only=True)
class Heard:
    """What the customer got in one turn."""

    text: str
    outcome: str
    events: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The data of the turn's events of one type."""
        return [event for event in self.events if event["type"] == kind]

    @property
    def nodes(self) -> list[str]:
        """The nodes the turn went through, in order."""
        return [event["node"] for event in self.of("step") if event["status"] == "finished"]

    @property
    def sources(self) -> list[str]:
        return [source["article"] for source in self.of("message.completed")[0]["sources"]]

    @property
    def options(self) -> list[str]:
        options: list[str] = self.of("message.completed")[0]["options"]
        return options


@dataclass(kw_only=True)
class Customer:
    """One conversation with the desk."""

    desk: Desk
    conversation_id: str
    _said: int = field(default=0)
    _heard: int = field(default=0)

    async def says(self, text: str) -> Heard:
        """Sends a message and waits for the end of its turn."""
        self._said += 1
        turn = await self.desk.runner.submit(self.conversation_id, text=text, client_message_id=f"m{self._said}")
        return await self._hears(after=turn.after, turn_id=turn.turn_id)

    async def hears_more(self) -> Heard:
        """Waits for the end of the next turn that no message of the customer began."""
        return await self._hears(after=self._heard, turn_id=None)

    async def types_code(self) -> Heard:
        """Types the one-time code that was sent."""
        return await self.says(await self.code())

    async def code(self) -> str:
        """The code the customer reads on their phone: derived as the sender derives it, because nothing stores it."""
        step_up = self.desk.services.gates.step_up
        challenge = await step_up.open_challenge(self.conversation_id)
        assert challenge is not None, "nothing waits for a code"
        message = await step_up.message(challenge.id, challenge.sends)
        assert message is not None
        return message.code

    async def _hears(self, *, after: int, turn_id: str | None) -> Heard:
        events: list[dict[str, Any]] = []
        async with asyncio.timeout(30):
            async for event in self.desk.hub.follow(self.conversation_id, after=after):
                data = json.loads(event.data)
                if turn_id is None:
                    turn_id = data["turn_id"]
                if data["turn_id"] == turn_id:
                    events.append({"type": event.type, **data})
                if event.type == "turn.completed" and data["turn_id"] == turn_id:
                    self._heard = event.id
                    break
        completed = next(event for event in events if event["type"] == "message.completed")
        return Heard(text=completed["text"], outcome=events[-1]["outcome"], events=events)


@dataclass(kw_only=True)
class Shop:
    """Opens conversations on one desk."""

    desk: Desk

    async def customer(self, channel: Channel = "web") -> Customer:
        session = await self.desk.conversations.start(
            channel=channel, locale="en", pack_version=self.desk.policies.version
        )
        return Customer(desk=self.desk, conversation_id=session.conversation_id)


@pytest.fixture
async def shop(seeded_database_url: str, parts: Parts) -> AsyncIterator[Shop]:
    """The whole desk on parts that all tests share; articles are found by words alone."""
    async with running_desk(seeded_database_url, parts, per_minute=100_000) as desk:
        yield Shop(desk=desk)


@pytest.fixture
async def real_shop(
    empty_database_url: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> AsyncIterator[Shop]:
    """The same opened as ``frontdesk serve --demo`` does, with a real Chroma."""
    # The index is the same for every test: built once, reused by fingerprint.
    folder: Path = tmp_path_factory.getbasetemp() / "scenario-data"
    settings = Settings(
        database_url=empty_database_url, data_dir=folder, secret_key=SecretStr("s" * 40), rate_per_minute=100_000,
        audit_heads=tmp_path / "audit-heads.jsonl",
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        yield Shop(desk=await stack.enter_async_context(open_desk(settings, demo=True)))


@pytest.fixture
async def governed_shop(seeded_database_url: str, parts: Parts) -> AsyncIterator[Shop]:
    """The desk on articles of the database, which can be submitted and published; found by words alone."""
    pool = await open_pool(seeded_database_url, max_size=4)
    store = ArticleStore(pool)
    live = live_over_words(store, parts.policies)
    await open_knowledge(live, store, policies=parts.policies)

    def governed(services: Services) -> Services:
        return replace(services, knowledge=content_desk(pool, parts.policies, knowledge=live, judge=None))

    try:
        async with running_desk(seeded_database_url, parts, per_minute=100_000, change=governed) as desk:
            yield Shop(desk=desk)
    finally:
        await pool.close()


@pytest.fixture
async def customer(shop: Shop) -> Customer:
    return await shop.customer()
