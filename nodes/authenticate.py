"""authenticate: does the request need to know who the customer is, and do we?"""

from dataclasses import dataclass

from desk.domain.errors import SystemUnavailable
from desk.handoff.triggers import escalation_on
from desk.identity.identification import MAX_FAILURES, IdentificationStore, NotIdentified
from desk.integrations.protocols import Crm
from desk.policies.models import Intent, PolicySet
from graph.node import Emit
from graph.state import OutlineItem, Request, SupportState

MAX_ASKED = 3  # asking a fourth time for the same thing annoys more than a person costs


@dataclass(frozen=True, kw_only=True)
class Authenticate:
    """Level 1 is an e-mail address and an order number that belong together. Nothing said in text is ever proof."""

    identity: IdentificationStore
    crm: Crm
    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        request = state["request"]
        assert request is not None, "routing sends only turns with a request here"
        intent = self.policies.intents[request["intent"]]
        if intent.level == 0 and intent.handling != "answer":
            return {"actor": {"customer_id": None, "level": 0}}
        # Nobody is asked who they are for an answer, but some articles are for known customers alone.
        actor = await self.identity.actor(state["conversation_id"])
        if actor["level"] >= min(1, intent.level):
            # Level 2 is proved for one action and its arguments, right before it: at the gate, not here.
            return {"actor": actor}
        email, order_number = request["fields"].get("email"), request["fields"].get("order_number")
        if order_number is None:
            return self._ask("order_number", request, intent, state)
        if email is None:
            return self._ask("email", request, intent, state)
        return await self._identify(email, order_number, request, intent, state)

    async def _identify(
        self, email: str, order_number: str, request: Request, intent: Intent, state: SupportState
    ) -> SupportState:
        try:
            found = await self.identity.attempt(
                state["conversation_id"], email=email, order_number=order_number, find=self.crm.identify
            )
        except SystemUnavailable:
            reason = "The customer system did not answer while the customer was to be identified."
            return self._escalate("tool_failed", reason, intent)
        if not isinstance(found, NotIdentified):
            return {"actor": found}
        if found.failures >= MAX_FAILURES:
            reason = f"E-mail address and order number did not belong together {MAX_FAILURES} times."
            return self._escalate("identification_failed", reason, intent)
        # One sentence for a wrong address, a foreign order and one that does not exist; both are asked for again.
        forgotten = {name: value for name, value in request["fields"].items() if name not in ("email", "order_number")}
        known = {
            name: value for name, value in state["memory"]["known"].items() if name not in ("email", "order_number")
        }
        template = self.policies.system_replies.record_not_found
        return {
            "request": None,
            "memory": {
                **state["memory"],
                "known": known,
                "request": {**request, "fields": forgotten, "asked_field": "order_number", "attempts": 1},
            },
            "outline": [*state["outline"], {"kind": "template", "template": template, "values": {}}],
            "outcome": "asked",
        }

    def _ask(self, field: str, request: Request, intent: Intent, state: SupportState) -> SupportState:
        asked_again = request["asked_field"] == field
        attempts = request["attempts"] + 1 if asked_again else 1
        if attempts > MAX_ASKED:
            reason = f"The customer was asked {MAX_ASKED} times for: {field}."
            return self._escalate("field_not_collected", reason, intent)
        question = self._question(field, intent)
        if asked_again and question["kind"] == "text":
            values = {"question": question["text"]}
            question = {"kind": "template", "template": self.policies.system_replies.field_not_valid, "values": values}
        return {
            "request": None,
            "memory": {**state["memory"], "request": {**request, "asked_field": field, "attempts": attempts}},
            "outline": [*state["outline"], question],
            "outcome": "asked",
        }

    def _escalate(self, event: str, reason: str, intent: Intent) -> SupportState:
        return {"escalation": escalation_on(event, policies=self.policies, reason=reason, intent=intent)}

    def _question(self, field: str, intent: Intent) -> OutlineItem:
        spec = next((spec for spec in intent.fields if spec.name == field), None)
        if spec is not None:
            return {"kind": "text", "text": spec.question}
        replies = self.policies.system_replies
        template = replies.ask_identification_email if field == "email" else replies.ask_identification_order_number
        return {"kind": "template", "template": template, "values": {}}
