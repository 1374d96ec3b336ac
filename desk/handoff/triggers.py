"""Which escalation applies: pure choices over the pack's triggers and refusal rules."""

import re

from desk.handoff.packet import Escalation
from desk.policies.models import Intent, PolicySet, Refusal


def escalation_on(event: str, *, policies: PolicySet, reason: str, intent: Intent | None = None) -> Escalation:
    """The escalation the pack foresees for an event of ``Trigger.on``.

    The intent's own queue and hand-over template win where the trigger names none.
    """
    trigger = next(trigger for trigger in policies.triggers.values() if trigger.on == event)
    return escalation_by(trigger.id, policies=policies, reason=reason, intent=intent)


def escalation_by(trigger_id: str, *, policies: PolicySet, reason: str, intent: Intent | None = None) -> Escalation:
    """The escalation of one trigger of the pack."""
    trigger = policies.triggers[trigger_id]
    queue = trigger.queue or (intent.queue if intent else next(iter(policies.queues)))
    template = trigger.template
    if trigger.on == "intent_needs_person" and intent is not None:
        template = intent.reply.template or template
    return {
        "trigger": trigger.id,
        "reason": reason,
        "queue": queue,
        "priority": trigger.priority,
        "template": template,
    }


def refusal_in(text: str, *, policies: PolicySet, proposed: str | None) -> Refusal | None:
    """The refusal rule a message falls under: a pattern of the pack that matches, else what the engine proposes."""
    for rule in policies.refusals.values():
        if any(re.search(pattern, text, re.IGNORECASE) for pattern in rule.patterns):
            return rule
    return policies.refusals.get(proposed) if proposed else None


def escalation_for_refusal(rule: Refusal) -> Escalation:
    """A refused subject goes to the queue that owns it; the rule's id is the trigger."""
    return {
        "trigger": rule.id,
        "reason": f"The message falls under the refusal rule {rule.id}: {rule.description}",
        "queue": rule.queue,
        "priority": rule.priority,
        "template": rule.template,
    }


def high_risk_word_in(text: str, *, policies: PolicySet) -> str | None:
    """The first high-risk word or phrase of the pack that stands in the text as a whole word."""
    words = (
        word for trigger in policies.triggers.values() if trigger.on == "high_risk_words" for word in trigger.words
    )
    return next((word for word in words if re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)), None)
