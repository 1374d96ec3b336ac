"""The only way a tool runs: decided again, as the session's customer, under the ledger, its result checked and reduced.

A read that fails has an outcome. A write that may have happened is asked for once more with the same key where the
system honours keys; where it does not, the outcome is ``unknown`` and a person looks. Nothing is repeated blindly: what
was begun before goes on with the arguments it was begun with, whatever is planned or true by now.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast, get_args

from desk.approvals.amounts import as_money
from desk.approvals.models import Approval
from desk.approvals.proposals import Proposal, hash_of
from desk.domain.conversation import Actor
from desk.domain.errors import IntegrationError, NotPossible, OutcomeUnknown, RecordNotFound, SystemUnavailable
from desk.domain.ids import new_id
from desk.integrations.protocols import Refused
from desk.integrations.records import ResultMalformed, plain
from desk.policies.models import Intent, PolicySet, ToolSpec
from tools.calls import ToolCall, ToolResult
from tools.evidence import EvidenceStore, is_agreed
from tools.ledger import Action, Ended, Ledger, NewAction
from tools.policy import (
    Allow,
    Confirm,
    Deny,
    Evidence,
    NeedApproval,
    StepUp,
    amount_of,
    fault,
    gate,
    gate_compensation,
    unmet,
)
from tools.registry import BoundTool, ToolRegistry
from tools.results import reduced

logger = logging.getLogger(__name__)

REPEATS = 2  # with the same key; a system that does not answer three times is for a person

NAMED_REASONS = frozenset(get_args(Refused))

Stopped = StepUp | Confirm | NeedApproval | Deny
"""Why a call did not run."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a call belongs."""

    conversation_id: str
    turn_id: str


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A call that waits for somebody, with what it was decided on."""

    stopped: Stopped
    approval: Approval | None = None
    signals: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ToolExecutor:
    """Runs calls. What a business system does wrong is an outcome; only our own database's errors are raised."""

    policies: PolicySet
    registry: ToolRegistry
    ledger: Ledger
    evidence: EvidenceStore
    timeout: timedelta = timedelta(seconds=5)
    """How long a system may take. Reads of the reference shop stop themselves after two seconds."""
    pause: timedelta = timedelta(milliseconds=200)
    """Before a write nobody knows about is asked for again."""

    async def read(
        self, call: ToolCall, *, intent: Intent, actor: Actor, place: Place, proposal: Proposal | None = None
    ) -> ToolResult | Attempt:
        """A call that changes nothing. The customer is the actor's, whatever the arguments say.

        ``proposal``: what a code was asked for; one of another conversation proves nothing here.
        """
        tool = self.registry.find(call["tool"])
        if tool is None or tool.spec.risk != "read":
            return await self._deny(call, "tool_unknown", actor=actor, intent=intent.id, place=place)
        if proposal is not None and not _theirs(proposal, actor, place):
            proposal = None
        evidence = await self.evidence.of_read(call, intent=intent.id, proposal=proposal)
        currency = self.policies.currency
        match gate(call, intent=intent, tool=tool.spec, actor=actor, evidence=evidence, currency=currency):
            case Allow():
                new = _new(call, tool.spec, key=new_id("read"), actor=actor, intent=intent.id, place=place)
                action, _ = await self.ledger.begin(new)
                return await self._run(call, tool, action, actor=actor)
            case Deny(reason=reason):
                return await self._deny(call, reason, actor=actor, intent=intent.id, place=place, tool=tool.spec)
            case stopped:
                return Attempt(stopped=stopped)

    async def write(
        self,
        call: ToolCall,
        *,
        intent: Intent,
        actor: Actor,
        place: Place,
        proposal: Proposal,
        facts: Mapping[str, Any],
    ) -> ToolResult | Attempt:
        """A call that changes something, if everybody who has to has agreed to exactly this; else what is missing.

        One effect for each proposal: whoever comes second gets the first one's result.
        """
        tool = self.registry.find(call["tool"])
        if tool is None or tool.spec.risk == "read" or not _theirs(proposal, actor, place):
            return await self._deny(call, "tool_unknown", actor=actor, intent=intent.id, place=place)
        if (begun := await self.ledger.of_key(proposal.id)) is not None:
            return await self._again(call, begun, proposal, actor=actor)
        while True:
            evidence, approval = await self.evidence.of_write(call, tool=tool.spec, proposal=proposal, facts=facts)
            verdict = gate(
                call, intent=intent, tool=tool.spec, actor=actor, evidence=evidence,
                currency=self.policies.currency, rules=self.policies.approvals.values(),
            )  # fmt: skip
            match verdict:
                case Allow() if not await self._still_holds(tool.spec, call["arguments"], actor=actor, seen=facts):
                    # What was decided on is not how it is (or a client sent it along): nothing is done with it.
                    return await self._deny(
                        call, "facts_changed", actor=actor, intent=intent.id, place=place, tool=tool.spec,
                        proposal=proposal,
                    )  # fmt: skip
                case Allow():
                    new = _new(
                        call, tool.spec, key=proposal.id, actor=actor, intent=intent.id, place=place,
                        proposal=proposal.id, approval=approval,
                    )  # fmt: skip
                    result = await self._once(call, tool, new, proposal=proposal, actor=actor, evidence=evidence)
                    if result is not None:
                        return result
                case Deny(reason=reason, requirement=None):
                    return await self._deny(
                        call, reason, actor=actor, intent=intent.id, place=place, tool=tool.spec, proposal=proposal
                    )
                case stopped:
                    return Attempt(stopped=stopped, approval=approval, signals=evidence.signals)

    async def compensate(self, call: ToolCall, *, place: Place, proposal: Proposal) -> ToolResult | Attempt:
        """Takes an action back, as staff asked for and others agreed to."""
        assert proposal.compensates is not None, "only a compensation comes here"
        actor: Actor = {"customer_id": proposal.customer_id, "level": 2}
        if (begun := await self.ledger.of_key(proposal.id)) is not None:
            outcome: ToolResult | Attempt = await self._again(call, begun, proposal, actor=actor)
        else:
            outcome = await self._compensate(call, actor=actor, place=place, proposal=proposal)
        if not isinstance(outcome, Attempt) and outcome["outcome"] == "succeeded":
            assert outcome["action_id"] is not None, "what succeeded is in the ledger"
            by = proposal.requested_by or "system"
            await self.ledger.compensated(proposal.compensates, by=by, with_action=outcome["action_id"])
        return outcome

    async def _compensate(
        self, call: ToolCall, *, actor: Actor, place: Place, proposal: Proposal
    ) -> ToolResult | Attempt:
        tool, undone = self.registry.find(call["tool"]), await self.ledger.find(proposal.compensates or "")
        if tool is None or tool.spec.risk == "read":
            return await self._deny(call, "tool_unknown", actor=actor, intent=None, place=place)
        if undone is None or undone.outcome != "succeeded":
            return await self._deny(
                call, "nothing_to_compensate", actor=actor, intent=None, place=place, tool=tool.spec, proposal=proposal
            )
        while True:
            evidence, approval = await self.evidence.of_write(call, tool=tool.spec, proposal=proposal, facts={})
            match gate_compensation(call, tool=tool.spec, evidence=evidence):
                case Allow():
                    new = _new(
                        call, tool.spec, key=proposal.id, actor=actor, intent=None, place=place,
                        proposal=proposal.id, approval=approval,
                    )  # fmt: skip
                    result = await self._once(call, tool, new, proposal=proposal, actor=actor, evidence=evidence)
                    if result is not None:
                        return result
                case Deny(reason=reason):
                    return await self._deny(
                        call, reason, actor=actor, intent=None, place=place, tool=tool.spec, proposal=proposal
                    )
                case stopped:
                    return Attempt(stopped=stopped, approval=approval)

    async def still_true(self, approval: Approval, proposal: Proposal) -> bool:
        """Whether the facts an approver saw are the facts now. A count, such as days, may have moved on as long as the
        tool's requirements are met.

        Raises ``SystemUnavailable`` when the system cannot say.
        """
        tool = self.policies.tools.get(approval.tool)
        if tool is None:
            return False
        if proposal.compensates is not None:
            return True
        return await self._same_facts(tool, proposal.arguments, customer_id=proposal.customer_id, seen=proposal.facts)

    async def _still_holds(
        self, tool: ToolSpec, arguments: Mapping[str, str], *, actor: Actor, seen: Mapping[str, Any]
    ) -> bool:
        """The same right before a write; a system that cannot say counts as no."""
        assert actor["customer_id"] is not None, "no write without a customer"
        try:
            return await self._same_facts(tool, arguments, customer_id=actor["customer_id"], seen=seen)
        except SystemUnavailable:
            return False

    async def _same_facts(
        self, tool: ToolSpec, arguments: Mapping[str, str], *, customer_id: str, seen: Mapping[str, Any]
    ) -> bool:
        if tool.quote is None:
            return True
        quote = self.registry.find(tool.quote)
        assert quote is not None, "the loader checks it"
        try:
            facts = await self._call(quote, _quoting(arguments, quote.spec), customer_id=customer_id, key=None)
        except RecordNotFound:
            return False
        except Exception as exc:  # an adapter of a third party may raise anything
            logger.warning("Facts could not be read again", extra={"action": "facts_unknown", "tool": tool.quote})
            raise SystemUnavailable("A business system does not answer, so nothing was decided. Try again.") from exc
        now = reduced(facts, quote.spec.result_fields)
        call: ToolCall = {"id": "", "tool": tool.name, "arguments": dict(arguments), "purpose": "answer"}
        return (
            now.keys() == seen.keys()
            and all(value == seen[name] or type(value) is type(seen[name]) is int for name, value in now.items())
            and unmet(call, tool, evidence=Evidence(facts=now), currency=self.policies.currency) is None
        )

    async def _once(
        self,
        call: ToolCall,
        tool: BoundTool,
        new: NewAction,
        *,
        proposal: Proposal,
        actor: Actor,
        evidence: Evidence,
    ) -> ToolResult | None:
        """The result; None when another action came between the decision and the ledger: then it is decided again."""
        history = (evidence.spent_today, evidence.signals["actions_30_days"])
        if (begun := await self.ledger.begin_write(new, history=history)) is None:
            return None
        action, fresh = begun
        if not fresh:
            return await self._again(call, action, proposal, actor=actor)
        return await self._run(call, tool, action, actor=actor)

    async def _again(self, call: ToolCall, action: Action, proposal: Proposal, *, actor: Actor) -> ToolResult:
        """What came of an earlier attempt; one that died on the way goes on where that is safe."""
        if action.outcome != "started":
            return _remembered(call, action)
        tool, approval = self.registry.find(action.tool), await self.evidence.approvals.of_proposal(proposal.id)
        frozen = call | {"tool": action.tool, "arguments": proposal.arguments}
        if approval is not None and approval.final_arguments is not None:
            frozen["arguments"] = approval.final_arguments
        if tool is None or not self.registry.replays(tool.spec.system) or fault(frozen, tool.spec):
            # Nobody can say whether it was done, and this system would do it a second time.
            return await self._end(frozen, action, "unknown", "interrupted", started=time.monotonic())
        return await self._run(frozen, tool, action, actor=actor, begun=True)

    async def _run(
        self, call: ToolCall, tool: BoundTool, action: Action, *, actor: Actor, begun: bool = False
    ) -> ToolResult:
        """``begun``: an attempt before this one may have had its effect."""
        started, writes = time.monotonic(), tool.spec.risk != "read"
        customer_id = actor["customer_id"]
        if writes and await self.evidence.switches.is_off(tool=tool.spec.name, intent=action.intent):
            return await self._end(call, action, "unknown" if begun else "denied", "switched_off", started=started)
        try:
            record = await self._effect(
                call, tool, key=action.key if writes else None, customer_id=customer_id, begun=begun
            )
        except RecordNotFound:
            return await self._end(call, action, "failed", "not_found", started=started)
        except NotPossible as exc:
            if exc.reason == "key_reused":
                return await self._end(call, action, "unknown", exc.reason, started=started)
            reason = exc.reason if exc.reason in NAMED_REASONS else "refused"
            return await self._end(call, action, "failed", reason, started=started, refused=True)
        except SystemUnavailable:
            return await self._end(call, action, "failed", "system_unavailable", started=started)
        except Exception as exc:  # an adapter of a third party may raise anything; a turn must end in a sentence
            detail = "time_out" if isinstance(exc, TimeoutError) else "result_malformed"
            if not isinstance(exc, TimeoutError | ResultMalformed):
                detail = "system_failed"
            # Only the type and our own words: those of a foreign error may hold anything.
            why = str(exc) if isinstance(exc, ResultMalformed) else type(exc).__name__
            extra = {"action": detail, "tool": call["tool"], "call_id": call["id"]}
            logger.warning("A system gave no usable answer: %s", why, extra=extra)
            return await self._end(call, action, "unknown" if writes else "failed", detail, started=started)
        if record.get("customer_id", customer_id) != customer_id:
            logger.error("A record of somebody else", extra={"action": "foreign_record", "tool": call["tool"]})
            outcome: Ended = "unknown" if writes else "failed"
            return await self._end(call, action, outcome, "not_found", started=started)
        data = reduced(record, tool.spec.result_fields)
        return await self._end(call, action, "succeeded", None, started=started, data=data, keep=writes)

    async def _effect(
        self, call: ToolCall, tool: BoundTool, *, key: str | None, customer_id: str | None, begun: bool
    ) -> dict[str, Any]:
        """One answer of the system. A write nobody knows about is asked for again, with the same key."""
        repeats = REPEATS if key is not None and self.registry.replays(tool.spec.system) else 0
        while True:
            try:
                return await self._call(tool, call["arguments"], customer_id=customer_id, key=key)
            except (RecordNotFound, NotPossible):
                raise
            except SystemUnavailable as exc:
                if not begun:
                    raise
                # This time nothing was done; the time before is still not known.
                if repeats == 0:
                    raise OutcomeUnknown("The system went away in the middle.") from exc
            except (IntegrationError, TimeoutError, ResultMalformed):
                if repeats == 0:
                    raise
                begun = True
            repeats -= 1
            await asyncio.sleep(self.pause.total_seconds())

    async def _call(
        self, tool: BoundTool, arguments: Mapping[str, str], *, customer_id: str | None, key: str | None
    ) -> dict[str, Any]:
        # The pack's order of arguments is the method's; the registry checked it.
        values = [
            as_money(arguments[argument.name], currency=self.policies.currency)
            if argument.type == "money"
            else arguments[argument.name]
            for argument in tool.spec.arguments
            if argument.source != "session"
        ]
        method = tool.operation.method(self.registry.systems)
        named = {"customer_id": customer_id} | ({"key": key} if key is not None else {})
        async with asyncio.timeout(self.timeout.total_seconds()):
            answer = await method(*values, **named)
        return cast(dict[str, Any], plain(answer, tool.operation.result))

    async def _end(
        self,
        call: ToolCall,
        action: Action,
        outcome: Ended,
        detail: str | None,
        *,
        started: float,
        data: dict[str, Any] | None = None,
        keep: bool = False,
        refused: bool = False,
    ) -> ToolResult:
        ms = (time.monotonic() - started) * 1000
        kept = data if keep else None
        if not await self.ledger.finish(action.id, outcome=outcome, detail=detail, result=kept, ms=ms):
            # Somebody else ended it meanwhile: what they wrote is what is told.
            written = await self.ledger.find(action.id)
            assert written is not None, "rows are never deleted"
            return _remembered(call, written)
        logger.info(
            "Tool called",
            extra={
                "action": "tool_called", "tool": action.tool, "call_id": call["id"], "outcome": outcome,
                "detail": detail, "conversation_id": action.conversation_id, "ms": round(ms, 1),
            },
        )  # fmt: skip
        told: Any = "not_found" if detail == "not_found" and outcome == "failed" else "refused" if refused else outcome
        return _result(call, told, action_id=action.id, data=data, detail=None if told == "not_found" else detail)

    async def _deny(
        self,
        call: ToolCall,
        reason: str,
        *,
        actor: Actor,
        intent: str | None,
        place: Place,
        tool: ToolSpec | None = None,
        proposal: Proposal | None = None,
    ) -> ToolResult:
        # A name the registry does not have is a model's invention: it goes no further, not even into a log.
        named = call if tool is not None else call | {"tool": "unknown", "arguments": {}}
        new = NewAction(
            key="", conversation_id=place.conversation_id, turn_id=place.turn_id, customer_id=actor["customer_id"],
            intent=intent, tool=named["tool"], risk=tool.risk if tool else "read", args={}, amount=None,
            decision=reason, proposal_id=proposal.id if proposal else None,
        )  # fmt: skip
        action_id = await self.ledger.deny(new)
        logger.info("Tool denied", extra={"action": "tool_denied", "tool": named["tool"], "detail": reason})
        return _result(named, "denied", action_id=action_id, detail=reason)


def _new(
    call: ToolCall,
    tool: ToolSpec,
    *,
    key: str,
    actor: Actor,
    intent: str | None,
    place: Place,
    proposal: str | None = None,
    approval: Approval | None = None,
) -> NewAction:
    return NewAction(
        key=key, conversation_id=place.conversation_id, turn_id=place.turn_id, customer_id=actor["customer_id"],
        intent=intent, tool=tool.name, risk=tool.risk, args=call["arguments"], amount=amount_of(call, tool),
        decision="approved" if approval is not None else "allowed", proposal_id=proposal,
        approval_id=approval.id if approval else None,
    )  # fmt: skip


def _theirs(proposal: Proposal, actor: Actor, place: Place) -> bool:
    return (proposal.customer_id, proposal.conversation_id) == (actor["customer_id"], place.conversation_id)


def _quoting(arguments: Mapping[str, str], quote: ToolSpec) -> dict[str, str]:
    """The quote's arguments are among the call's own."""
    return {
        argument.name: argument.constant or arguments[argument.name]
        for argument in quote.arguments
        if argument.source != "session"
    }


def _remembered(call: ToolCall, action: Action) -> ToolResult:
    """The result of a call that ended before."""
    match action.outcome:
        case "succeeded" | "compensated":
            return _result(call, "succeeded", action_id=action.id, data=action.result)
        case "failed" if action.detail == "not_found":
            return _result(call, "not_found", action_id=action.id)
        case "failed" if action.detail in NAMED_REASONS | {"refused"}:
            return _result(call, "refused", action_id=action.id, detail=action.detail)
        case _:
            return _result(call, action.outcome, action_id=action.id, detail=action.detail)


def _result(
    call: ToolCall,
    outcome: Any,
    *,
    action_id: str | None,
    data: dict[str, Any] | None = None,
    detail: str | None = None,
) -> ToolResult:
    return {
        "call_id": call["id"], "action_id": action_id, "tool": call["tool"], "outcome": outcome, "data": data or {},
        "detail": detail,
    }  # fmt: skip


def matches(call: ToolCall, proposal: Proposal, approval: Approval | None) -> bool:
    """Whether the call is what the proposal froze, or what an approver made of it."""
    asked_for = hash_of(call["tool"], call["arguments"], customer_id=proposal.customer_id)
    agreed = is_agreed(proposal, approval) and approval is not None and approval.final_hash == asked_for
    return (proposal.status == "open" and proposal.args_hash == asked_for) or agreed
