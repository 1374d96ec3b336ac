"""What comes too late, twice, or after somebody gave up: said as it is, and nothing comes of it."""

import asyncio

from desk.approvals.models import Decision
from desk.conversations.inbox import enqueue_wake
from desk.domain.ids import new_id
from tests.integration.actions.conftest import OpenDesk
from tests.integration.actions.shoppers import (
    BELOW,
    approver,
    idle,
    new_customer,
    new_shoppers,
    story_of,
    until_the_approver,
    until_the_code,
    until_the_yes,
)
from tests.integration.turns.desks import rows, say


async def test_a_stop_after_the_deed_is_told_that_it_comes_too_late(open_desk: OpenDesk) -> None:
    """C04: the word is about what was done, not about the newsletter."""
    desk = await open_desk()
    (shopper,) = await new_shoppers(desk.pool, 1, total=BELOW)
    customer = await new_customer(desk, shopper)
    await until_the_yes(customer, shopper)
    assert (await customer.says("yes")).outcome == "acted"

    late = await customer.says("wait, stop!")

    assert late.text.startswith("It was already decided and carried out"), late.text
    assert "Refund an order" in late.text


async def test_a_stop_whose_turn_runs_again_says_again_what_it_stopped(open_desk: OpenDesk) -> None:
    """PITFALLS 2: the first attempt died after it had withdrawn the request."""
    desk = await open_desk()
    (shopper,) = await new_shoppers(desk.pool, 1)
    customer = await new_customer(desk, shopper)
    approval = await until_the_approver(customer, shopper)
    await desk.services.gates.withdraw(customer.conversation_id, proposals=[approval.proposal_id])

    heard = await customer.says("stop")

    assert heard.text.startswith("Stopped."), heard.text


async def test_a_code_given_after_a_stop_brings_nothing_back(open_desk: OpenDesk) -> None:
    """The verification counts a moment before the stop's turn runs; its own turn comes after it."""
    desk = await open_desk()
    (shopper,) = await new_shoppers(desk.pool, 1)
    customer = await new_customer(desk, shopper)
    await until_the_code(customer, shopper)
    code = await customer.code()
    await desk.services.gates.step_up.check(customer.conversation_id, code, wake=_later)
    assert (await customer.says("stop")).text.startswith("Stopped.")
    (challenge,) = await rows(desk.pool, "SELECT id, proposal_id FROM step_up_challenges")

    async with desk.pool.connection() as connection:
        wake = {"kind": "verified", "proposal_id": challenge["proposal_id"], "challenge_id": challenge["id"]}
        await enqueue_wake(connection, customer.conversation_id, key="verified", wake=wake)
    desk.runner.wake(customer.conversation_id)
    heard = await customer.hears_more()

    assert heard.text.startswith("Nothing is waiting")
    assert len(await rows(desk.pool, "SELECT FROM proposals")) == 1
    assert len(await rows(desk.pool, "SELECT FROM step_up_challenges")) == 1


async def _later(*_: object, **__: object) -> str | None:
    return None


async def test_a_code_whose_sender_heard_nothing_may_be_sent_again(open_desk: OpenDesk) -> None:
    """The same message is the same turn, although nothing waits for a code any more."""
    desk = await open_desk()
    (shopper,) = await new_shoppers(desk.pool, 1)
    customer = await new_customer(desk, shopper)
    await until_the_code(customer, shopper)
    text = f"it's {await customer.code()}"

    first = await say(desk, customer.conversation_id, text, key="code")
    again = await say(desk, customer.conversation_id, text, key="code")

    assert first == again
    await idle(desk.pool, [customer.conversation_id])
    story = await story_of(desk.pool, customer.conversation_id, shopper)
    assert story.heard[-1] == "it's ••••••"


async def test_of_two_cards_for_one_order_only_one_pays(open_desk: OpenDesk) -> None:
    """C08: both were approved before either ran; the second is looked at again, and there is nothing left."""
    desk = await open_desk()
    (shopper,) = await new_shoppers(desk.pool, 1)
    customers = [await new_customer(desk, shopper) for _ in range(2)]
    cards = [await until_the_approver(customer, shopper) for customer in customers]

    async def true(_: object) -> bool:
        return True

    for card in cards:
        await desk.services.gates.approvals.decide(
            card.id, Decision(type="approve"), by=approver("staff_a"), still_true=true
        )
    for customer in customers:
        desk.runner.wake(customer.conversation_id)
    await idle(desk.pool, [customer.conversation_id for customer in customers])

    refunds = await rows(desk.pool, "SELECT FROM shop.refunds WHERE order_number = %s", shopper.order)
    said = await rows(desk.pool, "SELECT text FROM messages WHERE text LIKE 'Done: I have refunded%%'")
    assert (len(refunds), len(said)) == (1, 1)


async def test_what_a_turn_left_begun_when_it_was_given_up_is_unknown(open_desk: OpenDesk) -> None:
    """R5.5: nobody will finish it, so a person has to find out; the apology opened the ticket."""
    desk = await open_desk()
    (shopper,) = await new_shoppers(desk.pool, 1)
    customer = await new_customer(desk, shopper)
    await until_the_yes(customer, shopper)
    (proposal,) = await rows(desk.pool, "SELECT * FROM proposals")
    (turn, *_) = await rows(desk.pool, "SELECT id FROM turns WHERE conversation_id = %s", customer.conversation_id)

    action_id = new_id("act")
    await rows(
        desk.pool,
        "INSERT INTO actions (id, key, conversation_id, turn_id, customer_id, tool, risk, args, decision, proposal_id,"
        " outcome) VALUES (%s, %s, %s, %s, %s, 'refund', 'high', '{}', 'allowed', %s, 'started') RETURNING id",
        action_id, proposal["id"], customer.conversation_id, turn["id"], shopper.customer_id, proposal["id"],
    )  # fmt: skip

    async with asyncio.timeout(10):
        while (action := await desk.services.executor.ledger.find(action_id)) and action.outcome == "started":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert action is not None
    assert (action.outcome, action.detail) == ("unknown", "interrupted")
