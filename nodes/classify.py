"""classify: what does the customer want, how sure is that, and which facts did they give?"""

from dataclasses import dataclass

from desk.language.engine import LanguageEngine, TurnContext, Understanding
from desk.policies.models import PolicySet
from graph.node import Emit
from graph.state import Memory, Request, SupportState

_YES = frozenset({"yes", "yes please", "yeah", "yep", "sure", "ok", "okay", "please do", "yes, please"})


@dataclass(frozen=True, kw_only=True)
class Classify:
    """Reads the message and decides which request this turn works on."""

    engine: LanguageEngine
    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        memory = new_memory()
        memory.update(state.get("memory", {}))  # a conversation may have begun under an older release
        text = _chosen(state["text"], memory=memory, policies=self.policies)
        understanding = await self.engine.understand(text, context=_context(state, memory))
        requests = requests_in(understanding, text=text, memory=memory, policies=self.policies)
        return {
            "text": text,
            "understanding": understanding,
            "request": requests[0] if requests else None,
            "memory": {
                **memory,
                "known": memory["known"] | understanding["fields"],
                "request": _put_aside(memory["request"], requests, policies=self.policies),
                "waiting": [*requests[1:], *memory["waiting"]],
                "offered": {},
                "offered_person": False,
                "recent": [*memory["recent"], f"customer: {state['text'][:300]}"][-6:],
            },
            "outline": [],
            "options": [],
            "offer_person": False,
            "handoff": None,
            "escalation": None,
            "planned_call": None,
            "result": None,
            "passages": [],
            "outcome": "answered",
        }


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
        "ticket": None,
        "recent": [],
    }


def requests_in(understanding: Understanding, *, text: str, memory: Memory, policies: PolicySet) -> list[Request]:
    """The requests of a message, the one to work on first; none when it was not understood well enough.

    A message that only gives what was asked for goes on with the pending request. A confident other intent replaces
    it: customers change their minds. A new value and no clear request is a correction of the last one.
    """
    guesses = [guess for guess in understanding["intents"] if guess["intent"] in policies.intents]
    sure = [guess for guess in guesses if guess["confidence"] >= policies.thresholds.intent_confidence]
    fields, pending = understanding["fields"], memory["request"]
    if pending is not None:
        answers_question = pending["asked_field"] in fields
        same = bool(guesses) and guesses[0]["intent"] == pending["intent"]
        if (answers_question and not (sure and not same)) or (not sure and (same or not guesses)):
            return [{**pending, "fields": pending["fields"] | fields}]
    if text in memory["offered"]:
        return [
            _request(memory["offered"][text], 1.0, text=_last_words(memory) or text, fields=memory["known"] | fields)
        ]
    if not sure and (last := memory["last"]) is not None:
        correctable = {spec.name for spec in policies.intents[last["intent"]].fields}
        if corrected := {name: value for name, value in fields.items() if name in correctable}:
            return [{**last, "fields": last["fields"] | corrected}]
    return [
        _request(guess["intent"], guess["confidence"], text=guess.get("text", text), fields=memory["known"] | fields)
        for guess in sure
    ]


def _request(intent: str, confidence: float, *, text: str, fields: dict[str, str]) -> Request:
    return {
        "intent": intent,
        "confidence": confidence,
        "fields": fields,
        "question": text,
        "asked_field": None,
        "attempts": 0,
    }


def _put_aside(pending: Request | None, requests: list[Request], *, policies: PolicySet) -> Request | None:
    """A question in between does not end the pending request; a new task does."""
    if pending is None or not requests or requests[0]["intent"] == pending["intent"]:
        return pending if not requests else None
    return pending if policies.intents[requests[0]["intent"]].handling in ("answer", "social") else None


def _chosen(text: str, *, memory: Memory, policies: PolicySet) -> str:
    """A quick reply typed in other letters, or a bare yes to the offer of a person, counts as the quick reply."""
    plain = " ".join(text.casefold().strip(" .!").split())
    if memory["offered_person"] and plain in _YES:
        return policies.system_replies.person_option
    return next((label for label in memory["offered"] if label.casefold() == plain), text)


def _last_words(memory: Memory) -> str | None:
    """What the customer said before choosing an option: the real question."""
    said = [line.removeprefix("customer: ") for line in memory["recent"] if line.startswith("customer: ")]
    return said[-1] if said else None


def _context(state: SupportState, memory: Memory) -> TurnContext:
    pending = memory["request"]
    return TurnContext(
        active_intent=pending["intent"] if pending else None,
        asked_field=pending["asked_field"] if pending else None,
        previous_messages=tuple(memory["recent"]),
        locale=state.get("locale", "en"),
    )
