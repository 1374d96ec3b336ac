"""``kill -9`` at every database operation of a turn: another process finishes it, with one answer (R12.2)."""

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from desk.db.pool import Pool
from graph.bootstrap import Desk
from tests.integration.turns.conftest import OpenDesk
from tests.integration.turns.crashing import SCENARIOS
from tests.integration.turns.desks import (
    assert_told_once,
    completed,
    memory_of,
    new_conversation,
    rows,
    say,
)

ROOT = Path(__file__).parents[3]


async def _killed_tries(url: str) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.turns.crashing", url,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    return [json.loads(line) for line in out.splitlines()]


async def _nothing_owed(pool: Pool, *, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while await rows(pool, "SELECT FROM conversations WHERE open_turns > 0 LIMIT 1"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _controls(desk: Desk, scenarios: Iterable[str]) -> dict[str, dict[str, Any]]:
    memories = {}
    for scenario in scenarios:
        conversation_id = await new_conversation(desk)
        for number, text in enumerate(SCENARIOS[scenario]):
            await say(desk, conversation_id, text, key=f"m{number}")
            await completed(desk, conversation_id, turns=number + 1)
        memories[scenario] = await memory_of(desk, conversation_id)
    return memories


@pytest.mark.heavy
async def test_a_turn_killed_at_any_database_operation_is_finished_once(
    open_desk: OpenDesk, empty_database_url: str
) -> None:
    """R12.2, R5.5, PITFALLS 2: nobody asks for it; a client whose message was never stored sends it again."""
    tries = await _killed_tries(empty_database_url)
    killed = [one for one in tries if one["at"] is not None]
    assert len(killed) > 90, "the matrix covers every operation of every scenario"

    desk = await open_desk()
    await _nothing_owed(desk.pool)
    for number in (0, 1):  # the client repeats whatever it was not told about; what is stored is not run again
        for one in tries:
            if number < len(texts := SCENARIOS[one["scenario"]]):
                await say(desk, one["conversation_id"], texts[number], key=f"m{number}")
        await _nothing_owed(desk.pool)

    controls = await _controls(desk, SCENARIOS)
    for one in tries:
        conversation_id, scenario = one["conversation_id"], one["scenario"]
        try:
            await assert_told_once(desk.pool, conversation_id, turns=len(SCENARIOS[scenario]))
            tickets = await rows(desk.pool, "SELECT id FROM tickets WHERE conversation_id = %s", conversation_id)
            assert len(tickets) == scenario.startswith("refusal")
            assert await memory_of(desk, conversation_id) == controls[scenario]
        except AssertionError as exc:
            raise AssertionError(f"{scenario}, killed {'after' if one['after'] else 'before'} {one['at']}") from exc
