"""Proposals: what the assistant wants to do, frozen. A code, a yes and an approval are each bound to one of them.

A proposal is made by the plan, never executed by itself: the ledger's key is the proposal's id, so it is done at most
once, and with the arguments that were hashed here or, after an approver's edit, with those the approval holds.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from desk.db.pool import Pool
from desk.domain.ids import new_id


def hash_of(tool: str, arguments: Mapping[str, str], *, customer_id: str) -> str:
    """What a code, a yes and a decision are about: SHA-256 over tool, arguments and customer, as 64 hex digits."""
    content = {"tool": tool, "arguments": dict(arguments), "customer": customer_id}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A row of ``proposals``."""

    id: str
    conversation_id: str
    customer_id: str
    turn_id: str
    pack_version: str
    intent: str | None
    tool: str
    arguments: dict[str, str]
    args_hash: str
    facts: dict[str, Any]
    request: dict[str, Any]
    status: Literal["open", "superseded", "withdrawn", "closed"]
    confirmed_turn: str | None
    requested_by: str | None
    compensates: str | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewProposal:
    """What a proposal is made of; ``request`` is the customer's request, to go on with later."""

    conversation_id: str
    customer_id: str
    turn_id: str
    pack_version: str
    intent: str | None
    tool: str
    arguments: dict[str, str]
    facts: dict[str, Any]
    request: dict[str, Any]
    requested_by: str | None = None
    compensates: str | None = None


class ProposalStore:
    """The table ``proposals``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def open(self, new: NewProposal, *, replacing: str | None = None) -> Proposal:
        """Stores it; a turn that runs again gets the one it stored. ``replacing``: an older one that ends with it."""
        async with self._pool.connection() as connection:
            return await self.open_on(connection, new, replacing=replacing)

    async def open_on(
        self, connection: AsyncConnection[DictRow], new: NewProposal, *, replacing: str | None = None
    ) -> Proposal:
        """The same, within the caller's transaction."""
        values = {
            **vars(new),
            "id": new_id("prop"),
            "arguments": Jsonb(new.arguments),
            "facts": Jsonb(new.facts),
            "request": Jsonb(new.request),
            "args_hash": hash_of(new.tool, new.arguments, customer_id=new.customer_id),
            "replacing": replacing,
            "actor": new.requested_by or "assistant",
        }
        row = await (await connection.execute(_OPEN, values)).fetchone()
        if row is None:
            row = await (await connection.execute(_FIND_AGAIN, values)).fetchone()
        assert row is not None, "the statement before stored it, or it was there"
        return Proposal(**row)

    async def find(self, proposal_id: str) -> Proposal | None:
        async with self._pool.connection() as connection:
            return await self.find_on(connection, proposal_id)

    async def find_on(self, connection: AsyncConnection[DictRow], proposal_id: str) -> Proposal | None:
        """The same for a caller who holds a connection: with a second one a full pool would wait for itself."""
        row = await (await connection.execute(_FIND, {"id": proposal_id})).fetchone()
        return Proposal(**row) if row else None

    async def confirm(self, proposal_id: str, *, turn_id: str) -> None:
        """Records the customer's yes; the first one counts."""
        async with self._pool.connection() as connection:
            await connection.execute(_CONFIRM, {"id": proposal_id, "turn": turn_id})

    async def close(self, proposal_id: str, *, status: Literal["superseded", "withdrawn", "closed"]) -> None:
        """Ends an open proposal: it was replaced, stopped, or carried out."""
        async with self._pool.connection() as connection:
            await connection.execute(_CLOSE, {"id": proposal_id, "status": status})

    async def waiting(self) -> list[Proposal]:
        """Proposals that wait for an approver, or were agreed to and not begun: what a new release has to honour."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(_WAITING)).fetchall()
        return [Proposal(**row) for row in rows]


_COLUMNS = (
    "id, conversation_id, customer_id, turn_id, pack_version, intent, tool, arguments, args_hash, facts, request,"
    " status, confirmed_turn, requested_by, compensates, created_at"
)

_OPEN = f"""
WITH old AS (
    UPDATE proposals SET status = 'superseded' WHERE id = %(replacing)s AND status = 'open' RETURNING id
), opened AS (
    INSERT INTO proposals (id, conversation_id, customer_id, turn_id, pack_version, intent, tool, arguments, args_hash,
                           facts, request, requested_by, compensates)
    VALUES (%(id)s, %(conversation_id)s, %(customer_id)s, %(turn_id)s, %(pack_version)s, %(intent)s, %(tool)s,
            %(arguments)s, %(args_hash)s, %(facts)s, %(request)s, %(requested_by)s, %(compensates)s)
    ON CONFLICT (turn_id, args_hash) DO NOTHING
    RETURNING {_COLUMNS}
)
SELECT opened.*
  FROM opened LEFT JOIN old ON true,
       audit_append('proposal.opened', %(actor)s, opened.conversation_id, opened.customer_id,
                    jsonb_build_object('proposal', opened.id, 'tool', opened.tool, 'args_hash', opened.args_hash,
                                       'replaces', old.id))
"""

_FIND_AGAIN = f"""
SELECT {_COLUMNS} FROM proposals
 WHERE turn_id = %(turn_id)s AND args_hash = %(args_hash)s AND conversation_id = %(conversation_id)s
"""
_FIND = f"SELECT {_COLUMNS} FROM proposals WHERE id = %(id)s"

_CONFIRM = """
WITH confirmed AS (
    UPDATE proposals SET confirmed_turn = %(turn)s, confirmed_at = now()
    WHERE id = %(id)s AND status = 'open' AND confirmed_turn IS NULL RETURNING *
)
SELECT audit_append('proposal.confirmed', 'customer', conversation_id, customer_id,
                    jsonb_build_object('proposal', id, 'turn', %(turn)s::text, 'args_hash', args_hash))
  FROM confirmed
"""

_CLOSE = """
WITH closed AS (
    UPDATE proposals SET status = %(status)s WHERE id = %(id)s AND status = 'open' RETURNING *
)
SELECT audit_append('proposal.withdrawn', 'assistant', conversation_id, customer_id,
                    jsonb_build_object('proposal', id, 'status', status))
  FROM closed WHERE status <> 'closed'
"""

_WAITING = f"""
SELECT {_COLUMNS} FROM proposals
 WHERE status = 'open' AND EXISTS (SELECT FROM approvals WHERE proposal_id = proposals.id
                                      AND approvals.status IN ('pending', 'approved', 'edited'))
   AND NOT EXISTS (SELECT FROM actions WHERE key = proposals.id)
 ORDER BY id
"""
