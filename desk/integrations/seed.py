"""Loads a pack's seed into the reference shop: once, and never over what is there."""

import re
from datetime import datetime, timedelta
from typing import Any

import psycopg

from desk.db.pool import Pool
from desk.domain.clock import now
from desk.domain.errors import PackError
from desk.policies.models import PolicySet

_OFFSET = re.compile(r"([+-]?\d{1,4})d")
_TIMES = ("placed_at", "shipped_at", "delivered_at", "expected_at", "issued_at")

# Row-level security binds the owner, too; two servers starting at once seed one after the other.
_OPEN_SHOP = "SELECT set_config('frontdesk.whole_shop', 'on', true), pg_advisory_xact_lock(hashtext('shop seed'))"

_COLUMNS: dict[str, tuple[str, ...]] = {
    "customers": ("id", "name", "email", "phone", "segment", "locale"),
    "orders": ("number", "customer_id", "status", "total", "currency", "placed_at", "shipped_at", "delivered_at"),
    "order_items": ("order_number", "position", "customer_id", "name", "quantity", "price"),
    "shipments": ("order_number", "customer_id", "tracking_number", "carrier", "status", "last_scan", "expected_at"),
    "invoices": (
        "number", "order_number", "customer_id", "total", "currency", "issued_at", "payment_status", "payment_method",
    ),
}  # fmt: skip


async def seed(pool: Pool, policies: PolicySet) -> None:
    """Inserts the rows of ``policies.seed`` that are not there yet; amounts are minor units, ``-10d`` is ten days ago.

    Raises ``PackError`` when a row does not fit the shop; then nothing is stored.
    """
    today = now()
    rows = _rows(policies)
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_OPEN_SHOP)
        cursor = await connection.execute("SELECT number FROM shop.orders")
        known = {row["number"] for row in await cursor.fetchall()}
        for table, columns in _COLUMNS.items():
            # What hangs on an order that was there before belongs to that order as it is now.
            values = [
                [_value(row.get(column), column, today) for column in columns]
                for row in rows[table]
                if row.get("order_number") not in known
            ]
            query = (
                f"INSERT INTO shop.{table} ({', '.join(columns)})"
                f" VALUES ({', '.join(['%s'] * len(columns))}) ON CONFLICT DO NOTHING"
            )
            try:
                await connection.cursor().executemany(query.encode(), values)
            except psycopg.IntegrityError as exc:
                raise PackError([f"seed/{table}.yaml: {exc.diag.message_primary} ({exc.diag.message_detail})"]) from exc


def _rows(policies: PolicySet) -> dict[str, list[dict[str, Any]]]:
    """The rows by table, with what the shop repeats filled in: the order's customer, its currency, items' positions."""
    source = policies.seed
    unknown = sorted(source.keys() - {"customers", "orders", "shipments", "invoices"})
    if unknown:
        raise PackError([f"seed/{name}.yaml: the reference shop has no such table" for name in unknown])
    orders = [{"currency": policies.currency} | row for row in source.get("orders", [])]
    owners = {order["number"]: {"customer_id": order["customer_id"], "currency": order["currency"]} for order in orders}
    items = [
        {"order_number": order["number"], "customer_id": order["customer_id"], "position": position} | item
        for order in orders
        for position, item in enumerate(order.get("items", ()), start=1)
    ]
    return {
        "customers": source.get("customers", []),
        "orders": orders,
        "order_items": items,
        **{
            table: [owners.get(row["order_number"], {}) | row for row in source.get(table, [])]
            for table in ("shipments", "invoices")
        },
    }


def _value(value: Any, column: str, today: datetime) -> Any:
    if column not in _TIMES or value is None:
        return value
    match = _OFFSET.fullmatch(str(value))
    if match is None:
        raise PackError([f"seed: {column}: {value!r} is not a number of days such as -10d"])
    return today + timedelta(days=int(match.group(1)))
