"""Invoices and their payment in the reference shop."""

from dataclasses import dataclass

from desk.db.pool import Pool
from desk.integrations.postgres.customer_reads import read_as_customer
from desk.integrations.protocols import Invoice

_INVOICE = """
SELECT number, order_number, jsonb_build_object('amount', total, 'currency', currency) AS total, issued_at,
       payment_status, payment_method
  FROM shop.invoices WHERE number = %(number)s
"""


@dataclass(frozen=True, kw_only=True)
class PostgresBilling:
    """``desk.integrations.protocols.Billing``."""

    pool: Pool

    async def get_invoice(self, number: str, *, customer_id: str) -> Invoice:
        invoice: Invoice = await read_as_customer(
            self.pool, _INVOICE, {"number": number}, customer_id=customer_id, system="billing"
        )
        return invoice
