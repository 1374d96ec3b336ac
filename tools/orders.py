"""Operations of the order system."""

from desk.integrations.protocols import AddressChanged, Order, OrderCancelled, OrderList, Shipment
from tools.operation import Operation

ORDER_OPERATIONS = {
    "get_order": Operation(arguments=("order_number",), result=Order, method=lambda systems: systems.orders.get_order),
    "list_orders": Operation(result=OrderList, method=lambda systems: systems.orders.list_orders),
    "track_order": Operation(
        arguments=("order_number",), result=Shipment, method=lambda systems: systems.orders.track_order
    ),
    "cancel_order": Operation(
        arguments=("order_number",), result=OrderCancelled, method=lambda systems: systems.orders.cancel_order,
        writes=True,
    ),
    "reinstate_order": Operation(
        arguments=("order_number",), result=Order, method=lambda systems: systems.orders.reinstate_order, writes=True
    ),
    "change_delivery_address": Operation(
        arguments=("order_number", "text"), result=AddressChanged,
        method=lambda systems: systems.orders.change_delivery_address, writes=True,
    ),
}  # fmt: skip
