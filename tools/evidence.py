"""Gathers what the gate looks at, from our own tables and the business systems, right before a decision."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from desk.approvals.models import Approval
from desk.approvals.proposals import Proposal, hash_of
from desk.approvals.service import ApprovalService
from desk.integrations.protocols import Crm, Customer
from desk.policies.models import PolicySet, ToolSpec
from tools.calls import ToolCall
from tools.ledger import Ledger
from tools.policy import Evidence
from tools.results import plain

logger = logging.getLogger(__name__)

SIGNAL_SECONDS = 3.0


class Grants(Protocol):
    """``desk.identity.step_up.StepUp``, as far as the gate needs it."""

    async def grant(self, proposal_id: str, *, args_hash: str, conversation_id: str) -> Any: ...


class Switches(Protocol):
    """``desk.rollout.switches.SwitchStore``, as far as tools need it."""

    async def is_off(self, *, tool: str | None = None, intent: str | None = None) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class EvidenceStore:
    """Where evidence comes from."""

    policies: PolicySet
    ledger: Ledger
    approvals: ApprovalService
    grants: Grants
    switches: Switches
    crm: Crm

    async def of_read(self, call: ToolCall, *, intent: str, proposal: Proposal | None) -> Evidence:
        """For a tool that reads; ``proposal`` when a code was asked for it."""
        return Evidence(
            switched_off=await self.switches.is_off(tool=call["tool"], intent=intent),
            is_verified=proposal is not None and self._serves(call, proposal) and await self._proved(proposal),
        )

    async def of_write(
        self, call: ToolCall, *, tool: ToolSpec, proposal: Proposal, facts: Mapping[str, Any]
    ) -> tuple[Evidence, Approval | None]:
        """For a tool that writes, with the approval request there is for the proposal."""
        approval = await self.approvals.of_proposal(proposal.id)
        (spent, times), signals, verified, switched_off = await asyncio.gather(
            self.ledger.history(customer_id=proposal.customer_id, tool=tool.name, but=proposal.id),
            self._signals(tool, customer_id=proposal.customer_id),
            self._verified(proposal),
            self.switches.is_off(tool=tool.name, intent=proposal.intent),
        )
        asked_for = hash_of(call["tool"], call["arguments"], customer_id=proposal.customer_id)
        agreed = is_agreed(proposal, approval) and approval is not None and approval.final_hash == asked_for
        own = proposal.status == "open" and proposal.args_hash == asked_for
        return Evidence(
            switched_off=switched_off,
            facts=facts,
            signals=signals | {"actions_30_days": times},
            spent_today=spent,
            # A request for approval was only made after the customer had proved and said what is needed; a code does
            # not grow old while people think about it.
            is_verified=(own and verified) or agreed,
            is_confirmed=proposal.confirmed_turn is not None and (own or agreed),
            is_approved=agreed,
        ), approval

    def _serves(self, call: ToolCall, proposal: Proposal) -> bool:
        """Whether a call that reads is what was proposed, or gives the facts of exactly that."""
        if call["tool"] == proposal.tool:
            return call["arguments"] == proposal.arguments
        tool = self.policies.tools.get(proposal.tool)
        return (
            tool is not None
            and tool.quote == call["tool"]
            and all(proposal.arguments.get(name, value) == value for name, value in call["arguments"].items())
        )

    async def _proved(self, proposal: Proposal) -> bool:
        """By a code, or long ago by one, when people agreed since."""
        if await self._verified(proposal):
            return True
        return is_agreed(proposal, await self.approvals.of_proposal(proposal.id))

    async def _verified(self, proposal: Proposal) -> bool:
        granted = await self.grants.grant(
            proposal.id, args_hash=proposal.args_hash, conversation_id=proposal.conversation_id
        )
        return granted is not None

    async def _signals(self, tool: ToolSpec, *, customer_id: str) -> dict[str, Any]:
        """Signs of fraud, where a rule of the pack looks at them. What cannot be found out is left out."""
        looked_at = (
            condition.value
            for rule in self.policies.approvals.values()
            if tool.name in rule.tools
            for condition in rule.when
        )
        if not any(value.startswith("signal.") for value in looked_at):
            return {}
        try:
            async with asyncio.timeout(SIGNAL_SECONDS):
                customer = plain(await self.crm.get_customer(customer_id=customer_id), Customer)
        except Exception as exc:  # an adapter may raise or answer anything; what is not known asks for a person
            why = type(exc).__name__
            logger.warning("Signs of fraud could not be looked at: %s", why, extra={"action": "signals_unknown"})
            return {}
        return {
            "contact_changed_days": customer["contact_changed_days"],
            "country_mismatch": any(country != customer["country"] for country in customer["order_countries"]),
        }


def is_agreed(proposal: Proposal, approval: Approval | None) -> bool:
    """Whether people agreed to it, and it was not found impossible or taken back since."""
    return approval is not None and approval.is_agreed and proposal.status != "withdrawn"
