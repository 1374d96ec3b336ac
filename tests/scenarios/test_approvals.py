"""What an approver decides reaches the customer, and only what was seen is done (R5.3, R5.7)."""

import pytest

from desk.approvals.models import Decision
from desk.approvals.service import Decider
from desk.domain.errors import Conflict, Forbidden, Gone
from tests.integration.turns.desks import rows
from tests.scenarios.conftest import Customer

APPROVER = Decider(id="staff_1", roles=frozenset({"approver"}), customer_id=None)
SUPERVISOR = Decider(id="staff_2", roles=frozenset({"supervisor"}), customer_id=None)


@pytest.fixture
async def waiting(customer: Customer) -> Customer:
    """Ava, whose refund of 129.00 USD waits for an approver."""
    await customer.says("Please refund order HP-10003, I am ava.moreno@example.com")
    await customer.types_code()
    assert (await customer.says("yes")).outcome == "awaiting_approval"
    return customer


async def pending(customer: Customer) -> str:
    (approval,) = await customer.desk.reviews.approvals(status="pending", after=None, limit=10)
    return approval.id


async def refunded(customer: Customer) -> list[int]:
    found = await rows(customer.desk.pool, "SELECT amount FROM shop.refunds WHERE order_number = 'HP-10003'")
    return [row["amount"] for row in found]


async def test_a_reason_is_told_to_the_customer(waiting: Customer) -> None:
    decision = Decision(type="reject", reason="The table was used for two weeks.")
    await waiting.desk.reviews.decide(await pending(waiting), decision, by=APPROVER)
    told = await waiting.hears_more()

    assert "The table was used for two weeks." in told.text
    assert told.of("approval.decided")[0]["decision"] == "rejected"
    assert await refunded(waiting) == []


async def test_an_approver_lowers_the_amount_and_that_is_what_is_paid(waiting: Customer) -> None:
    decision = Decision(type="edit", args={"amount": "100.00"})
    await waiting.desk.reviews.decide(await pending(waiting), decision, by=APPROVER)
    done = await waiting.hears_more()

    assert done.outcome == "acted"
    assert "100.00 USD" in done.text
    assert await refunded(waiting) == [10000]


async def test_a_question_reaches_the_customer_and_the_request_goes_on_waiting(waiting: Customer) -> None:
    approval = await pending(waiting)
    await waiting.desk.reviews.decide(approval, Decision(type="respond", reason="Is it damaged?"), by=APPROVER)
    asked = await waiting.hears_more()
    await waiting.desk.reviews.decide(approval, Decision(type="approve"), by=APPROVER)
    done = await waiting.hears_more()

    assert "Is it damaged?" in asked.text
    assert asked.outcome == "asked"
    assert done.outcome == "acted"


async def test_nobody_in_time_is_told_and_nothing_is_done(waiting: Customer) -> None:
    approval = await pending(waiting)
    await rows(waiting.desk.pool, "UPDATE approvals SET expires_at = now() - interval '1 second' RETURNING id")
    told = await waiting.hears_more()

    assert told.of("approval.decided")[0]["decision"] == "expired"
    with pytest.raises(Gone):
        await waiting.desk.reviews.decide(approval, Decision(type="approve"), by=APPROVER)
    assert await refunded(waiting) == []


async def test_facts_that_changed_take_the_request_back_and_the_customer_sees_them(waiting: Customer) -> None:
    """C08: what the approver saw is what runs."""
    approval = await pending(waiting)
    billing = waiting.desk.services.executor.registry.systems.billing
    await billing.refund("HP-10003", {"amount": 2900, "currency": "USD"}, customer_id="C-1001", key="somebody else")
    with pytest.raises(Conflict) as stale:
        await waiting.desk.reviews.decide(approval, Decision(type="approve"), by=APPROVER)
    told = await waiting.hears_more()

    assert stale.value.error_code == "stale"
    assert told.outcome == "verifying"
    assert await refunded(waiting) == [2900]


async def test_nobody_decides_about_their_own_account(waiting: Customer) -> None:
    employee = Decider(id="staff_3", roles=frozenset({"supervisor"}), customer_id="C-1001")
    with pytest.raises(Forbidden):
        await waiting.desk.reviews.decide(await pending(waiting), Decision(type="approve"), by=employee)


async def test_an_action_is_taken_back_after_somebody_else_agreed(customer: Customer) -> None:
    """R5.7"""
    await customer.says("cancel order HP-10002, I am ava.moreno@example.com")
    await customer.types_code()
    await customer.says("yes")
    (action,) = await rows(customer.desk.pool, "SELECT id FROM actions WHERE tool = 'cancel_order'")
    asked = await customer.desk.reviews.compensate(action["id"], by=SUPERVISOR.id)
    with pytest.raises(Forbidden):
        await customer.desk.reviews.decide(asked.id, Decision(type="approve"), by=SUPERVISOR)
    await customer.desk.reviews.decide(asked.id, Decision(type="approve"), by=APPROVER)
    told = await customer.hears_more()

    assert told.outcome == "acted"
    (order,) = await rows(customer.desk.pool, "SELECT status FROM shop.orders WHERE number = 'HP-10002'")
    (undone,) = await rows(customer.desk.pool, "SELECT outcome FROM actions WHERE id = %s", action["id"])
    assert (order["status"], undone["outcome"]) == ("processing", "compensated")


async def test_what_cannot_be_taken_back_says_so(customer: Customer) -> None:
    await customer.says("Please refund order HP-10004, I am ava.moreno@example.com")
    await customer.types_code()
    await customer.says("yes")
    (action,) = await rows(customer.desk.pool, "SELECT id FROM actions WHERE tool = 'refund'")

    with pytest.raises(Conflict) as irreversible:
        await customer.desk.reviews.compensate(action["id"], by=SUPERVISOR.id)
    assert irreversible.value.error_code == "irreversible"


async def test_a_switch_stops_what_was_approved(waiting: Customer) -> None:
    """R9.3: right before the effect."""
    await waiting.desk.switches.set("refund", off=True, by="operator", reason="incident")
    await waiting.desk.reviews.decide(await pending(waiting), Decision(type="approve"), by=APPROVER)
    told = await waiting.hears_more()

    assert told.outcome == "escalated"
    assert await refunded(waiting) == []
