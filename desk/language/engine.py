"""What every language engine does: understand a message, and answer from passages.

An engine proposes; it never decides what may be done. Implementations: ``offline`` (a classifier trained on the
pack's examples, typed extractors, extractive answers), ``openai`` (any server of the OpenAI protocol) and
``fallback`` (the second until it fails, then the first).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NotRequired, Protocol, TypedDict

from desk.domain.passages import Passage

Sentiment = Literal["negative", "neutral", "positive"]


class IntentGuess(TypedDict):
    """One request found in a message."""

    intent: str
    """Id of an intent of the pack."""
    confidence: float
    """Calibrated probability (0..1) that this is what the customer wants."""
    text: NotRequired[str]
    """The customer's words for this request, when the message holds others besides."""


class Understanding(TypedDict):
    """Everything one call says about one message."""

    intents: list[IntentGuess]
    """Several requests of one message in their order, else readings of the one request, best first; empty when the
    message is out of scope."""
    fields: dict[str, str]
    """Typed values found in the text, by field name (``order_number``, ``email`` …), in canonical form."""
    refusal: str | None
    """Id of the refusal rule the engine thinks applies (the pack's patterns are checked besides)."""
    language: str
    """ISO 639-1 code."""
    sentiment: Sentiment
    frustration: float
    """0 calm … 1 furious."""
    engine: str
    """Which engine said so: ``offline`` or ``openai``."""


@dataclass(frozen=True, kw_only=True)
class TurnContext:
    """What an engine may know beside the message. No personal data, no identifiers of the customer."""

    active_intent: str | None = None
    """The request being worked on, so that a bare answer ("HP-10001") can be read."""
    asked_field: str | None = None
    """The field the assistant asked for in its last reply."""
    previous_messages: tuple[str, ...] = field(default=())
    """Up to six earlier messages, oldest first, each prefixed ``customer: `` or ``assistant: ``."""
    locale: str = "en"


class AnswerPart(TypedDict):
    """A sentence (or list item) of an answer with what it stands on."""

    text: str
    """Ends with its own white space; the parts joined are the answer."""
    chunk_ids: list[str]
    restart: bool
    """True: forget every earlier part, the answer starts again (another engine took over)."""


class LanguageEngine(Protocol):
    """The language side of a turn. Both methods raise ``LanguageModelFailed`` when the provider fails."""

    @property
    def name(self) -> str:
        """``offline``, ``openai`` or ``fallback``."""
        ...

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        """Intent, confidence, fields, language and sentiment of a message, in one call."""
        ...

    def answer(self, question: str, *, passages: Sequence[Passage], context: TurnContext) -> AsyncIterator[AnswerPart]:
        """The answer taken from the passages, part by part. No parts: the passages do not answer the question."""
        ...
