"""Customers ask what the articles answer (R4.4, R4.6)."""

import json

import pytest

from tests.scenarios.conftest import Customer, Shop


@pytest.fixture
async def customer(real_shop: Shop) -> Customer:
    return await real_shop.customer()


async def test_the_returns_policy_is_answered_with_its_source(customer: Customer) -> None:
    heard = await customer.says("what is your returns policy?")

    assert heard.outcome == "answered"
    assert "30 days" in heard.text
    assert "returns-policy" in heard.sources


async def test_the_nodes_are_gone_through_in_order(customer: Customer) -> None:
    heard = await customer.says("what is your returns policy?")

    assert heard.nodes == ["classify", "refusal_check", "authenticate", "retrieve", "plan", "validate", "respond"]


async def test_the_pieces_that_were_streamed_are_the_message(customer: Customer) -> None:
    heard = await customer.says("what is your returns policy?")
    message = heard.of("message.completed")[0]
    pieces = [piece["text"] for piece in heard.of("message.delta") if piece["message_id"] == message["message_id"]]

    assert len(pieces) > 1
    assert "".join(pieces) == message["text"]


async def test_each_sentence_is_logged_with_its_chunk_and_file(customer: Customer) -> None:
    """R4.6: from the answer to the file."""
    heard = await customer.says("what is your returns policy?")
    async with customer.desk.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT evidence FROM messages WHERE role = 'assistant' AND turn_id = %s", (heard.events[0]["turn_id"],)
        )
        row = await cursor.fetchone()

    assert row is not None
    evidence = row["evidence"] if isinstance(row["evidence"], list) else json.loads(row["evidence"])
    assert evidence
    for sentence in evidence:
        assert sentence["text"] in heard.text
        assert sentence["article"].startswith("returns")
        assert sentence["path"].endswith(".md")


async def test_what_no_article_says_is_not_guessed(customer: Customer) -> None:
    """R4.4: below the threshold the assistant says that it does not know and offers a person."""
    heard = await customer.says("Is the blue rug safe for dogs?")

    assert not heard.sources
    assert "don't know" in heard.text
    assert "Talk to a person" in heard.options
    assert heard.of("handoff.offered")


async def test_a_yes_to_the_offer_of_a_person_brings_one(customer: Customer) -> None:
    """R4.4, R7.4"""
    await customer.says("Is the blue rug safe for dogs?")
    heard = await customer.says("yes please")

    assert heard.outcome == "escalated"


async def test_a_question_outside_the_shop_gets_a_polite_boundary(customer: Customer) -> None:
    """R1.5"""
    heard = await customer.says("who won the football world cup in 1998?")

    assert heard.outcome == "refused"
    assert not heard.sources


async def test_a_human_question_is_answered_truthfully(customer: Customer) -> None:
    """K07, R1.6"""
    heard = await customer.says("are you a real human?")

    assert "automated assistant" in heard.text


async def test_two_requests_in_one_message_are_both_answered(customer: Customer) -> None:
    """R1.5"""
    heard = await customer.says("Do you ship to Canada? And also, how long is the warranty?")

    assert {"international-shipping", "warranty"} <= set(heard.sources)


async def test_a_clarifying_question_is_answered_by_one_of_its_options(customer: Customer) -> None:
    """R1.5: the option chosen counts, and its request goes on."""
    asked = await customer.says("actually I meant HP-10002")
    told = await customer.says(asked.options[0].lower())

    assert asked.outcome == "asked"
    assert "Talk to a person" in asked.options
    assert told.nodes[:3] == ["classify", "refusal_check", "authenticate"]
