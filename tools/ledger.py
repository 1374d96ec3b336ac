"""The ledger: every call of a tool, written before it runs and again after, under one key for one effect (R5.5).

Whatever crashes, repeats or resumes finds the row of its key: an effect that is known is not made again, and one that
nobody knows about is asked for with the same key or left to a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from desk.db.pool import Pool
from desk.domain.ids import is_id, new_id
from desk.privacy.redaction import redact

ActionOutcome = Literal["started", "succeeded", "failed", "unknown", "compensated", "denied"]
Ended = Literal["succeeded", "failed", "unknown", "denied"]


@dataclass(frozen=True, kw_only=True)
class Action:
    """A row of ``actions``."""

    id: str
    key: str
    at: datetime
    conversation_id: str
    turn_id: str
    customer_id: str | None
    intent: str | None
    tool: str
    risk: Literal["read", "write", "high"]
    args: dict[str, str]
    amount: int | None
    decision: str
    proposal_id: str | None
    approval_id: str | None
    outcome: ActionOutcome
    detail: str | None
    result: dict[str, Any] | None
    ms: float | None


@dataclass(frozen=True, kw_only=True)
class NewAction:
    """What is written before a tool runs; ``args`` are masked on the way in."""

    key: str
    conversation_id: str
    turn_id: str
    customer_id: str | None
    intent: str | None
    tool: str
    risk: Literal["read", "write", "high"]
    args: Mapping[str, str]
    amount: int | None
    decision: str
    proposal_id: str | None = None
    approval_id: str | None = None


class Ledger:
    """The table ``actions``. Raises the database's errors: without a ledger row nothing runs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, new: NewAction) -> tuple[Action, bool]:
        """The row of this key, and whether it was written just now; an older one says how far that attempt got."""
        row = await self._one(_BEGIN, _values(new) | {"outcome": "started"})
        return await self._begun(new, row)

    async def begin_write(self, new: NewAction, *, history: tuple[int, int]) -> tuple[Action, bool] | None:
        """The same for a write that was decided on with this history; None when it is no longer true.

        Two conversations of one customer may decide at the same time; a limit by the day has to hold for both.
        """
        asked = {"customer": new.customer_id, "tool": new.tool, "but": new.proposal_id}
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_LOCK_HISTORY, asked)
            now = await (await connection.execute(_HISTORY, asked)).fetchone()
            if now is None or (now["amount"], now["times"]) != history:
                return None
            row = await (await connection.execute(_BEGIN, _values(new) | {"outcome": "started"})).fetchone()
        return await self._begun(new, row)

    async def _begun(self, new: NewAction, row: dict[str, Any] | None) -> tuple[Action, bool]:
        if row is not None:
            return Action(**row), True
        action = await self.of_key(new.key)
        assert action is not None, "the key was there a statement ago, and rows are never deleted"
        return action, False

    async def deny(self, new: NewAction) -> str:
        """Records a call that was not allowed; its id."""
        row = await self._one(_BEGIN, _values(new) | {"outcome": "denied", "key": new_id("denied")})
        assert row is not None, "its key is new"
        return str(row["id"])

    async def finish(
        self, action_id: str, *, outcome: Ended, detail: str | None, result: Mapping[str, Any] | None, ms: float
    ) -> bool:
        """Writes how a call ended. What ended once stays so, and False says it did; only an unknown outcome can still
        become known."""
        values = {
            "id": action_id, "outcome": outcome, "detail": detail, "ms": round(ms, 1),
            "result": Jsonb(dict(result)) if result is not None else None,
        }  # fmt: skip
        return await self._one(_FINISH, values) is not None

    async def give_up(self) -> list[str]:
        """Ends what was begun in a turn that ended without it: nobody knows what came of such a write.

        Returns no conversations: the apology that ended the turn told the customer and opened a ticket.
        """
        async with self._pool.connection() as connection:
            await connection.execute(_GIVE_UP)
        return []

    async def compensated(self, action_id: str, *, by: str, with_action: str) -> None:
        """Marks an action as taken back."""
        await self._one(_COMPENSATED, {"id": action_id, "actor": by, "with": with_action})

    async def of_key(self, key: str) -> Action | None:
        row = await self._one(_OF_KEY, {"key": key})
        return Action(**row) if row else None

    async def find(self, action_id: str) -> Action | None:
        row = await self._one(_FIND, {"id": action_id if is_id(action_id, "act") else ""})
        return Action(**row) if row else None

    async def page(
        self,
        *,
        conversation_id: str | None,
        customer_id: str | None,
        after: str | None,
        limit: int,
        newest: bool = False,
    ) -> list[Action]:
        """Actions that follow ``after``: the oldest first, or the newest first."""
        query = _NEWEST_PAGE if newest else _OLDEST_PAGE
        values = {"conversation": conversation_id, "customer": customer_id, "after": after or "", "limit": limit}
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(query.encode(), values)).fetchall()
        return [Action(**row) for row in rows]

    async def history(self, *, customer_id: str, tool: str, but: str | None) -> tuple[int, int]:
        """Of this customer and tool: the amounts of 24 hours that nobody approved, and how often it ran in 30 days.

        What a person approved was looked at; the sum is there to find many small amounts that nobody looks at. Counts
        what ran, what may have run, and what runs; ``but``: not the action of this proposal.
        """
        row = await self._one(_HISTORY, {"customer": customer_id, "tool": tool, "but": but})
        assert row is not None, "an aggregate has a row"
        return int(row["amount"]), int(row["times"])

    async def _one(self, query: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query.encode(), values)).fetchone()


def _values(new: NewAction) -> dict[str, Any]:
    args = {name: redact(value).text for name, value in new.args.items()}
    return {**vars(new), "id": new_id("act"), "args": Jsonb(args)}


_COLUMNS = """
    id, key, at, conversation_id, turn_id, customer_id, intent, tool, risk, args, amount, decision, proposal_id,
    approval_id, outcome, detail, result, ms
"""

_BEGIN = f"""
WITH begun AS (
    INSERT INTO actions (id, key, conversation_id, turn_id, customer_id, intent, tool, risk, args, amount, decision,
                         proposal_id, approval_id, outcome, finished_at)
    VALUES (%(id)s, %(key)s, %(conversation_id)s, %(turn_id)s, %(customer_id)s, %(intent)s, %(tool)s, %(risk)s,
            %(args)s, %(amount)s, %(decision)s, %(proposal_id)s, %(approval_id)s, %(outcome)s,
            CASE WHEN %(outcome)s::text = 'denied' THEN now() END)
    ON CONFLICT (key) DO NOTHING
    RETURNING {_COLUMNS}
), audited AS (
    SELECT audit_append(CASE WHEN outcome = 'denied' THEN 'tool.denied' ELSE 'tool.started' END, 'assistant',
                        conversation_id, customer_id,
                        jsonb_build_object('action', id, 'tool', tool, 'decision', decision, 'proposal', proposal_id,
                                           'approval', approval_id))
      FROM begun WHERE risk <> 'read' OR outcome = 'denied'
)
SELECT begun.* FROM begun LEFT JOIN audited ON true
"""

_FINISH = """
WITH ended AS (
    UPDATE actions SET outcome = %(outcome)s, detail = %(detail)s, result = %(result)s, ms = %(ms)s, finished_at = now()
     WHERE id = %(id)s AND outcome IN ('started', 'unknown')
    RETURNING *
)
SELECT audit_append('tool.finished', 'assistant', conversation_id, customer_id,
                    jsonb_build_object('action', id, 'tool', tool, 'risk', risk, 'outcome', outcome, 'detail', detail))
  FROM ended
"""

_GIVE_UP = """
WITH ended AS (
    UPDATE actions SET outcome = CASE WHEN risk = 'read' THEN 'failed' ELSE 'unknown' END, detail = 'interrupted',
                       finished_at = now()
      FROM turns WHERE turns.id = actions.turn_id AND completed_at IS NOT NULL AND actions.outcome = 'started'
    RETURNING actions.*
)
SELECT audit_append('tool.finished', 'assistant', conversation_id, customer_id,
                    jsonb_build_object('action', id, 'tool', tool, 'risk', risk, 'outcome', outcome, 'detail', detail))
  FROM ended
"""

_COMPENSATED = """
WITH undone AS (
    UPDATE actions SET outcome = 'compensated' WHERE id = %(id)s AND outcome = 'succeeded' RETURNING *
)
SELECT audit_append('action.compensated', %(actor)s, conversation_id, customer_id,
                    jsonb_build_object('action', id, 'tool', tool, 'with', %(with)s::text))
  FROM undone
"""

_OF_KEY = f"SELECT {_COLUMNS} FROM actions WHERE key = %(key)s"
_FIND = f"SELECT {_COLUMNS} FROM actions WHERE id = %(id)s"

_SOME = f"""
SELECT {_COLUMNS} FROM actions
 WHERE (%(conversation)s::text IS NULL OR conversation_id = %(conversation)s)
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
"""
_OLDEST_PAGE = f"{_SOME} AND id > %(after)s ORDER BY id LIMIT %(limit)s"
_NEWEST_PAGE = f"{_SOME} AND (%(after)s = '' OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s"

# One write of a tool at a time begins for a customer; a statement of its own, so that the next one sees the last row.
_LOCK_HISTORY = "SELECT pg_advisory_xact_lock(hashtextextended('actions ' || %(customer)s || ' ' || %(tool)s, 0))"

_HISTORY = """
SELECT coalesce(sum(amount) FILTER (WHERE at > now() - interval '24 hours' AND approval_id IS NULL), 0) AS amount,
       count(*) AS times
  FROM actions
 WHERE customer_id = %(customer)s AND tool = %(tool)s AND risk <> 'read' AND at > now() - interval '30 days'
   AND outcome IN ('started', 'succeeded', 'unknown') AND proposal_id IS DISTINCT FROM %(but)s
"""
