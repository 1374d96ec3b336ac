"""validate: is there evidence for what will be said, and is the request complete?"""

from dataclasses import dataclass

from desk.handoff.triggers import escalation_on
from desk.policies.models import Intent, PolicySet
from graph.node import Emit
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
            return self._next(state, state["outline"])
        match result["outcome"]:
            case "succeeded":
                outline: list[OutlineItem] = [*state["outline"], self._told(result, request, intent)]
                if intent.completion.ask and not state["memory"]["waiting"]:
                    outline.append({"kind": "text", "text": intent.completion.ask})
                memory: Memory = {**state["memory"], "last": request}
                return self._next({**state, "memory": memory}, outline) | {
                    "options": list(intent.reply.quick_replies),
                }
            case "not_found":
                return self._not_found(state, request, intent)
            case "failed" | "denied":
                reason = f"The tool {result['tool']} {result['outcome']}: {result['detail'] or 'no detail'}."
                return {
                    "escalation": escalation_on("tool_failed", policies=self.policies, reason=reason, intent=intent)
                }

    def _told(self, result: ToolResult, request: Request, intent: Intent) -> OutlineItem:
        tool, reply = self.policies.tools[result["tool"]], intent.reply
        values = request["fields"] | reply_values(tool.record, result["data"])
        assert reply.template is not None, "the loader checks it"
        variant = values.get(reply.variant_field, "") if reply.variant_field else ""
        return {"kind": "template", "template": reply.variants.get(variant, reply.template), "values": values}

    def _not_found(self, state: SupportState, request: Request, intent: Intent) -> SupportState:
        """The same sentence for a record of somebody else; the number is asked for again."""
        asked = intent.fields[0].name if intent.fields else None
        fields = {name: value for name, value in request["fields"].items() if name != asked}
        known = {name: value for name, value in state["memory"]["known"].items() if name != asked}
        template = self.policies.system_replies.record_not_found
        return {
            "request": None,
            "memory": {
                **state["memory"],
                "known": known,
                "request": {**request, "fields": fields, "asked_field": asked, "attempts": request["attempts"] + 1},
            },
            "outline": [*state["outline"], {"kind": "template", "template": template, "values": {}}],
            "outcome": "asked",
            "result": None,
        }

    def _next(self, state: SupportState, outline: list[OutlineItem]) -> SupportState:
        waiting = state["memory"]["waiting"]
        if not waiting:
            return {"outline": outline, "request": None, "result": None, "memory": state["memory"]}
        upcoming = waiting[0]
        title = self.policies.intents[upcoming["intent"]].title
        lead: OutlineItem = {
            "kind": "template",
            "template": self.policies.system_replies.next_request,
            "values": {"title": title},
        }
        return {
            "outline": [*outline, lead] if title else outline,
            "request": {**upcoming, "fields": state["memory"]["known"] | upcoming["fields"]},
            "memory": {**state["memory"], "waiting": waiting[1:]},
            "result": None,
            "passages": [],
        }
