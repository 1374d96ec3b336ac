"""Operations of the billing system."""

from desk.integrations.protocols import Invoice, PaymentMethodChanged, PaymentMethods, Refund, RefundQuote
from tools.operation import Operation

BILLING_OPERATIONS = {
    "get_invoice": Operation(
        arguments=("invoice_number",), result=Invoice, method=lambda systems: systems.billing.get_invoice
    ),
    "get_refund_quote": Operation(
        arguments=("order_number",), result=RefundQuote, method=lambda systems: systems.billing.get_refund_quote
    ),
    "refund": Operation(
        arguments=("order_number", "money"), result=Refund, method=lambda systems: systems.billing.refund, writes=True
    ),
    "list_payment_methods": Operation(
        result=PaymentMethods, method=lambda systems: systems.billing.list_payment_methods
    ),
    "change_payment_method": Operation(
        arguments=("reference",), result=PaymentMethodChanged,
        method=lambda systems: systems.billing.change_payment_method, writes=True,
    ),
}  # fmt: skip
