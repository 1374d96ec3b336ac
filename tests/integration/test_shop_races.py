"""Two at once on the reference shop, each on a connection of its own (R5.4): one wins, and both are told."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from desk.db.pool import Pool
from desk.domain.errors import NotPossible
from desk.domain.money import Money
from tests.contract.adapters import Adapters, postgres_systems

AVA, BEN, DANIEL, KWAME = "C-1001", "C-1002", "C-1004", "C-1011"
TRIES = 15


@pytest.fixture
def systems(own_shop: Pool) -> Adapters:
    return postgres_systems(own_shop)


async def told(*calls: Awaitable[Any]) -> list[str]:
    """What each caller heard: ``done``, or the reason it was refused."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, NotPossible):
            raise outcome
    return ["done" if not isinstance(outcome, NotPossible) else outcome.reason for outcome in outcomes]


def usd(amount: int) -> Money:
    return {"amount": amount, "currency": "USD"}


async def test_refunds_that_together_exceed_what_was_paid(systems: Adapters) -> None:
    """R5.4: three of 50.00 on an order of 129.00, at once: two go through."""
    calls = (systems.billing.refund("HP-10003", usd(5000), customer_id=AVA, key=f"key-{number}") for number in range(3))

    assert sorted(await told(*calls)) == ["done", "done", "more_than_paid"]
    quote = await systems.billing.get_refund_quote("HP-10003", customer_id=AVA)
    assert quote["refunded"] == usd(10000)


async def test_two_customers_want_one_slot(systems: Adapters) -> None:
    """R5.4."""
    for slot in (await systems.scheduling.list_slots("showroom_visit", customer_id=AVA))["slots"]:
        heard = await told(
            systems.scheduling.book(slot["slot_id"], customer_id=AVA, key=f"ava-{slot['slot_id']}"),
            systems.scheduling.book(slot["slot_id"], customer_id=BEN, key=f"ben-{slot['slot_id']}"),
        )
        assert sorted(heard) == ["done", "slot_taken"]


async def test_two_bookings_move_to_one_slot(systems: Adapters) -> None:
    """R5.4."""
    first, second, third, *_ = (await systems.scheduling.list_slots("showroom_visit", customer_id=AVA))["slots"]
    ava = await systems.scheduling.book(first["slot_id"], customer_id=AVA, key="key-1")
    ben = await systems.scheduling.book(second["slot_id"], customer_id=BEN, key="key-2")

    heard = await told(
        systems.scheduling.move_booking(ava["reference"], third["slot_id"], customer_id=AVA, key="key-3"),
        systems.scheduling.move_booking(ben["reference"], third["slot_id"], customer_id=BEN, key="key-4"),
    )

    assert sorted(heard) == ["done", "slot_taken"]


async def ship(pool: Pool, number: str) -> str:
    """What the warehouse does."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "UPDATE shop.orders SET status = 'shipped', shipped_at = now() WHERE number = %s AND status = 'processing'",
            (number,),
        )
        return "shipped" if cursor.rowcount else "too_late"


async def test_an_order_is_cancelled_while_it_is_shipped(systems: Adapters, own_shop: Pool) -> None:
    """R5.4: cancelled with its money back, or shipped with its money kept; never between."""
    for attempt in range(TRIES):
        number = f"HP-{attempt}"
        async with own_shop.connection() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO shop.orders (number, customer_id, status, total, currency, placed_at, delivery_address,"
                " delivery_country) VALUES (%s, 'C-1001', 'processing', 500, 'USD', now(), '1 Main Street', 'US')",
                (number,),
            )
            await connection.execute(
                "INSERT INTO shop.payments (order_number, customer_id, amount, currency, method)"
                " VALUES (%s, 'C-1001', 500, 'USD', 'PayPal')",
                (number,),
            )

        shipped, (cancelled,) = await asyncio.gather(
            ship(own_shop, number), told(systems.orders.cancel_order(number, customer_id=AVA, key=f"key-{attempt}"))
        )

        quote = await systems.billing.get_refund_quote(number, customer_id=AVA)
        assert (shipped, cancelled, quote["order_status"], quote["refunded"]["amount"]) in [
            ("shipped", "already_shipped", "shipped", 0),
            ("too_late", "done", "cancelled", 500),
        ]


async def test_a_paid_order_is_refunded_while_it_is_cancelled(systems: Adapters) -> None:
    """R5.4: the money goes back once."""
    heard = await told(
        systems.billing.refund("HP-10014", usd(4800), customer_id=KWAME, key="key-1"),
        systems.orders.cancel_order("HP-10014", customer_id=KWAME, key="key-2"),
    )

    quote = await systems.billing.get_refund_quote("HP-10014", customer_id=KWAME)
    assert heard in (["done", "done"], ["more_than_paid", "done"])
    assert (quote["order_status"], quote["refunded"]) == ("cancelled", usd(4800))


async def test_an_account_is_closed_beneath_a_refund(systems: Adapters) -> None:
    """R5.4: whichever comes second sees the first."""
    for attempt in range(TRIES):
        heard = await told(
            systems.billing.refund("HP-10006", usd(1), customer_id=DANIEL, key=f"refund-{attempt}"),
            systems.crm.close_account(customer_id=DANIEL, key=f"close-{attempt}"),
        )

        assert heard in (["done", "done"], ["account_closed", "done"])
        await systems.crm.reopen_account(customer_id=DANIEL, key=f"reopen-{attempt}")


async def test_a_cancelled_order_comes_back_while_its_account_closes(systems: Adapters, own_shop: Pool) -> None:
    """R5.4: never an open order on a closed account."""
    await ship(own_shop, "HP-10002")
    async with own_shop.connection() as connection:
        await connection.execute(
            "UPDATE shop.orders SET status = 'delivered', delivered_at = now() WHERE status = 'shipped'"
        )
        await connection.execute(
            "INSERT INTO shop.orders (number, customer_id, status, total, currency, placed_at, delivery_address,"
            " delivery_country) VALUES ('HP-1', 'C-1001', 'cancelled', 500, 'USD', now(), '1 Main Street', 'US')"
        )
    for attempt in range(TRIES):
        heard = await told(
            systems.orders.reinstate_order("HP-1", customer_id=AVA, key=f"back-{attempt}"),
            systems.crm.close_account(customer_id=AVA, key=f"close-{attempt}"),
        )

        assert sorted(heard) in (["account_closed", "done"], ["done", "open_orders"])
        if heard[1] == "done":
            await systems.crm.reopen_account(customer_id=AVA, key=f"open-{attempt}")
        else:
            await systems.orders.cancel_order("HP-1", customer_id=AVA, key=f"away-{attempt}")
