"""A turn that breaks ends in one honest reply, and the next message works (R3.3, R12.4)."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from psycopg import OperationalError

from desk.db.embedded import _folder, _library, start_embedded_postgres, stop_embedded_postgres
from desk.db.pool import Pool, open_pool
from desk.domain.passages import Passage
from desk.integrations.seed import seed
from desk.language.engine import AnswerPart, TurnContext, Understanding
from desk.language.offline import OfflineEngine
from graph import runs
from graph.bootstrap import Desk
from graph.database import prepare_database
from tests.integration.turns.conftest import OpenDesk
from tests.integration.turns.crashing import POISON
from tests.integration.turns.desks import (
    ORDER,
    QUESTION,
    GatedEngine,
    Parts,
    assert_told_once,
    completed,
    memory_of,
    new_conversation,
    rows,
    running_desk,
    say,
    stored_events,
)

INNER = "Traceback: password=hunter2 in /srv/secret.py"


class BreakingEngine:
    """The offline engine, except that it breaks where it is told to."""

    name = "breaking"

    def __init__(self, engine: OfflineEngine, *, where: str) -> None:
        self._engine = engine
        self.where = where

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        if self.where == "classify":
            raise RuntimeError(INNER)
        return await self._engine.understand(message, context=context)

    async def answer(
        self, question: str, *, passages: Sequence[Passage], context: TurnContext
    ) -> AsyncIterator[AnswerPart]:
        async for part in self._engine.answer(question, passages=passages, context=context):
            yield part
            if self.where == "respond":
                raise RuntimeError(INNER)


async def _assert_honest(desk: Desk, conversation_id: str, *, turn: int) -> None:
    """The turn failed, a person has it, and nothing from inside shows."""
    turns = await rows(desk.pool, "SELECT * FROM turns WHERE conversation_id = %s ORDER BY position", conversation_id)
    assert turns[turn]["outcome"] == "failed"
    tickets = await rows(desk.pool, "SELECT * FROM tickets WHERE turn_id = %s", turns[turn]["id"])
    assert len(tickets) == 1
    told = orjson.dumps(await stored_events(desk.pool, conversation_id)).decode()
    told += str(await rows(desk.pool, "SELECT text, evidence FROM messages")) + str(tickets)
    for word in ("hunter2", "Traceback", "RuntimeError", "TimeoutError", ".py"):
        assert word not in told


@pytest.mark.parametrize("where", ["classify", "respond"])
async def test_a_node_that_raises_ends_in_one_honest_reply(open_desk: OpenDesk, parts: Parts, where: str) -> None:
    """R3.3: the reply, a ticket, no word of the error; memory is as before, and the next message is answered."""
    engine = BreakingEngine(parts.engine, where="nowhere")
    desk = await open_desk(engine=engine)
    conversation_id = await new_conversation(desk)
    await say(desk, conversation_id, ORDER, key="m0")
    await completed(desk, conversation_id, turns=1)
    before = await memory_of(desk, conversation_id)

    engine.where = where
    await say(desk, conversation_id, QUESTION, key="m1")
    await completed(desk, conversation_id, turns=2)
    await _assert_honest(desk, conversation_id, turn=1)
    assert await memory_of(desk, conversation_id) == before
    assert await rows(desk.pool, "SELECT * FROM checkpoint_writes") == [], "no error text is kept"

    engine.where = "nowhere"
    await say(desk, conversation_id, QUESTION, key="m2")
    await completed(desk, conversation_id, turns=3)
    await assert_told_once(desk.pool, conversation_id, turns=3)
    outcomes = await rows(desk.pool, "SELECT outcome FROM turns ORDER BY position")
    assert [row["outcome"] for row in outcomes] == ["asked", "failed", "answered"]


async def test_a_turn_that_takes_too_long_ends_in_one_honest_reply(open_desk: OpenDesk, parts: Parts) -> None:
    """R12.4, PITFALLS 7.6"""
    engine = GatedEngine(parts.engine, word="returns")
    desk = await open_desk(engine=engine, turn_seconds=0.3)
    conversation_id = await new_conversation(desk)

    await say(desk, conversation_id, QUESTION, key="m0")
    await completed(desk, conversation_id, turns=1)
    await _assert_honest(desk, conversation_id, turn=0)

    await say(desk, conversation_id, "Do you ship to Canada?", key="m1")
    await completed(desk, conversation_id, turns=2)
    await assert_told_once(desk.pool, conversation_id, turns=2)


class ResettingEngine(GatedEngine):
    """Loses its database connection while the first message is read."""

    resets = 1

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        if self.resets:
            self.resets -= 1
            raise OperationalError("server closed the connection unexpectedly")
        return await super().understand(message, context=context)


async def test_an_outage_of_the_database_within_a_turn_is_no_failure_of_it(open_desk: OpenDesk, parts: Parts) -> None:
    """R12.4: the turn is given back and run again, not answered with an apology."""
    desk = await open_desk(engine=ResettingEngine(parts.engine, word="no word"), lease_seconds=60)
    conversation_id = await new_conversation(desk)

    await say(desk, conversation_id, QUESTION, key="m0")
    await completed(desk, conversation_id, turns=1, seconds=5)

    assert await rows(desk.pool, "SELECT outcome, attempts FROM turns") == [{"outcome": "answered", "attempts": 2}]
    assert await rows(desk.pool, "SELECT * FROM tickets") == []
    await assert_told_once(desk.pool, conversation_id, turns=1)


class StubbornEngine(GatedEngine):
    """Does not stop when it is cancelled, as a model client's stream did on Python 3.11."""

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        while self._word in message and not self.gate.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.gate.wait()
        return await self._engine.understand(message, context=context)


async def test_a_run_that_cannot_be_stopped_is_left_behind(
    open_desk: OpenDesk, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PITFALLS 6: the customer gets the honest reply, the conversation goes on, and the run adds nothing later."""
    monkeypatch.setattr(runs, "CANCEL_SECONDS", 0.2)
    engine = StubbornEngine(parts.engine, word="returns")
    desk = await open_desk(engine=engine, turn_seconds=0.5)
    conversation_id = await new_conversation(desk)
    turn_id = await say(desk, conversation_id, QUESTION, key="m0")
    await completed(desk, conversation_id, turns=1)
    await say(desk, conversation_id, "Do you ship to Canada?", key="m1")
    before = await completed(desk, conversation_id, turns=2)
    memory = await memory_of(desk, conversation_id)

    (left,) = [task for task in asyncio.all_tasks() if task.get_name() == f"run of {turn_id}"]
    engine.gate.set()
    await asyncio.wait([left])

    assert await desk.log.read(conversation_id, after=0) == before
    assert await memory_of(desk, conversation_id) == memory
    await _assert_honest(desk, conversation_id, turn=0)
    await assert_told_once(desk.pool, conversation_id, turns=2)


@pytest.mark.heavy
async def test_a_message_that_kills_its_process_is_answered_in_the_end(
    open_desk: OpenDesk, empty_database_url: str
) -> None:
    """R12.2: four processes die of it; the next one apologises instead of trying."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.turns.crashing", empty_database_url, "poison",
        cwd=Path(__file__).parents[3], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    report: dict[str, Any] = orjson.loads(out)
    assert report["killed"] == 4

    desk, conversation_id = await open_desk(), report["conversation_id"]
    await _assert_honest(desk, conversation_id, turn=0)
    assert await rows(desk.pool, "SELECT text FROM turns") == [{"text": POISON}]
    await say(desk, conversation_id, QUESTION, key="next")
    await completed(desk, conversation_id, turns=2)
    await assert_told_once(desk.pool, conversation_id, turns=2)


class OwnPostgres:
    """An embedded server that may be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = start_embedded_postgres(folder)

    def crash(self) -> None:
        """As ``pg_ctl stop -m immediate`` does."""
        server = psutil.Process(_library().get_server(_folder(self._folder)).get_pid())
        os.kill(server.pid, signal.SIGQUIT)
        server.wait(timeout=10)

    def start(self) -> None:
        _library().get_server(_folder(self._folder)).start()


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-crash-"))
    yield OwnPostgres(folder)
    stop_embedded_postgres(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.heavy
@pytest.mark.parametrize("goes_on", ["while the database is away", "when it is back"])
async def test_a_restart_of_postgres_in_the_middle_of_a_turn_is_survived(
    own_postgres: OwnPostgres, parts: Parts, goes_on: str
) -> None:
    """R12.4, PITFALLS 2: the turn gets its true answer, once; an outage is no reason to give up."""
    await prepare_database(own_postgres.url)
    seeding: Pool = await open_pool(own_postgres.url, max_size=2)
    await seed(seeding, parts.policies)
    await seeding.close()
    engine = GatedEngine(parts.engine, word="HP-10001")
    async with running_desk(own_postgres.url, parts, engine=engine) as desk:
        conversation_id = await new_conversation(desk)
        await say(desk, conversation_id, ORDER, key="m0")
        await engine.reached.wait()
        await asyncio.to_thread(own_postgres.crash)
        if goes_on == "while the database is away":
            engine.gate.set()
            await asyncio.sleep(0.5)  # the turn runs into the outage
        await asyncio.to_thread(own_postgres.start)
        engine.gate.set()

        async with asyncio.timeout(40):
            while await rows(desk.pool, "SELECT FROM conversations WHERE open_turns > 0"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await assert_told_once(desk.pool, conversation_id, turns=1)
        assert await rows(desk.pool, "SELECT outcome FROM turns") == [{"outcome": "asked"}]
