"""What a turn leaves in the audit log: how a message was understood, and each rule of the pack that decided. Pure.

Read from what the nodes return, so nodes need not know of it; written by the transaction that ends the turn, so an
attempt that is run again says it once.
"""

from collections.abc import Collection, Mapping
from typing import Any

from desk.audit.events import Action
from desk.conversations.inbox import AuditNote
from desk.handoff.packet import Escalation
from desk.language.engine import Understanding


def notes_of(update: Mapping[str, Any], *, refusals: Collection[str]) -> list[AuditNote]:
    """The notes of one step's update: ``{node: what it returned}``. ``refusals`` are the ids of the refusal list."""
    notes = []
    for node, returned in update.items():
        if not isinstance(returned, Mapping):
            continue
        if understanding := returned.get("understanding"):
            notes.append(_classified(understanding))
        if escalation := returned.get("escalation"):
            notes.append(_decided(escalation, node=node, refusals=refusals))
    return notes


def _classified(understanding: Understanding) -> AuditNote:
    guesses = [{"intent": g["intent"], "confidence": round(g["confidence"], 4)} for g in understanding["intents"]]
    detail = {
        "intents": guesses,
        "refusal": understanding["refusal"],
        "language": understanding["language"],
        "frustration": round(understanding["frustration"], 4),
        "engine": understanding["engine"],
    }
    return AuditNote(action="conversation.classified", detail=detail)


def _decided(escalation: Escalation, *, node: str, refusals: Collection[str]) -> AuditNote:
    action: Action = "policy.refused" if escalation["trigger"] in refusals else "policy.escalated"
    detail = {
        "node": node,
        "rule": escalation["trigger"],
        "queue": escalation["queue"],
        "priority": escalation["priority"],
    }
    return AuditNote(action=action, detail=detail)
