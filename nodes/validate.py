"""validate: is there evidence for what will be said, and is the request complete?"""

from dataclasses import dataclass

from desk.domain.conversation import Event
from desk.handoff.packet import Escalation
from desk.handoff.triggers import escalation_on
from desk.policies.models import Intent, PolicySet
from graph.node import Emit
from graph.requests import asked, following, template, text, with_news
from graph.state import Memory, OutlineItem, Request, SupportState
from tools.calls import ToolResult
from tools.wording import reply_values


@dataclass(frozen=True, kw_only=True)
class Validate:
    """Turns a tool's result into what may be said about it, and moves on to the next request of the message."""

    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        request, result = state["request"], state["result"]
        assert request is not None, "routing sends only turns with a request here"
        intent = self.policies.intents[request["intent"]]
        if result is None:
            return following(state, state["outline"], policies=self.policies)
        news = self._news(state, result)
        match result["outcome"]:
            case "succeeded":
                return {**self._succeeded(state, request, intent, result), "news": news}
            case "not_found":
                return {**self._not_found(state, request, intent), "news": news}
            case "refused":
                return {**self._refused(state, result), "news": news}
            case "unknown":
                reason = (
                    f"It is not known whether {result['tool']} was done ({result['detail']}): {result['action_id']}."
                )
                return {"escalation": self._escalation("action_unknown", reason, intent), "news": news}
            case "failed" | "denied":
                reason = f"The tool {result['tool']} {result['outcome']}: {result['detail'] or 'no detail'}."
                return {"escalation": self._escalation("tool_failed", reason, intent), "news": news}

    def _escalation(self, event: str, reason: str, intent: Intent) -> Escalation:
        return escalation_on(event, policies=self.policies, reason=reason, intent=intent)

    def _succeeded(self, state: SupportState, request: Request, intent: Intent, result: ToolResult) -> SupportState:
        outline: list[OutlineItem] = [*state["outline"], self._told(result, request, intent)]
        if intent.completion.ask and not state["memory"]["waiting"]:
            outline.append(text(intent.completion.ask))
        memory: Memory = {**state["memory"], "last": {**request, "proposal": None, "confirming": False}}
        update = following({**state, "memory": memory}, outline, policies=self.policies)
        acted = self.policies.tools[result["tool"]].risk != "read"
        return {
            **update,
            "options": list(intent.reply.quick_replies),
            "outcome": "acted" if acted else state["outcome"],
        }

    def _told(self, result: ToolResult, request: Request, intent: Intent) -> OutlineItem:
        """The pack's words for it. What was done is named by the result, never by what somebody asked for."""
        tool, reply = self.policies.tools[result["tool"]], intent.reply
        values = request["fields"] | request["labels"]
        values |= reply_values(tool.record, result["data"], zone=self.policies.zone)
        assert reply.template is not None, "the loader checks it"
        variant = values.get(reply.variant_field, "") if reply.variant_field else ""
        return template(reply.variants.get(variant, reply.template), **values)

    def _not_found(self, state: SupportState, request: Request, intent: Intent) -> SupportState:
        """The same sentence for a record of somebody else; the number is asked for again."""
        field = intent.fields[0].name if intent.fields else None
        fields = {name: value for name, value in request["fields"].items() if name != field}
        known = {name: value for name, value in state["memory"]["known"].items() if name != field}
        item = template(self.policies.system_replies.record_not_found)
        onward: SupportState = {**state, "memory": {**state["memory"], "known": known}}
        update = asked(
            onward, request, item, field=field, attempts=request["attempts"] + 1, fields=fields, proposal=None,
            confirming=False,
        )  # fmt: skip
        return {**update, "result": None}

    def _refused(self, state: SupportState, result: ToolResult) -> SupportState:
        """A rule of the business system: said in the tool's own words for the reason, where the pack has some."""
        tool = self.policies.tools[result["tool"]]
        named = tool.refused.get(result["detail"] or "", self.policies.system_replies.action_refused)
        values = state["action_values"] | {"title": tool.title}
        return {
            **following(state, [*state["outline"], template(named, **values)], policies=self.policies),
            "offer_person": True,
        }

    def _news(self, state: SupportState, result: ToolResult) -> list[Event]:
        """What was done, for the customer's stream; reads are no news."""
        tool = self.policies.tools.get(result["tool"])
        if tool is None or tool.risk == "read" or result["outcome"] == "denied" or result["action_id"] is None:
            return state["news"]
        told = result["outcome"] if result["outcome"] in ("succeeded", "unknown") else "failed"
        data = {"action_id": result["action_id"], "tool": tool.name, "outcome": told}
        return with_news(state, {"type": "action.completed", "data": data})
