"""Customers ask on: questions that lean on what was said before, and others that do not (R4.4, item "follow-up")."""

import pytest

from tests.scenarios.conftest import Customer, Shop

pytestmark = pytest.mark.heavy


@pytest.fixture
async def customer(real_shop: Shop) -> Customer:
    return await real_shop.customer()


async def test_sale_items_after_the_general_rule_get_the_rule_for_sale_items(customer: Customer) -> None:
    await customer.says("How long do I have to return something?")
    heard = await customer.says("and for sale items?")

    assert heard.outcome == "answered"
    assert "non-returnable-items" in heard.sources
    assert "sale" in heard.text


async def test_a_follow_up_of_a_follow_up_still_knows_the_subject(customer: Customer) -> None:
    await customer.says("How do I oil my oak table?")
    with_what = await customer.says("what with?")
    how_often = await customer.says("and how often?")

    assert "hard-wax oil" in with_what.text
    assert "6 months" in how_often.text


async def test_a_change_of_subject_is_followed_and_leaned_on(customer: Customer) -> None:
    await customer.says("How long do I have to return something?")
    shipping = await customer.says("What does standard shipping cost?")
    alaska = await customer.says("and to Alaska?")

    assert set(shipping.sources) == {"shipping-options"}
    assert "9.95" in alaska.text


async def test_something_to_be_done_ends_the_subject(customer: Customer) -> None:
    """ "and HP-10002?" after an order is about an order, as before."""
    await customer.says("How long do I have to return something?")
    await customer.says("where is my order HP-10001? my e-mail is ava.moreno@example.com")
    heard = await customer.says("and order HP-10002?")

    assert "HP-10002" in heard.text
    assert not heard.sources


async def test_thanks_in_between_keep_the_subject(customer: Customer) -> None:
    await customer.says("What does standard shipping cost?")
    await customer.says("thank you!")
    heard = await customer.says("and to Hawaii?")

    assert "9.95" in heard.text


async def test_a_question_nobody_could_file_is_answered_when_an_article_does(customer: Customer) -> None:
    heard = await customer.says("How long can I leave a candle going in one evening?")

    assert heard.outcome == "answered"
    assert "care-candles-and-lamps" in heard.sources


async def test_a_question_about_something_else_entirely_is_still_refused(customer: Customer) -> None:
    heard = await customer.says("how many players are on a rugby team")

    assert heard.outcome == "refused"
    assert not heard.sources
