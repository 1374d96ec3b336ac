"""Everything below the graph that an action goes through, on a real database, with a customer at the counter."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from desk.approvals.models import Approval, Card, Decision, NewApproval
from desk.approvals.proposals import NewProposal, Proposal, ProposalStore
from desk.approvals.service import ApprovalService, Decider
from desk.conversations.inbox import enqueue_wake
from desk.db.pool import Pool
from desk.domain.conversation import Actor
from desk.domain.ids import new_id
from desk.policies.models import PolicySet
from desk.rollout.switches import SwitchStore
from graph.bootstrap import reference_systems
from tests.unit.identity.codes import Codes
from tools.calls import ToolCall, ToolResult
from tools.evidence import EvidenceStore
from tools.executor import Attempt, Place, ToolExecutor
from tools.ledger import Ledger
from tools.operation import Systems
from tools.registry import OPERATIONS, ToolRegistry

AVA: Actor = {"customer_id": "C-1001", "level": 1}
PLACE = Place(conversation_id="conv_1", turn_id="turn_1")
APPROVER = Decider(id="staff_1", roles=frozenset({"approver"}), customer_id=None)
QUOTE = {
    "order_number": "HP-10004", "order_status": "delivered", "paid": {"amount": 3500, "currency": "USD"},
    "refunded": {"amount": 0, "currency": "USD"}, "refundable": {"amount": 3500, "currency": "USD"},
    "payment_method": "Visa ending in 4242", "days_since_delivery": 5,
}  # fmt: skip


async def true(_: Approval) -> bool:
    return True


@dataclass(kw_only=True)
class Counter:
    """``systems``: some of them replaced, by name."""

    pool: Pool
    policies: PolicySet
    systems: Mapping[str, Any] = field(default_factory=dict)
    replaying: Collection[str] = tuple(OPERATIONS)
    switches: Any = None
    ledger: Any = None
    timeout: float = 5.0

    def __post_init__(self) -> None:
        self.ledger = self.ledger or Ledger(self.pool)
        self.switches = self.switches or SwitchStore(self.pool, policies=self.policies)
        self.proposals = ProposalStore(self.pool)
        self.codes = Codes.on(self.pool, self.policies.step_up)
        self.approvals = ApprovalService(
            self.pool, enqueue_wake=enqueue_wake, limits=self.policies.approver_limits,
            editable={name: tool.editable for name, tool in self.policies.tools.items()},
        )  # fmt: skip
        systems: Systems = replace(reference_systems(self.pool), **self.systems)
        evidence = EvidenceStore(
            policies=self.policies, ledger=self.ledger, approvals=self.approvals, grants=self.codes.step_up,
            switches=self.switches, crm=systems.crm,
        )  # fmt: skip
        self.executor = ToolExecutor(
            policies=self.policies, registry=ToolRegistry(self.policies, systems, replaying=self.replaying),
            ledger=self.ledger, evidence=evidence, timeout=timedelta(seconds=self.timeout),
            pause=timedelta(milliseconds=1),
        )  # fmt: skip

    def changed(self, **changes: Any) -> "Counter":
        """The same counter, with something else behind it."""
        return replace(self, **{"ledger": None, "switches": None} | changes)

    async def reads(
        self,
        tool: str,
        *,
        intent: str,
        actor: Actor = AVA,
        purpose: Any = "answer",
        proposal: Proposal | None = None,
        **arguments: str,
    ) -> ToolResult | Attempt:
        call: ToolCall = {"id": "call_1", "tool": tool, "arguments": arguments, "purpose": purpose}
        return await self.executor.read(
            call, intent=self.policies.intents[intent], actor=actor, place=PLACE, proposal=proposal
        )

    async def proposes(
        self,
        tool: str = "refund",
        *,
        intent: str | None = "return_and_refund",
        ready: bool = True,
        customer: str = "C-1001",
        conversation: str = PLACE.conversation_id,
        facts: Mapping[str, Any] = QUOTE,
        compensates: str | None = None,
        **arguments: str,
    ) -> Proposal:
        """A proposal; ``ready``: with the code given and the customer's yes."""
        proposal = await self.proposals.open(
            NewProposal(
                conversation_id=conversation, customer_id=customer, turn_id=new_id("turn"), pack_version="1",
                intent=intent, tool=tool, arguments=arguments, facts=dict(facts), request={},
                requested_by="staff_9" if intent is None else None, compensates=compensates,
            )
        )  # fmt: skip
        if ready and intent is not None:
            await self.proves(proposal)
            await self.proposals.confirm(proposal.id, turn_id="turn_yes")
        return await self.again(proposal)

    async def proves(self, proposal: Proposal) -> None:
        challenge = await self.codes.ask(
            proposal.id, conversation=proposal.conversation_id, customer=proposal.customer_id,
            args_hash=proposal.args_hash,
        )  # fmt: skip
        await self.codes.step_up.check(proposal.conversation_id, await self.codes.code(challenge))

    async def quote(self, tool: str, *, intent: str, **arguments: str) -> Any:
        """The facts of a tool that reads, as the graph would have them."""
        result: Any = await self.reads(tool, intent=intent, purpose="facts", **arguments)
        return result["data"]

    async def again(self, proposal: Proposal) -> Proposal:
        found = await self.proposals.find(proposal.id)
        assert found is not None
        return found

    async def writes(
        self,
        proposal: Proposal,
        *,
        facts: Mapping[str, Any] = QUOTE,
        actor: Actor = AVA,
        intent: str | None = None,
        place: Place | None = None,
        **changes: str,
    ) -> ToolResult | Attempt:
        """Carries the proposal out; ``changes``: other arguments than those proposed."""
        call: ToolCall = {
            "id": new_id("call"), "tool": proposal.tool, "arguments": proposal.arguments | changes, "purpose": "answer",
        }  # fmt: skip
        place = place or Place(conversation_id=proposal.conversation_id, turn_id="turn_2")
        return await self.executor.write(
            call, intent=self.policies.intents[intent or proposal.intent or ""], actor=actor, place=place,
            proposal=await self.again(proposal), facts=facts,
        )  # fmt: skip

    async def takes_back(self, proposal: Proposal, **changes: str) -> ToolResult | Attempt:
        call: ToolCall = {
            "id": new_id("call"), "tool": proposal.tool, "arguments": proposal.arguments | changes, "purpose": "answer",
        }  # fmt: skip
        place = Place(conversation_id=proposal.conversation_id, turn_id="turn_3")
        return await self.executor.compensate(call, place=place, proposal=await self.again(proposal))

    async def asks_approver(self, proposal: Proposal, **changes: Any) -> Approval:
        card: Card = {"title": "", "facts": {}, "signals": {}, "customer": {}, "words": []}
        new = NewApproval(
            proposal_id=proposal.id, conversation_id=proposal.conversation_id, customer_id=proposal.customer_id,
            tool=proposal.tool, amount=None, rules=["rule"], why="A rule.", roles=["approver"], people=1,
            request={
                "action_requests": [{"name": proposal.tool, "args": proposal.arguments, "description": ""}],
                "review_configs": [],
            },
            card=card, args_hash=proposal.args_hash, expires_minutes=60,
        )  # fmt: skip
        return await self.approvals.open(replace(new, **changes))

    async def approves(self, proposal: Proposal, decision: Decision | None = None) -> Approval:
        """Somebody agrees to the proposal."""
        approval = await self.asks_approver(proposal)
        decided = await self.approvals.decide(
            approval.id, decision or Decision(type="approve"), by=APPROVER, still_true=true
        )
        return decided.approval

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            cursor = await connection.execute(query.encode(), values)
            return list(await cursor.fetchall()) if cursor.description else []

    async def refunds(self, number: str = "HP-10004") -> list[int]:
        """What the shop really paid back."""
        found = await self.rows("SELECT amount FROM shop.refunds WHERE order_number = %s ORDER BY reference", number)
        return [row["amount"] for row in found]

    async def outcomes(self, proposal: Proposal) -> list[tuple[str, str | None]]:
        """What the ledger says of a proposal."""
        found = await self.rows("SELECT outcome, detail FROM actions WHERE key = %s", proposal.id)
        return [(row["outcome"], row["detail"]) for row in found]


class OddBilling:
    """A billing system that does what its script says, call by call, and then works. ``effects`` is what it really did.

    Its quote is always the same. Steps: an exception (nothing was done) · ``("done", exception)`` · ``hangs`` ·
    ``done, hangs`` · ``("answers", x)``: done, and then this answer.
    """

    def __init__(self, *script: Any, honours_keys: bool = True, quote: Mapping[str, Any] = QUOTE) -> None:
        self.quote = {**quote, "customer_id": "C-1001"}
        self.script = list(script)
        self.honours_keys = honours_keys
        self.calls: list[str] = []
        self.effects: list[tuple[str, int]] = []
        self.reached = asyncio.Event()

    async def get_refund_quote(self, order_number: str, *, customer_id: str) -> Any:
        return self.quote

    async def refund(self, order_number: str, amount: Any, *, customer_id: str, key: str) -> Any:
        self.calls.append(key)
        self.reached.set()
        match self.script.pop(0) if self.script else None:
            case None:
                return self._done(order_number, amount, key)
            case Exception() as error:
                raise error
            case ("done", Exception() as error):
                self._done(order_number, amount, key)
                raise error
            case "hangs":
                await asyncio.Event().wait()
            case "done, hangs":
                self._done(order_number, amount, key)
                await asyncio.Event().wait()
            case ("answers", answer):
                self._done(order_number, amount, key)
                return answer
        raise AssertionError("the script has a step nobody knows")

    def _done(self, order_number: str, amount: Any, key: str) -> dict[str, Any]:
        if not self.honours_keys or key not in [known for known, _ in self.effects]:
            self.effects.append((key, amount["amount"]))
        return {
            "reference": "RF-1", "order_number": order_number, "amount": amount, "payment_method": "Visa",
        }  # fmt: skip
