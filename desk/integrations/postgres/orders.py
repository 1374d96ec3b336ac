"""Orders and their shipments in the reference shop."""

from dataclasses import dataclass

from desk.db.pool import Pool
from desk.integrations.postgres.customer_reads import read_as_customer
from desk.integrations.postgres.customer_writes import Effect, ShopWrite, write_once
from desk.integrations.protocols import AddressChanged, Order, OrderCancelled, OrderList, Shipment

_ORDER = """
SELECT number, customer_id, status, jsonb_build_object('amount', total, 'currency', currency) AS total,
       placed_at, shipped_at, delivered_at, delivery_address,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', name, 'quantity', quantity,
                   'price', jsonb_build_object('amount', price, 'currency', orders.currency)) ORDER BY position), '[]')
          FROM shop.order_items WHERE order_number = orders.number) AS items
  FROM shop.orders WHERE number = %(number)s
"""

# From the customer's own row, so that a stranger is no customer without orders.
_ORDERS = """
SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'number', number, 'status', status, 'placed_at', placed_at,
                   'total', jsonb_build_object('amount', total, 'currency', currency)) ORDER BY placed_at DESC), '[]')
          FROM (SELECT * FROM shop.orders ORDER BY placed_at DESC LIMIT 20) AS latest) AS orders
  FROM shop.customers
"""

_SHIPMENT = """
SELECT number AS order_number, tracking_number, carrier, coalesce(shipments.status, 'not_shipped') AS status,
       last_scan, expected_at
  FROM shop.orders LEFT JOIN shop.shipments ON shipments.order_number = orders.number
 WHERE orders.number = %(number)s
"""

# What was paid and is still here goes back first: an order cannot be cancelled while the shop holds money for it.
_PAY_BACK = """
INSERT INTO shop.refunds (order_number, customer_id, amount, currency)
SELECT number, customer_id, paid - refunded, currency
  FROM shop.orders WHERE number = %(number)s AND status = 'processing' AND paid > refunded FOR UPDATE
RETURNING amount
"""
_CANCEL = "UPDATE shop.orders SET status = 'cancelled' WHERE number = %(number)s RETURNING number, status, currency"
_REINSTATE = "UPDATE shop.orders SET status = 'processing' WHERE number = %(number)s RETURNING number"
_LOCKED_ADDRESS = "SELECT delivery_address FROM shop.orders WHERE number = %(number)s FOR UPDATE"
_DELIVER_TO = (
    "UPDATE shop.orders SET delivery_address = %(address)s WHERE number = %(number)s RETURNING number, delivery_address"
)


@dataclass(frozen=True, kw_only=True)
class PostgresOrders:
    """``desk.integrations.protocols.Orders``."""

    pool: Pool

    async def get_order(self, number: str, *, customer_id: str) -> Order:
        order: Order = await read_as_customer(
            self.pool, _ORDER, {"number": number}, shape=Order, customer_id=customer_id, system="orders"
        )
        return order

    async def list_orders(self, *, customer_id: str) -> OrderList:
        orders: OrderList = await read_as_customer(
            self.pool, _ORDERS, shape=OrderList, customer_id=customer_id, system="orders"
        )
        return orders

    async def track_order(self, number: str, *, customer_id: str) -> Shipment:
        shipment: Shipment = await read_as_customer(
            self.pool, _SHIPMENT, {"number": number}, shape=Shipment, customer_id=customer_id, system="orders"
        )
        return shipment

    async def cancel_order(self, number: str, *, customer_id: str, key: str) -> OrderCancelled:
        values = {"number": number}
        effect = Effect(
            key=key, operation="cancel_order", arguments=values, customer_id=customer_id, system="orders"
        )  # fmt: skip

        async def cancel(shop: ShopWrite) -> OrderCancelled:
            back = await shop.maybe(_PAY_BACK, values)
            order = await shop.one(_CANCEL, values)
            refunded = back["amount"] if back else 0
            return {
                "number": order["number"],
                "status": order["status"],
                "refunded": {"amount": refunded, "currency": order["currency"]},
            }

        cancelled: OrderCancelled = await write_once(self.pool, effect, cancel, shape=OrderCancelled)
        return cancelled

    async def reinstate_order(self, number: str, *, customer_id: str, key: str) -> Order:
        values = {"number": number}
        effect = Effect(
            key=key, operation="reinstate_order", arguments=values, customer_id=customer_id, system="orders"
        )  # fmt: skip

        async def reinstate(shop: ShopWrite) -> dict[str, object]:
            await shop.one(_REINSTATE, values)
            return await shop.one(_ORDER, values)

        order: Order = await write_once(self.pool, effect, reinstate, shape=Order)
        return order

    async def change_delivery_address(
        self, number: str, address: str, *, customer_id: str, key: str
    ) -> AddressChanged:  # fmt: skip
        values = {"number": number, "address": address}
        effect = Effect(
            key=key, operation="change_delivery_address", arguments=values, customer_id=customer_id, system="orders"
        )

        async def deliver_to(shop: ShopWrite) -> dict[str, object]:
            before = await shop.one(_LOCKED_ADDRESS, values)
            return await shop.one(_DELIVER_TO, values) | {"previous_address": before["delivery_address"]}

        changed: AddressChanged = await write_once(self.pool, effect, deliver_to, shape=AddressChanged)
        return changed
