"""The honest reply of a turn that broke: what happened in plain words, and a person who takes over."""

import logging

from desk.conversations.inbox import OwedTurn
from desk.domain.ids import new_id
from desk.handoff.packet import HandoffNotice, Packet
from desk.handoff.service import HandoffService
from desk.handoff.triggers import escalation_on
from desk.policies.models import PolicySet
from graph.state import Reply

logger = logging.getLogger(__name__)


class Apologist:
    """Answers when the graph could not. Needs nothing but the pack; the ticket is added when the database allows."""

    def __init__(self, handoff: HandoffService, *, policies: PolicySet) -> None:
        self._handoff = handoff
        self._policies = policies

    async def __call__(self, turn: OwedTurn) -> Reply:
        escalation = escalation_on(
            "turn_failed", policies=self._policies, reason="The assistant failed while answering this message."
        )
        packet: Packet = {
            "summary": f"{escalation['reason']} Last words of the customer: {turn.text[:300]}",
            "trigger": escalation["trigger"],
            "reason": escalation["reason"],
            "intent": None,
            "confidence": None,
            "fields": {},
            "last_message": turn.text,
            "sentiment": "neutral",
            "frustration": 0.0,
            "level": 0,
            "customer_id": None,
            "actions": [],
            "sources": [],
            "quotes": [],
        }
        try:
            notice = await self._handoff.open(
                turn.conversation_id, turn_id=turn.turn_id, escalation=escalation, packet=packet
            )
        except Exception:
            logger.exception("No ticket for a failed turn", extra={"action": "ticket_failed", "turn_id": turn.turn_id})
            return self._reply(turn, self._policies.system_replies.turn_failed, notice=None)
        return self._reply(turn, escalation["template"], notice=notice)

    def _reply(self, turn: OwedTurn, template: str, *, notice: HandoffNotice | None) -> Reply:
        values = self._policies.common_values
        if notice is not None:
            queue = self._policies.queues[notice["queue"]]
            values |= {
                "ticket_id": notice["ticket_id"],
                "queue.title": queue.title,
                "queue.hours": queue.hours,
                "queue.reply_within": queue.reply_within,
            }
        text = self._policies.replies[template].render(values)
        return {
            "turn_id": turn.turn_id,
            "message_id": new_id("msg"),
            "text": text,
            "sources": [],
            "options": [] if notice else [self._policies.system_replies.person_option],
            "evidence": [{"text": text, "template": template}],
            "outcome": "failed",
            "handoff": notice,
            "offer_person": notice is None,
            "news": [],
        }
