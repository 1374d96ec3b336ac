"""A customer wants money back: step-up, a yes, and above the threshold an approver (R5.1, R5.3, R5.8)."""

from desk.approvals.models import Decision
from desk.approvals.service import Decider
from tests.integration.turns.desks import rows
from tests.scenarios.conftest import Customer

APPROVER = Decider(id="staff_1", roles=frozenset({"approver"}), customer_id=None)


async def refunded(customer: Customer, number: str) -> list[int]:
    """What the shop paid back for an order."""
    found = await rows(customer.desk.pool, "SELECT amount FROM shop.refunds WHERE order_number = %s", number)
    return [row["amount"] for row in found]


async def test_a_refund_below_the_threshold_needs_a_code_and_a_yes(customer: Customer) -> None:
    """R5.1, R5.8."""
    asked = await customer.says("Please refund order HP-10004, I am ava.moreno@example.com")
    confirm = await customer.types_code()
    done = await customer.says("Yes")

    assert asked.outcome == "verifying"
    assert asked.of("verification.required")[0]["sent_to"] == "a…@example.com"
    assert confirm.of("verification.succeeded")[0]["method"] == "email"
    (challenge,) = await rows(customer.desk.pool, "SELECT title FROM step_up_challenges")
    assert challenge["title"] == "Refund an order (HP-10004, 35.00 USD)"
    assert confirm.outcome == "asked"
    assert "35.00 USD" in confirm.text
    assert confirm.options == ["Yes", "No"]
    assert done.outcome == "acted"
    assert done.of("action.completed")[0]["outcome"] == "succeeded"
    assert await refunded(customer, "HP-10004") == [3500]


async def test_a_refund_above_the_threshold_waits_for_an_approver(customer: Customer) -> None:
    await customer.says("Please refund order HP-10003, I am ava.moreno@example.com")
    await customer.types_code()
    waits = await customer.says("yes please")
    between = await customer.says("What is your returns policy?")

    assert waits.outcome == "awaiting_approval"
    assert between.outcome == "answered"
    approvals = customer.desk.services.gates.approvals
    (approval,) = await approvals.page(status="pending", after=None, limit=10)
    assert approval.request["action_requests"][0]["args"]["amount"] == "129.00"
    assert await refunded(customer, "HP-10003") == []

    async def true(_: object) -> bool:
        return True

    decided = await approvals.decide(approval.id, Decision(type="approve"), by=APPROVER, still_true=true)
    assert decided.wakes == customer.conversation_id
    customer.desk.runner.wake(customer.conversation_id)
    done = await customer.hears_more()

    assert done.outcome == "acted"
    assert done.of("approval.decided")[0]["decision"] == "approved"
    (notice,) = await rows(customer.desk.pool, "SELECT payload FROM outbox WHERE kind = 'notice'")
    assert notice["payload"]["text"] == done.text
    assert await refunded(customer, "HP-10003") == [12900]


async def test_an_order_outside_the_window_goes_to_a_person(customer: Customer) -> None:
    heard = await customer.says("Please refund order HP-10005, I am ava.moreno@example.com")

    assert heard.outcome == "escalated"
    assert heard.of("handoff.created")[0]["queue"] == "returns"


async def test_an_order_of_somebody_else_is_not_there(customer: Customer) -> None:
    await customer.says("Where is order HP-10001? I am ava.moreno@example.com")
    heard = await customer.says("Please refund HP-20001")

    assert "250" not in heard.text
    assert heard.outcome == "asked"
