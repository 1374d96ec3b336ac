"""Row-level security of the reference shop, below the agent: plain SQL as the adapters' role (R5.2)."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection

from desk.db.migrate import migrate, migration_lock
from desk.db.pool import Pool, open_pool
from desk.integrations.postgres.billing import PostgresBilling
from desk.integrations.postgres.crm import PostgresCrm
from desk.integrations.postgres.orders import PostgresOrders
from desk.integrations.postgres.scheduling import PostgresScheduling
from desk.integrations.postgres.ticketing import PostgresTicketing
from desk.integrations.seed import seed
from desk.policies.models import PolicySet

READ_ONLY = ["order_items", "shipments", "invoices", "payments", "payment_methods", "history"]
WRITABLE = ["customers", "orders", "refunds", "tickets", "ticket_notes", "bookings", "effects"]
OWNED = [*READ_ONLY, *WRITABLE]
"""Every table with a customer's rows; ``slots`` are nobody's."""


@pytest.fixture
async def busy(own_shop: Pool) -> None:
    """Ava and Ben have rows in every table."""
    for customer, order in (("C-1001", "HP-10003"), ("C-1002", "HP-20001")):
        billing, crm = PostgresBilling(pool=own_shop), PostgresCrm(pool=own_shop)
        ticketing, scheduling = PostgresTicketing(pool=own_shop), PostgresScheduling(pool=own_shop)
        await billing.refund(order, {"amount": 100, "currency": "USD"}, customer_id=customer, key=f"{customer}-1")
        await crm.set_newsletter("yes", customer_id=customer, key=f"{customer}-2")
        ticket = await ticketing.create_ticket("Lamp", "", "returns", customer_id=customer, key=f"{customer}-3")
        await ticketing.add_note(ticket["reference"], "Note", customer_id=customer, key=f"{customer}-4")
        (slot, *_) = (await scheduling.list_slots("showroom_visit", customer_id=customer))["slots"]
        await scheduling.book(slot["slot_id"], customer_id=customer, key=f"{customer}-5")


@pytest.fixture
def connection(own_shop_url: str, busy: None) -> Iterator[Connection]:
    """A connection that has become the adapters' role and can go wrong in any way."""
    with psycopg.connect(own_shop_url, autocommit=True) as connection:
        connection.execute("SET ROLE frontdesk_shop")
        yield connection


@pytest.fixture
def owner(own_shop_url: str) -> Iterator[Connection]:
    """The database's own user, who sees everything."""
    with psycopg.connect(own_shop_url, autocommit=True) as connection:
        yield connection


def become(connection: Connection, customer_id: str | None) -> None:
    connection.execute("SELECT set_config('frontdesk.customer_id', %s, false)", (customer_id,))


def count(connection: Connection, table: str, where: str = "true") -> int:
    row = connection.execute(f"SELECT count(*) FROM shop.{table} WHERE {where}".encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("table", OWNED)
def test_without_a_customer_there_are_no_rows(connection: Connection, table: str) -> None:
    """R5.2: never set, empty, and set for an earlier transaction only."""
    assert count(connection, table) == 0
    become(connection, "")
    assert count(connection, table) == 0
    with connection.transaction():
        connection.execute("SELECT set_config('frontdesk.customer_id', 'C-1001', true)")
        assert count(connection, table) > 0
    assert count(connection, table) == 0


@pytest.mark.parametrize("table", OWNED)
def test_a_customer_sees_only_their_own_rows(connection: Connection, table: str) -> None:
    """R5.2: no condition of a query gets past the policy."""
    key = key_of(table)
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


def key_of(table: str) -> str:
    return "id" if table == "customers" else "customer_id"


@pytest.mark.parametrize("table", [*READ_ONLY, "slots"])
def test_what_no_customer_changes_cannot_be_changed(connection: Connection, table: str) -> None:
    """R5.2: not even a customer's own rows."""
    become(connection, "C-1001")
    column = "id" if table == "slots" else "customer_id"

    for statement in (f"UPDATE shop.{table} SET {column} = 'C-1001'", f"INSERT INTO shop.{table} DEFAULT VALUES"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


@pytest.mark.parametrize("table", [*OWNED, "slots"])
@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM shop.{table}", "TRUNCATE shop.{table}", "ALTER TABLE shop.{table} DISABLE ROW LEVEL SECURITY",
     "ALTER TABLE shop.{table} DISABLE TRIGGER ALL", "DROP TABLE shop.{table}",
     "SET session_replication_role = replica"],
)  # fmt: skip
def test_the_role_can_remove_nothing(connection: Connection, table: str, statement: str) -> None:
    """R5.2: neither rows nor what guards them."""
    become(connection, "C-1001")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.format(table=table).encode())


def test_only_what_a_customer_decides_can_be_written(connection: Connection) -> None:
    """R5.2: the columns the role may write, and no others; a column added later without a thought fails here."""
    rows = connection.execute(
        "SELECT table_name || '.' || column_name, privilege_type FROM information_schema.column_privileges"
        " WHERE table_schema = 'shop' AND grantee = 'frontdesk_shop' AND privilege_type <> 'SELECT'"
    ).fetchall()

    assert {name for name, privilege in rows if privilege == "UPDATE"} == {
        "customers.name", "customers.email", "customers.phone", "customers.address", "customers.newsletter",
        "customers.status", "customers.payment_method_id", "orders.status", "orders.delivery_address",
        "tickets.queue", "tickets.status", "bookings.slot_id", "bookings.status",
    }  # fmt: skip
    assert {name for name, privilege in rows if privilege == "INSERT"} == {
        "refunds.order_number", "refunds.customer_id", "refunds.amount", "refunds.currency", "tickets.customer_id",
        "tickets.subject", "tickets.description", "tickets.queue", "ticket_notes.ticket", "ticket_notes.customer_id",
        "ticket_notes.note", "bookings.customer_id", "bookings.slot_id", "effects.key", "effects.customer_id",
        "effects.operation", "effects.request_hash", "effects.result",
    }  # fmt: skip
    assert {privilege for _, privilege in rows} == {"UPDATE", "INSERT"}


UPDATES = {
    "customers": "SET name = 'Mallory'",
    "orders": "SET delivery_address = '1 Evil Street, Boston'",
    "tickets": "SET queue = 'billing'",
    "bookings": "SET status = 'cancelled'",
}


@pytest.mark.parametrize("table", UPDATES)
def test_an_update_of_a_foreign_row_finds_none(connection: Connection, owner: Connection, table: str) -> None:
    """R5.2: it looks like a row that is not there, whatever the condition is."""
    become(connection, "C-1001")
    rows = f"SELECT * FROM shop.{table} WHERE {key_of(table)} <> 'C-1001' ORDER BY 1".encode()
    before = owner.execute(rows).fetchall()

    for where in (
        f"{key_of(table)} = 'C-1002'",
        f"{key_of(table)} <> 'C-1001' OR 1 = 0",
        f"{key_of(table)} = 'C-9999'",
    ):
        found = connection.execute(f"UPDATE shop.{table} {UPDATES[table]} WHERE {where}".encode())
        assert found.rowcount == 0

    assert owner.execute(rows).fetchall() == before


@pytest.mark.parametrize(
    ("table", "customer"),
    [("customers", "C-1001"), ("orders", "C-1011"), ("tickets", "C-1001"), ("bookings", "C-1001")],
)
def test_an_update_of_everything_is_one_of_ones_own_rows(
    connection: Connection, owner: Connection, table: str, customer: str
) -> None:
    """R5.2: without a condition nothing is read, so only the policy for updates stands in the way."""
    become(connection, customer)
    rows = f"SELECT * FROM shop.{table} WHERE {key_of(table)} <> '{customer}' ORDER BY 1".encode()
    before = owner.execute(rows).fetchall()

    assert connection.execute(f"UPDATE shop.{table} {UPDATES[table]}".encode()).rowcount == 1

    assert owner.execute(rows).fetchall() == before


INSERTS = {
    "refunds": "(order_number, customer_id, amount, currency) VALUES ('HP-20001', '{customer}', 100, 'USD')",
    "tickets": "(customer_id, subject, description, queue) VALUES ('{customer}', 'x', 'x', 'returns')",
    "ticket_notes": "(ticket, customer_id, note) VALUES ('{ticket}', '{customer}', 'x')",
    "bookings": "(customer_id, slot_id) VALUES ('{customer}', '{slot}')",
    "effects": "(key, customer_id, operation, request_hash, result) VALUES ('k', '{customer}', 'x', 'x', '{{}}')",
}


@pytest.mark.parametrize("table", INSERTS)
@pytest.mark.parametrize("state", ["active", "closed"])
def test_a_row_for_somebody_else_is_refused_and_tells_nothing(
    connection: Connection, owner: Connection, table: str, state: str
) -> None:
    """R5.2: the error is the same whatever the state of the other's account and records."""
    ticket = owner.execute("SELECT reference FROM shop.tickets WHERE customer_id = 'C-1002'").fetchone()
    slot = owner.execute("SELECT min(id) FROM shop.slots WHERE NOT shop.is_taken(id)").fetchone()
    assert ticket is not None
    assert slot is not None
    if state == "closed":
        owner.execute("UPDATE shop.customers SET status = 'closed' WHERE id = 'C-1002'")
    become(connection, "C-1001")
    values = INSERTS[table].format(customer="C-1002", ticket=ticket[0], slot=slot[0])

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        connection.execute(f"INSERT INTO shop.{table} {values}".encode())


@pytest.mark.parametrize(
    ("foreign", "none"),
    [
        ("INSERT INTO shop.refunds (order_number, customer_id, amount, currency) VALUES ('HP-20001', 'C-1001', 1, '')",
         "INSERT INTO shop.refunds (order_number, customer_id, amount, currency) VALUES ('HP-1', 'C-1001', 1, '')"),
        ("INSERT INTO shop.ticket_notes (ticket, customer_id, note) VALUES ('CASE-5001', 'C-1001', 'x')",
         "INSERT INTO shop.ticket_notes (ticket, customer_id, note) VALUES ('CASE-1', 'C-1001', 'x')"),
        ("UPDATE shop.customers SET payment_method_id = 'PM-1002-1'",
         "UPDATE shop.customers SET payment_method_id = 'PM-1'"),
    ],
    ids=["refunds", "ticket_notes", "payment_methods"],
)  # fmt: skip
def test_an_own_row_that_hangs_on_a_foreign_one_hangs_on_nothing(
    connection: Connection, foreign: str, none: str
) -> None:
    """R5.2: the pair of record and customer must exist; the two errors are one."""
    become(connection, "C-1001")

    with pytest.raises(psycopg.errors.ForeignKeyViolation) as of_foreign:
        connection.execute(foreign.encode())
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as of_none:
        connection.execute(none.encode())

    assert of_foreign.value.diag.constraint_name == of_none.value.diag.constraint_name


def test_a_row_cannot_be_given_away(connection: Connection) -> None:
    """R5.2: neither its customer nor its record can be written."""
    become(connection, "C-1001")

    for table in UPDATES:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"UPDATE shop.{table} SET {key_of(table)} = 'C-1002'".encode())


def test_a_slot_shows_to_customers_and_whether_it_is_taken_and_no_more(connection: Connection) -> None:
    """R5.2."""
    assert count(connection, "slots") == 0
    become(connection, "C-9999")
    assert count(connection, "slots") == 0
    become(connection, "C-1001")
    assert count(connection, "slots") > 0
    assert count(connection, "slots", "shop.is_taken(id)") == 3
    assert count(connection, "bookings") == 1


def test_the_switch_of_the_owner_does_nothing_for_the_role(connection: Connection) -> None:
    """R5.2: seeding opens the whole shop for its owner, and for nobody else."""
    connection.execute("SELECT set_config('frontdesk.whole_shop', 'on', false)")

    assert [count(connection, table) for table in OWNED] == [0] * len(OWNED)


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

    assert dict(rows) == dict.fromkeys([*OWNED, "slots"], True)


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
