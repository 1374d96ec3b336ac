"""plan: what to do about the request. The only choices are the pack's: its tools, its templates, its passages."""

from dataclasses import dataclass
from typing import Any

from desk.approvals.amounts import as_argument
from desk.domain.ids import new_id
from desk.handoff.triggers import escalation_on
from desk.policies.models import FieldSpec, Intent, PolicySet, ToolArgument, ToolSpec
from graph.node import Emit
from graph.requests import asked, following, template, text
from graph.state import OutlineItem, Request, SupportState
from graph.subjects import is_unclear
from tools.calls import ToolCall
from tools.wording import item_label

MAX_ASKED = 3  # asking a fourth time for the same thing annoys more than a person costs


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
                return self._escalate("intent_needs_person", f"The customer wants: {intent.description}", intent)
            case "social":
                assert intent.reply.template is not None, "the loader checks it"
                return self._say(state, template(intent.reply.template), intent)
            case "answer":
                return self._answer(state, request, intent)
            case "workflow":
                return self._work(state, request, intent)

    def _answer(self, state: SupportState, request: Request, intent: Intent) -> SupportState:
        if not state["passages"] and is_unclear(request, policies=self.policies):
            return {**self._not_understood(state), "request": None}
        if not state["passages"]:
            update = self._say(state, template(self.policies.system_replies.dont_know), intent)
            return {**update, "options": [self.policies.system_replies.person_option], "offer_person": True}
        item: OutlineItem = {"kind": "passages", "question": request["question"], "passages": state["passages"]}
        return self._say(state, item, intent)

    def _work(self, state: SupportState, request: Request, intent: Intent) -> SupportState:
        """The next thing the workflow needs: a field, a choice, the facts, or the action itself."""
        for spec in intent.fields:
            if spec.name in request["fields"] or not spec.required or _derived(spec, intent, self.policies):
                continue
            if spec.options is None:
                return self._ask(state, request, spec, intent)
            if spec.options.tool not in state["facts"]:
                return self._call(state, request, self.policies.tools[spec.options.tool], intent, purpose="facts")
            if (update := self._offer(state, request, spec, intent)) is not None:
                return update
            # The only choice there is; the confirmation names it.
            request = _taken(request, spec, state["facts"][spec.options.tool], self.policies)
        tool = self.policies.tools[intent.actions[0].tool]
        if tool.quote is not None and tool.quote not in state["facts"]:
            return self._call(state, request, self.policies.tools[tool.quote], intent, purpose="facts")
        return self._call(state, request, tool, intent, purpose="answer")

    def _call(
        self, state: SupportState, request: Request, tool: ToolSpec, intent: Intent, *, purpose: Any
    ) -> SupportState:
        facts = state["facts"].get(tool.quote or "", {})
        arguments: dict[str, str] = {}
        for argument in tool.arguments:
            if argument.source == "session":
                continue
            value = argument.value_from(request["fields"]) or _from_facts(argument, facts, self.policies.currency)
            if value is None:
                missing = argument.derived_from or argument.name
                spec = next((spec for spec in intent.fields if spec.name == missing), None)
                if spec is None:
                    reason = f"The tool {tool.name} needs {argument.name}, and nobody can say it."
                    return self._escalate("field_not_collected", reason, intent)
                return self._ask(state, request, spec, intent)
            arguments[argument.name] = value
        call: ToolCall = {"id": new_id("call"), "tool": tool.name, "arguments": arguments, "purpose": purpose}
        return {"planned_call": call, "request": request}

    def _ask(self, state: SupportState, request: Request, spec: FieldSpec, intent: Intent) -> SupportState:
        again = request["asked_field"] == spec.name
        if again and request["attempts"] >= MAX_ASKED:
            reason = f"The customer was asked {MAX_ASKED} times for: {spec.name}."
            return self._escalate("field_not_collected", reason, intent)
        item = text(spec.question)
        if again:
            item = template(self.policies.system_replies.field_not_valid, question=spec.question)
        update = asked(state, request, item, field=spec.name)
        return update | {"options": [choice.replace("_", " ") for choice in spec.choices]}

    def _offer(self, state: SupportState, request: Request, spec: FieldSpec, intent: Intent) -> SupportState | None:
        """Asks for one of the choices there are; None when there is only one."""
        assert spec.options is not None, "only options are offered"
        items: list[dict[str, Any]] = state["facts"][spec.options.tool][spec.options.items]
        if not items:
            outline = [*state["outline"], template(spec.options.none_left)]
            return following(state, outline, policies=self.policies) | {"planned_call": None}
        if len(items) == 1:
            return None
        update = self._ask(state, request, spec, intent)
        if "memory" not in update:
            return update
        offered = {_label(item, spec, self.policies): str(item[spec.options.value]) for item in items}
        kept = update["memory"]["request"]
        assert kept is not None, "a question keeps its request"
        return update | {
            "memory": {**update["memory"], "request": {**kept, "offered": offered}},
            "options": list(offered),
        }

    def _say(self, state: SupportState, item: OutlineItem, intent: Intent) -> SupportState:
        return {
            "outline": [*state["outline"], item],
            "options": list(intent.reply.quick_replies),
            "memory": {**state["memory"], "clarifications": 0},
        }

    def _escalate(self, event: str, reason: str, intent: Intent) -> SupportState:
        return {"escalation": escalation_on(event, policies=self.policies, reason=reason, intent=intent)}

    def _not_understood(self, state: SupportState) -> SupportState:
        """Asks which of the likeliest intents is meant; after so many questions a person takes over."""
        memory, replies = state["memory"], self.policies.system_replies
        guesses = [
            guess["intent"] for guess in state["understanding"]["intents"] if guess["intent"] in self.policies.intents
        ]
        titles = {self.policies.intents[name].title: name for name in guesses[:3] if self.policies.intents[name].title}
        if not titles:
            return {
                "outline": [*state["outline"], template(replies.out_of_scope)],
                "options": [replies.person_option],
                "outcome": "refused",
            }
        if memory["clarifications"] >= self.policies.thresholds.clarifying_attempts:
            reason = "The request was still unclear after the clarifying questions."
            return {"escalation": escalation_on("low_confidence", policies=self.policies, reason=reason)}
        return {
            "outline": [*state["outline"], template(replies.clarify, options=_listed(list(titles)))],
            "options": [*titles, replies.person_option],
            "memory": {**memory, "clarifications": memory["clarifications"] + 1, "offered": titles},
            "outcome": "asked",
        }


def _derived(spec: FieldSpec, intent: Intent, policies: PolicySet) -> bool:
    """Whether the field's value may come from another one the action takes instead; then the action asks for it."""
    tool = policies.tools[intent.actions[0].tool]
    return any(argument.derived_from == spec.name for argument in tool.arguments)


def _from_facts(argument: ToolArgument, facts: dict[str, Any], currency: str) -> str | None:
    """An amount nobody named is the one the business system gives."""
    money = facts.get(argument.default_fact or "")
    if not isinstance(money, dict) or money.get("currency") != currency:
        return None
    return as_argument(money["amount"])


def _label(item: dict[str, Any], spec: FieldSpec, policies: PolicySet) -> str:
    assert spec.options is not None, "only options have labels"
    return item_label(spec.options.label, item, zone=policies.zone)


def _taken(request: Request, spec: FieldSpec, facts: dict[str, Any], policies: PolicySet) -> Request:
    """The request with the only choice there is."""
    assert spec.options is not None, "only options are taken"
    (item,) = facts[spec.options.items]
    return {
        **request,
        "fields": request["fields"] | {spec.name: str(item[spec.options.value])},
        "labels": request["labels"] | {spec.name: _label(item, spec, policies)},
    }


def _listed(options: list[str]) -> str:
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"
