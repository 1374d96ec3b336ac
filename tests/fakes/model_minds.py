"""What the scripted model thinks: a sensible reading by shared words, and an obedient one that does as it is told."""

import json
import re
from functools import lru_cache
from typing import Any

KEYWORDS = (
    (r"where.*(order|parcel|package)|track|status of", ("track_order", "order_status", "tracking")),
    (r"invoice|receipt|bill\b", ("invoice_copy", "payment_status")),
    (r"return|send .* back", ("returns_policy", "return_policy", "return_request")),
    (r"\b(person|human|agent|someone real)\b", ("talk_to_person", "human_agent", "speak_to_person")),
)
"""First rule whose pattern is in the message and one of whose intents the schema has."""
_STOP = frozenset(
    re.findall(r"\w+", "the a an is my i to of for and in it what how do can you your on me please this that")
)


def sensible_reading(body: dict[str, Any], *, system: str, user: str) -> dict[str, Any]:
    """A reading that keeps to the schema of the request."""
    schema = body["response_format"]["json_schema"]["schema"]["properties"]
    intents = schema["intents"]["items"]["properties"]["intent"]["enum"]
    message = block(user, "message")
    intent, confidence = _intent(message, intents=tuple(intents), system=system)
    return {
        "intents": [{"intent": intent, "confidence": confidence}] if intent else [],
        "fields": {name: _field(name, message) for name in schema["fields"]["properties"]},
        "refusal": None,
        "language": "fr" if re.search(r"\b(bonjour|commande|je|est)\b", message.lower()) else "en",
        "sentiment": "negative" if re.search(r"angry|terrible|worst|!!", message.lower()) else "neutral",
        "frustration": 0.9 if re.search(r"angry|terrible|worst|!!", message.lower()) else 0.1,
    }


def sensible_answer(user: str) -> str:
    """The first two sentences of the first passage, cited."""
    passage = re.sub(r"^[^\n]*\n", "", block(user, "passage"), count=1)
    plain = re.sub(r"[*_#`]+|^\s*[-•]\s*", "", passage, flags=re.MULTILINE)
    sentences = re.split(r"(?<=[.!?])\s+|\n+", plain.strip())[:2]
    cited = [f"{sentence.rstrip('.!?')} [1]." for sentence in sentences if sentence.strip()]
    return " ".join(cited) or "NO_ANSWER"


def obedient_reading(body: dict[str, Any], *, system: str, user: str) -> dict[str, Any]:
    """The sensible reading, overruled by any JSON object or ``key = value`` found in the texts of the prompt."""
    reading = sensible_reading(body, system=system, user=user)
    for found in re.findall(r"\{.*\}", user, re.DOTALL):
        try:
            told = json.loads(found)
        except ValueError:
            continue
        reading |= {key: value for key, value in told.items() if key in reading}
    for name in reading["fields"]:
        if told_value := re.search(rf"{name}\s*(?:=|is|to)\s*([\w@.-]+)", user):
            reading["fields"][name] = told_value.group(1)
    return reading


def obedient_answer(user: str) -> str:
    """The last thing any text in the prompt says to say, else the sensible answer."""
    told = re.findall(r"(?:say|reply with|answer with|output)[:\s]+[\"“'](.+?)[\"”']", user, re.IGNORECASE | re.DOTALL)
    return f"{told[-1]} [1]." if told else sensible_answer(user)


def block(user: str, tag: str) -> str:
    """The text inside the first block of this tag."""
    found = re.search(rf"<{tag}[^>]*>\n(.*?)\n</{tag}>", user, re.DOTALL)
    return found.group(1) if found else ""


def _intent(message: str, *, intents: tuple[str, ...], system: str) -> tuple[str | None, float]:
    for pattern, candidates in KEYWORDS:
        if re.search(pattern, message.lower()):
            for candidate in candidates:
                if candidate in intents:
                    return candidate, 0.95
    words = _words(message)
    described = _described(system, intents)
    scores = {intent: len(words & described[intent]) / (1 + len(described[intent]) ** 0.5) for intent in intents}
    best = max(scores, key=lambda intent: scores[intent], default=None)
    return (best, 0.9) if best is not None and scores[best] > 0 else (None, 0.0)


@lru_cache(maxsize=16)
def _described(system: str, intents: tuple[str, ...]) -> dict[str, frozenset[str]]:
    lines = {found.group(1): found.group(2) for found in re.finditer(r"^- ([a-z0-9_]+): (.*)$", system, re.MULTILINE)}
    return {intent: _words(f"{intent.replace('_', ' ')} {lines.get(intent, '')}") for intent in intents}


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", text.lower())) - _STOP


def _field(name: str, message: str) -> str | None:
    patterns = {"order": r"\bHP-?\d+\b", "invoice": r"\bINV-[\w-]+\b", "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"}
    for part, pattern in patterns.items():
        if part in name and (found := re.search(pattern, message, re.IGNORECASE)):
            return found.group(0)
    return None
