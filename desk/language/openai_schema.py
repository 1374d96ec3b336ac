"""What a model may say about a message: the JSON schema it is given, and the check of what comes back.

The schema is generated from the pack, so a model can name nothing the pack does not have; the check does not rely on
the provider keeping to the schema.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desk.domain.errors import LanguageModelFailed
from desk.language.engine import IntentGuess, Sentiment, Understanding
from desk.language.fields import contact, extract, extract_known, money
from desk.policies.models import FieldSpec, PolicySet

MAX_INTENTS = 5
MAX_FIELD_CHARACTERS = 1_000

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Guess(_Strict):
    intent: Annotated[str, Field(max_length=64)]
    confidence: Probability


class _Reading(_Strict):
    intents: Annotated[list[_Guess], Field(max_length=MAX_INTENTS)]
    fields: dict[str, Annotated[str, Field(max_length=MAX_FIELD_CHARACTERS)] | None]
    refusal: Annotated[str, Field(max_length=64)] | None
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    sentiment: Sentiment
    frustration: Probability


def known_fields(policies: PolicySet) -> dict[str, FieldSpec]:
    """Every field of any intent of the pack that a message can give, by name. An option is chosen from what a system
    offers, which no message and no model knows."""
    return {
        field.name: field for intent in policies.intents.values() for field in intent.fields if field.type != "option"
    }


def understanding_schema(policies: PolicySet) -> dict[str, Any]:
    """``response_format`` for one structured call. Keeps to what strict mode of every provider supports."""
    fields = known_fields(policies)
    return {
        "type": "json_schema",
        "json_schema": {
            "name": "understanding",
            "strict": True,
            "schema": _object(
                {
                    "intents": {
                        "type": "array",
                        "items": _object(
                            {
                                "intent": {"type": "string", "enum": list(policies.intents)},
                                "confidence": {"type": "number"},
                            }
                        ),
                    },
                    "fields": _object({name: _field_schema(field) for name, field in fields.items()}),
                    "refusal": {"type": ["string", "null"], "enum": [*policies.refusals, None]},
                    "language": {"type": "string"},
                    "sentiment": {"type": "string", "enum": ["negative", "neutral", "positive"]},
                    "frustration": {"type": "number"},
                }
            ),
        },
    }


def parse_understanding(text: str, *, message: str, policies: PolicySet, now: datetime) -> Understanding:
    """The model's JSON as an ``Understanding``. Raises ``LanguageModelFailed(reason="garbage")``.

    A field value is kept only if the customer wrote it: a model may find an order number, not invent one.
    """
    failure = LanguageModelFailed("The language model gave an answer that cannot be used.", reason="garbage")
    try:
        reading = _Reading.model_validate_json(text)
    except ValidationError:
        reading = None
    if reading is None:
        raise failure
    fields = known_fields(policies)
    named = {guess.intent for guess in reading.intents}
    if not named <= policies.intents.keys() or not reading.fields.keys() <= fields.keys():
        raise failure
    if reading.refusal is not None and reading.refusal not in policies.refusals:
        raise failure
    return {
        "intents": _best_first(reading.intents),
        # What no intent has a field for is not asked of the model: an address, to know who somebody is.
        "fields": {name: value for name, value in extract_known(message, now=now).items() if name not in fields}
        | _said(reading.fields, specs=fields, message=message, now=now, currency=policies.currency),
        "refusal": reading.refusal,
        "language": reading.language,
        "sentiment": reading.sentiment,
        "frustration": reading.frustration,
        "engine": "openai",
    }


def occurs_in(value: str, message: str) -> bool:
    """Whether the customer wrote ``value``: as whole words, whatever the case and the width of the characters.

    For values without ``@`` separators may differ (``hp 10001`` for ``HP-10001``).
    """
    wanted, text = _folded(value), _folded(message)
    if "@" in wanted:
        return re.search(rf"(?<![\w.+-]){re.escape(wanted)}(?![\w-]|\.\w)", text) is not None
    characters = [re.escape(char) for char in wanted if char.isalnum()]
    if not characters:
        return False
    loosely = r"[\W_]{0,3}".join(characters)
    return re.search(rf"(?<![^\W_]){loosely}(?![^\W_])", text) is not None


def _best_first(guesses: list[_Guess]) -> list[IntentGuess]:
    best: dict[str, float] = {}
    for guess in guesses:
        best[guess.intent] = max(guess.confidence, best.get(guess.intent, 0.0))
    ranked = sorted(best.items(), key=lambda item: -item[1])
    return [{"intent": intent, "confidence": confidence} for intent, confidence in ranked]


def _said(
    values: Mapping[str, str | None], *, specs: Mapping[str, FieldSpec], message: str, now: datetime, currency: str
) -> dict[str, str]:
    """The values the customer wrote, in canonical form; others are dropped and will be asked for."""
    by_extractor = extract(message, list(specs.values()), now=now, currency=currency)
    said = {}
    for name, value in values.items():
        if not value or not value.strip():
            continue
        match specs[name].type:
            case "choice":
                # A choice is the pack's own word for what the customer said otherwise; only its list bounds it.
                folded = _folded(value)
                canonical = next((choice for choice in specs[name].choices if _folded(choice) == folded), None)
                is_written = True
            case "text":
                canonical, is_written = value.strip(), occurs_in(value, message)
            case "contact":
                canonical, is_written = contact(value), occurs_in(value, message)
            case "money":
                # "-20" and "20 EUR" hold a 20 as well, so an amount is only what the extractor reads in the message.
                canonical = money(value, currency=currency, bare=True)
                is_written = canonical == money(message, currency=currency, bare=True)
            case _:
                canonical = extract(value, [specs[name]], now=now, currency=currency).get(name)
                is_written = canonical == by_extractor.get(name) or occurs_in(value, message)
        if canonical is not None and is_written:
            said[name] = canonical
    return said


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _field_schema(field: FieldSpec) -> dict[str, Any]:
    if field.type == "choice":
        return {"type": ["string", "null"], "enum": [*field.choices, None]}
    return {"type": ["string", "null"]}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
