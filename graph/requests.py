"""Requests of a conversation: how one begins, is asked about, waits and is followed by the next. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from desk.domain.conversation import Event
from desk.domain.passages import Passage
from desk.knowledge.gaps import Gap
from desk.language.engine import Understanding
from desk.policies.models import PolicySet, ToolSpec
from graph.state import Memory, OutlineItem, Request, SupportState

MAX_GAP = 500
"""Characters of a question that is kept as a gap."""


def new_memory() -> Memory:
    """The memory of a conversation that has just begun."""
    return {
        "request": None,
        "last": None,
        "waiting": [],
        "known": {},
        "clarifications": 0,
        "frustrations": 0,
        "offered": {},
        "offered_person": False,
        "held": {},
        "ticket": None,
        "subject": None,
        "recent": [],
    }


def memory_of(state: SupportState) -> Memory:
    """The conversation's memory, also when an older release stored it."""
    memory = new_memory()
    memory.update(state.get("memory", {}))
    for name in ("request", "last"):
        if memory[name] is not None:
            memory[name] = restored(cast(dict[str, Any], memory[name]))
    return {**memory, "waiting": [restored(cast(dict[str, Any], request)) for request in memory["waiting"]]}


def remembered(known: Mapping[str, str], *, policies: PolicySet) -> dict[str, str]:
    """What outlives the request it was said for: who the customer is, which record is meant, what the pack says.

    An amount, an address or a new number said for one request is never taken for another's.
    """
    specs = [spec for intent in policies.intents.values() for spec in intent.fields]
    lasting = {spec.name for spec in specs if spec.is_lasting} | {"email", "order_number", "invoice_number"}
    return {name: value for name, value in known.items() if name in lasting}


def new_request(intent: str, confidence: float, *, question: str, fields: dict[str, str]) -> Request:
    return {
        "intent": intent,
        "confidence": confidence,
        "fields": fields,
        "question": question,
        "asked_field": None,
        "attempts": 0,
        "offered": {},
        "labels": {},
        "proposal": None,
        "confirming": False,
    }


def restored(stored: dict[str, Any]) -> Request:
    """A request as it was stored, by whichever release."""
    request = new_request("", 0.0, question="", fields={})
    return cast(Request, request | {name: value for name, value in stored.items() if name in request})


def last_done(memory: Memory, *, policies: PolicySet) -> ToolSpec | None:
    """The action that was carried out last, when the last request was about one."""
    last = memory["last"]
    intent = policies.intents.get(last["intent"]) if last is not None else None
    tool = policies.tools.get(intent.actions[0].tool) if intent is not None and intent.actions else None
    return tool if tool is not None and tool.risk != "read" else None


def blank_turn() -> SupportState:
    """What every turn starts with, besides its input."""
    return {
        "request": None,
        "consent": None,
        "facts": {},
        "action_values": {},
        "news": [],
        "outline": [],
        "options": [],
        "offer_person": False,
        "handoff": None,
        "escalation": None,
        "planned_call": None,
        "result": None,
        "passages": [],
        "outcome": "answered",
        "waiting": None,
        "wake": None,
        "is_woken": False,
    }


def nothing_understood(locale: str) -> Understanding:
    """The reading of a turn without words to read."""
    return {
        "intents": [],
        "fields": {},
        "refusal": None,
        "language": locale[:2].lower() or "en",
        "sentiment": "neutral",
        "frustration": 0.0,
        "engine": "none",
    }


def asked(
    state: SupportState, request: Request, item: OutlineItem, *, field: str | None, **changes: Any
) -> SupportState:
    """The turn ends with a question about the request, which is kept until the answer comes."""
    attempts = request["attempts"] + 1 if request["asked_field"] == field else 1
    kept = cast(Request, {**request, "asked_field": field, "attempts": attempts, "offered": {}, **changes})
    return {
        "request": None,
        "memory": {**state["memory"], "request": kept},
        "outline": [*state["outline"], item],
        "options": list(kept["offered"]),
        "outcome": "asked",
    }


def template(name: str, **values: str) -> OutlineItem:
    return {"kind": "template", "template": name, "values": values}


def text(words: str) -> OutlineItem:
    return {"kind": "text", "text": words}


def following(state: SupportState, outline: list[OutlineItem], *, policies: PolicySet) -> SupportState:
    """The next request of the same message goes round, or the turn comes to its end."""
    memory = state["memory"]
    if not memory["waiting"]:
        return {"outline": outline, "request": None, "result": None, "facts": {}, "memory": memory}
    upcoming = memory["waiting"][0]
    title = policies.intents[upcoming["intent"]].title
    lead = template(policies.system_replies.next_request, title=title)
    return {
        "outline": [*outline, lead] if title else outline,
        "request": {**upcoming, "fields": remembered(memory["known"], policies=policies) | upcoming["fields"]},
        "memory": {**memory, "waiting": memory["waiting"][1:]},
        "result": None,
        "facts": {},
        "passages": [],
    }


def with_news(state: SupportState, *events: Event) -> list[Event]:
    return [*state["news"], *events]


def gap_of(request: Request, *, nearest: Sequence[Passage]) -> Gap:
    """The request's question, which no passage answers."""
    return gap_in(request["question"], intent=request["intent"], nearest=nearest)


def gap_in(question: str, *, intent: str | None, nearest: Sequence[Passage]) -> Gap:
    """A question no passage answers; ``nearest`` are those that came near, best first."""
    best = nearest[0] if nearest else None
    return {
        "question": question[:MAX_GAP],
        "intent": intent,
        "best": best["score"] if best else 0.0,
        "nearest": best["article"] if best else None,
    }
