"""Operations of the order system."""

from desk.integrations.protocols import Order, Shipment
from tools.operation import Operation

ORDER_OPERATIONS = {
    "get_order": Operation(
        arguments=("order_number",), result=Order, method=lambda systems: systems.orders.get_order
    ),
    "track_order": Operation(
        arguments=("order_number",), result=Shipment, method=lambda systems: systems.orders.track_order
    ),
}  # fmt: skip
