"""Orders and their shipments in the reference shop."""

from dataclasses import dataclass

from desk.db.pool import Pool
from desk.integrations.postgres.customer_reads import read_as_customer
from desk.integrations.protocols import Order, Shipment

_ORDER = """
SELECT number, customer_id, status, jsonb_build_object('amount', total, 'currency', currency) AS total,
       placed_at, shipped_at, delivered_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', name, 'quantity', quantity,
                   'price', jsonb_build_object('amount', price, 'currency', orders.currency)) ORDER BY position), '[]')
          FROM shop.order_items WHERE order_number = orders.number) AS items
  FROM shop.orders WHERE number = %(number)s
"""

_SHIPMENT = """
SELECT number AS order_number, tracking_number, carrier, coalesce(shipments.status, 'not_shipped') AS status,
       last_scan, expected_at
  FROM shop.orders LEFT JOIN shop.shipments ON shipments.order_number = orders.number
 WHERE orders.number = %(number)s
"""


@dataclass(frozen=True, kw_only=True)
class PostgresOrders:
    """``desk.integrations.protocols.Orders``."""

    pool: Pool

    async def get_order(self, number: str, *, customer_id: str) -> Order:
        order: Order = await read_as_customer(
            self.pool, _ORDER, {"number": number}, customer_id=customer_id, system="orders"
        )
        return order

    async def track_order(self, number: str, *, customer_id: str) -> Shipment:
        shipment: Shipment = await read_as_customer(
            self.pool, _SHIPMENT, {"number": number}, customer_id=customer_id, system="orders"
        )
        return shipment
