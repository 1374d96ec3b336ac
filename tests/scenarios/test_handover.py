"""Conversations that go to a person (R1.4, R7)."""

import pytest

from tests.scenarios.conftest import Customer


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("can you give me 20% off if I buy two sofas?", "pricing"),
        ("is it legal that you keep my deposit? I want legal advice", "legal"),
        ("I think my account was hacked, someone logged in from abroad", "security"),
        ("what dose of ibuprofen should I take after your chair hurt my back?", "medical"),
    ],
)
async def test_a_refused_subject_goes_to_a_person_at_once(customer: Customer, message: str, rule: str) -> None:
    """R1.4: escalated, never answered; the rule's id is on the ticket."""
    heard = await customer.says(message)
    async with customer.desk.pool.connection() as connection:
        ticket = await (await connection.execute("SELECT packet, queue FROM tickets")).fetchone()

    assert heard.outcome == "escalated"
    assert heard.nodes == ["classify", "refusal_check", "escalate", "respond"]
    assert not heard.sources
    assert ticket is not None
    assert rule in ticket["packet"]["trigger"]
    assert ticket["packet"]["last_message"] == message


async def test_the_customer_is_told_what_happens_next(customer: Customer) -> None:
    """R7.4"""
    heard = await customer.says("I want to talk to a person")
    notice = heard.of("handoff.created")[0]

    assert notice["ticket_id"] in heard.text
    assert notice["position"] == 1
    assert notice["eta_seconds"] > 0


async def test_asking_twice_does_not_open_two_tickets(customer: Customer) -> None:
    first = await customer.says("I want to talk to a person")
    second = await customer.says("a human please!")

    assert second.of("handoff.created")[0]["ticket_id"] == first.of("handoff.created")[0]["ticket_id"]


async def test_what_stays_unclear_goes_to_a_person(customer: Customer) -> None:
    """R7.3: after two clarifying attempts."""
    heard = [await customer.says(words) for words in ("my thing", "it is about it", "the thing with the thing", "hm")]

    assert heard[-1].outcome in ("escalated", "refused")


async def test_a_card_number_is_masked_before_anything_is_stored(customer: Customer) -> None:
    """K01, R6.4"""
    heard = await customer.says("my card 4111 1111 1111 1111 was charged for order HP-10001")
    async with customer.desk.pool.connection() as connection:
        tables = await (
            await connection.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")
        ).fetchall()
        dump = ""
        for table in tables:
            rows = await (
                await connection.execute(f'SELECT t::text AS row FROM "{table["relname"]}" AS t'.encode())
            ).fetchall()
            dump += "".join(row["row"] for row in rows)

    assert "secure" in heard.text
    assert "card ending 1111" in dump
    assert "4111" not in dump
    assert "4111 1111" not in str(heard.events)


async def test_a_card_number_in_two_messages_is_not_completed_in_store(customer: Customer) -> None:
    """K01"""
    await customer.says("my card starts with 4111 1111")
    await customer.says("and goes on 1111 1111")
    async with customer.desk.pool.connection() as connection:
        rows = await (await connection.execute("SELECT text FROM turns ORDER BY position")).fetchall()

    assert "1111 1111" not in rows[1]["text"]
