"""Who the customer of a conversation is known to be (R5.1), and the limits on guessing it.

Level 1 is an e-mail address and an order number that belong together, or a host's token (in-app). An attempt is
counted *before* it is compared, in one statement, so that parallel guesses cannot slip past a limit together.
"""

import hmac
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, LiteralString, Protocol

from desk.db.pool import Pool
from desk.domain.conversation import Actor
from desk.domain.errors import Forbidden

MAX_FAILURES = 5
"""Failed attempts of one conversation; then a person takes over."""
MAX_FAILURES_PER_ADDRESS = 20
"""Failed attempts within an hour on one e-mail address, over all conversations."""


class FindCustomer(Protocol):
    """The CRM's ``identify``: the customer's id, or None."""

    def __call__(self, *, email: str, order_number: str) -> Awaitable[str | None]: ...


@dataclass(frozen=True, kw_only=True)
class NotIdentified:
    """The same answer for an unknown address, a foreign order, a wrong number and an address tried too often."""

    failures: int
    """Failed attempts of the conversation, this one included; ``MAX_FAILURES``: a person takes over."""


@dataclass(frozen=True, kw_only=True)
class IdentificationStore:
    """``key`` keys the hash of tried addresses; any secret of the installation."""

    pool: Pool
    key: bytes

    async def actor(self, conversation_id: str) -> Actor:
        """Anonymous unless the conversation was identified."""
        row = await self._row(_ACTOR, conversation_id=conversation_id)
        return {"customer_id": row["customer_id"], "level": row["level"]} if row else {"customer_id": None, "level": 0}

    async def attempt(
        self, conversation_id: str, *, email: str, order_number: str, find: FindCustomer
    ) -> Actor | NotIdentified:
        """One try to identify, within the limits. Raises what ``find`` raises; then the try does not count."""
        address = hmac.digest(self.key, email.strip().lower().encode("utf-8", "replace"), "sha256")
        counted = await self._row(
            _COUNT, conversation_id=conversation_id, address=address,
            limit=MAX_FAILURES, address_limit=MAX_FAILURES_PER_ADDRESS,
        )  # fmt: skip
        assert counted is not None, "a SELECT of constants has a row"
        if counted["failures"] is None:
            await self._row(_FAILED, conversation_id=conversation_id, why="locked")
            return NotIdentified(failures=MAX_FAILURES)
        refused = NotIdentified(failures=counted["failures"])
        # An empty address is no row's hash: one that reached its limit has nothing to be given back.
        give_back = {"conversation_id": conversation_id, "address": address if counted["address_counted"] else b""}
        try:
            # Asked even for an address tried too often, so that the time of the answer says nothing.
            customer_id = await find(email=email, order_number=order_number)
        except Exception:
            await self._row(_UNCOUNT, **give_back)
            raise
        if customer_id is None or not counted["address_counted"]:
            why = "no match" if counted["address_counted"] else "address locked"
            await self._row(_FAILED, conversation_id=conversation_id, why=why)
            return refused
        try:
            actor = await self.identify(conversation_id, customer_id=customer_id)
        except Forbidden:
            await self._row(_FAILED, conversation_id=conversation_id, why="another customer")
            return refused
        await self._row(_UNCOUNT, **give_back)
        return actor

    async def identify(self, conversation_id: str, *, customer_id: str) -> Actor:
        """Level 1 for a customer proven here, or by the host's token (in-app).

        Raises ``Forbidden`` when the conversation already belongs to another.
        """
        row = await self._row(_IDENTIFY, conversation_id=conversation_id, customer_id=customer_id)
        if row is None:
            raise Forbidden("This conversation already belongs to another customer.")
        return {"customer_id": row["customer_id"], "level": row["level"]}

    async def forget(self, conversation_id: str) -> None:
        """Erases what is known of the conversation's customer."""
        await self._row(_FORGET, conversation_id=conversation_id)

    async def _row(self, query: LiteralString, **values: object) -> dict[str, Any] | None:
        async with self.pool.connection() as connection:
            cursor = await connection.execute(query, values)
            return await cursor.fetchone() if cursor.description else None


_COUNT = """
WITH old AS (
    DELETE FROM identification_attempts WHERE address_hash IN (
        SELECT address_hash FROM identification_attempts
         WHERE last_at < now() - interval '1 hour' AND address_hash <> %(address)s
         LIMIT 20 FOR UPDATE SKIP LOCKED)
), conversation AS (
    INSERT INTO identifications AS known (conversation_id, failures) VALUES (%(conversation_id)s, 1)
    ON CONFLICT (conversation_id) DO UPDATE SET failures = known.failures + 1, at = now()
     WHERE known.failures < %(limit)s
    RETURNING failures
), address AS (
    INSERT INTO identification_attempts AS tried (address_hash, failed_at)
    SELECT %(address)s, ARRAY[now()] FROM conversation
    ON CONFLICT (address_hash) DO UPDATE SET last_at = now(), failed_at = now() || ARRAY(
        SELECT at FROM unnest(tried.failed_at) AS at WHERE at > now() - interval '1 hour')
     WHERE (SELECT count(*) FROM unnest(tried.failed_at) AS at WHERE at > now() - interval '1 hour') < %(address_limit)s
    RETURNING 1
)
SELECT (SELECT failures FROM conversation) AS failures, EXISTS (SELECT FROM address) AS address_counted
"""

_UNCOUNT = """
WITH address AS (
    UPDATE identification_attempts SET failed_at = failed_at[2:] WHERE address_hash = %(address)s
)
UPDATE identifications SET failures = greatest(failures - 1, 0) WHERE conversation_id = %(conversation_id)s
"""

_IDENTIFY = """
WITH identified AS (
    INSERT INTO identifications AS known (conversation_id, customer_id, level)
    VALUES (%(conversation_id)s, %(customer_id)s, 1)
    ON CONFLICT (conversation_id) DO UPDATE
       SET customer_id = excluded.customer_id, level = greatest(known.level, 1), at = now()
     WHERE known.customer_id IS NULL OR known.customer_id = excluded.customer_id
    RETURNING conversation_id, customer_id, level
)
SELECT customer_id, level,
       audit_append('identity.identified', 'customer', conversation_id, customer_id, jsonb_build_object('level', level))
  FROM identified
"""

# Without the customer: whose record was tried is nobody's yet, and a right address must not show.
_FAILED = """
SELECT audit_append('identity.failed', 'customer', %(conversation_id)s, NULL, jsonb_build_object('why', %(why)s::text))
"""

_ACTOR = "SELECT customer_id, level FROM identifications WHERE conversation_id = %(conversation_id)s"
_FORGET = "DELETE FROM identifications WHERE conversation_id = %(conversation_id)s"
