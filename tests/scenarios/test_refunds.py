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


async def approve_all(customer: Customer) -> None:
    for approval in await customer.desk.reviews.approvals(status="pending", after=None, limit=10):
        await customer.desk.reviews.decide(approval.id, Decision(type="approve"), by=APPROVER)


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
    (approval,) = await customer.desk.reviews.approvals(status="pending", after=None, limit=10)
    assert approval.request["action_requests"][0]["args"]["amount"] == "129.00"
    assert await refunded(customer, "HP-10003") == []
    await approve_all(customer)
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


async def test_small_refunds_that_add_up_need_an_approver(customer: Customer) -> None:
    """R5.3: cumulative per customer and day, so that nobody splits a large refund."""
    spent = """
        INSERT INTO proposals (id, conversation_id, customer_id, turn_id, pack_version, intent, tool, arguments,
                               args_hash, facts, request)
        VALUES ('prop_old', 'c', 'C-1001', 't', 'v', 'i', 'refund', '{}', 'h', '{}', '{}')
    """
    ran = """
        INSERT INTO actions (id, key, conversation_id, turn_id, customer_id, tool, risk, args, amount, decision,
                             proposal_id, outcome)
        VALUES ('act_old', 'k', 'c', 't', 'C-1001', 'refund', 'high', '{}', 7000, 'allowed', 'prop_old', 'succeeded')
    """
    async with customer.desk.pool.connection() as connection:
        await connection.execute(spent)
        await connection.execute(ran)

    await customer.says("Please refund order HP-10004, I am ava.moreno@example.com")
    await customer.types_code()
    waits = await customer.says("yes")

    assert waits.outcome == "awaiting_approval"


async def test_what_an_approver_agreed_to_does_not_count_against_small_refunds(customer: Customer) -> None:
    await customer.says("Please refund order HP-10003, I am ava.moreno@example.com")
    await customer.types_code()
    await customer.says("yes")
    await approve_all(customer)
    await customer.hears_more()
    await customer.says("Please refund order HP-10004")
    await customer.types_code()
    done = await customer.says("yes")

    assert done.outcome == "acted"
