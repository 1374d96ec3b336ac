"""What an action waits for: a proposal, a code, a person. Opens them, and takes them back when the customer stops."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desk.approvals.models import Approval, Card, HumanReview, NewApproval
from desk.approvals.proposals import NewProposal, Proposal, ProposalStore
from desk.approvals.rules import Needed
from desk.approvals.service import ApprovalService
from desk.domain.clock import now, rfc3339
from desk.domain.contact import Factor
from desk.domain.errors import IntegrationError
from desk.identity.factors import choose_factor
from desk.identity.step_up import Challenge, StepUp
from desk.integrations.protocols import Crm
from desk.policies.models import PolicySet, ToolSpec
from graph.state import Request
from tools.calls import ToolCall
from tools.executor import matches
from tools.ledger import Ledger
from tools.policy import amount_of
from tools.wording import action_values, in_words

MAX_TITLE = 120


@dataclass(frozen=True, kw_only=True)
class Gates:
    """Everything that stands between a planned write and its effect, but the decision itself."""

    policies: PolicySet
    proposals: ProposalStore
    approvals: ApprovalService
    step_up: StepUp
    ledger: Ledger
    crm: Crm
    factors: frozenset[Factor]
    """What this installation can send codes by."""

    async def propose(
        self,
        call: ToolCall,
        *,
        request: Request,
        facts: Mapping[str, Any],
        customer_id: str,
        conversation_id: str,
        turn_id: str,
    ) -> tuple[Proposal, bool]:
        """The proposal of this call, and whether it changes one the customer already saw."""
        seen = await self.proposals.find(request["proposal"]) if request["proposal"] else None
        if seen is not None and seen.customer_id == customer_id and seen.conversation_id == conversation_id:
            approval = await self.approvals.of_proposal(seen.id)
            # One that was begun goes on as it was frozen, although the facts show its effect already.
            if seen.status == "closed" or matches(call, seen, approval) or await self.ledger.of_key(seen.id):
                return seen, False
            if approval is not None:
                await self.approvals.supersede(approval.id, reason="the request changed")
            await self.step_up.void(seen.id)
        new = NewProposal(
            conversation_id=conversation_id, customer_id=customer_id, turn_id=turn_id,
            pack_version=self.policies.version, intent=request["intent"], tool=call["tool"],
            arguments=call["arguments"], facts=dict(facts), request=dict(request),
        )  # fmt: skip
        is_change = seen is not None and seen.tool == call["tool"]
        return await self.proposals.open(new, replacing=seen.id if seen else None), is_change

    async def challenge(self, proposal: Proposal, *, tool: ToolSpec, call: ToolCall) -> Challenge | None:
        """Sends a code for exactly this; None when nobody can be reached in a way that suffices.

        Raises ``TooManyRequests`` and, when the customer system is away, ``IntegrationError``.
        """
        contact = await self.crm.get_contact_points(customer_id=proposal.customer_id)
        choice = choose_factor(
            self.policies.step_up, tool=tool.name, amount=amount_of(call, tool), contact=contact,
            available=self.factors, now=now(),
        )  # fmt: skip
        if choice is None:
            return None
        return await self.step_up.open(
            proposal_id=proposal.id, conversation_id=proposal.conversation_id, customer_id=proposal.customer_id,
            action=tool.name, args_hash=proposal.args_hash, title=self._named(tool, call, proposal), choice=choice,
        )  # fmt: skip

    async def ask_approver(
        self,
        proposal: Proposal,
        *,
        tool: ToolSpec,
        call: ToolCall,
        needed: Needed,
        signals: Mapping[str, Any],
        words: Sequence[str],
    ) -> Approval:
        """Opens the request, with a card of the systems' facts."""
        values = action_values(call, tool=tool, policies=self.policies, facts=proposal.facts, labels={})
        card: Card = {
            "title": tool.title,
            "facts": in_words(proposal.facts),
            "signals": dict(signals),
            "customer": await self._customer(proposal.customer_id),
            "words": list(words),
        }
        return await self.approvals.open(
            NewApproval(
                proposal_id=proposal.id, conversation_id=proposal.conversation_id, customer_id=proposal.customer_id,
                tool=tool.name, amount=amount_of(call, tool), rules=list(needed.rules), why=needed.why,
                roles=list(needed.roles), people=needed.people, request=self._review(tool, call, values), card=card,
                args_hash=proposal.args_hash, expires_minutes=needed.expires_minutes,
            )
        )  # fmt: skip

    async def withdraw(self, conversation_id: str, *, proposals: Sequence[str]) -> list[str]:
        """Takes back what waits for the customer or for an approver; titles of what was stopped in time."""
        withdrawn = await self.approvals.withdraw(conversation_id)
        stopped = {approval.proposal_id: self._title(approval.tool) for approval in withdrawn}
        for proposal_id in proposals:
            proposal = await self.proposals.find(proposal_id)
            if proposal is None or proposal.conversation_id != conversation_id:
                continue
            if proposal.status == "withdrawn":  # just now, or by an earlier attempt at this turn
                stopped[proposal_id] = self._title(proposal.tool)
            if proposal.status != "open":
                continue
            if (approval := await self.approvals.of_proposal(proposal_id)) is not None and approval.is_agreed:
                continue  # decided first: what was agreed is carried out
            await self.step_up.void(proposal_id)
            await self.proposals.close(proposal_id, status="withdrawn")
            stopped[proposal_id] = self._title(proposal.tool)
        return list(stopped.values())

    def _named(self, tool: ToolSpec, call: ToolCall, proposal: Proposal) -> str:
        """What a code confirms, in words: whoever reads the message must see what it would set free."""
        labels: dict[str, str] = proposal.request.get("labels", {})
        values = action_values(call, tool=tool, policies=self.policies, facts=proposal.facts, labels=labels)
        named = [values[argument.name] for argument in tool.arguments if argument.source == "field"]
        return f"{tool.title} ({', '.join(named)})"[:MAX_TITLE] if named else tool.title

    def _review(self, tool: ToolSpec, call: ToolCall, values: Mapping[str, str]) -> HumanReview:
        named = ", ".join(
            f"{argument.name.replace('_', ' ')} {values[argument.name]}"
            for argument in tool.arguments
            if argument.source != "session"
        )
        properties = {name: {"type": "string", "pattern": r"^\d{1,7}\.\d{2}$"} for name in tool.editable}
        return {
            "action_requests": [
                {
                    "name": tool.name,
                    "args": dict(call["arguments"]),
                    "description": f"{tool.title}: {named}" if named else tool.title,
                }
            ],
            "review_configs": [
                {
                    "action_name": tool.name,
                    "allowed_decisions": ["approve", *(["edit"] if tool.editable else []), "reject", "respond"],  # type: ignore[list-item]
                    "args_schema": {"type": "object", "properties": properties, "additionalProperties": False},
                }
            ],
        }

    async def _customer(self, customer_id: str) -> dict[str, Any]:
        """What an approver has to know of the customer; the id alone when the system is away."""
        try:
            customer = await self.crm.get_customer(customer_id=customer_id)
        except IntegrationError:
            return {"customer_id": customer_id}
        return {"customer_id": customer_id, "name": customer["name"], "segment": customer["segment"]}

    def _title(self, tool: str) -> str:
        spec = self.policies.tools.get(tool)
        return spec.title if spec else tool


def verification_data(challenge: Challenge) -> dict[str, Any]:
    """What the customer's stream tells of a challenge."""
    return {
        "method": challenge.factor,
        "sent_to": challenge.sent_to,
        "expires_at": rfc3339(challenge.expires_at),
    }
