"""Owners are reminded of reviews, late articles get a ticket, and a policy can keep them out of answers (R4.2)."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from desk.channels.base import Outgoing
from desk.channels.outbox import Due, Outbox
from desk.db.pool import Pool
from desk.jobs.messages import MessageWriter
from desk.jobs.reviews import ReviewRounds
from desk.policies.models import ContentOwner, PolicySet, ReviewPolicy
from retrieval.knowledge import KnowledgeDesk
from tests.integration.knowledge.desks import OLIVE, OMAR, article, opened_desk

REVIEW = date(2026, 6, 1)
BY_ID = {"returns-in-short": article(next_review=REVIEW, effective=date(2026, 1, 1), expires=date(2026, 9, 1))}
OWNERS = {"Returns team": ContentOwner(email="returns@example.com", queue="returns")}


async def desk_and_rounds(pool: Pool, retail: PolicySet, **changes: Any) -> tuple[KnowledgeDesk, ReviewRounds]:
    desk = await opened_desk(pool, retail, articles=BY_ID, **{"owners": OWNERS, **changes})
    return desk, ReviewRounds(
        pool=pool,
        outbox=Outbox(pool),
        policy=desk.policies.knowledge,
        queue="content",
        publish_due=desk.publish_due,
        today=desk.today,
    )


async def rows(pool: Pool, query: str) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        return [tuple(row.values()) for row in await (await connection.execute(query.encode())).fetchall()]


async def test_an_owner_hears_of_a_review_before_and_after_and_once_each(pool: Pool, retail: PolicySet) -> None:
    _, rounds = await desk_and_rounds(pool, retail)
    days = [REVIEW - timedelta(days=15), REVIEW - timedelta(days=14), REVIEW, REVIEW + timedelta(days=30),
            REVIEW + timedelta(days=31), REVIEW + timedelta(days=40), date(2026, 9, 1), date(2026, 12, 1)]  # fmt: skip
    told = [[(each.kind, each.due) for each in await rounds.remind(today=day)] for day in days]
    assert told == [
        [], [("due", REVIEW)], [], [], [("overdue", REVIEW)], [], [("expired", date(2026, 9, 1))], [],
    ]  # fmt: skip
    assert (
        await rows(pool, "SELECT channel, kind, payload->>'to' FROM outbox ORDER BY created_at")
        == [("email", "reminder", "returns@example.com")] * 3
    )
    assert await rows(pool, "SELECT kind, queue, status, reason FROM tickets ORDER BY created_at") == [
        ("content", "returns", "open", f"Review overdue since {REVIEW}: Returns policy in short"),
        ("content", "returns", "open", "Expired on 2026-09-01: Returns policy in short"),
    ]
    said = await rows(pool, "SELECT detail->>'kind' FROM audit_entries WHERE action = 'knowledge.reminded'")
    assert sorted(said) == [("due",), ("expired",), ("overdue",)]


async def test_several_processes_say_it_once(pool: Pool, retail: PolicySet) -> None:
    each = [(await desk_and_rounds(pool, retail))[1] for _ in range(3)]
    told = await asyncio.gather(*(rounds.remind(today=date(2026, 8, 1)) for rounds in each))
    assert sorted(len(reminders) for reminders in told) == [0, 0, 1]
    assert await rows(pool, "SELECT count(*) FROM outbox") == [(1,)]


async def test_an_owner_without_an_address_gets_the_ticket_alone(pool: Pool, retail: PolicySet) -> None:
    _, rounds = await desk_and_rounds(pool, retail, owners={})
    await rounds.remind(today=date(2026, 8, 1))
    assert await rows(pool, "SELECT count(*) FROM outbox") == [(0,)]
    assert await rows(pool, "SELECT queue FROM tickets") == [("content",)]


async def test_the_ticket_is_over_when_somebody_has_reviewed(pool: Pool, retail: PolicySet) -> None:
    desk, rounds = await desk_and_rounds(pool, retail)
    await rounds.remind(today=date(2026, 8, 1))
    await desk.submit(article(next_review=date(2099, 1, 1)), author=OLIVE.id)
    await desk.approve("returns-in-short", by=OMAR)
    assert await rows(pool, "SELECT status FROM tickets") == [("resolved",)]
    assert await rounds.remind(today=date(2026, 10, 1)) == []


async def test_a_reminder_is_written_to_the_address_of_the_pack(pool: Pool, retail: PolicySet) -> None:
    _, rounds = await desk_and_rounds(pool, retail)
    await rounds.remind(today=date(2026, 8, 1))
    (due,) = await rounds.outbox.claim("email", limit=5)
    message = await _written(due, retail)
    assert (message.to, message.subject) == (
        "returns@example.com",
        f"Review overdue since {REVIEW}: Returns policy in short",
    )
    assert "It is still used." in message.text


@pytest.mark.parametrize(("overdue", "standing", "found"), [("use", "overdue", True), ("withhold", "withheld", False)])
async def test_by_policy_an_overdue_article_is_not_used(
    pool: Pool, retail: PolicySet, overdue: str, standing: str, found: bool
) -> None:
    late = {"returns-in-short": article(next_review=date(2026, 2, 1))}
    review = ReviewPolicy.model_validate({"overdue": overdue})
    desk = await opened_desk(pool, retail, articles=late, review=review)
    assert desk.live.standing("returns-in-short") == standing
    assert [chunk.article for chunk in desk.live.retriever.chunks] == ["returns-in-short"] * found
    (listed,) = await desk.lists.page(today=desk.today(), overdue=True)
    assert (listed.standing, listed.overdue) == (standing, True)


async def _written(due: Due, retail: PolicySet) -> Outgoing:
    nobody: Any = None
    message = await MessageWriter(policies=retail, step_up=nobody, find_contact=nobody, public_url=None)(due)
    assert message is not None
    return message
