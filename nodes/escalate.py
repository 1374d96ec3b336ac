"""escalate: hands the conversation to a person, with everything that person needs."""

from dataclasses import dataclass

from desk.handoff.packet import Packet, Quote
from desk.handoff.service import HandoffService
from desk.policies.models import PolicySet
from graph.node import Emit
from graph.state import SupportState, TemplateItem


@dataclass(frozen=True, kw_only=True)
class Escalate:
    """Opens the ticket and says what happens next. A queue that already has the conversation is not asked twice, except
    for what cannot wait."""

    handoff: HandoffService
    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        escalation, memory = state["escalation"], state["memory"]
        assert escalation is not None, "routing sends only escalations here"
        notice, template = memory["ticket"], self.policies.system_replies.already_escalated
        if notice is None or notice["queue"] != escalation["queue"] or escalation["priority"] == "urgent":
            template = escalation["template"]
            notice = await self.handoff.open(
                state["conversation_id"], turn_id=state["turn_id"], escalation=escalation, packet=packet_of(state)
            )
        queue = self.policies.queues[notice["queue"]]
        values = {
            "ticket_id": notice["ticket_id"],
            "queue.title": queue.title,
            "queue.hours": queue.hours,
            "queue.reply_within": queue.reply_within,
        }
        item: TemplateItem = {"kind": "template", "template": template, "values": values}
        if (quotes := escalation.get("quotes")) and template == escalation["template"]:
            item["values"] |= _quoted(quotes)
            item["chunk_ids"] = [quote["chunk_id"] for quote in quotes]
        return {
            "handoff": notice,
            "memory": {**memory, "ticket": notice, "request": None, "waiting": [], "clarifications": 0},
            "outline": [*state["outline"], item],
            "options": [],
            "offer_person": False,
            "outcome": "escalated",
        }


def _quoted(quotes: list[Quote]) -> dict[str, str]:
    """What a template may say of the two sides: ``{first.title}``, ``{first.quote}``, ``{second.title}`` …"""
    return {
        f"{side}.{key}": value
        for side, quote in zip(("first", "second"), quotes, strict=True)
        for key, value in (("title", quote["title"]), ("quote", quote["quote"]))
    }


def packet_of(state: SupportState) -> Packet:
    """What is known at this moment, for the person who takes over."""
    escalation, request, understanding = state["escalation"], state.get("request"), state["understanding"]
    assert escalation is not None, "routing sends only escalations here"
    actor, result = state.get("actor"), state.get("result")
    guess = understanding["intents"][0] if understanding["intents"] else None
    return {
        "summary": f"{escalation['reason']} Last words of the customer: {state['text'][:300]}",
        "trigger": escalation["trigger"],
        "reason": escalation["reason"],
        "intent": request["intent"] if request else guess and guess["intent"],
        "confidence": request["confidence"] if request else guess and guess["confidence"],
        "fields": state["memory"]["known"],
        "last_message": state["text"],
        "sentiment": understanding["sentiment"],
        "frustration": understanding["frustration"],
        "level": actor["level"] if actor else 0,
        "customer_id": actor["customer_id"] if actor else None,
        "actions": [{"tool": result["tool"], "outcome": result["outcome"]}] if result else [],
        "sources": [passage["chunk_id"] for passage in state["passages"]],
        "quotes": escalation.get("quotes", []),
    }
