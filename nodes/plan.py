"""plan: what to do about the request. The only choices are the pack's: its tools, its templates, its passages."""

from dataclasses import dataclass

from desk.domain.ids import new_id
from desk.handoff.triggers import escalation_on
from desk.policies.models import Intent, PolicySet
from graph.node import Emit
from graph.state import OutlineItem, Request, SupportState


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Chooses between a tool call, an answer from passages, a template, a question and a person."""

    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        request = state["request"]
        if request is None:
            return self._not_understood(state)
        intent = self.policies.intents[request["intent"]]
        match intent.handling:
            case "person":
                reason = f"The customer wants: {intent.description}"
                return {
                    "escalation": escalation_on(
                        "intent_needs_person", policies=self.policies, reason=reason, intent=intent
                    )
                }
            case "social":
                assert intent.reply.template is not None, "the loader checks it"
                return self._say(state, {"kind": "template", "template": intent.reply.template, "values": {}}, intent)
            case "answer":
                return self._answer(state, request, intent)
            case "workflow":
                return self._call(state, request, intent)

    def _answer(self, state: SupportState, request: Request, intent: Intent) -> SupportState:
        if not state["passages"]:
            template = self.policies.system_replies.dont_know
            update = self._say(state, {"kind": "template", "template": template, "values": {}}, intent)
            return {**update, "options": [self.policies.system_replies.person_option], "offer_person": True}
        item: OutlineItem = {"kind": "passages", "question": request["question"], "passages": state["passages"]}
        return self._say(state, item, intent)

    def _call(self, state: SupportState, request: Request, intent: Intent) -> SupportState:
        tool = self.policies.tools[intent.actions[0].tool]
        arguments: dict[str, str] = {}
        for argument in tool.arguments:
            if argument.source == "session":
                continue
            value = argument.value_from(request["fields"])
            if value is None:
                return self._ask(state, request, argument.derived_from or argument.name, intent)
            arguments[argument.name] = value
        return {"planned_call": {"id": new_id("call"), "tool": tool.name, "arguments": arguments}}

    def _ask(self, state: SupportState, request: Request, field: str, intent: Intent) -> SupportState:
        spec = next(spec for spec in intent.fields if spec.name == field)
        attempts = request["attempts"] + 1 if request["asked_field"] == field else 1
        return {
            "request": None,
            "memory": {**state["memory"], "request": {**request, "asked_field": field, "attempts": attempts}},
            "outline": [*state["outline"], {"kind": "text", "text": spec.question}],
            "outcome": "asked",
        }

    def _say(self, state: SupportState, item: OutlineItem, intent: Intent) -> SupportState:
        memory = state["memory"]
        return {
            "outline": [*state["outline"], item],
            "options": list(intent.reply.quick_replies),
            "memory": {**memory, "clarifications": 0},
        }

    def _not_understood(self, state: SupportState) -> SupportState:
        """Asks which of the likeliest intents is meant; after so many questions a person takes over."""
        memory, replies = state["memory"], self.policies.system_replies
        guesses = [
            guess["intent"] for guess in state["understanding"]["intents"] if guess["intent"] in self.policies.intents
        ]
        titles = {self.policies.intents[name].title: name for name in guesses[:3] if self.policies.intents[name].title}
        if not titles:
            item: OutlineItem = {"kind": "template", "template": replies.out_of_scope, "values": {}}
            return {
                "outline": [*state["outline"], item],
                "options": [replies.person_option],
                "outcome": "refused",
            }
        if memory["clarifications"] >= self.policies.thresholds.clarifying_attempts:
            reason = "The request was still unclear after the clarifying questions."
            return {"escalation": escalation_on("low_confidence", policies=self.policies, reason=reason)}
        item = {"kind": "template", "template": replies.clarify, "values": {"options": _listed(list(titles))}}
        return {
            "outline": [*state["outline"], item],
            "options": [*titles, replies.person_option],
            "memory": {**memory, "clarifications": memory["clarifications"] + 1, "offered": titles},
            "outcome": "asked",
        }


def _listed(options: list[str]) -> str:
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"
