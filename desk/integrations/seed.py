"""Loads a pack's seed into the reference shop: once, and never over what is there."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from desk.db.pool import Pool
from desk.domain.clock import now
from desk.domain.errors import PackError
from desk.policies.models import PolicySet

_OFFSET = re.compile(r"([+-]?\d{1,4})d")
_TIMES = ("placed_at", "shipped_at", "delivered_at", "expected_at", "issued_at", "paid_at", "created_at")

# Row-level security binds the owner, too; two servers starting at once seed one after the other.
_OPEN_SHOP = "SELECT set_config('frontdesk.whole_shop', 'on', true), pg_advisory_xact_lock(hashtext('shop seed'))"

_COLUMNS: dict[str, tuple[str, ...]] = {
    "customers": ("id", "name", "email", "phone", "segment", "locale", "address", "country"),
    "payment_methods": ("id", "customer_id", "label"),
    "orders": (
        "number", "customer_id", "status", "total", "currency", "placed_at", "shipped_at", "delivered_at",
        "delivery_address", "delivery_country",
    ),
    "order_items": ("order_number", "position", "customer_id", "name", "quantity", "price"),
    "shipments": ("order_number", "customer_id", "tracking_number", "carrier", "status", "last_scan", "expected_at"),
    "invoices": ("number", "order_number", "customer_id", "total", "currency", "issued_at", "payment_method"),
    "payments": ("order_number", "customer_id", "amount", "currency", "method", "paid_at"),
    "refunds": ("order_number", "customer_id", "amount", "currency", "created_at"),
    "tickets": ("reference", "customer_id", "subject", "description", "queue", "created_at"),
    "ticket_notes": ("ticket", "customer_id", "note", "created_at"),
}  # fmt: skip
_TABLES = ("customers", "payment_methods", "orders", "shipments", "invoices", "tickets", "slots", "bookings")

_KNOWN = "SELECT number AS name FROM shop.orders UNION ALL SELECT reference FROM shop.tickets"
_CURRENT_METHOD = "UPDATE shop.customers SET payment_method_id = %s WHERE id = %s AND payment_method_id IS NULL"
_CANCEL = "UPDATE shop.orders SET status = 'cancelled' WHERE number = %s"
_CLOSE = "UPDATE shop.tickets SET status = 'closed' WHERE reference = %s"

# The database knows the pack's timezone and its summer time. Later starts add the days that came into reach.
_SLOTS = """
INSERT INTO shop.slots (id, kind, starts_at, place)
SELECT %(code)s || to_char(day, '-YYYYMMDD') || to_char(day + hour, '-HH24MI'), %(kind)s,
       (day + hour) AT TIME ZONE %(timezone)s, %(place)s
  FROM (SELECT (now() AT TIME ZONE %(timezone)s)::date + ahead AS day
          FROM generate_series(%(from_day)s::integer, %(to_day)s::integer) AS ahead) AS days
       CROSS JOIN unnest(%(times)s::time[]) AS hour
 WHERE rtrim(to_char(day, 'day')) = ANY(%(days)s)
    ON CONFLICT DO NOTHING
"""
_BOOKING = """
INSERT INTO shop.bookings (reference, customer_id, slot_id)
SELECT %(reference)s, %(customer_id)s, id
  FROM shop.slots WHERE kind = %(kind)s AND starts_at > now() AND NOT shop.is_taken(id)
       AND NOT EXISTS (SELECT FROM shop.bookings WHERE reference = %(reference)s)
 ORDER BY starts_at LIMIT 1 OFFSET %(slot)s - 1
"""


async def seed(pool: Pool, policies: PolicySet) -> None:
    """Inserts the rows of ``policies.seed`` that are not there yet; amounts are minor units, ``-10d`` is ten days ago.

    Raises ``PackError`` when a row does not fit the shop; then nothing is stored.
    """
    today = now()
    rows = _rows(policies)
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_OPEN_SHOP)
        known = {row["name"] for row in await (await connection.execute(_KNOWN)).fetchall()}
        for table, columns in _COLUMNS.items():
            # What hangs on an order or a ticket that was there before belongs to it as it is now.
            values = [
                [_value(row.get(column), column, today) for column in columns]
                for row in rows[table]
                if row.get("order_number", row.get("ticket")) not in known
            ]
            query = (
                f"INSERT INTO shop.{table} ({', '.join(columns)})"
                f" VALUES ({', '.join(['%s'] * len(columns))}) ON CONFLICT DO NOTHING"
            )
            await _write(connection, query, values, table=table)
        await _finish(connection, policies, known=known)


async def _finish(connection: AsyncConnection[DictRow], policies: PolicySet, *, known: set[str]) -> None:
    """What the shop lets happen only to rows that are there: an order is paid and refunded, and then cancelled."""
    source = policies.seed
    current = [
        (row["method_id"], row["customer_id"]) for row in source.get("payment_methods", []) if row.get("current")
    ]
    cancelled = [row["number"] for row in source.get("orders", []) if row["status"] == "cancelled"]
    closed = [row["reference"] for row in source.get("tickets", []) if row["status"] == "closed"]
    slots = [{"timezone": policies.timezone} | row for row in source.get("slots", [])]
    await _write(connection, _CURRENT_METHOD, current, table="payment_methods")
    await _write(connection, _CANCEL, [(number,) for number in cancelled if number not in known], table="orders")
    await _write(connection, _CLOSE, [(reference,) for reference in closed if reference not in known], table="tickets")
    await _write(connection, _SLOTS, slots, table="slots")
    await _write(connection, _BOOKING, source.get("bookings", []), table="bookings")


async def _write(connection: AsyncConnection[DictRow], query: str, values: Iterable[Any], *, table: str) -> None:
    try:
        await connection.cursor().executemany(query.encode(), values)
    except (psycopg.IntegrityError, psycopg.DataError) as exc:
        raise PackError([f"seed/{table}.yaml: {exc.diag.message_primary} ({exc.diag.message_detail})"]) from exc


def _rows(policies: PolicySet) -> dict[str, list[dict[str, Any]]]:
    """The rows by table, with what the shop repeats filled in, and with what follows from other rows."""
    source = policies.seed
    if unknown := sorted(source.keys() - set(_TABLES)):
        raise PackError([f"seed/{name}.yaml: the reference shop has no such table" for name in unknown])
    customers = source.get("customers", [])
    homes = {row["id"]: {"delivery_address": row["address"], "delivery_country": row["country"]} for row in customers}
    orders = [
        {"currency": policies.currency} | homes.get(row["customer_id"], {}) | row for row in source.get("orders", [])
    ]
    by_number = {order["number"]: order for order in orders}
    invoices = [_owner(by_number[row["order_number"]]) | row for row in source.get("invoices", [])]
    tickets = source.get("tickets", [])
    return {
        "customers": customers,
        "payment_methods": [{"id": row["method_id"]} | row for row in source.get("payment_methods", [])],
        "orders": [row | {"status": "processing"} if row["status"] == "cancelled" else row for row in orders],
        "order_items": [
            {"order_number": order["number"], "position": position} | _owner(order) | item
            for order in orders
            for position, item in enumerate(order.get("items", ()), start=1)
        ],
        "shipments": [_owner(by_number[row["order_number"]]) | row for row in source.get("shipments", [])],
        "invoices": invoices,
        # Cards are charged when the order ships, everything else with the order.
        "payments": [
            row | {"amount": row["total"], "method": row["payment_method"], "paid_at": _charged(by_number, row)}
            for row in invoices
            if row["payment_status"] != "open"
        ],
        "refunds": [
            row | {"amount": row["total"], "created_at": row["issued_at"]}
            for row in invoices
            if row["payment_status"] == "refunded"
        ],
        "tickets": tickets,
        "ticket_notes": [
            row | {"ticket": row["reference"], "note": note} for row in tickets for note in row.get("notes", ())
        ],
    }  # fmt: skip


def _owner(order: dict[str, Any]) -> dict[str, Any]:
    return {"customer_id": order["customer_id"], "currency": order["currency"]}


def _charged(orders: dict[str, dict[str, Any]], invoice: dict[str, Any]) -> str:
    order = orders[invoice["order_number"]]
    moment: str = order.get("shipped_at") or order["placed_at"]
    return moment


def _value(value: Any, column: str, today: datetime) -> Any:
    if column not in _TIMES or value is None:
        return value
    match = _OFFSET.fullmatch(str(value))
    if match is None:
        raise PackError([f"seed: {column}: {value!r} is not a number of days such as -10d"])
    return today + timedelta(days=int(match.group(1)))
