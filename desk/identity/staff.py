"""Staff: who works here, the roles they hold, and the token that says so.

A token is shown once, when it is made; the database keeps a keyed hash. Staff tokens and customers' session tokens are
different things in different tables: neither ever opens what the other opens.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast, get_args

from desk.db.pool import Pool
from desk.domain.errors import InvalidRequest, NotAuthenticated, NotFound
from desk.domain.ids import new_id

Role = Literal["agent", "approver", "supervisor", "knowledge_owner", "auditor", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

TOKEN_PREFIX = "fdstaff_"
"""Lets scanners for leaked secrets recognise a token, and us refuse anything else without asking the database."""


@dataclass(frozen=True, kw_only=True)
class Staff:
    """A member of staff. ``customer_id`` is their own customer account, about which they never decide."""

    id: str
    name: str
    roles: frozenset[Role]
    customer_id: str | None
    created_at: datetime
    disabled_at: datetime | None

    def has_any(self, roles: Iterable[Role]) -> bool:
        """Whether they hold one of these roles. No role includes another: an admin does not approve."""
        return not self.roles.isdisjoint(roles)


class StaffStore:
    """Members of staff; ``secret`` keys the hash of their tokens."""

    def __init__(self, pool: Pool, *, secret: bytes) -> None:
        self._pool = pool
        self._key = hmac.digest(secret, b"frontdesk staff tokens", "sha256")

    async def enter(self, token: str | None) -> Staff:
        """Who this token belongs to. Raises ``NotAuthenticated``."""
        if not token or len(token) > 200 or not token.startswith(TOKEN_PREFIX):
            raise NotAuthenticated("Send a staff token as a bearer token.")
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_ENTER, {"hash": self._hash(token)})).fetchone()
        if row is None:
            raise NotAuthenticated("This staff token is not valid.")
        return _staff(row)

    async def add(
        self, name: str, roles: Iterable[str], *, customer_id: str | None = None, by: str
    ) -> tuple[Staff, str]:
        """A new member of staff and the token, which nobody can read again. Raises ``InvalidRequest``."""
        name, held = " ".join(name.split()), sorted(set(roles))
        if not name or len(name) > 100:
            raise InvalidRequest("A member of staff needs a name of at most 100 characters.")
        if not held or (unknown := [role for role in held if role not in ROLES]):
            named = f"{unknown[0]!r} is not a role" if held else "At least one role is needed"
            raise InvalidRequest(f"{named}; the roles are {', '.join(ROLES)}.")
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        values = {
            "id": new_id("staff"), "name": name, "roles": held, "hash": self._hash(token),
            "customer_id": customer_id, "by": by,
        }  # fmt: skip
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_ADD, values)).fetchone()
        assert row is not None, "an INSERT returns its row"
        return _staff(row), token

    async def disable(self, staff_id: str, *, by: str) -> Staff:
        """Takes the access away, at once. Again: nothing happens. Raises ``NotFound``."""
        async with self._pool.connection() as connection:
            await connection.execute(_DISABLE, {"id": staff_id, "by": by})
            row = await (await connection.execute(_ONE, {"id": staff_id})).fetchone()
        if row is None:
            raise NotFound("There is no member of staff with this id.")
        return _staff(row)

    async def list(self) -> list[Staff]:
        """Everybody who was ever added, oldest first."""
        async with self._pool.connection() as connection:
            return [_staff(row) for row in await (await connection.execute(_LIST)).fetchall()]

    async def deny(self, staff: Staff, *, asked_for: str, needed: Iterable[Role]) -> None:
        """Records that they asked for what their roles do not allow."""
        values = {"by": staff.id, "asked_for": asked_for, "needed": sorted(needed), "held": sorted(staff.roles)}
        async with self._pool.connection() as connection:
            await connection.execute(_DENY, values)

    def _hash(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode("utf-8", "replace"), "sha256")


def _staff(row: dict[str, Any]) -> Staff:
    return Staff(
        id=row["id"], name=row["name"], roles=frozenset(cast(list[Role], row["roles"])),
        customer_id=row["customer_id"], created_at=row["created_at"], disabled_at=row["disabled_at"],
    )  # fmt: skip


_ENTER = "SELECT * FROM staff WHERE token_hash = %(hash)s AND disabled_at IS NULL"
_ONE = "SELECT * FROM staff WHERE id = %(id)s"
_LIST = "SELECT * FROM staff ORDER BY created_at, id"

_ADD = """
WITH added AS (
    INSERT INTO staff (id, name, roles, token_hash, customer_id)
    VALUES (%(id)s, %(name)s, %(roles)s, %(hash)s, %(customer_id)s) RETURNING *
)
SELECT added.*, audit_append('staff.added', %(by)s, NULL, NULL, jsonb_build_object('staff', id, 'roles', roles))
  FROM added
"""

_DISABLE = """
WITH gone AS (
    UPDATE staff SET disabled_at = now() WHERE id = %(id)s AND disabled_at IS NULL RETURNING id
)
SELECT audit_append('staff.disabled', %(by)s, NULL, NULL, jsonb_build_object('staff', id)) FROM gone
"""

_DENY = """
SELECT audit_append('authz.denied', %(by)s, NULL, NULL, jsonb_build_object(
    'asked_for', %(asked_for)s::text, 'needed', %(needed)s::text[], 'held', %(held)s::text[]))
"""
