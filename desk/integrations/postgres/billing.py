"""Invoices, refunds and payment methods in the reference shop."""

from dataclasses import dataclass

from desk.db.pool import Pool
from desk.domain.money import Money
from desk.integrations.postgres.customer_reads import read_as_customer
from desk.integrations.postgres.customer_writes import Effect, ShopWrite, refusal, write_once
from desk.integrations.protocols import Invoice, PaymentMethodChanged, PaymentMethods, Refund, RefundQuote

_INVOICE = """
SELECT invoices.number, order_number, issued_at,
       jsonb_build_object('amount', invoices.total, 'currency', invoices.currency) AS total,
       payment_method,
       CASE WHEN paid > 0 AND refunded = paid THEN 'refunded' WHEN paid > 0 THEN 'paid'
            WHEN status = 'cancelled' THEN 'cancelled' ELSE 'open' END AS payment_status
  FROM shop.invoices JOIN shop.orders ON orders.number = order_number WHERE invoices.number = %(number)s
"""

# The method of the first payment; before one, the method the invoice was made out for.
_PAID_WITH = """
coalesce((SELECT method FROM shop.payments WHERE order_number = orders.number ORDER BY id LIMIT 1),
         (SELECT payment_method FROM shop.invoices WHERE order_number = orders.number LIMIT 1), '') AS payment_method
"""

_QUOTE = f"""
SELECT number AS order_number, customer_id, status AS order_status,
       jsonb_build_object('amount', paid, 'currency', currency) AS paid,
       jsonb_build_object('amount', refunded, 'currency', currency) AS refunded,
       jsonb_build_object('amount', paid - refunded, 'currency', currency) AS refundable,
       floor(extract(epoch FROM now() - delivered_at) / 86400)::integer AS days_since_delivery, {_PAID_WITH}
  FROM shop.orders WHERE number = %(order_number)s
"""

_REFUND = """
INSERT INTO shop.refunds (order_number, customer_id, amount, currency)
SELECT number, customer_id, %(amount)s, %(currency)s FROM shop.orders WHERE number = %(order_number)s
RETURNING reference, order_number, jsonb_build_object('amount', amount, 'currency', currency) AS amount
"""
_METHOD_OF = f"SELECT {_PAID_WITH} FROM shop.orders WHERE number = %(order_number)s"

_METHODS = """
SELECT jsonb_build_object('method_id', now.id, 'label', now.label) AS current,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('method_id', id, 'label', label) ORDER BY id), '[]')
          FROM shop.payment_methods WHERE id <> now.id) AS others
  FROM shop.customers JOIN shop.payment_methods AS now ON now.id = payment_method_id
"""

# The customer's row is locked first: two changes at once each tell the method they really took the place of.
_LOCKED_CUSTOMER = "SELECT id, payment_method_id FROM shop.customers FOR UPDATE"
_METHOD = "SELECT id, label FROM shop.payment_methods WHERE id = %(method_id)s"
_PAY_WITH = "UPDATE shop.customers SET payment_method_id = %(method_id)s RETURNING id"


@dataclass(frozen=True, kw_only=True)
class PostgresBilling:
    """``desk.integrations.protocols.Billing``."""

    pool: Pool

    async def get_invoice(self, number: str, *, customer_id: str) -> Invoice:
        invoice: Invoice = await read_as_customer(
            self.pool, _INVOICE, {"number": number}, shape=Invoice, customer_id=customer_id, system="billing"
        )
        return invoice

    async def get_refund_quote(self, order_number: str, *, customer_id: str) -> RefundQuote:
        values = {"order_number": order_number}
        quote: RefundQuote = await read_as_customer(
            self.pool, _QUOTE, values, shape=RefundQuote, customer_id=customer_id, system="billing"
        )
        return quote

    async def refund(self, order_number: str, amount: Money, *, customer_id: str, key: str) -> Refund:
        values = {"order_number": order_number, "amount": amount["amount"], "currency": amount["currency"]}
        effect = Effect(key=key, operation="refund", arguments=values, customer_id=customer_id, system="billing")
        if type(amount["amount"]) is not int:
            raise refusal("value_invalid", system="billing")  # the column would round a fraction of a cent

        async def pay_back(shop: ShopWrite) -> dict[str, object]:
            refund = await shop.one(_REFUND, values)
            return refund | await shop.one(_METHOD_OF, values)

        refunded: Refund = await write_once(self.pool, effect, pay_back, shape=Refund)
        return refunded

    async def list_payment_methods(self, *, customer_id: str) -> PaymentMethods:
        methods: PaymentMethods = await read_as_customer(
            self.pool, _METHODS, shape=PaymentMethods, customer_id=customer_id, system="billing"
        )
        return methods

    async def change_payment_method(self, method_id: str, *, customer_id: str, key: str) -> PaymentMethodChanged:
        values = {"method_id": method_id}
        effect = Effect(
            key=key, operation="change_payment_method", arguments=values, customer_id=customer_id, system="billing"
        )

        async def change(shop: ShopWrite) -> PaymentMethodChanged:
            customer = await shop.one(_LOCKED_CUSTOMER)
            method = await shop.one(_METHOD, values)
            previous = await shop.one(_METHOD, {"method_id": customer["payment_method_id"]})
            await shop.one(_PAY_WITH, values)
            return {
                "method_id": method["id"],
                "label": method["label"],
                "previous_id": previous["id"],
                "previous_label": previous["label"],
            }

        changed: PaymentMethodChanged = await write_once(self.pool, effect, change, shape=PaymentMethodChanged)
        return changed
