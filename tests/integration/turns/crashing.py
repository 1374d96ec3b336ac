"""Dies at every database operation of a turn. Run as a process: ``python -m tests.integration.turns.crashing URL``.

What is slow is made once; each try is a fork that opens a desk, talks in a conversation of its own and kills itself
before or after its Nth database operation since the first message. Tries go on until one survives. Each line of the
output is JSON: ``{"conversation_id", "scenario", "at", "after"}``; ``at`` is null for the try that survived.
"""

import asyncio
import contextvars
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psycopg import AsyncCursor

from desk.conversations.inbox import Inbox
from desk.policies.loader import load_pack
from graph import recorder
from tests.integration.turns.desks import (
    EMAIL,
    LEGAL,
    ORDER,
    QUESTION,
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
_client = contextvars.ContextVar("client", default=False)
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
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 3
        try:
            asyncio.run(_talk(url, parts, scenario, at=at, after=after, announce=writing))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as announced:
        conversation_id = announced.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not conversation_id or not (killed or status == 0):
        raise RuntimeError(f"a try failed by itself: {scenario}, operation {at}")
    return conversation_id, not killed


async def _talk(url: str, parts: Parts, scenario: str, *, at: int, after: bool, announce: int) -> None:
    if "one by one" in scenario:
        recorder.LINGER_SECONDS = 0
    start = _die_at(at, after=after)
    async with asyncio.timeout(30), running_desk(url, parts) as desk:
        conversation_id = await new_conversation(desk)
        os.write(announce, conversation_id.encode())
        os.close(announce)
        start()
        for number, text in enumerate(SCENARIOS[scenario]):
            await say(desk, conversation_id, text, key=f"m{number}")
            _client.set(True)
            await completed(desk, conversation_id, turns=number + 1)
            _client.set(False)
        os._exit(0)


def _die_at(at: int, *, after: bool) -> Callable[[], None]:
    """Sets the trap; what is returned starts the counting."""
    operations, counting = itertools.count(1), False
    execute: Any = AsyncCursor.execute

    async def dying(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        # The pool's check of a connection is an empty query: no operation of the turn's.
        now = counting and not _client.get() and query != "" and next(operations) == at
        if now and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = await execute(self, query, *args, **kwargs)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    async def nothing(self: Inbox) -> list[str]:
        return []

    AsyncCursor.execute = dying  # type: ignore[method-assign]

    def start() -> None:
        nonlocal counting
        counting = True

    Inbox.unattended = nothing  # type: ignore[method-assign, assignment]  # recovering is for those who live
    return start


if __name__ == "__main__":
    main(sys.argv[1])
