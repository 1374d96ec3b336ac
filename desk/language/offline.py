"""The language engine that needs no model and no network: trained on the pack, exact in its fields, extractive.

It is also what answers when the model provider fails, so nothing here may fail for any input.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from desk.domain.clock import now
from desk.domain.passages import Passage
from desk.language.classifier import IntentClassifier, Prediction
from desk.language.engine import AnswerPart, IntentGuess, TurnContext, Understanding
from desk.language.extractive import answer_parts
from desk.language.fields import extract, extract_known
from desk.language.language_id import language_of
from desk.language.requests import clauses_of
from desk.language.sentiment import mood
from desk.policies.models import FieldSpec, PolicySet

MAX_REQUESTS = 3
SECOND_REQUEST_CONFIDENCE = 0.6
"""A clause beside the main request must be this clear to count as a request of its own."""
ASKED_VALUE_CONFIDENCE = 0.97
"""The assistant asked for a value and got exactly that: the request stays what it was."""
REFUSAL_CONFIDENCE = 0.5

_REFUSAL = "refusal:"
_FILLER = re.compile(
    r"\b(?:it|is|it's|its|my|the|a|here|you|go|sure|yes|ok|okay|order|invoice|number|no|nr|email|e-mail|mail|address|date"
    r"|please|thanks|thank|sorry|i|think|was|this|that|one|hi|hello|of|course|and|for|on|at|from)\b|[^\w]",
    re.IGNORECASE,
)
_VALUE = re.compile(r"\S*[@\d]\S*")


@dataclass(frozen=True, kw_only=True)
class OfflineEngine:
    """A ``LanguageEngine`` of one pack. Make it with ``from_policies``."""

    policies: PolicySet
    classifier: IntentClassifier
    name: str = "offline"

    @classmethod
    def from_policies(cls, policies: PolicySet) -> "OfflineEngine":
        """Train on the examples of the pack's intents and refusals; well under a second for a thousand examples."""
        examples = [(text, intent.id) for intent in policies.intents.values() for text in intent.examples]
        examples += [
            (text, _REFUSAL + refusal.id) for refusal in policies.refusals.values() for text in refusal.examples
        ]
        classifier = IntentClassifier().fit([text for text, _ in examples], [label for _, label in examples])
        return cls(policies=policies, classifier=classifier)

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        """Intents, fields, language and mood of a message, in a few milliseconds. Never fails."""
        whole = self.classifier.predict(message)
        refusal = self._refusal(whole)
        guesses: list[IntentGuess] = []
        if refusal is None:
            guesses = self._kept_request(message, whole, context) or self._requests(message, whole)
        feeling = mood(message)
        return Understanding(
            intents=guesses,
            fields=self._fields(message, guesses, context),
            refusal=refusal,
            language=language_of(message, default=context.locale[:2].lower() or "en"),
            sentiment=feeling.sentiment,
            frustration=feeling.frustration,
            engine=self.name,
        )

    async def answer(
        self, question: str, *, passages: Sequence[Passage], context: TurnContext
    ) -> AsyncIterator[AnswerPart]:
        """Sentences of the best passage, word for word. Nothing when no passage answers the question."""
        for part in answer_parts(question, passages):
            yield part

    def _refusal(self, prediction: Prediction) -> str | None:
        refused = prediction.label.startswith(_REFUSAL) and prediction.confidence >= REFUSAL_CONFIDENCE
        return prediction.label.removeprefix(_REFUSAL) if refused and prediction.in_scope else None

    def _requests(self, message: str, whole: Prediction) -> list[IntentGuess]:
        """The requests of a message: each clear clause, or the message as a whole."""
        clauses = clauses_of(message)
        found: dict[str, float] = {}
        if len(clauses) > 1:
            for clause in clauses:
                part = self.classifier.predict(clause)
                clear = part.in_scope and part.confidence >= SECOND_REQUEST_CONFIDENCE
                if clear and part.label in self.policies.intents:
                    found[part.label] = max(part.confidence, found.get(part.label, 0.0))
        if len(found) < 2:
            guess = self._best_intent(whole)
            found = {guess["intent"]: guess["confidence"]} if guess and whole.in_scope else found
        working = {intent for intent in found if self.policies.intents[intent].handling != "social"}
        # "Hi, thanks! Where is my order?" is one request: courtesies count only when there is nothing else.
        kept = [
            IntentGuess(intent=intent, confidence=found[intent]) for intent in found if intent in (working or found)
        ]
        return sorted(kept, key=lambda guess: -guess["confidence"])[:MAX_REQUESTS]

    def _best_intent(self, prediction: Prediction) -> IntentGuess | None:
        for label, probability in prediction.ranked:
            if label in self.policies.intents:
                return IntentGuess(intent=label, confidence=probability)
        return None

    def _kept_request(self, message: str, whole: Prediction, context: TurnContext) -> list[IntentGuess] | None:
        """The active request, when the message is just the value the assistant asked for."""
        spec = self._asked(context)
        if spec is None or context.active_intent is None:
            return None
        if spec.type in ("text", "choice"):
            other = whole.in_scope and whole.confidence >= SECOND_REQUEST_CONFIDENCE
            answers = not (other and whole.label != context.active_intent)
            if spec.type == "choice":
                answers = bool(extract(message, [spec], now=now()))
        else:
            left = _FILLER.sub(" ", _VALUE.sub(" ", message))
            answers = bool(extract(message, [spec], now=now())) and not (
                left.split() and whole.in_scope and len(left.split()) > 2
            )
        return [IntentGuess(intent=context.active_intent, confidence=ASKED_VALUE_CONFIDENCE)] if answers else None

    def _asked(self, context: TurnContext) -> FieldSpec | None:
        intent = self.policies.intents.get(context.active_intent or "")
        return next((spec for spec in intent.fields if spec.name == context.asked_field), None) if intent else None

    def _fields(self, message: str, guesses: Sequence[IntentGuess], context: TurnContext) -> dict[str, str]:
        moment = now()
        fields = extract_known(message, now=moment)
        wanted = {guess["intent"] for guess in guesses} | {context.active_intent}
        for intent in self.policies.intents.values():
            if intent.id in wanted:
                fields |= extract(message, intent.fields, now=moment)
        asked = self._asked(context)
        kept = bool(guesses) and guesses[0]["intent"] == context.active_intent
        if asked is not None and asked.type == "text" and kept and message.strip():
            fields[asked.name] = message.strip()
        return fields
