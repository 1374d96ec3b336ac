"""Decisions at the same moment, on real connections: one wins, and all are told what the row says (C01, C02, C04)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from desk.approvals.models import Approval, Decided
from desk.approvals.service import Decider
from desk.domain.errors import Conflict, FrontdeskError, Gone
from tests.unit.approvals.requests import ONE, TWO, Requests, Together, decision

TRIES = 110
BOSSES = [Decider(id=f"staff_{number}", roles=frozenset({"supervisor"}), customer_id=None) for number in (7, 8, 9)]


@dataclass(frozen=True)
class Late:
    """Meets the others and then waits a little: however the loop runs them, each is ahead sometimes."""

    together: Together
    seconds: float

    async def __call__(self, approval: Approval) -> bool:
        true = await self.together(approval)
        await asyncio.sleep(self.seconds)
        return true


async def decides(
    requests: Requests, approval: Approval, said: Any, *, by: Decider, together: Callable[[Approval], Awaitable[bool]]
) -> Any:
    """What the decider is told; everybody has found the facts true before anybody writes."""
    try:
        return await requests.service.decide(approval.id, said, by=by, still_true=together)
    except FrontdeskError as exc:
        return exc


async def race(
    requests: Requests,
    one: Callable[[Approval], Awaitable[Any]],
    other: Callable[[Approval], Awaitable[Any]],
    **changes: Any,
) -> tuple[Approval, Any, Any]:
    """The row after both, and what each was told."""
    approval = await requests.opened(**changes)
    told = await asyncio.gather(one(approval), other(approval))
    return await requests.now(approval), *told


def assert_told(told: Decided | FrontdeskError, now: Approval) -> bool:
    """Whether this one won; either way they were told what the row says."""
    if isinstance(told, Decided):
        assert told.approval == now
        return True
    assert isinstance(told, Conflict)
    assert told.error_code in ("already_decided", "superseded")
    if told.error_code == "already_decided":
        assert f"already {now.status} by {now.decided_by}" in told.detail
    else:
        assert now.status == "superseded"
    return False


@pytest.mark.parametrize("second", ["approve", "reject", "edit"])
async def test_of_two_deciders_exactly_one_wins(requests: Requests, second: Any) -> None:
    """C01, C02."""
    winners: Counter[str | None] = Counter()
    for number in range(TRIES):
        together, ahead = Together(2), 0.001 * (number % 11)  # from well behind the other to well ahead of them

        async def one(approval: Approval, together: Together = together, ahead: float = ahead) -> Any:
            later = Late(together, seconds=ahead)
            return await decides(requests, approval, decision(), by=ONE, together=later)

        async def other(approval: Approval, together: Together = together, ahead: float = ahead) -> Any:
            later = Late(together, seconds=0.010 - ahead)
            if second == "reject":  # to say no needs no facts; it waits for the others all the same
                await later(approval)
            return await decides(requests, approval, decision(second), by=TWO, together=later)

        now, *told = await race(requests, one, other)

        assert sorted(assert_told(answer, now) for answer in told) == [False, True]
        assert len(await requests.wakes(now)) == 1
        assert len(await requests.audited(now)) == 2
        winners[now.decided_by] += 1
    assert set(winners) == {"staff_1", "staff_2"}, "both won sometimes, so it was a race"


async def test_a_customer_who_stops_and_an_approver_are_told_the_same(requests: Requests) -> None:
    """C04."""
    ends: Counter[str] = Counter()
    for number in range(TRIES):
        together, ahead = Together(2), 0.001 * (number % 11)

        async def approve(approval: Approval, together: Together = together, ahead: float = ahead) -> Any:
            return await decides(requests, approval, decision(), by=ONE, together=Late(together, seconds=ahead))

        async def stop(approval: Approval, together: Together = together, ahead: float = ahead) -> Any:
            await Late(together, seconds=0.010 - ahead)(approval)
            return await requests.service.withdraw(approval.conversation_id)

        now, told, stopped = await race(requests, approve, stop)

        assert assert_told(told, now) == (now.status == "approved")
        assert [approval.id for approval in stopped] == ([] if now.status == "approved" else [now.id])
        assert len(await requests.wakes(now)) == (1 if now.status == "approved" else 0)
        proposal = await requests.proposals.find(now.proposal_id)
        assert proposal is not None
        assert proposal.status == ("open" if now.status == "approved" else "withdrawn")
        ends[now.status] += 1
    assert set(ends) == {"approved", "superseded"}, "both happened, so it was a race"


async def test_a_decision_while_the_time_runs_out_counts_or_does_not(requests: Requests) -> None:
    """R5.3: never both."""
    ends: Counter[str] = Counter()
    for number in range(TRIES):
        together = Together(2)

        async def approve(approval: Approval, together: Together = together, number: int = number) -> Any:
            # Up to two milliseconds before the end, or after it.
            await requests.ends(approval, after=0.0005 * (number % 5))
            return await decides(requests, approval, decision(), by=ONE, together=together)

        async def sweep(approval: Approval, together: Together = together, number: int = number) -> Any:
            await together(approval)
            await asyncio.sleep(0.0005 * (number % 7))
            return await requests.service.expire_due(limit=1000)

        now, told, _ = await race(requests, approve, sweep)

        if isinstance(told, Decided):
            assert told.approval == now
            assert now.status == "approved"
        else:
            assert isinstance(told, Gone)
            await requests.service.expire_due(limit=1000)
            now = await requests.now(now)
            assert now.status == "expired"
        assert len(await requests.wakes(now)) == 1
        ends[now.status] += 1
    assert set(ends) == {"approved", "expired"}, "both happened, so it was a race"


async def test_three_of_two_people_at_once(requests: Requests) -> None:
    """R5.3: one is the first, one decides, the third comes too late."""
    for _ in range(TRIES):
        approval, together = await requests.opened(people=2, roles=["supervisor"]), Together(3)

        told = await asyncio.gather(
            *(decides(requests, approval, decision(), by=boss, together=together) for boss in BOSSES)
        )

        now = await requests.now(approval)
        votes = [answer for answer in told if isinstance(answer, Decided)]
        assert sorted(answer.approval.status for answer in votes) == ["approved", "pending"]
        assert sum(isinstance(answer, Conflict) for answer in told) == 1
        assert now.status == "approved"
        assert len(await requests.wakes(now)) == 1


async def test_one_person_at_once_twice_is_one_person(requests: Requests) -> None:
    """R5.3: a double click is no second pair of eyes."""
    for _ in range(TRIES):
        approval, together = await requests.opened(people=2, roles=["supervisor"]), Together(2)

        told = await asyncio.gather(
            *(decides(requests, approval, decision(), by=BOSSES[0], together=together) for _ in range(2))
        )

        assert sorted(type(answer) is Conflict for answer in told) == [False, True]
        assert await requests.now(approval) == approval


async def test_a_hundred_replays_change_nothing(requests: Requests) -> None:
    """C03."""
    approval = await requests.opened()
    await requests.decides(approval)
    now = await requests.now(approval)

    told = await asyncio.gather(*(requests.tries(approval) for _ in range(100)))

    assert all(isinstance(answer, Conflict) for answer in told)
    assert await requests.now(approval) == now
    assert len(await requests.wakes(now)) == 1


async def test_many_sweepers_end_each_request_once(requests: Requests) -> None:
    """R12.2: several processes, several requests of several conversations; nobody waits for the other for ever."""
    conversations = [await requests.conversation() for _ in range(4)]
    for _ in range(5):
        approvals = [await requests.opened(conversation_id=name) for name in conversations * 6]
        for approval in approvals:
            await requests.ends(approval)

        told = await asyncio.gather(*(requests.service.expire_due(limit=9) for _ in range(5)))

        assert sum(name in conversations for names in told for name in names) == len(approvals)
        for approval in approvals:
            assert (await requests.now(approval)).status == "expired"
            assert len(await requests.wakes(approval)) == 1
