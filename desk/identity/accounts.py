"""Whether a customer's account is open: an in-app session lasts no longer than the account (A11)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from desk.domain.errors import NotAuthenticated, RecordNotFound, SystemUnavailable

logger = logging.getLogger(__name__)


class FindAccount(Protocol):
    """The CRM, as far as accounts need it."""

    async def get_customer(self, *, customer_id: str) -> Mapping[str, object]: ...


@dataclass(frozen=True, kw_only=True)
class Accounts:
    crm: FindAccount

    async def is_open(self, customer_id: str) -> bool:
        """Raises ``SystemUnavailable`` when the CRM does not answer."""
        try:
            customer = await self.crm.get_customer(customer_id=customer_id)
        except RecordNotFound:
            return False
        return customer["status"] == "active"

    async def require_open(self, customer_id: str) -> None:
        """Raises ``NotAuthenticated`` for a closed account. A CRM that is away ends no session."""
        try:
            is_open = await self.is_open(customer_id)
        except SystemUnavailable:
            logger.warning("An account could not be looked up", extra={"action": "account_unknown"})
            return
        if not is_open:
            raise NotAuthenticated("This session has ended.")
