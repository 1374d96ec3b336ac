"""The shapes of a pack: what a business writes, as typed values.

Everything is frozen and refuses unknown keys. ``PolicySet`` is the whole pack after ``desk.policies.loader`` has
read and cross-checked it; nothing else in the product reads pack files.
"""

import re
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Level = Literal[0, 1, 2]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,47}$")]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as exc:
        raise ValueError(f"is not a valid regular expression: {exc}") from exc
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class PackModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Assistant(PackModel):
    """How the assistant speaks of itself (R1.6)."""

    name: str
    disclosure: str
    """Shown when a conversation starts: an automated assistant, what it can do, how to reach a person."""


class Thresholds(PackModel):
    """Operating points. Probabilities, 0..1."""

    intent_confidence: float = Field(gt=0, lt=1)
    """Below this the assistant asks what is meant."""
    passage_confidence: float = Field(gt=0, lt=1)
    """Below this the assistant says it does not know."""
    clarifying_attempts: int = Field(ge=1, le=5)
    """So many clarifying questions in a row, then a person."""
    frustration: float = Field(gt=0, le=1)
    """Above this a person is offered."""


class FieldSpec(PackModel):
    """A value an intent needs from the customer."""

    name: Identifier
    type: Literal["order_number", "invoice_number", "email", "text", "date", "choice"]
    question: str
    """Asked when the value is missing; one question for each field."""
    required: bool = True
    choices: tuple[str, ...] = ()


class AllowedAction(PackModel):
    tool: Identifier


class Completion(PackModel):
    """When the request counts as done."""

    when: Literal["answered", "tool_succeeded", "customer_confirms", "handed_off"]
    ask: str | None = None
    """What to ask at the end, e.g. "Is there anything else about this order?"."""


class ReplyStyle(PackModel):
    style: Literal["template", "passages"]
    template: str | None = None
    """Name of a file in ``replies/``; needed for ``template``."""
    quick_replies: tuple[str, ...] = ()


class Intent(PackModel):
    """One thing customers ask for (R1.2). One file in ``intents/``."""

    id: Identifier
    description: str
    examples: tuple[str, ...] = Field(min_length=12)
    fields: tuple[FieldSpec, ...] = ()
    actions: tuple[AllowedAction, ...] = ()
    level: Level = 0
    """Assurance level needed before anything personal is read or done."""
    completion: Completion
    escalate_when: tuple[Identifier, ...] = ()
    """Ids of triggers in ``escalation.yaml`` that apply besides the general ones."""
    queue: Identifier
    areas: tuple[Identifier, ...] = ()
    """Knowledge areas searched for this intent."""
    reply: ReplyStyle
    handling: Literal["answer", "workflow", "social", "person"]
    """answer: from passages · workflow: with tools · social: a template alone · person: straight to a queue."""


class Refusal(PackModel):
    """A subject the assistant never answers (R1.4)."""

    id: Identifier
    description: str
    patterns: tuple[Pattern, ...] = ()
    """Case-insensitive regular expressions; one match is enough."""
    examples: tuple[str, ...] = Field(min_length=6)
    counterexamples: tuple[str, ...] = ()
    """Harmless messages that look alike; a pattern that matches one is a pack error."""
    queue: Identifier
    priority: Literal["normal", "high", "urgent"]
    template: str


class ToolArgument(PackModel):
    name: Identifier
    type: Literal["order_number", "invoice_number", "text"]
    source: Literal["field", "session"]
    """field: said by the customer and validated · session: the authenticated customer, never text."""


class ToolSpec(PackModel):
    """A tool of the pack: which operation of which system, at which risk. One entry of ``tools.yaml``."""

    name: Identifier
    title: str
    system: Literal["orders", "billing", "crm", "ticketing", "scheduling"]
    operation: Identifier
    risk: Literal["read", "write", "high"]
    level: Level
    arguments: tuple[ToolArgument, ...]
    result_fields: tuple[str, ...]
    """The only fields of the result the graph may see."""


class Queue(PackModel):
    id: Identifier
    title: str
    hours: str
    """Shown to the customer, e.g. "Monday to Friday, 9:00 to 18:00 Eastern Time"."""
    reply_within: str
    """Shown to the customer, e.g. "one business day"."""


class Trigger(PackModel):
    """When the conversation leaves the bot. One entry of ``escalation.yaml``."""

    id: Identifier
    on: Literal[
        "customer_asks", "low_confidence", "field_not_collected", "no_answer", "conflict", "refusal", "tool_failed",
        "frustration", "high_risk_words", "intent_needs_person", "identification_failed", "turn_failed",
    ]  # fmt: skip
    queue: Identifier | None = None
    """None: the intent's own queue."""
    priority: Literal["normal", "high", "urgent"]
    template: str
    words: tuple[str, ...] = ()
    """For ``high_risk_words``: words or phrases, matched as whole words."""


class Article(PackModel):
    """One knowledge article (R4.1): front matter and Markdown body."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,63}$")]
    title: str
    area: Identifier
    owner: str
    review_cadence: Annotated[str, Field(pattern=r"^\d{1,3}[dmy]$")]
    next_review: date
    version: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    status: Literal["draft", "in_review", "approved", "published", "retired"]
    effective: date
    expires: date | None = None
    audience: Literal["public", "customer", "internal"] = "public"
    channels: tuple[str, ...] = ()
    locale: str = "en"
    source: str
    body: str
    path: str
    """File inside the pack, for the audit from answer to file."""


class Prompt(PackModel):
    name: str
    text: str


class ReplyTemplate(PackModel):
    """A file of ``replies/``. ``{placeholder}`` is replaced once by a plain value; nothing is ever evaluated."""

    name: str
    text: str

    @cached_property
    def placeholders(self) -> frozenset[str]:
        return frozenset(re.findall(r"\{([a-z_][a-z0-9_.]*)\}", self.text))

    def render(self, values: dict[str, str]) -> str:
        """The text with its placeholders replaced. Raises ``KeyError`` for one that has no value."""
        return re.sub(r"\{([a-z_][a-z0-9_.]*)\}", lambda match: values[match.group(1)], self.text)


class PolicySet(PackModel):
    """A whole pack, checked. ``version`` is a hash of every file, so equal versions mean equal rules."""

    name: str
    title: str
    locale: str
    currency: str
    timezone: str
    label: str
    """The version its owner gave it, e.g. 2026.11.1."""
    version: str
    """First 12 hex digits of the SHA-256 over all files."""
    assistant: Assistant
    thresholds: Thresholds
    intents: dict[str, Intent]
    refusals: dict[str, Refusal]
    tools: dict[str, ToolSpec]
    queues: dict[str, Queue]
    triggers: dict[str, Trigger]
    prompts: dict[str, Prompt]
    replies: dict[str, ReplyTemplate]
    articles: dict[str, Article]
    seed: dict[str, list[dict[str, Any]]]
    """``customers``, ``orders`` …: rows for the reference systems (``--demo`` only); dates are offsets like ``-10d``."""
