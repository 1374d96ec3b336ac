"""Every workflow of the sample shop, from the customer's words to the shop's records (R1.3, R1.5, R5.8)."""

import pytest

from tests.integration.turns.desks import rows
from tests.scenarios.conftest import Customer

AVA = "I am ava.moreno@example.com"


async def records(customer: Customer, query: str) -> list[dict[str, object]]:
    return await rows(customer.desk.pool, query)


async def test_an_order_is_cancelled_after_a_code_and_a_yes(customer: Customer) -> None:
    asked = await customer.says("please cancel order HP-10002")
    sent = await customer.says("ava.moreno@example.com")
    confirm = await customer.types_code()
    done = await customer.says("yes, please!")

    assert [heard.outcome for heard in (asked, sent, confirm, done)] == ["asked", "verifying", "asked", "acted"]
    assert "42.00 USD" in confirm.text
    assert await records(customer, "SELECT status FROM shop.orders WHERE number = 'HP-10002'") == [
        {"status": "cancelled"}
    ]


async def test_an_order_on_its_way_is_not_cancelled_and_the_customer_hears_why(customer: Customer) -> None:
    heard = await customer.says(f"cancel HP-10001. {AVA}")

    assert heard.outcome == "answered"
    assert not heard.of("verification.required")
    assert await records(customer, "SELECT status FROM shop.orders WHERE number = 'HP-10001'") == [
        {"status": "shipped"}
    ]


async def test_no_means_no(customer: Customer) -> None:
    await customer.says(f"cancel HP-10002. {AVA}")
    await customer.types_code()
    declined = await customer.says("No")
    again = await customer.says("yes")

    assert declined.outcome == "answered"
    assert again.outcome != "acted"
    assert await records(customer, "SELECT status FROM shop.orders WHERE number = 'HP-10002'") == [
        {"status": "processing"}
    ]


@pytest.mark.parametrize("words", ["yes but only half of it", "yes if it is free", "hmm", "maybe", "yes no"])
async def test_half_a_yes_is_none(customer: Customer, words: str) -> None:
    await customer.says(f"cancel HP-10002. {AVA}")
    await customer.types_code()
    heard = await customer.says(words)

    assert heard.outcome == "asked"
    assert heard.options == ["Yes", "No"]
    assert await records(customer, "SELECT FROM actions WHERE risk <> 'read'") == []


async def test_a_delivery_address_is_asked_for_and_changed(customer: Customer) -> None:
    asked = await customer.says(f"I want another delivery address for HP-10002. {AVA}")
    sent = await customer.says("12 Elm Street, Boston, MA 02110")
    confirm = await customer.types_code()
    done = await customer.says("yes")

    assert [heard.outcome for heard in (asked, sent, confirm, done)] == ["asked", "verifying", "asked", "acted"]
    assert "12 Elm Street" in confirm.text
    (order,) = await records(customer, "SELECT delivery_address FROM shop.orders WHERE number = 'HP-10002'")
    assert "12 Elm Street" in str(order["delivery_address"])


async def test_an_appointment_is_booked_moved_and_cancelled(customer: Customer) -> None:
    await customer.says(f"I'd like to book a showroom visit. {AVA}, my order was HP-10001")
    chosen = await customer.says("the second one")
    booked = await customer.says("yes")
    offered = await customer.says("can you move my appointment?")
    await customer.says(offered.options[3])
    moved = await customer.says("yes")
    await customer.says("cancel my appointment")
    cancelled = await customer.says("yes")

    assert chosen.outcome == "asked"
    assert [heard.outcome for heard in (booked, moved, cancelled)] == ["acted", "acted", "acted"]
    assert offered.options[3] in moved.text
    assert await records(customer, "SELECT status FROM shop.bookings WHERE customer_id = 'C-1001'") == [
        {"status": "cancelled"}
    ]


async def test_a_phone_number_changes_only_by_a_code_to_the_old_one(customer: Customer) -> None:
    """R5.1: e-mail never suffices for contact details."""
    await customer.says("I want to update my phone number. My email is ben.okafor@example.com, order HP-20001")
    await customer.says("phone")
    sent = await customer.says("+1 202 555 0199")
    await customer.types_code()
    done = await customer.says("yes")

    assert sent.of("verification.required")[0]["method"] == "sms"
    assert sent.of("verification.required")[0]["sent_to"].endswith("0102")
    assert done.outcome == "acted"
    assert await records(customer, "SELECT phone FROM shop.customers WHERE id = 'C-1002'") == [
        {"phone": "+12025550199"}
    ]


async def test_another_payment_method_always_waits_for_an_approver(customer: Customer) -> None:
    """R5.3"""
    await customer.says(f"change my payment method please. {AVA}, order HP-10001")
    confirm = await customer.types_code()
    waits = await customer.says("yes")

    assert "Mastercard ending in 5100" in confirm.text
    assert waits.outcome == "awaiting_approval"


async def test_an_account_with_open_orders_is_not_closed(customer: Customer) -> None:
    heard = await customer.says("please close my account. chloe.martin@example.com HP-30001")

    assert heard.outcome == "answered"
    assert await records(customer, "SELECT status FROM shop.customers WHERE id = 'C-1003'") == [{"status": "active"}]


async def test_closing_an_account_waits_for_an_approver(customer: Customer) -> None:
    """R5.3"""
    await customer.says("please close my account. ben.okafor@example.com, order HP-20001")
    await customer.types_code()
    waits = await customer.says("yes")

    assert waits.outcome == "awaiting_approval"
    assert await records(customer, "SELECT status FROM shop.customers WHERE id = 'C-1002'") == [{"status": "active"}]


async def test_a_complaint_becomes_a_ticket_of_the_service_desk(customer: Customer) -> None:
    await customer.says(f"I want to make a complaint about the delivery of HP-10001. {AVA}")
    confirm = await customer.says("The courier threw my parcel over the fence and left.")
    done = await customer.says("yes")

    assert "over the fence" in confirm.text
    assert done.outcome == "acted"
    (ticket,) = await records(
        customer, "SELECT description FROM shop.tickets WHERE customer_id = 'C-1001' ORDER BY created_at DESC LIMIT 1"
    )
    assert "over the fence" in str(ticket["description"])


async def test_the_newsletter_is_subscribed_to(customer: Customer) -> None:
    await customer.says("subscribe me to the newsletter. ben.okafor@example.com, HP-20001")
    done = await customer.says("yes")

    assert done.outcome == "acted"


async def test_all_orders_are_told_after_a_code(customer: Customer) -> None:
    """R5.1: a list of everything is more than one order's number proves."""
    sent = await customer.says("show me all my orders please, ben.okafor@example.com, HP-20001")
    told = await customer.types_code()

    assert sent.outcome == "verifying"
    assert "250.00" not in sent.text
    assert "HP-20001" in told.text


async def test_a_part_is_refunded_when_the_customer_names_an_amount(customer: Customer) -> None:
    await customer.says(f"refund 20 dollars for HP-10004. {AVA}")
    confirm = await customer.types_code()
    done = await customer.says("yes")

    assert "20.00 USD" in confirm.text
    assert done.outcome == "acted"


async def test_more_than_was_paid_is_not_refunded(customer: Customer) -> None:
    heard = await customer.says(f"refund $90 for HP-10004. {AVA}")

    assert heard.outcome != "verifying"
    assert await records(customer, "SELECT FROM actions WHERE risk <> 'read' AND outcome <> 'denied'") == []


async def test_a_correction_of_the_order_asks_for_a_new_code(customer: Customer) -> None:
    """R1.5, B05: a code is for one action and its arguments."""
    await customer.says(f"refund HP-10004. {AVA}")
    await customer.types_code()
    corrected = await customer.says("actually HP-10003, not HP-10004")

    assert corrected.outcome == "verifying"


async def test_stop_withdraws_what_waits_for_an_approver(customer: Customer) -> None:
    """C04"""
    await customer.says(f"refund HP-10003. {AVA}")
    await customer.types_code()
    await customer.says("yes")
    stopped = await customer.says("wait, stop!")

    assert stopped.outcome == "answered"
    assert await records(customer, "SELECT status FROM approvals") == [{"status": "superseded"}]


async def test_a_second_request_of_a_message_is_answered_while_the_first_waits(customer: Customer) -> None:
    """R1.5"""
    await customer.says(f"refund HP-10003. {AVA}")
    await customer.types_code()
    await customer.says("yes")
    between = await customer.says("where is my parcel HP-10001?")

    assert "TRK-10001" in between.text
    assert await records(customer, "SELECT status FROM approvals") == [{"status": "pending"}]


async def test_an_amount_is_corrected_by_naming_another_one(customer: Customer) -> None:
    """R1.5: and no half sentence is mistaken for a refused subject."""
    await customer.says(f"refund HP-10004. {AVA}")
    await customer.types_code()
    await customer.says("actually only 20 dollars")
    confirm = await customer.types_code()

    assert "20.00 USD" in confirm.text


async def test_a_no_to_a_question_ends_the_request(customer: Customer) -> None:
    await customer.says(f"I want another delivery address for HP-10002. {AVA}")
    declined = await customer.says("no")

    assert declined.outcome == "answered"
    assert await records(customer, "SELECT FROM proposals") == []
