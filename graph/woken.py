"""A conversation that goes on without a message: a code was given, or somebody decided.

Everything comes from rows: what was asked, what was proved, what was decided. What woke us is only a name to look up.
"""

from dataclasses import dataclass
from typing import cast

from desk.approvals.models import decided_event
from desk.approvals.proposals import Proposal
from desk.domain.conversation import Event
from desk.domain.ids import new_id
from desk.handoff.triggers import escalation_on
from desk.identity.identification import IdentificationStore
from desk.policies.models import PolicySet
from graph.gates import Gates, verification_data
from graph.requests import blank_turn, memory_of, nothing_understood, restored, template
from graph.state import Memory, SupportState, Waiting, Wake
from tools.calls import ToolCall
from tools.executor import Attempt, Place, ToolExecutor


@dataclass(frozen=True, kw_only=True)
class Woken:
    """Turns what woke the conversation into a request that goes on, or into words."""

    executor: ToolExecutor
    gates: Gates
    identity: IdentificationStore
    policies: PolicySet

    async def __call__(self, state: SupportState, wake: Wake) -> SupportState:
        begun = _begun(state)
        proposal = await self.gates.proposals.find(wake["proposal_id"])
        if proposal is None or proposal.conversation_id != state["conversation_id"]:
            return self._nothing(begun)
        match wake["kind"]:
            case "question" | "verified" | "code" if _is_over(proposal, begun["memory"]):
                return self._nothing(begun)
            case "question":
                question = template(
                    self.policies.system_replies.approval_question, title=self._title(proposal), question=wake["words"]
                )
                waiting: Waiting = {"kind": "approval", "id": wake["approval_id"], "proposal_id": proposal.id}
                return {**begun, "outline": [question], "outcome": "asked", "waiting": waiting}
            case "code":
                return {**begun, **self._not_verified(begun["memory"], wake)}
            case "verified":
                return await self._go_on(state, begun, proposal, {}, await self._succeeded(proposal))
            case "approval":
                return await self._decided(state, begun, proposal)

    async def _succeeded(self, proposal: Proposal) -> Event:
        met = await self.gates.step_up.met(proposal.id)
        data = verification_data(met) if met is not None else {}
        return {"type": "verification.succeeded", "data": data}

    def _nothing(self, begun: SupportState) -> SupportState:
        """The customer stopped it, or asked for something else, before what woke us came."""
        return {**begun, "outline": [template(self.policies.system_replies.nothing_to_stop)]}

    def _not_verified(self, memory: Memory, wake: Wake) -> SupportState:
        replies = self.policies.system_replies
        waiting: Waiting = {"kind": "verification", "id": wake["challenge_id"], "proposal_id": wake["proposal_id"]}
        match wake["said"]:
            case "wrong":
                left = template(replies.verification_wrong, attempts_left=str(wake["attempts_left"]))
                return {"outline": [left], "outcome": "verifying", "waiting": waiting}
            case said:
                over = replies.verification_expired if said == "expired" else replies.verification_used_up
                return {
                    "outline": [template(over)],
                    "offer_person": True,
                    "memory": {**_released(memory, wake["proposal_id"]), "request": None},
                }

    async def _decided(self, state: SupportState, begun: SupportState, proposal: Proposal) -> SupportState:
        approval = await self.gates.approvals.of_proposal(proposal.id)
        if approval is None:
            return self._nothing(begun)
        if approval.status == "pending":  # somebody woke the thread who is not the decision
            waiting: Waiting = {"kind": "approval", "id": approval.id, "proposal_id": proposal.id}
            item = template(self.policies.system_replies.awaiting_approval, title=self._title(proposal))
            return {**begun, "outline": [item], "outcome": "awaiting_approval", "waiting": waiting}
        replies, title, event = self.policies.system_replies, self._title(proposal), decided_event(approval)
        match approval.status:
            case "approved" | "edited":
                return await self._go_on(state, begun, proposal, approval.final_arguments or {}, event)
            case "superseded" if _is_over(proposal, begun["memory"]):
                return self._nothing(begun)
            case "superseded":
                # The facts changed before anybody agreed: the customer sees them as they are now, and is asked again.
                return await self._go_on(state, begun, proposal, {}, event)
            case "rejected":
                words = template(replies.approval_rejected, title=title, reason=approval.reason or "")
            case _:
                words = template(replies.approval_expired, title=title)
        await self.gates.proposals.close(proposal.id, status="withdrawn")
        return {
            **begun,
            "memory": _released(begun["memory"], proposal.id),
            "outline": [words],
            "offer_person": True,
            "news": [event],
        }

    async def _go_on(
        self, state: SupportState, begun: SupportState, proposal: Proposal, arguments: dict[str, str], event: Event
    ) -> SupportState:
        """The request of the frozen proposal, with what an approver changed; plan reads the facts again."""
        if proposal.compensates is not None:
            return {**begun, **await self._compensate(state, proposal, arguments), "news": [event]}
        memory = _released(begun["memory"], proposal.id)
        if memory["request"] is not None and memory["request"]["proposal"] == proposal.id:
            memory = {**memory, "request": None}
        update: SupportState = {**begun, "memory": memory, "news": [event]}
        if proposal.intent not in self.policies.intents or proposal.tool not in self.policies.tools:
            reason = "What the customer asked for is no longer in the pack."
            return {**update, "escalation": escalation_on("tool_failed", policies=self.policies, reason=reason)}
        request = restored(proposal.request)
        return {
            **update,
            "actor": await self.identity.actor(state["conversation_id"]),
            "request": {
                **request,
                "fields": request["fields"] | arguments,
                "proposal": proposal.id,
                "confirming": False,
            },
            "is_woken": True,
        }

    async def _compensate(self, state: SupportState, proposal: Proposal, arguments: dict[str, str]) -> SupportState:
        """Staff take an action back: it runs here, because no plan of a customer's leads to it."""
        call: ToolCall = {
            "id": new_id("call"), "tool": proposal.tool, "arguments": proposal.arguments | arguments,
            "purpose": "answer",
        }  # fmt: skip
        place = Place(conversation_id=state["conversation_id"], turn_id=state["turn_id"])
        outcome = await self.executor.compensate(call, place=place, proposal=proposal)
        is_done = not isinstance(outcome, Attempt) and outcome["outcome"] == "succeeded"
        if is_done:
            await self.gates.proposals.close(proposal.id, status="closed")
        replies = self.policies.system_replies
        words = replies.taken_back if is_done else replies.not_taken_back
        return {
            "outline": [template(words, title=self._title(proposal))],
            "outcome": "acted" if is_done else "answered",
        }

    def _title(self, proposal: Proposal) -> str:
        tool = self.policies.tools.get(proposal.tool)
        return tool.title if tool else proposal.tool


def _is_over(proposal: Proposal, memory: Memory) -> bool:
    """Whether the conversation left it behind. An attempt at this turn that broke may have ended it, too: the memory
    is then that of the turn before, and still names it.
    """
    request = memory["request"]
    known = {*memory["held"], *([request["proposal"]] if request is not None else [])}
    return proposal.status in ("withdrawn", "superseded") and proposal.id not in known


def _released(memory: Memory, proposal_id: str) -> Memory:
    """The memory without what waited."""
    return {**memory, "held": {name: title for name, title in memory["held"].items() if name != proposal_id}}


def _begun(state: SupportState) -> SupportState:
    """A turn that no message began."""
    return cast(
        SupportState,
        {
            **blank_turn(),
            "memory": memory_of(state),
            "text": state.get("text", ""),
            "understanding": nothing_understood(state.get("locale", "en")),
        },
    )
