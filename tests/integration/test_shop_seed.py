"""What seeding leaves in the reference shop (R1.1), and what an older shop becomes."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from desk.db.migrate import MIGRATIONS, migrate
from desk.db.pool import Pool, open_pool
from desk.domain.clock import now
from desk.domain.errors import PackError
from desk.integrations.postgres.billing import PostgresBilling
from desk.integrations.postgres.crm import PostgresCrm
from desk.integrations.postgres.orders import PostgresOrders
from desk.integrations.protocols import AppointmentKind
from desk.integrations.seed import seed
from desk.policies.models import PolicySet


async def slots(pool: Pool, kind: AppointmentKind = "showroom_visit") -> list[datetime]:
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT starts_at FROM shop.slots WHERE kind = %s ORDER BY starts_at", (kind,)
        )  # fmt: skip
        return [row["starts_at"] for row in await cursor.fetchall()]


async def test_slots_are_to_come_at_the_shops_hours_when_it_is_open(pool: Pool, retail: PolicySet) -> None:
    """R1.3: whenever it is seeded."""
    await seed(pool, retail)

    times = [moment.astimezone(ZoneInfo(retail.timezone)) for moment in await slots(pool)]

    assert min(times) > now()
    assert {moment.strftime("%H:%M") for moment in times} == {"10:00", "13:00", "15:00"}
    assert {moment.strftime("%A") for moment in times} == {"Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
    assert len(times) == 2 * 5 * 3  # two whole weeks


async def test_a_later_start_adds_the_days_that_came_into_reach(pool: Pool, retail: PolicySet) -> None:
    """R12.1: a demo that runs for a month still has slots, and its booking is booked once."""
    await seed(pool, retail)
    first = await slots(pool)
    farther = [row | {"to_day": 28} for row in retail.seed["slots"]]
    later = retail.model_copy(update={"seed": {**retail.seed, "slots": farther}})

    await seed(pool, later)

    assert (await slots(pool))[: len(first)] == first
    assert len(await slots(pool)) == 2 * len(first)
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT customer_id FROM shop.bookings")
        assert await cursor.fetchall() == [{"customer_id": "C-1002"}]


async def test_money_and_tickets_have_a_past(pool: Pool, retail: PolicySet) -> None:
    """R1.3: what the invoices say was paid was paid, and refunded orders are cancelled ones."""
    await seed(pool, retail)

    async with pool.connection() as connection:
        orders = await (
            await connection.execute("SELECT number, status, total, paid, refunded FROM shop.orders")
        ).fetchall()
        tickets = await (await connection.execute("SELECT status FROM shop.tickets")).fetchall()

    status = {row["order_number"]: row["payment_status"] for row in retail.seed["invoices"]}
    assert {order["number"]: order["paid"] > 0 for order in orders} == {
        number: paid != "open" for number, paid in status.items()
    }
    assert {order["number"] for order in orders if order["refunded"]} == {
        order["number"] for order in orders if order["status"] == "cancelled"
    }
    assert tickets == [{"status": "closed"}]


@pytest.mark.parametrize(
    ("table", "changes", "problem"),
    [
        ("payment_methods", {"label": "Visa 4242424242424242"}, "payment_methods_label_check"),
        ("customers", {"phone": "none"}, "value_invalid__phone"),
        ("slots", {"place": None}, "place"),
    ],
)
async def test_a_row_that_does_not_fit_names_its_file_and_nothing_is_stored(
    pool: Pool, retail: PolicySet, table: str, changes: dict[str, Any], problem: str
) -> None:
    """R1.1."""
    rows = [retail.seed[table][0] | changes, *retail.seed[table][1:]]
    broken = retail.model_copy(update={"seed": {**retail.seed, table: rows}})

    with pytest.raises(PackError, match=rf"seed/{table}.yaml: .*{problem}"):
        await seed(pool, broken)

    async with pool.connection() as connection:
        row = await (await connection.execute("SELECT count(*) AS n FROM shop.customers")).fetchone()
    assert row == {"n": 0}


async def test_a_shop_of_the_first_release_keeps_its_orders_and_their_money(
    postgres_url: str, tmp_path: Path
) -> None:  # fmt: skip
    """R12.3: invoices said what was paid; now the order knows."""
    for file in sorted(MIGRATIONS.glob("000[1-4]_*.sql")):
        shutil.copy(file, tmp_path)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE first_release")
    url = postgres_url.replace("/postgres?", "/first_release?")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as old:
        await migrate(old, folder=tmp_path)
        await old.execute(
            "INSERT INTO shop.customers (id, name, email, segment, locale)"
            " VALUES ('C-1', 'Ada', 'ada@example.com', 'standard', 'en')"
        )
        for number, status, payment in (
            ("HP-1", "processing", "open"), ("HP-2", "processing", "paid"), ("HP-3", "cancelled", "refunded"),
        ):  # fmt: skip
            await old.execute(
                "INSERT INTO shop.orders (number, customer_id, status, total, currency, placed_at)"
                " VALUES (%s, 'C-1', %s, 500, 'USD', now())",
                (number, status),
            )
            await old.execute(
                "INSERT INTO shop.invoices VALUES ('INV-' || %s, %s, 'C-1', 500, 'USD', now(), %s, 'PayPal')",
                (number, number, payment),
            )
        await migrate(old)
    pool = await open_pool(url, max_size=2)
    try:
        billing = PostgresBilling(pool=pool)
        quotes = [await billing.get_refund_quote(number, customer_id="C-1") for number in ("HP-1", "HP-2", "HP-3")]
        invoices = [await billing.get_invoice(f"INV-HP-{number}", customer_id="C-1") for number in (1, 2, 3)]
        customer = await PostgresCrm(pool=pool).get_customer(customer_id="C-1")
        cancelled = await PostgresOrders(pool=pool).cancel_order("HP-2", customer_id="C-1", key="key-1")
    finally:
        await pool.close()

    assert [(quote["paid"]["amount"], quote["refunded"]["amount"]) for quote in quotes] == [
        (0, 0), (500, 0), (500, 500),
    ]  # fmt: skip
    assert [invoice["payment_status"] for invoice in invoices] == ["open", "paid", "refunded"]
    assert quotes[1]["payment_method"] == "PayPal"
    assert customer["country"] == "ZZ"
    assert cancelled["refunded"]["amount"] == 500
