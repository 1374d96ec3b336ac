"""Row-level security of the reference shop, below the agent: plain SQL as the adapters' role (R5.2)."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection

from desk.db.migrate import migrate, migration_lock
from desk.db.pool import Pool, open_pool
from desk.integrations.postgres.orders import PostgresOrders
from desk.integrations.seed import seed
from desk.policies.models import PolicySet

TABLES = ["customers", "orders", "order_items", "shipments", "invoices", "payments", "payment_methods"]
WRITABLE = ["refunds", "history", "tickets", "ticket_notes", "slots", "bookings", "effects"]


@pytest.fixture
def connection(shop_url: str) -> Iterator[Connection]:
    """A connection that has become the adapters' role and can go wrong in any way."""
    with psycopg.connect(shop_url, autocommit=True) as connection:
        connection.execute("SET ROLE frontdesk_shop")
        yield connection


def become(connection: Connection, customer_id: str | None) -> None:
    connection.execute("SELECT set_config('frontdesk.customer_id', %s, false)", (customer_id,))


def count(connection: Connection, table: str, where: str = "true") -> int:
    row = connection.execute(f"SELECT count(*) FROM shop.{table} WHERE {where}".encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("table", TABLES)
def test_without_a_customer_there_are_no_rows(connection: Connection, table: str) -> None:
    """R5.2: never set, empty, and set for an earlier transaction only."""
    assert count(connection, table) == 0
    become(connection, "")
    assert count(connection, table) == 0
    with connection.transaction():
        connection.execute("SELECT set_config('frontdesk.customer_id', 'C-1001', true)")
        assert count(connection, table) > 0
    assert count(connection, table) == 0


@pytest.mark.parametrize("table", TABLES)
def test_a_customer_sees_only_their_own_rows(connection: Connection, table: str) -> None:
    """R5.2: no condition of a query gets past the policy."""
    key = "id" if table == "customers" else "customer_id"
    become(connection, "C-1001")

    assert count(connection, table, f"{key} = 'C-1001'") > 0
    assert count(connection, table, f"{key} <> 'C-1001'") == 0
    assert count(connection, table, "true OR 1 = 1") == count(connection, table, f"{key} = 'C-1001'")


def test_a_join_or_a_subquery_shows_no_more(connection: Connection) -> None:
    """R5.2."""
    become(connection, "C-1001")

    rows = connection.execute(
        "SELECT customers.id FROM shop.customers JOIN shop.orders ON true UNION SELECT customer_id FROM shop.invoices"
    ).fetchall()

    assert rows == [("C-1001",)]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    ["UPDATE shop.{table} SET {key} = 'C-1001'", "DELETE FROM shop.{table}", "INSERT INTO shop.{table} DEFAULT VALUES",
     "TRUNCATE shop.{table}", "ALTER TABLE shop.{table} DISABLE ROW LEVEL SECURITY", "DROP TABLE shop.{table}"],
)  # fmt: skip
def test_the_role_can_write_nothing(connection: Connection, table: str, statement: str) -> None:
    """R5.2: not even a customer's own rows."""
    become(connection, "C-1001")
    key = "id" if table == "customers" else "customer_id"

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.format(table=table, key=key).encode())


def test_the_switch_of_the_owner_does_nothing_for_the_role(connection: Connection) -> None:
    """R5.2: seeding opens the whole shop for its owner, and for nobody else."""
    connection.execute("SELECT set_config('frontdesk.whole_shop', 'on', false)")

    assert [count(connection, table) for table in TABLES] == [0] * len(TABLES)


def test_the_role_reaches_nothing_beside_the_shop(connection: Connection) -> None:
    """R5.2: conversations, identifications and tickets are not the shop's business."""
    for table in ("conversations", "messages", "identifications", "tickets", "schema_migrations"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT * FROM {table}".encode())


def test_identification_tells_an_id_for_two_facts_and_nothing_else(connection: Connection) -> None:
    """R5.1: the one function that looks over all customers."""

    def identify(address: str | None, number: str | None) -> object:
        row = connection.execute("SELECT shop.identify(%s, %s)", (address, number)).fetchone()
        return row and row[0]

    assert identify("AVA.moreno@example.com", "HP-10001") == "C-1001"
    assert identify("ava.moreno@example.com", "HP-20001") is None
    assert identify("%", "HP-10001") is None
    assert identify(None, "HP-10001") is None
    assert identify("ava.moreno@example.com", None) is None
    # What the function may see stays inside it.
    assert count(connection, "customers") == 0


def test_every_table_of_the_shop_is_forced_under_a_policy(connection: Connection) -> None:
    """R5.2: a table added later without one fails here."""
    rows = connection.execute(
        "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class"
        " WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'p')"
    ).fetchall()

    assert dict(rows) == dict.fromkeys([*TABLES, *WRITABLE], True)


async def test_a_read_leaves_no_role_and_no_customer_behind(shop: Pool) -> None:
    """R5.2: the next user of a pooled connection starts as nobody."""
    await PostgresOrders(pool=shop).get_order("HP-10001", customer_id="C-1001")

    async with shop.connection() as one, shop.connection() as two:
        for connection in (one, two):
            cursor = await connection.execute(
                "SELECT current_user = session_user AS own, current_setting('frontdesk.customer_id', true) AS customer"
            )
            row = await cursor.fetchone()
            assert row is not None
            assert row["own"]
            assert not row["customer"]


async def test_seeding_again_leaves_what_is_there_alone(pool: Pool, retail: PolicySet) -> None:
    """The second start of a demo must not undo what happened since."""
    await seed(pool, retail)
    async with pool.connection() as connection:
        await connection.execute("UPDATE shop.orders SET status = 'cancelled' WHERE number = 'HP-10002'")
        await connection.execute("DELETE FROM shop.order_items WHERE order_number = 'HP-10002'")

    await seed(pool, retail)

    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT status, (SELECT count(*) FROM shop.order_items WHERE order_number = number) AS items,"
            " (SELECT count(*) FROM shop.orders) AS orders FROM shop.orders WHERE number = 'HP-10002'"
        )
        row = await cursor.fetchone()
    assert row == {"status": "cancelled", "items": 0, "orders": len(retail.seed["orders"])}


async def test_an_owner_who_is_no_superuser_is_bound_as_well(postgres_url: str, retail: PolicySet) -> None:
    """R5.2, R12.1: a production server's user migrates, seeds and reads, and sees nothing by accident."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE shop_owner LOGIN CREATEROLE")
        connection.execute("CREATE DATABASE owned OWNER shop_owner")
        connection.execute("GRANT frontdesk_shop TO shop_owner")
    url = postgres_url.replace("postgres:@", "shop_owner:@").replace("/postgres?", "/owned?")
    async with migration_lock(url) as migrating:
        await migrate(migrating)
    pool = await open_pool(url, max_size=2)
    try:
        await seed(pool, retail)
        order = await PostgresOrders(pool=pool).get_order("HP-10001", customer_id="C-1001")
        async with pool.connection() as connection:
            cursor = await connection.execute("SELECT count(*) AS n FROM shop.customers")
            row = await cursor.fetchone()
            identified = await (
                await connection.execute("SELECT shop.identify('ava.moreno@example.com', 'HP-10001') AS id")
            ).fetchone()
    finally:
        await pool.close()

    assert order["number"] == "HP-10001"
    assert row == {"n": 0}
    assert identified == {"id": "C-1001"}
