"""Customers of the reference shop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, LiteralString

from desk.db.pool import Pool
from desk.domain.errors import RecordNotFound
from desk.integrations.postgres.customer_reads import read_as_customer
from desk.integrations.postgres.customer_writes import Effect, ShopWrite, refusal, write_once
from desk.integrations.protocols import (
    AccountChanged,
    ContactChanged,
    ContactField,
    ContactPoints,
    Customer,
    History,
    NewsletterChanged,
)

_CUSTOMER = """
SELECT id AS customer_id, name, email, phone, address, segment, locale, status, country,
       (SELECT count(*) FROM shop.orders WHERE orders.status IN ('processing', 'shipped')) AS open_orders,
       floor(extract(epoch FROM now() - greatest(email_changed_at, phone_changed_at, address_changed_at)) / 86400)
           ::integer AS contact_changed_days,
       (SELECT coalesce(jsonb_agg(DISTINCT delivery_country), '[]') FROM shop.orders) AS order_countries
  FROM shop.customers
"""

_CONTACT_POINTS = """
SELECT email, phone, previous_email, previous_phone, email_changed_at, phone_changed_at FROM shop.customers
"""

_HISTORY = """
SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object('at', at, 'what', what) ORDER BY at DESC), '[]') FROM (
            SELECT at, what FROM shop.history
            UNION ALL SELECT placed_at, 'Order ' || number || ' placed' FROM shop.orders
            UNION ALL SELECT shipped_at, 'Order ' || number || ' shipped' FROM shop.orders WHERE shipped_at IS NOT NULL
            UNION ALL SELECT delivered_at, 'Order ' || number || ' delivered' FROM shop.orders
                       WHERE delivered_at IS NOT NULL
            ORDER BY at DESC LIMIT 50) AS latest) AS entries
  FROM shop.customers
"""

_LOCKED = "SELECT id, name, email, coalesce(phone, '') AS phone, address, newsletter FROM shop.customers FOR UPDATE"
_SET_CONTACT: Mapping[ContactField, LiteralString] = {
    "name": "UPDATE shop.customers SET name = %(value)s RETURNING id",
    "email": "UPDATE shop.customers SET email = %(value)s RETURNING id",
    "phone": "UPDATE shop.customers SET phone = %(value)s RETURNING id",
    "address": "UPDATE shop.customers SET address = %(value)s RETURNING id",
}
_SET_NEWSLETTER = "UPDATE shop.customers SET newsletter = %(subscribed)s RETURNING newsletter"
_SET_STATUS = "UPDATE shop.customers SET status = %(status)s RETURNING id AS customer_id, status"


@dataclass(frozen=True, kw_only=True)
class PostgresCrm:
    """``desk.integrations.protocols.Crm``."""

    pool: Pool

    async def identify(self, *, email: str, order_number: str) -> str | None:
        """Asked as nobody: the only thing that can be learnt is the id of a customer whose two facts are known."""
        values = {"email": email.strip(), "order_number": order_number}
        query = "SELECT shop.identify(%(email)s, %(order_number)s) AS customer_id"
        try:
            row = await read_as_customer(self.pool, query, values, customer_id="", system="crm")
        except RecordNotFound:
            return None
        customer_id: str | None = row["customer_id"]
        return customer_id

    async def get_customer(self, *, customer_id: str) -> Customer:
        customer: Customer = await read_as_customer(
            self.pool, _CUSTOMER, shape=Customer, customer_id=customer_id, system="crm"
        )
        return customer

    async def get_contact_points(self, *, customer_id: str) -> ContactPoints:
        points: ContactPoints = await read_as_customer(
            self.pool, _CONTACT_POINTS, shape=ContactPoints, customer_id=customer_id, system="crm"
        )
        return points

    async def get_history(self, *, customer_id: str) -> History:
        history: History = await read_as_customer(
            self.pool, _HISTORY, shape=History, customer_id=customer_id, system="crm"
        )
        return history

    async def update_contact(self, field: ContactField, value: str, *, customer_id: str, key: str) -> ContactChanged:
        arguments = {"field": field, "value": value}
        effect = Effect(
            key=key, operation="update_contact", arguments=arguments, customer_id=customer_id, system="crm"
        )  # fmt: skip
        if field not in _SET_CONTACT:
            raise refusal("value_invalid", system="crm")

        async def update(shop: ShopWrite) -> ContactChanged:
            before = await shop.one(_LOCKED)
            await shop.one(_SET_CONTACT[field], {"value": value})
            return {"field": field, "value": value, "previous": before[field]}

        changed: ContactChanged = await write_once(self.pool, effect, update, shape=ContactChanged)
        return changed

    async def set_newsletter(self, subscribed: str, *, customer_id: str, key: str) -> NewsletterChanged:
        arguments = {"subscribed": subscribed}
        effect = Effect(
            key=key, operation="set_newsletter", arguments=arguments, customer_id=customer_id, system="crm"
        )  # fmt: skip
        if subscribed not in ("yes", "no"):
            raise refusal("value_invalid", system="crm")

        async def choose(shop: ShopWrite) -> NewsletterChanged:
            before = await shop.one(_LOCKED)
            after = await shop.one(_SET_NEWSLETTER, {"subscribed": subscribed == "yes"})
            return {"subscribed": after["newsletter"], "previous": before["newsletter"]}

        changed: NewsletterChanged = await write_once(self.pool, effect, choose, shape=NewsletterChanged)
        return changed

    async def close_account(self, *, customer_id: str, key: str) -> AccountChanged:
        return await self._set_status("closed", operation="close_account", customer_id=customer_id, key=key)

    async def reopen_account(self, *, customer_id: str, key: str) -> AccountChanged:
        return await self._set_status("active", operation="reopen_account", customer_id=customer_id, key=key)

    async def _set_status(
        self, status: Literal["active", "closed"], *, operation: str, customer_id: str, key: str
    ) -> AccountChanged:
        effect = Effect(key=key, operation=operation, arguments={}, customer_id=customer_id, system="crm")

        async def set_status(shop: ShopWrite) -> dict[str, object]:
            return await shop.one(_SET_STATUS, {"status": status})

        changed: AccountChanged = await write_once(self.pool, effect, set_status, shape=AccountChanged)
        return changed
