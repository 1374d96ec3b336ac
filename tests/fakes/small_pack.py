"""A pack of two intents and one refusal, for tests of engines that do not need the sample pack."""

from typing import Any

from desk.domain.passages import Passage
from desk.policies.models import (
    Assistant,
    Completion,
    FieldSpec,
    Intent,
    OptionSource,
    PolicySet,
    Prompt,
    Refusal,
    ReplyStyle,
    Thresholds,
)

UNDERSTAND = "You read messages for {assistant.name} of {shop.name}.\n{intents}\nNever:\n{refusals}\nFields:\n{fields}"
ANSWER = "You are {assistant.name} of {shop.name}. Answer from the passages only. Never:\n{refusals}"


def small_pack(*, understand: str = UNDERSTAND, answer: str = ANSWER) -> PolicySet:
    """Intents ``track_order``, with fields of several types, and ``returns_policy``; refusal ``legal_advice``."""
    fields = (
        FieldSpec(name="order_number", type="order_number", question="Which order?"),
        FieldSpec(name="email", type="email", question="Which e-mail address?"),
        FieldSpec(name="reason", type="choice", question="Why?", choices=("damaged", "wrong_item"), required=False),
        FieldSpec(name="note", type="text", question="What else?", required=False),
        FieldSpec(name="amount", type="money", question="How much?", required=False),
        FieldSpec(
            name="slot",
            type="option",
            question="When?",
            required=False,
            options=OptionSource(tool="list_slots", items="slots", value="slot_id", label="{at}", none_left="none"),
        ),
    )
    # Engines read these parts of a pack only; the loader's own tests check whole ones.
    parts: dict[str, Any] = dict(  # noqa: C408
        title="Test Shop",
        locale="en",
        currency="USD",
        version="0123456789ab",
        assistant=Assistant(name="Robin", disclosure="I am an automated assistant."),
        thresholds=Thresholds(
            intent_confidence=0.5,
            passage_confidence=0.5,
            unclear_passage_confidence=0.6,
            clarifying_attempts=2,
            frustration=0.7,
        ),
        intents={
            "track_order": _intent("track_order", "Where is my parcel and when does it arrive?", fields=fields),
            "returns_policy": _intent("returns_policy", "Can I send something back and until when?"),
        },
        refusals={
            "legal_advice": Refusal(
                id="legal_advice", description="Asks for legal advice.", examples=("Can I sue you?",) * 6,
                queue="care", priority="high", template="refused",
            )
        },
        prompts={
            "understand": Prompt(name="understand", text=understand),
            "answer": Prompt(name="answer", text=answer),
        },
    )  # fmt: skip
    return PolicySet.model_construct(**parts)


def small_passages() -> list[Passage]:
    """Two passages about returns."""
    texts = {
        "window": "You can return an item within 30 days of delivery. The parcel must be in its original box.",
        "costs": "Return shipping is free in the United States.",
    }
    return [
        Passage(
            chunk_id=f"returns@1.0#{slug}", article="returns", version="1.0", title="Returns", heading=slug.title(),
            area="returns", text=text, score=0.9,
        )
        for slug, text in texts.items()
    ]  # fmt: skip


def _intent(name: str, description: str, *, fields: tuple[FieldSpec, ...] = ()) -> Intent:
    return Intent.model_construct(
        id=name, description=description, examples=(description,) * 12, fields=fields,
        completion=Completion(when="answered"), queue="care", areas=("returns",),
        reply=ReplyStyle(style="passages"), handling="answer",
    )  # fmt: skip
