"""Dies at every database operation of a turn. Run as a process: ``python -m tests.integration.turns.crashing URL``.

What is slow is made once; each try is a fork that opens a desk, talks in a conversation of its own and kills itself
before or after its Nth database operation since the first message. Tries go on until one survives. Each line of the
output is JSON: ``{"conversation_id", "scenario", "at", "after"}``; ``at`` is null for the try that survived.

``… URL poison`` sends a message that kills every process that reads it, and starts processes until one survives:
``{"conversation_id", "killed"}``.
"""

import asyncio
import contextvars
import itertools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from psycopg import AsyncCursor
from psycopg.pq import TransactionStatus

from desk.audit.log import AuditLog
from desk.conversations.inbox import Inbox
from desk.language.engine import TurnContext, Understanding
from desk.policies.loader import load_pack
from graph import recorder
from tests.integration.turns.desks import (
    EMAIL,
    LEGAL,
    ORDER,
    QUESTION,
    GatedEngine,
    Parts,
    completed,
    make_parts,
    new_conversation,
    running_desk,
    say,
)

SCENARIOS = {
    "question": [QUESTION],
    "question, events stored one by one": [QUESTION],
    "order": [ORDER, EMAIL],
    "refusal": [LEGAL],
    "refusal, events stored one by one": [LEGAL],
}
POISON = "This message is poison."
MAX_KILLED = 8
client_side = contextvars.ContextVar("client", default=False)
"""Operations of the customer's side of the test are not counted."""


def main(url: str) -> None:
    parts = make_parts(load_pack(Path(__file__).parents[3] / "packs" / "retail"))
    for scenario, after in itertools.product(SCENARIOS, (False, True)):
        for at in itertools.count(1):
            conversation_id, survived = _try(url, parts, scenario, at=at, after=after)
            line = {"conversation_id": conversation_id, "scenario": scenario, "at": at, "after": after}
            sys.stdout.write(json.dumps(line | {"at": None} if survived else line) + "\n")
            if survived:
                break


def _try(url: str, parts: Parts, scenario: str, *, at: int, after: bool) -> tuple[str, bool]:
    return fork(lambda announce: _talk(url, parts, scenario, at=at, after=after, announce=announce))


def poison(url: str) -> None:
    parts = make_parts(load_pack(Path(__file__).parents[3] / "packs" / "retail"))
    poisoned: str | None = None
    for killed in range(MAX_KILLED):
        poisoned, survived = fork(lambda announce: _read_poison(url, parts, poisoned, announce=announce))  # noqa: B023
        if survived:
            sys.stdout.write(json.dumps({"conversation_id": poisoned, "killed": killed}))
            return


async def _read_poison(url: str, parts: Parts, conversation_id: str | None, *, announce: int) -> None:
    async with asyncio.timeout(20), running_desk(url, parts, engine=_Deadly(parts), lease_seconds=0.3) as desk:
        known = conversation_id or await new_conversation(desk)
        announce_to(known, announce)
        if conversation_id is None:
            await say(desk, known, POISON, key="poison")
        await completed(desk, known, turns=1)


class _Deadly(GatedEngine):
    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.engine, word="no word")

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        if message == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().understand(message, context=context)


def announce_to(conversation_id: str, pipe: int) -> None:
    os.write(pipe, conversation_id.encode())
    os.close(pipe)


def fork(work: Callable[[int], Coroutine[Any, Any, None]]) -> tuple[str, bool]:
    """Runs it in a child; the conversation it announced and whether it survived. Any other end is an error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 3
        try:
            asyncio.run(work(writing))
            status = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as announced:
        conversation_id = announced.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not conversation_id or not (killed or status == 0):
        raise RuntimeError("a try ended by itself")
    return conversation_id, not killed


async def _talk(url: str, parts: Parts, scenario: str, *, at: int, after: bool, announce: int) -> None:
    if "one by one" in scenario:
        recorder.LINGER_SECONDS = 0
    start = die_at(at, after=after)
    async with asyncio.timeout(30), running_desk(url, parts) as desk:
        conversation_id = await new_conversation(desk)
        announce_to(conversation_id, announce)
        start()
        for number, text in enumerate(SCENARIOS[scenario]):
            await say(desk, conversation_id, text, key=f"m{number}")
            client_side.set(True)
            await completed(desk, conversation_id, turns=number + 1)
            client_side.set(False)
        os._exit(0)


def die_at(at: int, *, after: bool, within: bool = False) -> Callable[[], None]:
    """Sets the trap; what is returned starts the counting.

    ``within``: counts only what leaves a transaction open. After any other operation is before the next one.
    """
    operations, counting = itertools.count(1), False
    execute: Any = AsyncCursor.execute

    async def dying(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        # The pool's check of a connection is an empty query: no operation of the turn's.
        counts = counting and not client_side.get() and query != ""
        if counts and not after and next(operations) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        result = await execute(self, query, *args, **kwargs)
        is_open = self.connection.info.transaction_status != TransactionStatus.IDLE
        if counts and after and (is_open or not within) and next(operations) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    async def nothing(self: object) -> list[str]:
        return []

    AsyncCursor.execute = dying  # type: ignore[method-assign]

    def start() -> None:
        nonlocal counting
        counting = True

    AuditLog.run = nothing  # type: ignore[method-assign, assignment]  # comes by the clock, not with the turn
    Inbox.unattended = nothing  # type: ignore[method-assign, assignment]  # recovering is for those who live
    return start


if __name__ == "__main__":
    (poison if sys.argv[2:] == ["poison"] else main)(sys.argv[1])
