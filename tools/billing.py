"""Operations of the billing system."""

from desk.integrations.protocols import Invoice
from tools.operation import Operation

BILLING_OPERATIONS = {
    "get_invoice": Operation(
        arguments=("invoice_number",), result=Invoice, method=lambda systems: systems.billing.get_invoice
    ),
}  # fmt: skip
