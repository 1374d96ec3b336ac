"""refusal_check: is this a subject the assistant never answers, or one that goes to a person at once?"""

from dataclasses import dataclass

from desk.handoff.packet import Escalation
from desk.handoff.triggers import escalation_for_refusal, escalation_on, high_risk_word_in, refusal_in
from desk.policies.models import PolicySet
from graph.node import Emit
from graph.state import SupportState

ANGRY_MESSAGES = 2  # the first angry message gets an offer, the second a person


@dataclass(frozen=True, kw_only=True)
class RefusalCheck:
    """Escalates before anything is looked up, planned or answered."""

    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        frustrated = state["understanding"]["frustration"] >= self.policies.thresholds.frustration
        memory = state["memory"]
        memory = {**memory, "frustrations": memory["frustrations"] + 1} if frustrated else memory
        escalation = self._escalation(state, angry=frustrated and memory["frustrations"] >= ANGRY_MESSAGES)
        if escalation is not None:
            return {"memory": memory, "escalation": escalation}
        if frustrated:
            template = self.policies.system_replies.frustration_offer
            return {
                "memory": memory,
                "outline": [{"kind": "template", "template": template, "values": {}}],
                "offer_person": True,
            }
        return {}

    def _escalation(self, state: SupportState, *, angry: bool) -> Escalation | None:
        text, proposed = state["text"], state["understanding"]["refusal"]
        if rule := refusal_in(text, policies=self.policies, proposed=proposed):
            return escalation_for_refusal(rule)
        if word := high_risk_word_in(text, policies=self.policies):
            return escalation_on("high_risk_words", policies=self.policies, reason=f"The customer wrote “{word}”.")
        if angry:
            return escalation_on(
                "frustration", policies=self.policies, reason="The customer is angry for the second time."
            )
        return None
