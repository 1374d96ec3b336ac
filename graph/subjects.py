"""What a conversation asks articles about: questions that lean on it, and questions nobody could file. Pure."""

import re
from collections.abc import Sequence

from desk.language.asked import is_open
from desk.language.engine import IntentGuess, Understanding
from desk.policies.models import PolicySet
from graph.requests import new_request
from graph.state import Memory, Request, Subject
from retrieval.follow_up import Standalone, standalone

MAX_CHARACTERS = 300
_YES_OR_NO = re.compile(r"\W*(?:can|could|do|does|did|is|are|will|would|should|may|has|have)\b", re.IGNORECASE)
"""How a question begins that needs no question mark."""


def made_whole(text: str, *, memory: Memory) -> Standalone:
    """The message as it can be understood alone. While something else was asked for, it is an answer to that."""
    subject = memory["subject"]
    if subject is None or memory["request"] is not None:
        return Standalone(text=text, is_follow_up=False)
    return standalone(text, subject["questions"])


def followed_up(
    understanding: Understanding, *, text: str, whole: Standalone, memory: Memory, policies: PolicySet
) -> list[Request]:
    """The request of a message that leans on the subject: filed where the whole is understood, else where the subject
    was. Only what is no question by its form may turn into something to be done; a person may always be wanted."""
    subject = memory["subject"]
    assert subject is not None, "nothing leans on nothing"
    sure = _sure(understanding, policies=policies)
    known = [guess for guess in sure if policies.intents[guess["intent"]].handling == "answer"]
    person = any(policies.intents[guess["intent"]].handling == "person" for guess in sure)
    if sure and not known and (person or not _asks(text)):
        return [
            new_request(guess["intent"], guess["confidence"], question=text, fields=dict(understanding["fields"]))
            for guess in sure
        ]
    if known:
        intent, confidence = known[0]["intent"], known[0]["confidence"]
    else:
        intent, confidence = subject["intent"], policies.thresholds.intent_confidence
    if intent not in policies.intents:
        return []
    return [new_request(intent, confidence, question=whole.text, fields={})]


def looked_up(understanding: Understanding, *, text: str, memory: Memory, policies: PolicySet) -> list[Request]:
    """A question whose intent is unclear, as a request articles may answer all the same; ``is_unclear`` knows it.

    It is filed by what is found. Values in it mean that something is to be done, and not something known.
    """
    if understanding["fields"] or understanding["refusal"] or memory["request"] or not _asks(text):
        return []
    answering = [intent.id for intent in policies.intents.values() if intent.handling == "answer"]
    guesses = {guess["intent"]: guess["confidence"] for guess in understanding["intents"]}
    named = [name for name in guesses if name in answering] or answering
    return [new_request(named[0], guesses.get(named[0], 0.0), question=text, fields={})] if named else []


def is_unclear(request: Request, *, policies: PolicySet) -> bool:
    """Whether the request is only a question that might be answered."""
    return request["confidence"] < policies.thresholds.intent_confidence


def filed_by(area: str, request: Request, *, policies: PolicySet) -> Request:
    """An unclear request under the intent whose area it turned out to be about."""
    if area in policies.intents[request["intent"]].areas:
        return request
    found = (i.id for i in policies.intents.values() if i.handling == "answer" and area in i.areas)
    return {**request, "intent": next(found, request["intent"])}


def subject_after(
    requests: Sequence[Request], *, text: str, whole: Standalone, memory: Memory, policies: PolicySet
) -> Subject | None:
    """What the next message may lean on: the last question to the articles, until something is to be done."""
    before, kinds = memory["subject"], {policies.intents[request["intent"]].handling for request in requests}
    if kinds & {"workflow", "person"}:
        return None
    answered = [request for request in requests if policies.intents[request["intent"]].handling == "answer"]
    if not answered:
        return before
    question = text if whole.is_follow_up else answered[-1]["question"]
    earlier = before["questions"][:1] if before is not None and whole.is_follow_up else []
    return {"intent": answered[-1]["intent"], "questions": [*earlier, question[:MAX_CHARACTERS]]}


def _sure(understanding: Understanding, *, policies: PolicySet) -> list[IntentGuess]:
    return [
        guess
        for guess in understanding["intents"]
        if guess["intent"] in policies.intents and guess["confidence"] >= policies.thresholds.intent_confidence
    ]


def _asks(text: str) -> bool:
    return "?" in text or is_open(text) or _YES_OR_NO.match(text) is not None
