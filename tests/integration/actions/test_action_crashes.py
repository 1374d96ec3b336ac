"""``kill -9`` at every database operation of an action, from the message to the answer (R5.5, R12.2, PITFALLS 2).

Whoever lives finishes it by itself: one effect, or one that is reported as unknown and left to a person; one answer a
turn. A client or an approver who was not told anything does it again, as they would; then the story goes to its end.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from desk.domain.errors import FrontdeskError
from graph.bootstrap import Desk
from tests.fakes.remote_billing import RemoteShop, with_remote_billing
from tests.integration.actions.conftest import OpenDesk
from tests.integration.actions.killing import STEPS, approves, of_line
from tests.integration.actions.shoppers import Shopper, Story, check_told, idle, story_of, told_of
from tests.integration.turns.desks import memory_of, rows, say
from tests.scenarios.conftest import Customer

ROOT = Path(__file__).parents[3]
REPEATED = {"asks": "asks", "types the code": "types", "says yes": "yes", "says yes, an approver is asked": "yes"}
"""Key of the message of a step, where the step is one."""

AT_ONCE = 6

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]


class Try:
    """One conversation somebody died in, and how it goes on."""

    def __init__(self, desk: Desk, line: dict[str, Any]) -> None:
        self.step, self.at, self.after = line["step"], line["at"], line["after"]
        conversation_id, _, self.code = line["conversation_id"].partition(" ")
        self.customer = Customer(desk=desk, conversation_id=conversation_id)
        self.shopper: Shopper = of_line(line)

    async def again(self) -> None:
        """The step once more, by somebody who does not know whether it counted."""
        desk, conversation_id = self.customer.desk, self.customer.conversation_id
        if (key := REPEATED.get(self.step)) is not None:
            texts = {"asks": f"Please refund order {self.shopper.order}", "types": self.code, "yes": "Yes"}
            await say(desk, conversation_id, texts[key], key=key)
        elif self.step == "posts the code":
            await desk.services.gates.step_up.check(conversation_id, self.code)
            desk.runner.wake(conversation_id)
        else:
            try:
                await approves(self.customer, self.shopper)
            except FrontdeskError as exc:
                assert exc.error_code == "already_decided"  # noqa: PT017

    async def to_the_end(self) -> None:
        """What the customer and an approver would do next, until nothing is left to do."""
        desk, conversation_id = self.customer.desk, self.customer.conversation_id
        for number in range(4):
            await idle(desk.pool, [conversation_id])
            request = (await memory_of(desk, conversation_id))["memory"]["request"]
            if await desk.services.gates.step_up.open_challenge(conversation_id) is not None:
                await say(desk, conversation_id, await self.customer.code(), key=f"code-{number}")
            elif request is not None and request["confirming"]:
                await say(desk, conversation_id, "Yes", key=f"yes-{number}")
            elif (found := await desk.services.gates.approvals.of_conversation(conversation_id)) and (
                found[-1].status == "pending"
            ):
                await approves(self.customer, self.shopper)
            else:
                return
        raise AssertionError("the story has no end")

    def __str__(self) -> str:
        return f"{self.step}: killed {'after' if self.after else 'before'} operation {self.at}"


async def killed(*arguments: str) -> list[dict[str, Any]]:
    """Nobody lives beside those that die: a turn that somebody else took over would not kill."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.actions.killing", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    return [json.loads(line) for line in out.splitlines()]


async def finished(desk: Desk, lines: Sequence[dict[str, Any]]) -> list[Try]:
    """All of them, gone on with to their ends."""
    tries = [Try(desk, line) for line in lines]
    conversations = [one.customer.conversation_id for one in tries]
    await idle(desk.pool, conversations, seconds=60)
    await _each(tries, Try.again)
    await idle(desk.pool, conversations, seconds=60)
    await _each(tries, Try.to_the_end)
    return tries


async def _each(tries: Sequence[Try], work: Callable[[Try], Awaitable[None]]) -> None:
    """Some at a time: there are hundreds."""
    waiting = list(tries)

    async def one_by_one() -> None:
        while waiting:
            one = waiting.pop()
            try:
                await work(one)
            except AssertionError as exc:
                raise AssertionError(str(one)) from exc

    await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))


async def test_an_action_killed_anywhere_happens_once(open_desk: OpenDesk, empty_database_url: str) -> None:
    lines = await killed(empty_database_url)
    assert {line["step"] for line in lines} == set(STEPS)
    assert len(lines) > 150, "the matrix covers every operation of every step"
    desk = await open_desk()
    tries = await finished(desk, lines)

    for one in tries:
        try:
            story = await story_of(desk.pool, one.customer.conversation_id, one.shopper)
            assert story.refunds == [one.shopper.total], story
            assert story.outcomes == ["succeeded"], story
            assert story.news.count("action.completed succeeded") == 1, story
            assert story.approvals == ["approved"] * (one.shopper.total > 10_000), story
        except AssertionError as exc:
            raise AssertionError(str(one)) from exc


@pytest.mark.parametrize("keys", ["keys", "nokeys"])
async def test_a_refund_by_a_remote_system_killed_anywhere_happens_once_or_is_reported(
    open_desk: OpenDesk, empty_database_url: str, keys: str
) -> None:
    async with RemoteShop(honours_keys=keys == "keys") as remote:
        change = with_remote_billing(remote.port, honours_keys=remote.honours_keys)
        lines = await killed(empty_database_url, str(remote.port), keys)
        assert len(lines) > 30, "the matrix covers every operation of both steps"
        desk = await open_desk(change=change)
        tries = await finished(desk, lines)

        unknown = 0
        for one in tries:
            try:
                story = await told_of(desk.pool, one.customer.conversation_id)
                story.refunds = remote.of_order(one.shopper.order)
                assert len(story.refunds) <= 1, story
                if story.outcomes == ["unknown"]:
                    unknown += 1
                    await _is_reported(desk, one, story)
                else:
                    assert story.outcomes == ["succeeded"], story
                    assert story.refunds == [one.shopper.total], story
                    check_told(story)
            except AssertionError as exc:
                raise AssertionError(str(one)) from exc
        assert (unknown > 0) == (keys == "nokeys"), "only a system without keys leaves a doubt"


async def _is_reported(desk: Desk, one: Try, story: Story) -> None:
    """The customer hears that it is not known, and a person looks at once."""
    assert "action.completed unknown" in story.news, story
    assert not story.was_told("I have refunded"), story
    tickets = await rows(
        desk.pool, "SELECT priority, reason FROM tickets WHERE conversation_id = %s", one.customer.conversation_id
    )
    assert [ticket["priority"] for ticket in tickets] == ["urgent"], tickets
