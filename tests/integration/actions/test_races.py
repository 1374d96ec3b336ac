"""Races for one action: whoever clicks, types or writes at the same moment, it happens once, and everybody is told so.

More than 500 tries in all; ``story_of`` looks at each of them: one effect at most, told if and only if it is there,
every message answered once and in order, nothing left to do. Attacks C01 to C05, B03; what plain LangGraph does in the
same places is in ``test_plain_langgraph.py``.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from desk.approvals.models import Approval, Decided, Decision
from desk.domain.errors import Conflict, FrontdeskError, Gone
from desk.identity.step_up import NoChallenge, Verified
from graph.bootstrap import Desk
from tests.integration.actions.conftest import OpenDesk
from tests.integration.actions.shoppers import (
    BELOW,
    Shopper,
    Story,
    approver,
    both,
    card,
    idle,
    new_customer,
    new_shoppers,
    story_of,
    until_the_approver,
    until_the_code,
    until_the_yes,
)
from tests.integration.turns.desks import rows
from tests.scenarios.conftest import Customer

APPROVE, REJECT = Decision(type="approve"), Decision(type="reject", reason="The parcel came back empty.")
AT_ONCE = 4  # conversations that are prepared and raced side by side

pytestmark = pytest.mark.heavy

Race = Callable[[Customer, Shopper, int], Awaitable[None]]


async def tries(desk: Desk, race: Race, count: int, **options: Any) -> None:
    """So many races, each with a customer of its own."""
    waiting = list(enumerate(await new_shoppers(desk.pool, count, **options)))

    async def work() -> None:
        while waiting:
            number, shopper = waiting.pop()
            await race(await new_customer(desk, shopper), shopper, number)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


def decides(desk: Desk, approval: Approval, decision: Decision, name: str) -> Callable[[], Awaitable[Decided]]:
    return lambda: desk.reviews.decide(approval.id, decision, by=approver(name))


async def ended(customer: Customer, shopper: Shopper) -> Story:
    await idle(customer.desk.pool, [customer.conversation_id])
    return await story_of(customer.desk.pool, customer.conversation_id, shopper)


def sorted_out(results: list[Any]) -> tuple[list[Any], list[FrontdeskError]]:
    """What went through, and what was refused in a way that callers are told of."""
    refused = [one for one in results if isinstance(one, FrontdeskError)]
    passed = [one for one in results if not isinstance(one, BaseException)]
    assert len(refused) + len(passed) == len(results), results
    return passed, refused


@pytest.mark.parametrize("processes", [1, 2])
async def test_two_approvers_at_once_execute_once(open_desk: OpenDesk, processes: int) -> None:
    """R5.3, C01: one is thanked, the other is told who was first."""
    desks = [await open_desk() for _ in range(processes)]

    async def race(customer: Customer, shopper: Shopper, number: int) -> None:
        approval = await until_the_approver(customer, shopper)
        results = await both(
            decides(desks[0], approval, APPROVE, "staff_a"), decides(desks[-1], approval, APPROVE, "staff_b")
        )
        (winner,), (loser,) = sorted_out(results)
        assert isinstance(loser, Conflict)
        assert winner.approval.decided_by in str(loser)
        story = await ended(customer, shopper)
        assert story.refunds == [shopper.total]
        assert story.news == ["approval.decided approved", "action.completed succeeded"]

    await tries(desks[0], race, 60)


async def test_of_approve_and_reject_the_first_counts(open_desk: OpenDesk) -> None:
    """R5.3, C02: from two processes, at once or 20 ms apart."""
    first, second = await open_desk(), await open_desk()

    async def race(customer: Customer, shopper: Shopper, number: int) -> None:
        approval = await until_the_approver(customer, shopper)
        racers = [decides(first, approval, APPROVE, "staff_a"), decides(second, approval, REJECT, "staff_b")]
        results = await both(*(racers if number % 2 else racers[::-1]), gap=(number % 3) * 0.01)
        (winner,), (loser,) = sorted_out(results)
        assert winner.approval.status in str(loser)
        story = await ended(customer, shopper)
        assert story.approvals == [winner.approval.status]
        assert bool(story.refunds) == (winner.approval.status == "approved")
        assert story.was_told("The parcel came back empty.") == (winner.approval.status == "rejected")

    await tries(first, race, 60)


async def test_stop_and_approve_come_to_one_end(open_desk: OpenDesk) -> None:
    """C04: the message is not lost, and it says the truth: stopped in time, or too late."""
    first, second = await open_desk(), await open_desk()
    seen = set()

    async def race(customer: Customer, shopper: Shopper, number: int) -> None:
        approval = await until_the_approver(customer, shopper)
        stop = lambda: first.runner.submit(customer.conversation_id, text="stop", client_message_id="stop")  # noqa: E731
        results: list[Any] = await both(
            stop, decides(second, approval, APPROVE, "staff_b"), gap=random.uniform(0, 0.02)
        )
        story = await ended(customer, shopper)
        assert story.heard[-1] == "stop"
        if isinstance(results[1], Decided):
            assert story.refunds == [shopper.total]
            assert not story.was_told("Stopped."), story
            assert story.was_told("It was already decided"), story
        else:
            assert results[1].error_code == "superseded"
            assert story.approvals == ["superseded"]
            assert story.was_told("Stopped.")
            assert story.refunds == []
        seen.add(bool(story.refunds))

    await tries(first, race, 80)
    assert seen == {True, False}, "the race goes both ways"


async def test_a_decision_while_it_expires_is_one_of_the_two(open_desk: OpenDesk) -> None:
    """R5.3: in time, or 410 and the customer hears that nobody decided."""
    first, second = await open_desk(), await open_desk()
    expire = "UPDATE approvals SET expires_at = clock_timestamp() + %s::interval WHERE id = %s RETURNING id"
    seen = set()

    async def race(customer: Customer, shopper: Shopper, number: int) -> None:
        approval = await until_the_approver(customer, shopper)
        gap = random.uniform(0, 0.02)
        await rows(first.pool, expire, "10 milliseconds", approval.id)

        async def expires() -> None:
            for _ in range(4):
                for conversation_id in await second.services.gates.approvals.expire_due():
                    second.runner.wake(conversation_id)
                await asyncio.sleep(0.005)

        async def late() -> Decided:
            await asyncio.sleep(gap)
            return await first.reviews.decide(approval.id, APPROVE, by=approver("staff_a"))

        results: list[Any] = await both(late, expires)
        async with asyncio.timeout(10):
            while (await card(customer)).status == "pending":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        story = await ended(customer, shopper)
        if isinstance(results[0], Decided):
            assert (story.approvals, story.refunds) == (["approved"], [shopper.total])
        else:
            assert isinstance(results[0], Gone)
            assert (story.approvals, story.refunds) == (["expired"], [])
            assert story.was_told("Nobody decided")
        seen.add(bool(story.refunds))

    await tries(first, race, 60)
    assert seen == {True, False}, "the race goes both ways"


async def test_a_stale_card_decides_nothing(open_desk: OpenDesk) -> None:
    """C05, C08: the card of before is superseded, and the new one waits for somebody who saw it."""
    first, second = await open_desk(), await open_desk()

    async def race(customer: Customer, shopper: Shopper, number: int) -> None:
        old = await until_the_approver(customer, shopper)
        assert (await customer.says("stop")).text.startswith("Stopped.")
        new = await until_the_approver(customer, shopper)
        assert new.id != old.id
        seen_old = Decision(type="approve", args_hash="0" * 64)
        (passed, refused) = sorted_out(
            await both(
                decides(first, old, APPROVE, "staff_a"),
                decides(second, new, seen_old, "staff_b"),
            )
        )
        assert passed == []
        assert {error.error_code for error in refused} == {"superseded", "stale"}
        assert (await card(customer)).status == "pending"
        await decides(second, new, Decision(type="approve", args_hash=new.args_hash), "staff_b")()
        story = await ended(customer, shopper)
        assert (story.approvals, story.refunds) == (["superseded", "approved"], [shopper.total])

    await tries(first, race, 30)


async def test_of_five_messages_at_once_each_is_answered_and_one_yes_acts_once(open_desk: OpenDesk) -> None:
    """J05, R12.2: to two processes, in whatever order they arrive."""
    first, second = await open_desk(), await open_desk()
    texts = ["yes", "What is your returns policy?", "yes", "How long does delivery take?", "Do you sell gift cards?"]

    async def race(customer: Customer, shopper: Shopper, number: int) -> None:
        await until_the_yes(customer, shopper)
        order = random.sample(range(5), 5)

        def sends(at: int) -> Callable[[], Awaitable[Any]]:
            desk = (first, second)[at % 2]
            return lambda: desk.runner.submit(customer.conversation_id, text=texts[at], client_message_id=f"five-{at}")

        sorted_out(await both(*(sends(at) for at in order)))
        story = await ended(customer, shopper)
        assert sorted(story.heard[-5:]) == sorted(texts)
        assert story.outcomes.count("succeeded") == len(story.refunds)
        # A question before the yes leaves the confirmation open; whatever stands between, a yes acts once.
        assert len(story.refunds) <= 1
        told.append(len(story.refunds))

    told: list[int] = []
    await tries(first, race, 40, total=BELOW)
    assert sum(told) > 30, "most of the yeses found their question"


@pytest.mark.parametrize("ways", ["typed twice", "typed and posted", "posted twice"])
async def test_the_same_code_twice_counts_once(open_desk: OpenDesk, ways: str) -> None:
    """B03: one verification; the question that follows may come twice, the refund does not."""
    first, second = await open_desk(), await open_desk()

    async def race(customer: Customer, shopper: Shopper, number: int) -> None:
        await until_the_code(customer, shopper)
        code = await customer.code()

        def typed(desk: Desk, name: str) -> Callable[[], Awaitable[Any]]:
            return lambda: desk.runner.submit(customer.conversation_id, text=code, client_message_id=name)

        def posted(desk: Desk) -> Callable[[], Awaitable[Any]]:
            return lambda: desk.services.gates.step_up.check(customer.conversation_id, code)

        racers = [posted(second) if "posted" in ways else typed(second, "code-2"),
                  posted(first) if ways == "posted twice" else typed(first, "code-1")]  # fmt: skip
        results, _ = sorted_out(await both(*racers, gap=(number % 3) * 0.005))
        first.runner.wake(customer.conversation_id)
        await idle(first.pool, [customer.conversation_id])
        verified = await rows(
            first.pool, "SELECT FROM step_up_challenges WHERE conversation_id = %s AND status = 'verified'",
            customer.conversation_id,
        )  # fmt: skip
        assert len(verified) == 1
        if ways == "posted twice":
            assert {type(result) for result in results} == {Verified, NoChallenge}
        assert (await customer.says("yes")).outcome == "acted"
        story = await ended(customer, shopper)
        assert story.refunds == [shopper.total]

    await tries(first, race, 30, total=BELOW)


async def test_two_processes_that_wake_the_same_conversation_run_its_turn_once(open_desk: OpenDesk) -> None:
    """R12.2, R5.5."""
    first, second = await open_desk(), await open_desk()

    async def race(customer: Customer, shopper: Shopper, number: int) -> None:
        approval = await until_the_approver(customer, shopper)
        approvals = first.services.gates.approvals

        async def true(_: object) -> bool:
            return True

        await approvals.decide(approval.id, APPROVE, by=approver("staff_a"), still_true=true)
        for desk in (first, second, first, second):
            desk.runner.wake(customer.conversation_id)
        story = await ended(customer, shopper)
        assert story.refunds == [shopper.total]
        assert story.news == ["approval.decided approved", "action.completed succeeded"]

    await tries(first, race, 60)


async def test_more_wake_turns_at_once_than_connections_all_end_at_the_first_attempt(open_desk: OpenDesk) -> None:
    """R12.2: whoever holds a connection and waits for a second one would wait for everybody else who does."""
    desk = await open_desk(pool_size=3)
    customers = []
    for shopper in await new_shoppers(desk.pool, 12):
        customer = await new_customer(desk, shopper)
        approval = await until_the_approver(customer, shopper)
        customers.append((customer, shopper, approval))
    await asyncio.gather(*(decides(desk, approval, APPROVE, "staff_a")() for _, _, approval in customers))

    for customer, shopper, _ in customers:
        assert (await ended(customer, shopper)).refunds == [shopper.total]
    assert await rows(desk.pool, "SELECT max(attempts) AS attempts FROM turns") == [{"attempts": 1}]
