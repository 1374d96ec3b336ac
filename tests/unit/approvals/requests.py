"""Approval requests on a real database: opened, decided, and what came of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from desk.approvals.models import Approval, Card, Decided, Decision, DecisionType, NewApproval
from desk.approvals.proposals import NewProposal, Proposal, ProposalStore
from desk.approvals.service import ApprovalService, Decider
from desk.conversations.inbox import enqueue_wake
from desk.conversations.store import ConversationStore
from desk.db.pool import Pool
from desk.domain.errors import FrontdeskError
from desk.domain.ids import new_id

LIMITS = {"approver": 50000, "supervisor": 500000}
EDITABLE = {"refund": ("amount",)}
ONE = Decider(id="staff_1", roles=frozenset({"approver"}), customer_id=None)
TWO = Decider(id="staff_2", roles=frozenset({"approver", "agent"}), customer_id="C-9")
CARD: Card = {"title": "", "facts": {}, "signals": {}, "customer": {}, "words": []}


async def still_true(_: Approval) -> bool:
    return True


def decision(kind: DecisionType = "approve", **changes: Any) -> Decision:
    """What somebody says, with what that needs."""
    if kind in ("reject", "respond"):
        changes = {"reason": "Because."} | changes
    if kind == "edit":
        changes = {"args": {"amount": "1.00"}} | changes
    return Decision(type=kind, **changes)


@dataclass(kw_only=True)
class Requests:
    pool: Pool
    service: ApprovalService = field(init=False)

    def __post_init__(self) -> None:
        self.service = self.with_wake(enqueue_wake)
        self.proposals = ProposalStore(self.pool)

    def with_wake(self, wake: Any) -> ApprovalService:
        return ApprovalService(self.pool, enqueue_wake=wake, limits=LIMITS, editable=EDITABLE)

    async def conversation(self) -> str:
        store = ConversationStore(self.pool, secret=b"s" * 32)
        return (await store.start(channel="web", locale="en", pack_version="1")).conversation_id

    async def proposed(self, conversation_id: str, **changes: Any) -> Proposal:
        new = NewProposal(
            conversation_id=conversation_id, customer_id="C-1", turn_id=new_id("turn"), pack_version="1",
            intent="return_and_refund", tool="refund", arguments={"order_number": "HP-1", "amount": "129.00"},
            facts={}, request={},
        )  # fmt: skip
        return await self.proposals.open(replace(new, **changes))

    async def opened(
        self, *, conversation_id: str | None = None, proposal: Mapping[str, Any] | None = None, **changes: Any
    ) -> Approval:
        """A request for a refund of 129.00, but for the changes."""
        made = await self.proposed(conversation_id or await self.conversation(), **(proposal or {}))
        return await self.service.open(replace(asking(made), **changes))

    async def decides(self, approval: Approval, said: Decision | None = None, *, by: Decider = ONE) -> Decided:
        return await self.service.decide(approval.id, said or decision(), by=by, still_true=still_true)

    async def tries(
        self, approval: Approval, said: Decision | None = None, *, by: Decider = ONE
    ) -> Decided | FrontdeskError:
        """What the decider is told."""
        try:
            return await self.decides(approval, said, by=by)
        except FrontdeskError as exc:
            return exc

    async def ends(self, approval: Approval, **after: float) -> None:
        """The time of the request is over, or will be ``after`` some seconds."""
        await self.rows(
            "UPDATE approvals SET expires_at = clock_timestamp() + make_interval(secs => %s) WHERE id = %s",
            after.get("after", -1.0), approval.id,
        )  # fmt: skip

    async def now(self, approval: Approval) -> Approval:
        return await self.service.find(approval.id)

    async def wakes(self, approval: Approval) -> list[dict[str, Any]]:
        """Wake turns of the request, as their conversation finds them."""
        found = await self.rows(
            "SELECT wake FROM turns WHERE conversation_id = %s ORDER BY position", approval.conversation_id
        )
        return [row["wake"] for row in found if row["wake"]["approval_id"] == approval.id]

    async def audited(self, approval: Approval) -> list[tuple[str, str, str | None]]:
        """Action, actor and decision of each audit entry."""
        found = await self.rows(
            "SELECT action, actor, detail FROM audit_entries WHERE detail ->> 'approval' = %s ORDER BY position",
            approval.id,
        )
        return [(row["action"], row["actor"], row["detail"].get("decision")) for row in found]

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            cursor = await connection.execute(query.encode(), values)
            return list(await cursor.fetchall()) if cursor.description else []


def asking(proposal: Proposal) -> NewApproval:
    return NewApproval(
        proposal_id=proposal.id, conversation_id=proposal.conversation_id, customer_id=proposal.customer_id,
        tool=proposal.tool, amount=12900, rules=["big"], why="It is big.", roles=["approver", "supervisor"], people=1,
        request={
            "action_requests": [{"name": proposal.tool, "args": proposal.arguments, "description": "Refund"}],
            "review_configs": [],
        },
        card=CARD, args_hash=proposal.args_hash, expires_minutes=60,
    )  # fmt: skip


class Together:
    """Facts that are found true as soon as everybody has asked: the decisions then fall at the same moment."""

    def __init__(self, parties: int) -> None:
        self._barrier = asyncio.Barrier(parties)

    async def __call__(self, _: Approval) -> bool:
        await self._barrier.wait()
        return True
