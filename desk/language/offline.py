"""The language engine that needs no model and no network: trained on the pack, exact in its fields, extractive.

It is also what answers when the model provider fails, so nothing here may fail for any input.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from desk.domain.clock import now
from desk.domain.passages import Passage
from desk.language.classifier import IntentClassifier, Prediction
from desk.language.engine import AnswerPart, IntentGuess, TurnContext, Understanding
from desk.language.extractive import answer_parts
from desk.language.fields import extract, extract_known
from desk.language.language_id import language_of
from desk.language.requests import clauses_of, is_request
from desk.language.sentiment import mood
from desk.policies.models import FieldSpec, PolicySet

MAX_REQUESTS = 3
MAX_READINGS = 3
SECOND_REQUEST_CONFIDENCE = 0.6
"""A clause beside the main request must be this clear to count as a request of its own."""
ASKED_VALUE_CONFIDENCE = 0.97
"""The assistant asked for a value and got exactly that: the request stays what it was."""
REFUSAL_CONFIDENCE = 0.5
MAX_FURTHER_WORDS = 2
"""Words beside the value asked for, fillers not counted, that still make a plain answer."""

_IDENTIFYING = {
    "email": FieldSpec(name="email", type="email", question="Which e-mail address?"),
    "order_number": FieldSpec(name="order_number", type="order_number", question="Which order?"),
}
"""What any intent may ask for to find out who the customer is, besides its own fields."""

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
    def from_policies(cls, policies: PolicySet, *, folder: Path | None = None) -> "OfflineEngine":
        """Trained on the examples of the pack's intents and refusals; some seconds for some thousand examples.

        What was learned is kept in ``folder``, so that the next start takes less than one.
        """
        examples = [(text, intent.id) for intent in policies.intents.values() for text in intent.examples]
        examples += [
            (text, _REFUSAL + refusal.id) for refusal in policies.refusals.values() for text in refusal.examples
        ]
        from threadpoolctl import threadpool_limits

        # One thread: on a busy machine the threads of a product this small wait for each other many times longer.
        with threadpool_limits(limits=1):
            classifier = IntentClassifier().fit(
                [text for text, _ in examples], [label for _, label in examples], folder=folder
            )
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
        """The requests of a message, in their order: each clear clause, or the message as a whole."""
        clauses = clauses_of(message)
        found: dict[str, IntentGuess] = {}
        for clause in clauses if clauses != [message] else []:
            part = self.classifier.predict(clause)
            clear = part.in_scope and part.confidence >= SECOND_REQUEST_CONFIDENCE
            if clear and part.label in self.policies.intents and part.label not in found:
                found[part.label] = IntentGuess(intent=part.label, confidence=part.confidence, text=clause)
        if len(found) < 2 and whole.in_scope and not (found and self._is_social(whole.label)):
            return self._readings(whole)
        working = {intent for intent in found if not self._is_social(intent)}
        # "Hi, thanks! Where is my order?" is one request: courtesies count only when there is nothing else.
        return [found[intent] for intent in found if intent in (working or found)][:MAX_REQUESTS]

    def _is_social(self, label: str) -> bool:
        intent = self.policies.intents.get(label)
        return intent is not None and intent.handling == "social"

    def _readings(self, prediction: Prediction) -> list[IntentGuess]:
        """The intent of a message with one request; when that is not sure, what a clarifying question can offer."""
        ranked = [(label, chance) for label, chance in prediction.ranked if label in self.policies.intents]
        sure = bool(ranked) and ranked[0][1] >= self.policies.thresholds.intent_confidence
        kept = ranked[: 1 if sure else MAX_READINGS]
        return [IntentGuess(intent=label, confidence=chance) for label, chance in kept]

    def _kept_request(self, message: str, whole: Prediction, context: TurnContext) -> list[IntentGuess] | None:
        """The active request, when the message is just the value the assistant asked for."""
        spec = self._asked(context)
        if spec is None or context.active_intent is None:
            return None
        if spec.type in ("text", "contact"):
            other = whole.in_scope and whole.label != context.active_intent and is_request(message)
            answers = not other and not self._wants_person(whole) and self._asked_value(message, spec) is not None
        else:
            rest = _FILLER.sub(" ", _VALUE.sub(" ", message)).split()
            answers = self._asked_value(message, spec) is not None and (
                len(rest) <= MAX_FURTHER_WORDS or not whole.in_scope
            )
        return [IntentGuess(intent=context.active_intent, confidence=ASKED_VALUE_CONFIDENCE)] if answers else None

    def _asked(self, context: TurnContext) -> FieldSpec | None:
        """The field that was asked for: the intent's own, or one of the two that tell who the customer is."""
        intent = self.policies.intents.get(context.active_intent or "")
        if intent is None:
            return None
        own = next((spec for spec in intent.fields if spec.name == context.asked_field), None)
        return own or _IDENTIFYING.get(context.asked_field or "")

    def _wants_person(self, prediction: Prediction) -> bool:
        intent, triggers = self.policies.intents.get(prediction.label), self.policies.triggers
        sure = prediction.in_scope and prediction.confidence >= self.policies.thresholds.intent_confidence
        named = [triggers[name] for name in intent.escalate_when if name in triggers] if intent and sure else []
        return any(trigger.on == "customer_asks" for trigger in named)

    def _fields(self, message: str, guesses: Sequence[IntentGuess], context: TurnContext) -> dict[str, str]:
        moment = now()
        fields = extract_known(message, now=moment)
        wanted = {guess["intent"] for guess in guesses} | {context.active_intent}
        for intent in self.policies.intents.values():
            if intent.id in wanted:
                fields |= extract(message, intent.fields, now=moment, currency=self.policies.currency)
        asked = self._asked(context)
        kept = bool(guesses) and guesses[0]["intent"] == context.active_intent
        if asked is not None and kept and (value := self._asked_value(message, asked)) is not None:
            fields[asked.name] = value
        return fields

    def _asked_value(self, message: str, spec: FieldSpec) -> str | None:
        """The value of a field in the answer to its question; there "sure, 10001" is enough."""
        for text in (message, " ".join(_VALUE.findall(message))):
            found = extract(text, [spec], now=now(), currency=self.policies.currency, asked=spec.name)
            if spec.name in found:
                return found[spec.name]
        return None
