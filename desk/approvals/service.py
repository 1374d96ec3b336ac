"""Approval requests: opened once, decided once. The row is the authority; waking the conversation is only its echo.

A decision, its audit entry and the wake turn that carries it back to the customer are one transaction. Two people who
click at once are told apart by a row lock and the status: the first wins, the other hears what was decided.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from desk.approvals.amounts import minor_units
from desk.approvals.models import Approval, ApprovalStatus, Decided, Decision, NewApproval
from desk.approvals.proposals import hash_of
from desk.audit.events import Action
from desk.db.pool import Pool
from desk.domain.errors import Conflict, Forbidden, Gone, InvalidRequest, NotFound
from desk.domain.ids import is_id, new_id
from desk.privacy.redaction import redact

MAX_REASON = 500


@dataclass(frozen=True, kw_only=True)
class Decider:
    """The member of staff who decides."""

    id: str
    roles: frozenset[str]
    customer_id: str | None
    """Their own customer account, when they have one."""


class EnqueueWake(Protocol):
    """``desk.conversations.inbox.enqueue_wake``: a wake turn in the caller's transaction, stored once for each key."""

    async def __call__(
        self, connection: AsyncConnection[DictRow], conversation_id: str, *, key: str, wake: Mapping[str, Any]
    ) -> str | None: ...


StillTrue = Callable[[Approval], Awaitable[bool]]
"""Whether the business systems still say what the card shows."""


@dataclass(frozen=True, kw_only=True)
class _Locked:
    """A request that nobody else can decide now."""

    approval: Approval
    over: bool
    requested_by: str | None
    voters: dict[str, str]
    """Who agreed already, and to which arguments (their hash)."""


class ApprovalService:
    """The table ``approvals``.

    ``limits``: role → the largest amount it may decide, in minor units; ``editable``: tool → the money arguments an
    approver may lower.
    """

    def __init__(
        self, pool: Pool, *, enqueue_wake: EnqueueWake, limits: Mapping[str, int], editable: Mapping[str, Sequence[str]]
    ) -> None:
        self._pool = pool
        self._enqueue_wake = enqueue_wake
        self._limits = limits
        self._editable = editable

    async def open(self, new: NewApproval) -> Approval:
        """Asks for a decision. A proposal has one request: a node that runs again gets the one it opened."""
        values = {**vars(new), "id": new_id("appr"), "request": Jsonb(new.request), "card": Jsonb(new.card)}
        async with self._pool.connection() as connection:
            await connection.execute(_OPEN, values)
        approval = await self.of_proposal(new.proposal_id)
        assert approval is not None, "the statement before stored it, or it was there"
        return approval

    async def find(self, approval_id: str) -> Approval:
        """Raises ``NotFound``."""
        found = await self._many(_FIND, id=approval_id if is_id(approval_id, "appr") else "")
        if not found:
            raise NotFound("There is no such approval request.")
        return found[0]

    async def of_proposal(self, proposal_id: str) -> Approval | None:
        found = await self._many(_OF_PROPOSAL, proposal=proposal_id)
        return found[0] if found else None

    async def of_conversation(self, conversation_id: str) -> list[Approval]:
        """Every request of a conversation, oldest first."""
        return await self._many(_OF_CONVERSATION, conversation=conversation_id)

    async def page(self, *, status: str | None, after: str | None, limit: int, newest: bool = False) -> list[Approval]:
        """Requests that follow ``after``: the oldest first, or the newest first."""
        query = _NEWEST_PAGE if newest else _OLDEST_PAGE
        return await self._many(query, status=status, after=after or "", limit=limit)

    async def decide(self, approval_id: str, decision: Decision, *, by: Decider, still_true: StillTrue) -> Decided:
        """Records what ``by`` says.

        Raises ``NotFound``; ``Forbidden`` without role or limit, and for whoever asked; ``Conflict`` when it was
        decided or replaced, or when the facts changed (it is taken back then); ``Gone`` when its time is over;
        ``InvalidRequest`` for an edit outside of the limits or words that are missing. The request is unchanged after
        any of these but the changed facts.
        """
        seen = await self.find(approval_id)
        # Asked before the lock is taken: a business system may be slow, and nobody should hold a row meanwhile.
        true = decision.type not in ("approve", "edit") or seen.status != "pending" or await still_true(seen)
        async with self._pool.connection() as connection, connection.transaction():
            locked = await self._lock(connection, approval_id)
            _check_person(locked, decision, by=by, limits=self._limits)
            _check_open(locked, decision)
            if true:
                return await self._record(connection, locked, decision, by=by)
            await self._end(connection, locked.approval, "superseded", by=by.id, reason="the facts changed")
        raise Conflict("The facts changed since this was asked, so the request was taken back.", code="stale")

    async def withdraw(self, conversation_id: str) -> list[Approval]:
        """The customer stops what waits; returns what was still waiting. What was decided first stays decided."""
        async with self._pool.connection() as connection, connection.transaction():
            rows = await (await connection.execute(_LOCK_PENDING, {"conversation": conversation_id})).fetchall()
            stopped = [Approval(**row) for row in rows]
            for approval in stopped:
                await connection.execute(_CLOSE_PROPOSAL, {"proposal": approval.proposal_id, "status": "withdrawn"})
                await self._end(connection, approval, "superseded", by="customer", reason=None, wakes=False)
        return stopped

    async def supersede(self, approval_id: str, *, reason: str) -> bool:
        """Takes a waiting request back because it no longer fits; True when it was still waiting."""
        async with self._pool.connection() as connection, connection.transaction():
            locked = await self._lock(connection, approval_id)
            if locked.approval.status != "pending":
                return False
            await self._end(connection, locked.approval, "superseded", by="system", reason=reason, wakes=False)
            return True

    async def expire_due(self, *, limit: int = 50) -> list[str]:
        """Ends requests whose time is over; returns the conversations that have to hear it."""
        async with self._pool.connection() as connection, connection.transaction():
            rows = await (await connection.execute(_LOCK_DUE, {"limit": limit})).fetchall()
            # In one order everywhere: two processes that wake the same conversations do not wait for each other.
            for row in sorted(rows, key=lambda row: row["conversation_id"]):
                await self._end(connection, Approval(**row), "expired", by="system", reason=None)
        return [row["conversation_id"] for row in rows]

    async def _record(
        self, connection: AsyncConnection[DictRow], locked: _Locked, decision: Decision, *, by: Decider
    ) -> Decided:
        approval, actor = locked.approval, by.id
        if decision.args and decision.type != "edit":
            raise InvalidRequest("args are for an edit alone.", code="args_not_expected")
        match decision.type:
            case "respond":
                return await self._ask(connection, approval, _words(decision), actor=actor)
            case "reject":
                return await self._end(connection, approval, "rejected", by=actor, reason=_words(decision))
            case "approve" | "edit":
                arguments = approval.request["action_requests"][0]["args"]
                if decision.type == "edit":
                    arguments = _edited(arguments, decision.args, editable=self._editable.get(approval.tool, ()))
                final = hash_of(approval.tool, arguments, customer_id=approval.customer_id)
                agreed = 1 + sum(seen == final for person, seen in locked.voters.items() if person != by.id)
                reason = _words(decision) if (decision.reason or "").strip() else None
                if agreed < approval.people:
                    return await self._vote(connection, locked, by=by, final=final)
                status: ApprovalStatus = "approved" if final == approval.args_hash else "edited"
                return await self._end(connection, approval, status, by=actor, reason=reason, final=(arguments, final))

    async def _vote(self, connection: AsyncConnection[DictRow], locked: _Locked, *, by: Decider, final: str) -> Decided:
        """One of two people agreed; the request goes on waiting for another one who agrees to the same."""
        if by.id in locked.voters:
            raise Conflict("You agreed already; a second person has to decide.", code="already_voted")
        values = {"id": locked.approval.id, "staff": by.id, "hash": final, "actor": by.id}
        await connection.execute(_VOTE, values)
        return Decided(approval=locked.approval, wakes=None, votes=1)

    async def _ask(
        self, connection: AsyncConnection[DictRow], approval: Approval, question: str, *, actor: str
    ) -> Decided:
        row = await (await connection.execute(_ASK, {"id": approval.id, "actor": actor})).fetchone()
        assert row is not None, "the row is locked"
        await self._enqueue_wake(
            connection,
            approval.conversation_id,
            key=f"{approval.id}:question:{row['questions']}",
            wake={
                "kind": "question",
                "approval_id": approval.id,
                "proposal_id": approval.proposal_id,
                "words": question,
            },
        )
        return Decided(approval=replace(approval, questions=row["questions"]), wakes=approval.conversation_id)

    async def _end(
        self,
        connection: AsyncConnection[DictRow],
        approval: Approval,
        status: ApprovalStatus,
        *,
        by: str,
        reason: str | None,
        final: tuple[dict[str, str], str] | None = None,
        wakes: bool = True,
    ) -> Decided:
        """Ends a locked request, with its audit entry and the wake turn that tells the customer."""
        values = {
            "id": approval.id, "status": status, "by": by, "reason": reason and redact(reason).text,
            "arguments": Jsonb(final[0]) if final else None, "hash": final[1] if final else None,
            "audit_action": _AUDITED.get(status, "approval.decided"),
        }  # fmt: skip
        row = await (await connection.execute(_END, values)).fetchone()
        assert row is not None, "the row is locked and pending"
        row.pop("audited")
        if wakes:
            await self._enqueue_wake(
                connection,
                approval.conversation_id,
                key=f"{approval.id}:decided",
                wake={"kind": "approval", "approval_id": approval.id, "proposal_id": approval.proposal_id},
            )
        return Decided(approval=Approval(**row), wakes=approval.conversation_id if wakes else None)

    async def _lock(self, connection: AsyncConnection[DictRow], approval_id: str) -> _Locked:
        row = await (await connection.execute(_LOCK, {"id": approval_id})).fetchone()
        assert row is not None, "requests are never deleted while they can be decided"
        over, requested_by = row.pop("over"), row.pop("requested_by")
        # A statement of its own: the one before sees the votes from before it waited for the lock.
        votes = await (await connection.execute(_VOTERS, {"id": approval_id})).fetchall()
        voters = {vote["staff_id"]: vote["args_hash"] for vote in votes}
        return _Locked(approval=Approval(**row), over=over, requested_by=requested_by, voters=voters)

    async def _many(self, query: str, **values: Any) -> list[Approval]:
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(query.encode(), values)).fetchall()
        return [Approval(**row) for row in rows]


_AUDITED: dict[ApprovalStatus, Action] = {"expired": "approval.expired", "superseded": "approval.superseded"}


def _check_person(locked: _Locked, decision: Decision, *, by: Decider, limits: Mapping[str, int]) -> None:
    """Raises ``Forbidden``. Before anything else, so that a request's state is told only to those who may decide it."""
    approval = locked.approval
    if by.customer_id == approval.customer_id or by.id == locked.requested_by:
        raise Forbidden("You may not decide about your own request.", code="own_request")
    able = by.roles.intersection(approval.roles)
    if not able:
        raise Forbidden(f"This needs one of the roles {', '.join(approval.roles)}.", code="role_needed")
    if decision.type in ("approve", "edit") and approval.amount is not None:
        limit = max(limits.get(role, 0) for role in able)
        if approval.amount > limit:
            raise Forbidden("The amount is above your limit; somebody with a higher one decides.", code="above_limit")


def _check_open(locked: _Locked, decision: Decision) -> None:
    """Raises ``Conflict`` or ``Gone`` when this cannot be decided any more."""
    approval = locked.approval
    if approval.status == "superseded":
        raise Conflict("This request was taken back or replaced; nothing was done.", code="superseded")
    if approval.status == "expired" or (approval.status == "pending" and locked.over):
        raise Gone("Nobody decided in time, so this request is over.", code="approval_expired")
    if approval.status != "pending":
        who = approval.decided_by
        raise Conflict(f"This request was already {approval.status} by {who}.", code="already_decided")
    if decision.args_hash is not None and decision.args_hash != approval.args_hash:
        raise Conflict("This request is not the one you saw; reload it.", code="stale")


def _words(decision: Decision) -> str:
    """The reason or question, as the customer will read it. Raises ``InvalidRequest``."""
    words = " ".join((decision.reason or "").split())
    if not words:
        raise InvalidRequest(f"Say why: reason is needed to {decision.type}.", code="reason_needed")
    if len(words) > MAX_REASON:
        raise InvalidRequest(f"reason may have at most {MAX_REASON} characters.", code="reason_too_long")
    return redact(words).text


def _edited(arguments: Mapping[str, str], changes: Mapping[str, str], *, editable: Sequence[str]) -> dict[str, str]:
    """The arguments after an edit: amounts may be lowered, nothing else may change. Raises ``InvalidRequest``."""
    if not changes:
        raise InvalidRequest("args is needed for an edit: the arguments that change.", code="args_needed")
    for name, value in changes.items():
        if name not in editable:
            allowed = ", ".join(editable) or "nothing"
            raise InvalidRequest(f"{name[:48]} may not be edited here; {allowed} may.", code="not_editable")
        new, old = minor_units(value), minor_units(arguments[name])
        if not new or old is None or new > old:
            raise InvalidRequest(
                f"{name} must be an amount like 12.50, up to {arguments[name]}.", code="edit_out_of_bounds"
            )
    return {**arguments, **changes}


_COLUMNS = """
    approvals.id, approvals.proposal_id, approvals.conversation_id, approvals.customer_id, approvals.tool,
    approvals.amount, approvals.rules, approvals.why, approvals.roles, approvals.people, approvals.request,
    approvals.card, approvals.args_hash, approvals.status, approvals.final_arguments, approvals.final_hash,
    approvals.questions, approvals.reason, approvals.requested_at, approvals.expires_at, approvals.decided_at,
    approvals.decided_by
"""

_OPEN = """
WITH opened AS (
    INSERT INTO approvals (id, proposal_id, conversation_id, customer_id, tool, amount, rules, why, roles, people,
                           request, card, args_hash, expires_at)
    VALUES (%(id)s, %(proposal_id)s, %(conversation_id)s, %(customer_id)s, %(tool)s, %(amount)s, %(rules)s, %(why)s,
            %(roles)s, %(people)s, %(request)s, %(card)s, %(args_hash)s,
            now() + make_interval(mins => %(expires_minutes)s))
    ON CONFLICT (proposal_id) DO NOTHING
    RETURNING *
)
SELECT audit_append('approval.requested', 'assistant', conversation_id, customer_id,
                    jsonb_build_object('approval', id, 'proposal', proposal_id, 'tool', tool, 'rules', rules,
                                       'args_hash', args_hash, 'expires_at', expires_at))
  FROM opened
"""

_FIND = f"SELECT {_COLUMNS} FROM approvals WHERE id = %(id)s"
_OF_PROPOSAL = f"SELECT {_COLUMNS} FROM approvals WHERE proposal_id = %(proposal)s"
_OF_CONVERSATION = f"SELECT {_COLUMNS} FROM approvals WHERE conversation_id = %(conversation)s ORDER BY id"
_SOME = f"SELECT {_COLUMNS} FROM approvals WHERE (%(status)s::text IS NULL OR status = %(status)s)"
_OLDEST_PAGE = f"{_SOME} AND id > %(after)s ORDER BY id LIMIT %(limit)s"
_NEWEST_PAGE = f"{_SOME} AND (%(after)s = '' OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s"

_LOCK = f"""
SELECT {_COLUMNS}, approvals.expires_at <= clock_timestamp() AS over, proposals.requested_by
  FROM approvals JOIN proposals ON proposals.id = approvals.proposal_id
 WHERE approvals.id = %(id)s FOR UPDATE OF approvals
"""
_VOTERS = "SELECT staff_id, args_hash FROM approval_votes WHERE approval_id = %(id)s"
_LOCK_PENDING = f"""
SELECT {_COLUMNS} FROM approvals WHERE conversation_id = %(conversation)s AND status = 'pending' ORDER BY id FOR UPDATE
"""
_LOCK_DUE = f"""
SELECT {_COLUMNS} FROM approvals WHERE status = 'pending' AND expires_at <= clock_timestamp()
 ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""

_END = f"""
WITH ended AS (
    UPDATE approvals
       SET status = %(status)s, decided_at = clock_timestamp(), decided_by = %(by)s, reason = %(reason)s,
           final_arguments = %(arguments)s, final_hash = %(hash)s
     WHERE id = %(id)s AND status = 'pending'
    RETURNING {_COLUMNS}
)
SELECT ended.*, audit_append(%(audit_action)s, %(by)s, conversation_id, customer_id,
                             jsonb_build_object('approval', id, 'decision', status, 'tool', tool, 'reason', reason,
                                                'args_hash', coalesce(final_hash, args_hash))) AS audited
  FROM ended
"""

_VOTE = """
WITH vote AS (
    INSERT INTO approval_votes (approval_id, staff_id, args_hash) VALUES (%(id)s, %(staff)s, %(hash)s)
    RETURNING approval_id
)
SELECT audit_append('approval.decided', %(actor)s, conversation_id, customer_id,
                    jsonb_build_object('approval', approvals.id, 'decision', 'first_of_two',
                                       'args_hash', %(hash)s::text))
  FROM vote JOIN approvals ON approvals.id = vote.approval_id
"""

_ASK = """
WITH asked AS (
    UPDATE approvals SET questions = questions + 1 WHERE id = %(id)s RETURNING *
)
SELECT questions, audit_append('approval.decided', %(actor)s, conversation_id, customer_id,
                               jsonb_build_object('approval', id, 'decision', 'respond')) AS audited
  FROM asked
"""

_CLOSE_PROPOSAL = "UPDATE proposals SET status = %(status)s WHERE id = %(proposal)s AND status = 'open'"
