"""What a customer says for one request is understood there, and stays there (R1.2, R1.5)."""

from tests.scenarios.conftest import Customer

AVA = "I am ava.moreno@example.com, order HP-10001"


async def test_an_amount_said_for_one_refund_is_not_taken_for_the_next(customer: Customer) -> None:
    """R1.5: the second refund is of the whole order."""
    await customer.says("refund $20 of HP-10004, I am ava.moreno@example.com")
    first = await customer.types_code()
    await customer.says("no")
    await customer.says("Please refund order HP-10003")
    second = await customer.types_code()

    assert "20.00 USD" in first.text
    assert "Shall I refund 129.00 USD" in second.text


async def test_more_than_can_be_refunded_is_answered_with_what_is_left(customer: Customer) -> None:
    """R1.2, R5.6: nobody is sent a code for something that cannot be."""
    heard = await customer.says("refund $50 of HP-10004, I am ava.moreno@example.com")

    assert heard.outcome == "answered"
    assert "only 35.00 USD is left" in heard.text


async def test_who_says_only_who_they_are_goes_on_with_the_request(customer: Customer) -> None:
    """R1.5: an e-mail address and an order number are no request of their own."""
    asked = await customer.says("subscribe me to the newsletter")
    heard = await customer.says(AVA)

    assert asked.outcome == "asked"
    assert "Shall I subscribe you" in heard.text


async def test_a_telephone_number_is_told_back_in_one_form(customer: Customer) -> None:
    """R1.2, R5.8"""
    await customer.says(f"Change my phone number. {AVA}")
    await customer.says("it's (202) 555-0199")
    heard = await customer.types_code()

    assert "the phone in your account to: +12025550199?" in heard.text


async def test_who_wants_a_person_does_not_live_at_that_address(customer: Customer) -> None:
    """R7.3: a question for a text does not swallow the wish."""
    await customer.says("Change the delivery address of HP-10002, my email is ava.moreno@example.com")
    heard = await customer.says("I want to talk to a person")

    assert heard.outcome == "escalated"


async def test_a_payment_method_is_chosen_from_those_stored_with_one_code(customer: Customer) -> None:
    """R5.2, R5.3, R6.4"""
    await customer.says(f"change my payment method. {AVA}")
    asked = await customer.types_code()
    heard = await customer.says("yes")

    assert "Mastercard ending in 5100" in asked.text
    assert heard.outcome == "awaiting_approval"
