"""The ledger by itself: one row for a key, what ended stays so, what is asked of it (R5.5)."""

import asyncio
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from desk.domain.ids import new_id
from tests.unit.tools.counter import Counter
from tools.ledger import Action, Ledger, NewAction


async def entry(counter: Counter, **changes: Any) -> NewAction:
    """A write about to run, with the proposal it needs."""
    proposal = await counter.proposes(ready=False, order_number="HP-1", amount="35.00")
    new = NewAction(
        key=proposal.id, conversation_id="conv_1", turn_id="turn_1", customer_id="C-1001", intent="return_and_refund",
        tool="refund", risk="high", args={"order_number": "HP-1"}, amount=3500, decision="allowed",
        proposal_id=proposal.id,
    )  # fmt: skip
    return replace(new, **changes)


@pytest.fixture
def ledger(counter: Counter) -> Ledger:
    return Ledger(counter.pool)


async def ended(ledger: Ledger, action: Action, outcome: Any, **changes: Any) -> bool:
    values: dict[str, Any] = {"detail": None, "result": None, "ms": 1.0} | changes
    return await ledger.finish(action.id, outcome=outcome, **values)


async def test_a_key_has_one_row_whoever_begins(counter: Counter, ledger: Ledger) -> None:
    for _ in range(30):
        new = await entry(counter)

        begun = await asyncio.gather(*(ledger.begin(new) for _ in range(4)))

        assert sorted(fresh for _, fresh in begun) == [False, False, False, True]
        assert len({action.id for action, _ in begun}) == 1


async def test_what_ended_stays_so_and_only_an_unknown_outcome_becomes_known(counter: Counter, ledger: Ledger) -> None:
    for first in ("succeeded", "failed", "denied"):
        action, _ = await ledger.begin(await entry(counter))
        assert await ended(ledger, action, first)
        for second in ("succeeded", "failed", "unknown", "denied"):
            assert not await ended(ledger, action, second, detail="late")
        found = await ledger.find(action.id)
        assert found is not None
        assert (found.outcome, found.detail) == (first, None)
    action, _ = await ledger.begin(await entry(counter))
    assert await ended(ledger, action, "unknown")
    assert await ended(ledger, action, "succeeded", result={"reference": "RF-1"})
    known = await ledger.find(action.id)
    assert known is not None
    assert (known.outcome, known.result) == ("succeeded", {"reference": "RF-1"})


async def test_only_what_was_done_is_taken_back(counter: Counter, ledger: Ledger) -> None:
    """R5.7."""
    for outcome, after in (("succeeded", "compensated"), ("failed", "failed"), ("unknown", "unknown")):
        action, _ = await ledger.begin(await entry(counter))
        await ended(ledger, action, outcome)

        await ledger.compensated(action.id, by="staff_1", with_action="act_2")

        found = await ledger.find(action.id)
        assert found is not None
        assert found.outcome == after


async def test_history_counts_what_may_have_been_done(counter: Counter, ledger: Ledger) -> None:
    """R5.3: 24 hours of amounts nobody approved, 30 days of runs; of this customer and tool, without the own one."""

    async def happened(outcome: str | None, *, days: float = 0, **changes: Any) -> NewAction:
        new = await entry(counter, **changes)
        action, _ = await ledger.begin(new)
        if outcome is not None:
            await ended(ledger, action, outcome)
        await counter.rows(
            "UPDATE actions SET at = at - make_interval(secs => %s) WHERE id = %s", days * 86400, action.id
        )
        return new

    await happened("succeeded", amount=1)
    await happened("unknown", amount=10)
    await happened(None, amount=100)
    await happened("failed", amount=1000)
    await happened("denied", amount=1000)
    await happened("succeeded", amount=1000, days=1.01)
    await happened("succeeded", amount=1000, days=30.01)
    await happened("succeeded", amount=1000, customer_id="C-1002")
    await happened("succeeded", amount=1000, tool="cancel_order")
    await happened("succeeded", amount=None)
    approval = await counter.asks_approver(await counter.proposes(ready=False, order_number="HP-1", amount="35.00"))
    await happened("succeeded", amount=1000, approval_id=approval.id)
    own = await happened("succeeded", amount=1000)

    assert await ledger.history(customer_id="C-1001", tool="refund", but=own.proposal_id) == (111, 6)
    assert await ledger.history(customer_id="C-1001", tool="refund", but=None) == (1111, 7)
    assert await ledger.history(customer_id="C-9", tool="refund", but=None) == (0, 0)


async def test_a_write_begins_only_with_the_history_it_was_decided_on(counter: Counter, ledger: Ledger) -> None:
    """R5.3."""
    first, second = await entry(counter), await entry(counter)

    begun = await ledger.begin_write(first, history=(0, 0))
    stale = await ledger.begin_write(second, history=(0, 0))
    wrong = [await ledger.begin_write(second, history=seen) for seen in ((3500, 0), (0, 1), (3501, 1))]
    fresh = await ledger.begin_write(second, history=(3500, 1))

    assert begun is not None
    assert fresh is not None
    assert (begun[1], stale, wrong, fresh[1]) == (True, None, [None] * 3, True)
    again = await ledger.begin_write(first, history=(3500, 1))
    assert again == (begun[0], False), "its own row is no part of its history"


async def test_of_many_that_saw_the_same_history_one_begins(counter: Counter, ledger: Ledger) -> None:
    """R5.3: whoever waited for the lock sees the row of the one before."""
    for number in range(30):
        entries = [await entry(counter, customer_id=f"C-{number}") for _ in range(4)]

        begun = await asyncio.gather(*(ledger.begin_write(new, history=(0, 0)) for new in entries))

        assert sum(one is not None for one in begun) == 1


async def test_a_page_is_of_one_customer_or_conversation_and_goes_on(counter: Counter, ledger: Ledger) -> None:
    actions = [(await ledger.begin(await entry(counter, **one)))[0] for one in (
        {}, {"customer_id": "C-2"}, {"conversation_id": "conv_2"}, {},
    )]  # fmt: skip

    async def page(**asked: Any) -> list[str]:
        wanted: dict[str, Any] = {"conversation_id": None, "customer_id": None, "after": None, "limit": 9} | asked
        return [action.id for action in await ledger.page(**wanted)]

    ids = [action.id for action in actions]
    assert await page() == ids
    assert await page(limit=2) == ids[:2]
    assert await page(after=ids[1]) == ids[2:]
    assert await page(customer_id="C-1001") == [ids[0], ids[2], ids[3]]
    assert await page(conversation_id="conv_1") == [ids[0], ids[1], ids[3]]
    assert await page(conversation_id="conv_2", customer_id="C-2") == []


@pytest.mark.parametrize("wrong", ["", "act_x", "' OR '1'='1", "act_\x00", "x" * 5000])
async def test_what_is_no_id_is_no_action(ledger: Ledger, wrong: str) -> None:
    """G10."""
    assert await ledger.find(wrong) is None
    assert await ledger.find(new_id("act")) is None


async def test_nothing_is_written_to_a_system_without_a_proposal(counter: Counter, ledger: Ledger) -> None:
    """R5.5: the database's own rule."""
    with pytest.raises(psycopg.errors.CheckViolation):
        await ledger.begin(await entry(counter, proposal_id=None))
