"""Customers of the reference shop."""

from dataclasses import dataclass

from desk.db.pool import Pool
from desk.domain.errors import RecordNotFound
from desk.integrations.postgres.customer_reads import read_as_customer


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
