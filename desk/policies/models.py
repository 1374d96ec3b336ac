"""The shapes of a pack: what a business writes, as typed values.

Everything is frozen and refuses unknown keys. ``PolicySet`` is the whole pack after ``desk.policies.loader`` has
read and cross-checked it; nothing else in the product reads pack files.
"""

import re
from collections.abc import Mapping
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


class SystemReplies(PackModel):
    """Which template answers a situation that belongs to no intent. One field for each situation, each the name of a
    file in ``replies/``; the values each may use are listed in ``desk.policies.placeholders``."""

    ask_identification_email: str
    """The request needs to know who the customer is: asks for the e-mail address of the order."""
    ask_identification_order_number: str
    """The same, when no order number was said and the intent has no field that asks for it."""
    field_not_valid: str
    """What the customer wrote is not a value of the field; asks again."""
    record_not_found: str
    """No such record, or one of somebody else: one sentence for both, and for an e-mail that does not match."""
    clarify: str
    """Two or more requests are possible: asks which of the options is meant."""
    dont_know: str
    """No passage answers the question; a person is offered."""
    out_of_scope: str
    card_number_seen: str
    """Said in front of the reply when a card number was typed."""
    frustration_offer: str
    """Said in front of the reply when the customer is annoyed: a person is offered."""
    next_request: str
    """Leads over to the next request of a message with several."""
    already_escalated: str
    """The customer writes again while a person has the request."""
    turn_failed: str
    """Something broke and not even a ticket could be opened."""
    person_option: str
    """Quick reply that asks for a person. A plain label, not a template."""


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
    variant_field: str | None = None
    """``<record>.<result field>`` whose value may choose another template, e.g. ``order.status``."""
    variants: dict[str, str] = Field(default_factory=dict)
    """Value of ``variant_field`` → template; any other value gets ``template``."""
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
    """answer: from passages · workflow: with tools · social: a template alone · person: straight to a queue, and
    ``reply.template`` says what happens next."""
    title: str = ""
    """A few words the customer sees as an option when the assistant asks which request is meant."""


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
    derived_from: Identifier | None = None
    """Another field that gives the value when the field of the argument's own name was not said."""
    pattern: str = "{value}"
    """How the other field's value becomes this one's: ``INV-{value}``."""

    def value_from(self, fields: Mapping[str, str]) -> str | None:
        """The argument's value for a ``field`` source, or None when the customer has not said enough."""
        if self.name in fields:
            return fields[self.name]
        if self.derived_from is not None and self.derived_from in fields:
            return self.pattern.replace("{value}", fields[self.derived_from])
        return None


class ToolSpec(PackModel):
    """A tool of the pack: which operation of which system, at which risk. One entry of ``tools.yaml``."""

    name: Identifier
    title: str
    system: Literal["orders", "billing", "crm", "ticketing", "scheduling"]
    operation: Identifier
    risk: Literal["read", "write", "high"]
    level: Level
    record: Identifier = "result"
    """What a reply calls the result: its fields are the placeholders ``{<record>.<result field>}``."""
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
    reply_seconds: int = Field(ge=60)
    """The same promise for programs: ``eta_seconds`` of a hand-off."""


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


class PlaceholderText(PackModel):
    """A text with ``{placeholder}`` marks. Each is replaced once by a plain value; nothing is ever evaluated."""

    name: str
    text: str

    @cached_property
    def placeholders(self) -> frozenset[str]:
        return frozenset(re.findall(r"\{([a-z_][a-z0-9_.]*)\}", self.text))

    def render(self, values: dict[str, str]) -> str:
        """The text with its placeholders replaced. Raises ``KeyError`` for one that has no value."""
        return re.sub(r"\{([a-z_][a-z0-9_.]*)\}", lambda match: values[match.group(1)], self.text)


class Prompt(PlaceholderText):
    """A file of ``prompts/``: system instructions for a model."""


class ReplyTemplate(PlaceholderText):
    """A file of ``replies/``: what the customer reads."""


class Paraphrase(PackModel):
    """A held-out message and the intent it should be read as; ``oos`` means out of scope. Never trained on."""

    text: str
    intent: Identifier


Offset = Annotated[str, Field(pattern=r"^[+-]\d{1,4}d$")]
"""Days from the moment of seeding: ``-10d``, ``+3d``."""


class SeedCustomer(PackModel):
    id: Annotated[str, Field(pattern=r"^C-\d{4}$")]
    name: str
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    phone: Annotated[str, Field(pattern=r"^\+\d{8,15}$")]
    segment: Literal["standard", "vip"]
    locale: str


class SeedItem(PackModel):
    name: str
    quantity: int = Field(ge=1)
    price: int = Field(ge=0)
    """Of one piece, in minor units."""


class SeedOrder(PackModel):
    number: str
    customer_id: str
    status: Literal["processing", "shipped", "delivered", "cancelled"]
    total: int = Field(ge=0)
    """Minor units of the pack's currency; the items add up to it."""
    placed_at: Offset
    shipped_at: Offset | None = None
    delivered_at: Offset | None = None
    items: tuple[SeedItem, ...] = Field(min_length=1)


class SeedShipment(PackModel):
    order_number: str
    tracking_number: str | None = None
    carrier: str | None = None
    status: Literal["not_shipped", "in_transit", "delivered"]
    last_scan: str | None = None
    expected_at: Offset | None = None


class SeedInvoice(PackModel):
    number: str
    order_number: str
    total: int = Field(ge=0)
    issued_at: Offset
    payment_status: Literal["paid", "open", "refunded"]
    payment_method: str
    """Masked: "Visa ending in 4242"."""


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
    system_replies: SystemReplies
    intents: dict[str, Intent]
    refusals: dict[str, Refusal]
    tools: dict[str, ToolSpec]
    queues: dict[str, Queue]
    triggers: dict[str, Trigger]
    prompts: dict[str, Prompt]
    replies: dict[str, ReplyTemplate]
    articles: dict[str, Article]
    seed: dict[str, list[dict[str, Any]]]
    """``customers``, ``orders`` …: rows for the reference systems (``--demo`` only); times are offsets (``-10d``)."""
    paraphrases: tuple[Paraphrase, ...] = ()
    """``checks/paraphrases.yaml``: measures the classifier, never trains it."""
