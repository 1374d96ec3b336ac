"""classify: what does the customer want, how sure is that, and which facts did they give?"""

import re
from dataclasses import dataclass

from desk.language.engine import LanguageEngine, TurnContext, Understanding
from desk.policies.models import PolicySet
from graph.choosing import chosen_label
from graph.consent import begins_with_consent, consent_in
from graph.node import Emit
from graph.requests import blank_turn, last_done, memory_of, new_request, nothing_understood, remembered
from graph.state import Consent, Memory, Request, SupportState
from graph.subjects import followed_up, looked_up, made_whole, subject_after
from retrieval.follow_up import Standalone

IDENTIFYING = {"email", "order_number"}
"""What every request that needs to know the customer may be answered with."""


_BESIDE_VALUES = frozenset(
    [
        "actually",
        "no",
        "not",
        "i",
        "mean",
        "meant",
        "sorry",
        "wait",
        "it",
        "is",
        "its",
        "s",
        "was",
        "the",
        "my",
        "order",
        "number",
        "one",
        "instead",
        "rather",
        "please",
        "oh",
        "oops",
        "make",
        "that",
        "for",
        "but",
        "only",
        "just",
        "usd",
        "dollar",
        "dollars",
        "of",
        "and",
        "to",
        "a",
        "be",
        "should",
        "must",
        "then",
        "change",
    ]
)
"""Words that add nothing to the value they come with."""


@dataclass(frozen=True, kw_only=True)
class Classify:
    """Reads the message and decides which request this turn works on."""

    engine: LanguageEngine
    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        memory = memory_of(state)
        text = _chosen(state["text"], memory=memory, policies=self.policies)
        whole = made_whole(text, memory=memory)
        consent = _consent(text, memory=memory, policies=self.policies)
        label = _offered(text, memory=memory)
        if consent is not None or label is not None:
            # Nothing to understand: a word of consent or a choice is what it is, whatever a model would read into it.
            understanding = nothing_understood(state.get("locale", "en"))
            requests = [_answered(memory["request"], label)] if memory["request"] and consent != "stop" else []
        else:
            understanding = await self.engine.understand(whole.text, context=_context(state, memory))
            if _corrects(text, understanding["fields"], memory=memory, policies=self.policies):
                # Half a sentence read by itself may look like anything; here it is about what was just asked.
                understanding = {**understanding, "intents": [], "refusal": None}
            requests = self._requests(understanding, text=text, whole=whole, memory=memory)
        return {
            **blank_turn(),
            "text": text,
            "understanding": understanding,
            "consent": consent,
            "request": requests[0] if requests else None,
            "memory": {
                **memory,
                "known": memory["known"] | understanding["fields"],
                "request": _put_aside(memory["request"], requests, policies=self.policies),
                "waiting": [*requests[1:], *memory["waiting"]],
                "offered": {},
                "offered_person": False,
                "subject": subject_after(requests, text=text, whole=whole, memory=memory, policies=self.policies),
                "recent": [*memory["recent"], f"customer: {state['text'][:300]}"][-6:],
            },
        }

    def _requests(self, understanding: Understanding, *, text: str, whole: Standalone, memory: Memory) -> list[Request]:
        if whole.is_follow_up:
            return followed_up(understanding, text=text, whole=whole, memory=memory, policies=self.policies)
        clear = requests_in(understanding, text=text, memory=memory, policies=self.policies)
        return clear or looked_up(understanding, text=text, memory=memory, policies=self.policies)


def requests_in(understanding: Understanding, *, text: str, memory: Memory, policies: PolicySet) -> list[Request]:
    """The requests of a message, the one to work on first; none when it was not understood well enough.

    A message that only gives what was asked for goes on with the pending request. A confident other intent replaces
    it: customers change their minds. A new value and no clear request is a correction of the last one.
    """
    guesses = [guess for guess in understanding["intents"] if guess["intent"] in policies.intents]
    sure = [guess for guess in guesses if guess["confidence"] >= policies.thresholds.intent_confidence]
    fields, pending = understanding["fields"], memory["request"]
    if pending is not None and pending["confirming"] and begins_with_consent(text, phrases=policies.phrases):
        # Half a yes is none: with what it changes, or without, it is asked again.
        return [_with_fields(pending, _correctable(pending, fields, policies=policies))]
    if pending is not None:
        answers_question = pending["asked_field"] in fields
        same = bool(guesses) and guesses[0]["intent"] == pending["intent"]
        if answers_question and not (sure and not same):
            return [_with_fields(pending, fields)]
        if not sure and (corrected := _correctable(pending, fields, policies=policies)):
            return [_with_fields(pending, corrected)]
        if not sure and (same or not guesses or pending["proposal"] is not None):
            return [_with_fields(pending, fields)]
    if text in memory["offered"]:
        question = _last_words(memory) or text
        return [
            new_request(
                memory["offered"][text],
                1.0,
                question=question,
                fields=remembered(memory["known"], policies=policies) | fields,
            )
        ]
    if (
        not sure
        and (last := memory["last"]) is not None
        and (corrected := _correctable(last, fields, policies=policies))
    ):
        return [_with_fields({**last, "proposal": None, "confirming": False}, corrected)]
    return [
        new_request(
            guess["intent"],
            guess["confidence"],
            question=guess.get("text", text),
            fields=remembered(memory["known"], policies=policies) | fields,
        )
        for guess in sure
    ]


def _with_fields(request: Request, fields: dict[str, str]) -> Request:
    """The request with what was said now. A label belongs to the value it was chosen with."""
    labels = {name: label for name, label in request["labels"].items() if name not in fields}
    return {**request, "fields": request["fields"] | fields, "labels": labels}


def _correctable(request: Request, fields: dict[str, str], *, policies: PolicySet) -> dict[str, str]:
    """Those of the new values that the request could be about."""
    intent = policies.intents.get(request["intent"])
    names = {spec.name for spec in intent.fields} if intent else set()
    if intent is not None and intent.level > 0:
        names |= IDENTIFYING
    return {name: value for name, value in fields.items() if name in names}


def _corrects(text: str, fields: dict[str, str], *, memory: Memory, policies: PolicySet) -> bool:
    """Whether the message only gives another value to a request that was proposed: "actually 20 dollars"."""
    pending = memory["request"]
    if pending is None or pending["proposal"] is None:
        return False
    values = _correctable(pending, fields, policies=policies)
    words = re.findall(r"[^\W\d_]+", re.sub(r"\S*[@\d]\S*", " ", text.casefold()))
    return bool(values) and all(word in _BESIDE_VALUES for word in words)


def _put_aside(pending: Request | None, requests: list[Request], *, policies: PolicySet) -> Request | None:
    """A question in between does not end the pending request; a new task does."""
    if pending is None or not requests or requests[0]["intent"] == pending["intent"]:
        return pending if not requests else None
    return pending if policies.intents[requests[0]["intent"]].handling in ("answer", "social") else None


def _chosen(text: str, *, memory: Memory, policies: PolicySet) -> str:
    """A quick reply typed in other letters, or a bare yes to the offer of a person, counts as the quick reply."""
    plain = " ".join(text.casefold().strip(" .!").split())
    confirming = memory["request"] is not None and memory["request"]["confirming"]
    if memory["offered_person"] and not confirming and consent_in(text, phrases=policies.phrases) == "yes":
        return policies.system_replies.person_option
    return next((label for label in memory["offered"] if label.casefold() == plain), text)


def _consent(text: str, *, memory: Memory, policies: PolicySet) -> Consent | None:
    """A word of consent, where there is something it could be about."""
    said, request = consent_in(text, phrases=policies.phrases), memory["request"]
    if request is not None and request["confirming"]:
        return "no" if said == "stop" and not memory["held"] else said
    if said not in ("no", "stop"):
        return None
    if memory["held"] or (request is not None and request["proposal"] is not None):
        return "stop"
    if said == "stop" and request is None and last_done(memory, policies=policies) is not None:
        return "stop"  # it comes too late, and has to be told so
    if request is None or request["asked_field"] is None or _is_answer(text, request, policies):
        return None
    return "no"


def _is_answer(text: str, request: Request, policies: PolicySet) -> bool:
    """Whether "no" is one of the choices of the field that was asked for."""
    intent = policies.intents.get(request["intent"])
    choices = [spec.choices for spec in (intent.fields if intent else ()) if spec.name == request["asked_field"]]
    return any(text.casefold().strip(" .!") == choice.casefold() for group in choices for choice in group)


def _offered(text: str, *, memory: Memory) -> str | None:
    """The label of the choice that is meant, when choices were offered."""
    request = memory["request"]
    return chosen_label(text, request["offered"]) if request is not None and request["offered"] else None


def _answered(request: Request, label: str | None) -> Request:
    """The pending request with the choice that was made."""
    field = request["asked_field"]
    if label is None or field is None:
        return request
    return {
        **request,
        "fields": request["fields"] | {field: request["offered"][label]},
        "labels": request["labels"] | {field: label},
    }


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
