"""Threads that waited under an older release are decided correctly by this one, or it refuses to start (PITFALLS 3).

The files of ``tests/fixtures/old_threads`` are what those releases stored; ``make.py`` beside them wrote them.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from desk.approvals.models import Decision
from desk.db.pool import Pool
from desk.domain.errors import ConfigurationError
from desk.integrations.seed import seed
from desk.policies.models import PolicySet
from graph.deploys import refuse_lost_proposals
from tests.integration.actions.conftest import OpenDesk
from tests.integration.actions.shoppers import approver, card, idle
from tests.integration.turns.desks import EMAIL, rows
from tests.scenarios.conftest import Customer

FIXTURES = Path(__file__).parents[2] / "fixtures" / "old_threads"
BEFORE, FIRST = "before_actions", "first_actions"

# What was stored weeks ago, as if it had been stored just now.
_LATELY = (
    "UPDATE step_up_challenges SET created_at = now(), expires_at = now() + interval '10 minutes',"
    " verified_at = CASE WHEN verified_at IS NOT NULL THEN now() END",
    "UPDATE approvals SET requested_at = now(), expires_at = now() + interval '1 day'",
    # What is said from now on comes after what was said then.
    "SELECT setval(pg_get_serial_sequence('turns', 'position'), max(position)) FROM turns",
    "SELECT setval(pg_get_serial_sequence('messages', 'position'), max(position)) FROM messages",
)


@pytest.fixture
async def old(pool: Pool, retail: PolicySet) -> Pool:
    """A database with the sample shop."""
    await seed(pool, retail)
    return pool


async def loaded(pool: Pool, release: str, thread: str) -> str:
    """The thread's rows, put where the release of today looks for them; the conversation."""
    lines = [json.loads(line) for line in (FIXTURES / f"{release}.jsonl").read_text().splitlines()]
    found = [line for line in lines if line["thread"] == thread]
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # rows refer to one another
        for line in found:
            names = ", ".join(line["row"])
            table: str = line["table"]
            query = (
                f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE"
                f" SELECT {names} FROM jsonb_populate_record(NULL::{table}, %s)"
            )
            await connection.execute(query.encode(), (Jsonb(line["row"]),))
        for statement in _LATELY:
            await connection.execute(statement.encode())
    return next(str(line["row"]["id"]) for line in found if line["table"] == "conversations")


async def refunded(pool: Pool) -> list[dict[str, Any]]:
    return await rows(pool, "SELECT order_number, amount FROM shop.refunds WHERE customer_id = 'C-1001'")


async def waiting(old: Pool, open_desk: OpenDesk, thread: str, *, release: str = FIRST) -> Customer:
    conversation_id = await loaded(old, release, thread)
    customer = Customer(desk=await open_desk(), conversation_id=conversation_id)
    customer._said = 10
    return customer


@pytest.mark.parametrize("release", [BEFORE, FIRST])
async def test_a_question_of_an_older_release_takes_its_answer(old: Pool, open_desk: OpenDesk, release: str) -> None:
    """Memory whose requests know nothing of proposals and choices."""
    customer = await waiting(old, open_desk, "asked for an e-mail address", release=release)

    heard = await customer.says(EMAIL)

    assert heard.outcome == "answered"
    assert "84.50 USD" in heard.text


async def test_a_thread_that_waits_for_a_code_takes_it(old: Pool, open_desk: OpenDesk) -> None:
    customer = await waiting(old, open_desk, "waits for a code")

    confirm, done = await customer.types_code(), await customer.says("yes")

    assert (confirm.outcome, done.outcome) == ("asked", "acted")
    assert await refunded(old) == [{"order_number": "HP-10004", "amount": 3500}]


async def test_a_thread_that_waits_for_a_yes_takes_it(old: Pool, open_desk: OpenDesk) -> None:
    customer = await waiting(old, open_desk, "waits for a yes")

    done = await customer.says("yes")

    assert done.outcome == "acted"
    assert await refunded(old) == [{"order_number": "HP-10004", "amount": 3500}]


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_thread_that_waits_for_an_approver_hears_the_decision(
    old: Pool, open_desk: OpenDesk, decision: Any
) -> None:
    customer = await waiting(old, open_desk, "waits for an approver")
    desk = customer.desk

    await desk.reviews.decide(
        (await card(customer)).id, Decision(type=decision, reason="Not this time."), by=approver("staff_a")
    )
    await idle(desk.pool, [customer.conversation_id])

    (told,) = await rows(
        old, "SELECT text FROM messages WHERE conversation_id = %s ORDER BY position DESC LIMIT 1",
        customer.conversation_id,
    )  # fmt: skip
    assert ("I have refunded 129.00 USD" in told["text"]) == (decision == "approve")
    assert ("Not this time." in told["text"]) == (decision == "reject")
    assert await refunded(old) == [{"order_number": "HP-10003", "amount": 12900}] * (decision == "approve")


async def test_a_thread_that_waits_for_an_approver_goes_on_chatting_and_may_stop(
    old: Pool, open_desk: OpenDesk
) -> None:
    customer = await waiting(old, open_desk, "waits for an approver")

    between, stopped = await customer.says("What is your returns policy?"), await customer.says("stop")

    assert between.outcome == "answered"
    assert stopped.text.startswith("Stopped.")
    assert (await card(customer)).status == "superseded"
    assert await refunded(old) == []


async def test_a_pack_without_the_tool_refuses_to_start_and_names_it(
    old: Pool, open_desk: OpenDesk, retail: PolicySet
) -> None:
    """C14: none is silently dropped."""
    customer = await waiting(old, open_desk, "waits for an approver")
    proposals = customer.desk.services.gates.proposals
    without = retail.model_copy(
        update={"tools": {name: tool for name, tool in retail.tools.items() if name != "refund"}}
    )

    await refuse_lost_proposals(proposals, policies=retail)
    with pytest.raises(ConfigurationError, match="needs the tool refund, which is gone"):
        await refuse_lost_proposals(proposals, policies=without)
