"""tool_call: runs the planned call behind its gate, or says what it waits for and stops the thread.

What waits is a row: a proposal, a challenge, an approval request. Resuming only wakes this node; it reads the rows
again, so a resume that is forged, repeated or late changes nothing.
"""

from dataclasses import dataclass, replace
from typing import Any, cast

from langgraph.types import interrupt

from desk.approvals.models import Approval
from desk.approvals.proposals import Proposal
from desk.domain.conversation import Event
from desk.domain.errors import IntegrationError, NotFound, TooManyRequests
from desk.handoff.triggers import escalation_by, escalation_on
from desk.identity.identification import IdentificationStore
from desk.policies.models import Intent, PolicySet, Requirement, ToolSpec
from graph.gates import Gates, verification_data
from graph.node import Emit
from graph.requests import asked, following, last_done, template, with_news
from graph.state import Memory, Request, SupportState, Waiting, Wake
from graph.woken import Woken
from tools.calls import ToolCall
from tools.executor import Attempt, Place, ToolExecutor
from tools.policy import Confirm, Deny, NeedApproval, StepUp
from tools.wording import action_values


@dataclass(frozen=True, kw_only=True)
class ToolCallNode:
    """The only node that touches a business system, and only through the executor."""

    executor: ToolExecutor
    gates: Gates
    identity: IdentificationStore
    woken: Woken
    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        waiting = state.get("waiting")
        if waiting is not None and _is_told(state):
            return await self._stop(state, waiting)
        # A call of this turn is another request's, while an earlier one of the same message waits already.
        if (wake := state.get("wake")) or (waiting is not None and state.get("planned_call") is None):
            return await self.woken(state, wake or await self._awaited(state, cast(Waiting, waiting)))
        # Who somebody is, is never carried along: a thread may be entered here by a client with a state of its own.
        state = cast(SupportState, {**state, "actor": await self.identity.actor(state["conversation_id"])})
        if state["consent"] in ("no", "stop"):
            return await self._declined(state)
        return await self._call(state)

    # --- the planned call

    async def _call(self, state: SupportState) -> SupportState:
        request, call = state["request"], state["planned_call"]
        assert request is not None, "routing sends only turns with a request here"
        assert call is not None, "routing sends only turns with a planned call here"
        intent, tool = self.policies.intents[request["intent"]], self.policies.tools[call["tool"]]
        place = Place(conversation_id=state["conversation_id"], turn_id=state["turn_id"])
        if tool.risk == "read":
            proposal = await self.gates.proposals.find(request["proposal"]) if request["proposal"] else None
            outcome = await self.executor.read(
                call, intent=intent, actor=state["actor"], place=place, proposal=proposal
            )
            if isinstance(outcome, Attempt):
                return await self._prove_for_read(state, request, call, tool, intent)
            if call["purpose"] == "facts" and outcome["outcome"] == "succeeded":
                return {"facts": {**state["facts"], tool.name: outcome["data"]}, "planned_call": None}
            return {"result": outcome, "planned_call": None}
        return await self._write(state, request, call, tool=tool, intent=intent, place=place)

    async def _write(
        self, state: SupportState, request: Request, call: ToolCall, *, tool: ToolSpec, intent: Intent, place: Place
    ) -> SupportState:
        facts, customer_id = state["facts"].get(tool.quote or "", {}), state["actor"]["customer_id"]
        assert customer_id is not None, "authenticate lets nobody pass whom it does not know"
        proposal, replaced = await self.gates.propose(
            call, request=request, facts=facts, customer_id=customer_id,
            conversation_id=place.conversation_id, turn_id=place.turn_id,
        )  # fmt: skip
        if state["consent"] == "yes" and request["confirming"] and request["proposal"] == proposal.id:
            await self.gates.proposals.confirm(proposal.id, turn_id=place.turn_id)
            proposal = replace(proposal, confirmed_turn=proposal.confirmed_turn or place.turn_id)
        if replaced and request["proposal"] in state["memory"]["held"]:
            held = {name: title for name, title in state["memory"]["held"].items() if name != request["proposal"]}
            state = cast(SupportState, {**state, "memory": {**state["memory"], "held": held}})
        asked_before = request["proposal"] == proposal.id and request["confirming"]
        request = {**request, "proposal": proposal.id, "confirming": False}
        if replaced and (state["consent"] == "yes" or state["is_woken"]):
            lead = template(self.policies.system_replies.changed_meanwhile, title=tool.title)
            state = cast(SupportState, {**state, "outline": [*state["outline"], lead]})
        values = action_values(call, tool=tool, policies=self.policies, facts=facts, labels=request["labels"])
        outcome = await self.executor.write(
            call, intent=intent, actor=state["actor"], place=place, proposal=proposal, facts=facts
        )
        if not isinstance(outcome, Attempt):
            await self.gates.proposals.close(proposal.id, status="closed")
            return {
                "request": request,
                "result": outcome,
                "planned_call": None,
                "memory": _released(state, proposal),
                "action_values": values,
                "outline": state["outline"],
            }
        match outcome.stopped:
            case Deny(requirement=requirement):
                assert requirement is not None, "the executor records what is denied for good"
                await self.gates.proposals.close(proposal.id, status="withdrawn")
                return self._unmet(state, requirement, values, intent=intent)
            case StepUp():
                return await self._prove(state, request, proposal, call, tool=tool, intent=intent)
            case Confirm():
                return self._confirm(state, request, tool, values, again=asked_before)
            case NeedApproval(needed=needed):
                approval = outcome.approval or await self.gates.ask_approver(
                    proposal, tool=tool, call=call, needed=needed, signals=outcome.signals or {},
                    words=state["memory"]["recent"],
                )  # fmt: skip
                return self._await_approver(state, approval, tool)

    def _unmet(
        self, state: SupportState, requirement: Requirement, values: dict[str, str], *, intent: Intent
    ) -> SupportState:
        """The facts forbid it: the pack says what is said instead, or who decides."""
        update: SupportState = {"planned_call": None}
        if requirement.trigger is not None:
            reason = f"The pack's rule on {requirement.value} is not met, so a person decides."
            escalation = escalation_by(requirement.trigger, policies=self.policies, reason=reason, intent=intent)
            return {**update, "escalation": escalation}
        assert requirement.reply is not None, "the loader checks it"
        outline = [*state["outline"], template(requirement.reply, **values)]
        return {**update, **following(state, outline, policies=self.policies)}

    def _confirm(
        self, state: SupportState, request: Request, tool: ToolSpec, values: dict[str, str], *, again: bool
    ) -> SupportState:
        replies = self.policies.system_replies
        assert tool.confirm is not None, "the loader checks it"
        item = template(tool.confirm, **values)
        if again and state["consent"] is None:
            question = self.policies.replies[tool.confirm].render(self.policies.common_values | values)
            item = template(replies.confirmation_unclear, question=question)
        update = asked(state, request, item, field=None, confirming=True)
        return {**update, "planned_call": None, "options": [replies.yes_option, replies.no_option]}

    async def _prove(
        self,
        state: SupportState,
        request: Request,
        proposal: Proposal,
        call: ToolCall,
        *,
        tool: ToolSpec,
        intent: Intent,
    ) -> SupportState:
        """Sends a code for exactly this, and waits for it."""
        replies, policy = self.policies.system_replies, self.policies.step_up
        try:
            challenge = await self.gates.challenge(proposal, tool=tool, call=call)
        except TooManyRequests:
            outline = [*state["outline"], template(replies.verification_too_many)]
            return {
                **following(state, outline, policies=self.policies),
                "planned_call": None,
                "offer_person": True,
            }
        except IntegrationError:
            reason = "The customer system did not answer while the customer was to prove who they are."
            return self._escalated("tool_failed", reason, intent)
        if challenge is None:
            reason = f"No code that suffices can be sent to this customer for: {tool.title}."
            return self._escalated("verification_failed", reason, intent)
        item = template(
            replies.verification_sent, title=tool.title, sent_to=challenge.sent_to, minutes=str(policy.code_minutes)
        )
        update = asked(state, request, item, field=None)
        memory = update["memory"]
        event: Event = {
            "type": "verification.required",
            "data": verification_data(challenge),
        }
        return {
            **update,
            "planned_call": None,
            "memory": {**memory, "held": {**memory["held"], proposal.id: tool.title}},
            "waiting": {"kind": "verification", "id": challenge.id, "proposal_id": proposal.id},
            "news": with_news(state, event),
            "outcome": "verifying",
        }

    async def _prove_for_read(
        self, state: SupportState, request: Request, call: ToolCall, tool: ToolSpec, intent: Intent
    ) -> SupportState:
        """Something only a verified customer may see: the code is bound to this question."""
        customer_id = state["actor"]["customer_id"]
        assert customer_id is not None, "authenticate lets nobody pass whom it does not know"
        proposal, _ = await self.gates.propose(
            call, request=request, facts={}, customer_id=customer_id,
            conversation_id=state["conversation_id"], turn_id=state["turn_id"],
        )  # fmt: skip
        kept: Request = {**request, "proposal": proposal.id}
        return await self._prove(state, kept, proposal, call, tool=tool, intent=intent)

    def _await_approver(self, state: SupportState, approval: Approval, tool: ToolSpec) -> SupportState:
        """A person has to agree; further requests of the message go on meanwhile."""
        item = template(self.policies.system_replies.awaiting_approval, title=tool.title)
        memory = state["memory"]
        memory = {**memory, "request": None, "held": {**memory["held"], approval.proposal_id: tool.title}}
        event: Event = {
            "type": "approval.pending",
            "data": {
                "approval_id": approval.id,
                "summary": approval.request["action_requests"][0]["description"],
            },
        }
        onward = cast(SupportState, {**state, "memory": memory})
        return {
            **following(onward, [*state["outline"], item], policies=self.policies),
            "planned_call": None,
            "waiting": {"kind": "approval", "id": approval.id, "proposal_id": approval.proposal_id},
            "news": with_news(state, event),
            "outcome": "awaiting_approval",
        }

    def _escalated(self, event: str, reason: str, intent: Intent) -> SupportState:
        escalation = escalation_on(event, policies=self.policies, reason=reason, intent=intent)
        return {"planned_call": None, "escalation": escalation}

    # --- the customer says no

    async def _declined(self, state: SupportState) -> SupportState:
        """A no to the last question, or a stop of everything that waits."""
        memory, replies = state["memory"], self.policies.system_replies
        request = state["request"] or memory["request"]
        if state["consent"] == "no":
            assert request is not None, "only a question about a request can be declined"
            if request["proposal"] is not None:
                await self.gates.proposals.close(request["proposal"], status="withdrawn")
            intent = self.policies.intents[request["intent"]]
            title = self.policies.tools[intent.actions[0].tool].title if intent.actions else intent.title
            held = {name: title for name, title in memory["held"].items() if name != request["proposal"]}
            onward = cast(SupportState, {**state, "memory": {**memory, "request": None, "held": held}})
            outline = [*state["outline"], template(replies.not_confirmed, title=title)]
            return following(onward, outline, policies=self.policies)
        named = dict.fromkeys([*memory["held"], *([request["proposal"]] if request and request["proposal"] else [])])
        stopped = await self.gates.withdraw(state["conversation_id"], proposals=list(named))
        if stopped:
            item = template(replies.withdrawn, title=", ".join(stopped))
        elif memory["held"]:
            item = template(replies.too_late_to_stop, title=", ".join(memory["held"].values()))
        elif (done := last_done(memory, policies=self.policies)) is not None:
            item = template(replies.too_late_to_stop, title=done.title)
        else:
            item = template(replies.nothing_to_stop)
        return {
            "request": None,
            "memory": {**memory, "request": None, "waiting": [], "held": {}},
            "outline": [*state["outline"], item],
            "outcome": "answered",
            "offer_person": not stopped,
        }

    # --- waiting, and what comes of it

    async def _stop(self, state: SupportState, waiting: Waiting) -> SupportState:
        """Stops the thread, after the customer was told why."""
        interrupt(await self._payload(state, waiting))
        raise AssertionError("a stop is not resumed in the run that told of it")

    async def _payload(self, state: SupportState, waiting: Waiting) -> dict[str, Any]:
        if waiting["kind"] == "approval":
            return dict((await self._approval(state, waiting)).request)
        return {"verification": waiting["id"]}

    async def _approval(self, state: SupportState, waiting: Waiting) -> Approval:
        """Raises ``NotFound``, also for a request of another conversation."""
        approval = await self.gates.approvals.find(waiting["id"])
        if approval.conversation_id != state["conversation_id"]:
            raise NotFound("There is no such request.")
        return approval

    async def _awaited(self, state: SupportState, waiting: Waiting) -> Wake:
        """Somebody resumed the thread itself (LangGraph Studio, an SDK client): whatever they sent, the row decides."""
        while True:
            if waiting["kind"] == "approval":
                if (await self._approval(state, waiting)).status != "pending":
                    return {"kind": "approval", "approval_id": waiting["id"], "proposal_id": waiting["proposal_id"]}
            else:
                proposal = await self.gates.proposals.find(waiting["proposal_id"])
                if proposal is not None and await self.gates.step_up.grant(
                    proposal.id, args_hash=proposal.args_hash, conversation_id=proposal.conversation_id
                ):
                    return {"kind": "verified", "proposal_id": proposal.id}
            interrupt(await self._payload(state, waiting))


def _is_told(state: SupportState) -> bool:
    """The reply of this very turn is written: what is left to do is to stop."""
    reply = state.get("reply")
    return reply is not None and reply["turn_id"] == state["turn_id"]


def _released(state: SupportState, proposal: Proposal) -> Memory:
    """The memory without what waited."""
    memory = state["memory"]
    return {**memory, "held": {name: title for name, title in memory["held"].items() if name != proposal.id}}
