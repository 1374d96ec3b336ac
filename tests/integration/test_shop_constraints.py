"""What the reference shop makes impossible in the database itself, whoever asks and however (R5.4): plain SQL."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection

REFUND = "INSERT INTO shop.refunds (order_number, customer_id, amount, currency) VALUES ('{}', 'C-1001', {}, '{}')"


@pytest.fixture
def owner(own_shop_url: str) -> Iterator[Connection]:
    """The database's own user: no row-level security, every privilege."""
    with psycopg.connect(own_shop_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def ava(own_shop_url: str) -> Iterator[Connection]:
    """The adapters' role as Ava."""
    with psycopg.connect(own_shop_url, autocommit=True) as connection:
        connection.execute("SET ROLE frontdesk_shop")
        connection.execute("SELECT set_config('frontdesk.customer_id', 'C-1001', false)")
        yield connection


@pytest.fixture(params=["as the owner", "as the customer"])
def anybody(request: pytest.FixtureRequest, owner: Connection, ava: Connection) -> Connection:
    return owner if request.param == "as the owner" else ava


def refused(connection: Connection, statement: str) -> str:
    """The constraint that forbids it."""
    with pytest.raises(psycopg.IntegrityError) as error:
        connection.execute(statement.encode())
    return str(error.value.diag.constraint_name)


@pytest.mark.parametrize(
    ("number", "amount", "currency", "constraint"),
    [
        ("HP-10003", "12901", "USD", "more_than_paid"),
        ("HP-10003", "9223372036854775807 - 1", "USD", "more_than_paid"),
        ("HP-10003", "0", "USD", "value_invalid__amount"),
        ("HP-10003", "-1", "USD", "value_invalid__amount"),
        ("HP-10003", "1", "EUR", "wrong_currency"),
        ("HP-10002", "1", "USD", "not_paid"),
    ],
)
def test_a_refund_that_makes_no_sense(
    anybody: Connection, number: str, amount: str, currency: str, constraint: str
) -> None:
    """D09."""
    assert refused(anybody, REFUND.format(number, amount, currency)) == constraint


def test_refunds_of_one_statement_count_together(anybody: Connection) -> None:
    """R5.4: the sum is bounded, not each."""
    rows = ", ".join("('HP-10003', 'C-1001', 6451, 'USD')" for _ in range(2))

    assert refused(
        anybody, f"INSERT INTO shop.refunds (order_number, customer_id, amount, currency) VALUES {rows}"
    ) == "more_than_paid"  # fmt: skip


def test_who_turns_into_somebody_else_in_the_middle_of_a_statement_is_counted_all_the_same(ava: Connection) -> None:
    """R5.4: the sum does not depend on what the caller may see."""
    rows = (
        "('HP-10003', 'C-1001', 6451, 'USD'),"
        " ('HP-10003', 'C-1001', 6451, left('USD' || set_config('frontdesk.customer_id', 'C-1002', false), 3))"
    )
    with pytest.raises(psycopg.Error):
        ava.execute(f"INSERT INTO shop.refunds (order_number, customer_id, amount, currency) VALUES {rows}".encode())

    ava.execute("SELECT set_config('frontdesk.customer_id', 'C-1001', false)")
    assert ava.execute("SELECT refunded FROM shop.orders WHERE number = 'HP-10003'").fetchone() == (0,)


@pytest.mark.parametrize("number", ["HP-10001", "HP-10003"])
def test_what_was_shipped_is_not_cancelled(anybody: Connection, number: str) -> None:
    """R5.4."""
    statement = f"UPDATE shop.orders SET status = 'cancelled' WHERE number = '{number}'"
    assert refused(anybody, statement) == "already_shipped"


def test_not_even_by_forgetting_that_it_was_shipped(owner: Connection) -> None:
    """R5.4: an order does not go back to being packed."""
    for status, constraint in (("processing", "not_cancelled"), ("cancelled", "already_shipped")):
        statement = (
            f"UPDATE shop.orders SET status = '{status}', shipped_at = NULL, delivered_at = NULL"
            " WHERE number = 'HP-10001'"
        )
        assert refused(owner, statement) == constraint


def test_a_paid_order_is_not_cancelled_while_the_shop_keeps_the_money(owner: Connection) -> None:
    """R5.4."""
    statement = "UPDATE shop.orders SET status = 'cancelled' WHERE number = 'HP-10014'"
    assert refused(owner, statement) == "cancelled_means_refunded"


def test_a_cancelled_order_takes_no_money(owner: Connection) -> None:
    """R5.4."""
    owner.execute("UPDATE shop.orders SET status = 'cancelled' WHERE number = 'HP-10002'")
    statement = (
        "INSERT INTO shop.payments (order_number, customer_id, amount, currency, method)"
        " VALUES ('HP-10002', 'C-1001', 4200, 'USD', 'PayPal')"
    )
    assert refused(owner, statement) == "cancelled_means_refunded"


def test_a_slot_is_booked_once(anybody: Connection) -> None:
    """R5.4: and again only after it was given back."""
    slot = anybody.execute("SELECT id FROM shop.slots WHERE NOT shop.is_taken(id) ORDER BY id LIMIT 1").fetchone()
    assert slot is not None
    book = f"INSERT INTO shop.bookings (customer_id, slot_id) VALUES ('C-1001', '{slot[0]}')"
    anybody.execute(book.encode())

    assert refused(anybody, book) == "slot_taken"
    anybody.execute(f"UPDATE shop.bookings SET status = 'cancelled' WHERE slot_id = '{slot[0]}'".encode())
    anybody.execute(book.encode())
    assert refused(
        anybody, "UPDATE shop.bookings SET status = 'booked' WHERE status = 'cancelled' AND customer_id = 'C-1001'"
    ) == "booking_over"  # fmt: skip


def test_nothing_is_booked_in_the_past(owner: Connection, ava: Connection) -> None:
    """R5.4."""
    owner.execute("INSERT INTO shop.slots VALUES ('SV-0', 'showroom_visit', now() - interval '1 second', 'Showroom')")

    assert refused(ava, "INSERT INTO shop.bookings (customer_id, slot_id) VALUES ('C-1001', 'SV-0')") == "slot_past"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE shop.customers SET newsletter = true WHERE id = 'C-1004'",
        "UPDATE shop.customers SET status = 'active', email = 'thief@new.example' WHERE id = 'C-1004'",
        "UPDATE shop.orders SET delivery_address = delivery_address WHERE number = 'HP-10099'",
        "INSERT INTO shop.refunds (order_number, customer_id, amount, currency) SELECT number, customer_id, 1, currency"
        " FROM shop.orders WHERE number = 'HP-10006'",
        "INSERT INTO shop.tickets (customer_id, subject, description, queue) VALUES ('C-1004', 'x', 'x', 'returns')",
        "INSERT INTO shop.bookings (customer_id, slot_id) SELECT 'C-1004', min(id) FROM shop.slots"
        " WHERE NOT shop.is_taken(id)",
        "INSERT INTO shop.orders (number, customer_id, status, total, currency, placed_at, delivery_address,"
        " delivery_country) VALUES ('HP-1', 'C-1004', 'processing', 1, 'USD', now(), '1 Main Street', 'US')",
    ],
    ids=lambda statement: statement[:40],
)
def test_a_closed_account_is_closed_for_everybody(owner: Connection, statement: str) -> None:
    """R5.4: only reopening, and nothing along with it."""
    owner.execute("UPDATE shop.customers SET status = 'closed' WHERE id = 'C-1004'")
    with owner.transaction():
        owner.execute("SET LOCAL session_replication_role = replica")
        owner.execute(
            "INSERT INTO shop.orders (number, customer_id, status, total, currency, placed_at, delivery_address,"
            " delivery_country) VALUES ('HP-10099', 'C-1004', 'processing', 1, 'USD', now(), '1 Main Street', 'US')"
        )

    assert refused(owner, statement) == "account_closed"


def test_an_account_does_not_close_over_an_open_order(anybody: Connection) -> None:
    """R5.4."""
    assert refused(anybody, "UPDATE shop.customers SET status = 'closed' WHERE id = 'C-1001'") == "open_orders"


def test_a_payment_method_is_masked_and_ones_own(owner: Connection) -> None:
    """R6.4."""
    statement = "INSERT INTO shop.payment_methods VALUES ('PM-1', 'C-1001', 'Visa 4242424242424242')"
    assert refused(owner, statement) == "payment_methods_label_check"
    stolen = "UPDATE shop.customers SET payment_method_id = 'PM-1002-1' WHERE id = 'C-1001'"
    assert refused(owner, stolen) == "own_payment_method"


def test_a_key_stands_for_one_effect(ava: Connection) -> None:
    """R5.5: and what it stands for is never rewritten."""
    insert = (
        "INSERT INTO shop.effects (key, customer_id, operation, request_hash, result)"
        " VALUES ('key-1', 'C-1001', 'refund', 'x', '{}')"
    )
    ava.execute(insert.encode())

    assert refused(ava, insert) == "key_reused"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ava.execute("UPDATE shop.effects SET result = '{}'")
