"""The shapes of a pack: what a business writes, as typed values.

Everything is frozen and refuses unknown keys. ``PolicySet`` is the whole pack after ``desk.policies.loader`` has
read and cross-checked it; nothing else in the product reads pack files.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from desk.domain.contact import Factor
from desk.policies.base import ArgumentType as ArgumentType
from desk.policies.base import Identifier as Identifier
from desk.policies.base import PackModel as PackModel
from desk.policies.systems import SystemSpec

Level = Literal[0, 1, 2]
ARTICLE_ID = r"^[a-z][a-z0-9-]{1,63}$"
ARTICLE_VERSION = r"^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$"


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as exc:
        raise ValueError(f"is not a valid regular expression: {exc}") from exc
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


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
    unclear_passage_confidence: float = Field(gt=0, lt=1)
    """The same for a question whose intent is unclear: below this the assistant asks what is meant."""
    clarifying_attempts: int = Field(ge=1, le=5)
    """So many clarifying questions in a row, then a person."""
    frustration: float = Field(gt=0, le=1)
    """Above this a person is offered."""


class FactorRule(PackModel):
    """A way to send a one-time code, and what it suffices for. The first that suffices and can be used is taken."""

    factor: Factor
    up_to: int | None = Field(default=None, ge=0)
    """Largest amount it suffices for, in minor units of the pack's currency; none: any amount."""
    except_tools: tuple[Identifier, ...] = ()
    """Tools it never suffices for."""


class StepUpTemplates(PackModel):
    """Which template of ``replies/`` a message with a code is written with."""

    email_subject: str
    """A plain line, not a template: mail programs show it on locked screens, so nothing personal."""
    email: str
    email_with_link: str
    """The same when the server knows its public address, with ``{link}`` to a page that does without the code."""
    sms: str


class StepUpPolicy(PackModel):
    """How customers prove who they are before a sensitive action (R5.1)."""

    code_minutes: int = Field(default=10, ge=1, le=60)
    """How long a code is valid."""
    attempts: int = Field(default=5, ge=1, le=10)
    """Codes that may be tried for one challenge."""
    failures_per_day: int = Field(default=50, ge=5, le=100)
    """Codes of one customer that may be wrong in a day, over all challenges; then no more is sent."""
    sends: int = Field(default=3, ge=1, le=10)
    """Codes sent within ``sends_minutes`` to one customer, to one address, for one conversation."""
    sends_minutes: int = Field(default=10, ge=1, le=1440)
    valid_minutes: int = Field(default=15, ge=1, le=1440)
    """How long a verification counts; older, it has to be given again."""
    hold_days: int = Field(default=7, ge=0, le=90)
    """After a change of address or number, codes go to the old one for so long."""
    refused_prefixes: tuple[Annotated[str, Field(pattern=r"^\+\d{1,14}$")], ...] = ()
    """Beginnings of phone numbers that nothing is ever sent to: premium and satellite ranges."""
    factors: tuple[FactorRule, ...] = Field(min_length=1)
    templates: StepUpTemplates


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
    verification_sent: str
    """A one-time code was sent; the customer may type it."""
    """The code has to be typed once more."""
    verification_wrong: str
    verification_expired: str
    verification_used_up: str
    """Too many wrong codes for this request."""
    verification_too_many: str
    """No further code is sent for a while."""
    confirmation_unclear: str
    """Neither yes nor no: asks again."""
    not_confirmed: str
    """The customer said no; nothing was done."""
    changed_meanwhile: str
    """The facts changed since the customer or an approver agreed; what follows asks again."""
    awaiting_approval: str
    approval_rejected: str
    approval_expired: str
    approval_question: str
    """An approver asks the customer something; the request stays open."""
    withdrawn: str
    """The customer stopped a request that waited."""
    too_late_to_stop: str
    nothing_to_stop: str
    taken_back: str
    """Staff took an action back."""
    not_taken_back: str
    action_refused: str
    """The business system refuses and the tool names no reply of its own for the reason."""
    notice_subject: str
    """Subject of an e-mail about a decision. A plain line, not a template: it shows on locked screens."""
    person_option: str
    """Quick reply that asks for a person. A plain label, not a template."""
    yes_option: str
    no_option: str
    """Quick replies of a confirmation. Plain labels."""


class Phrases(PackModel):
    """Whole messages that count as a word of consent; compared without case, punctuation and spaces around them.

    Only these confirm or stop an action: no model's reading of a message does.
    """

    yes: tuple[str, ...] = Field(min_length=1)
    no: tuple[str, ...] = Field(min_length=1)
    stop: tuple[str, ...] = Field(min_length=1)
    """Stops whatever waits for the customer or for an approver."""


class Condition(PackModel):
    """One comparison of a value known when an action is decided on; several are joined by *and*.

    ``value`` is a path: ``amount`` (of the call), ``daily_total`` (this customer's amounts of this tool in 24 hours
    that ran without an approver, this call included), ``argument.<name>``, ``fact.<field of the quote>`` or
    ``signal.<name>``. Money is compared in minor units.
    """

    value: Annotated[str, Field(pattern=r"^(amount|daily_total|(argument|fact|signal)\.[a-z][a-z0-9_.]*)$")]
    above: int | None = None
    at_most: int | None = None
    equals: str | int | bool | None = None
    one_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


Signal = Literal["actions_30_days", "contact_changed_days", "country_mismatch"]
"""Signs of fraud: this tool's runs for the customer in 30 days; days since contact details changed; orders that went
to another country than the home address."""


class OptionSource(PackModel):
    """Where the choices of an ``option`` field come from: a business system, so the value is never the customer's."""

    tool: Identifier
    """A read tool; its own arguments come from the session and from fields asked before."""
    items: Identifier
    """The result field that holds the list."""
    value: Identifier
    """The item's field that becomes the field's value."""
    label: str
    """What the customer sees, with the item's fields as placeholders: ``{starts_at} in {place}``."""
    none_left: str
    """Template said when the list is empty."""


class FieldSpec(PackModel):
    """A value an intent needs from the customer."""

    name: Identifier
    type: Literal["order_number", "invoice_number", "email", "text", "date", "choice", "money", "contact", "option"]
    """contact: a new e-mail address, telephone number, name or postal address, read from the answer to its question."""
    question: str
    """Asked when the value is missing; one question for each field. An option's choices follow it as quick replies."""
    required: bool = True
    is_lasting: bool = False
    """What was said for an earlier request counts for the next one as well, as e-mail address and numbers always do."""
    choices: tuple[str, ...] = ()
    """The canonical words of a ``choice``."""
    synonyms: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Choice → other words customers use for it."""
    options: OptionSource | None = None


class AllowedAction(PackModel):
    tool: Identifier
    up_to: int | None = Field(default=None, gt=0)
    """Limit of the call's amount for this intent, in minor units; more goes to a person."""


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
    type: ArgumentType
    source: Literal["field", "session", "constant"]
    """field: said by the customer and validated, or an option a system offered · session: the authenticated customer,
    never text · constant: the pack's."""
    derived_from: Identifier | None = None
    """Another field that gives the value when the field of the argument's own name was not said."""
    pattern: str = "{value}"
    """How the other field's value becomes this one's: ``INV-{value}``."""
    default_fact: str | None = None
    """For money: the field of the quote that is the amount when the customer named none."""
    at_most_fact: str | None = None
    """For money: the field of the quote that bounds the amount, whoever named it."""
    out_of_bounds: str | None = None
    """For money: template said when the amount is above that."""
    constant: str | None = None

    def value_from(self, fields: Mapping[str, str]) -> str | None:
        """The argument's value for a ``field`` source, or None when the customer has not said enough."""
        if self.source == "constant":
            return self.constant
        if self.name in fields:
            return fields[self.name]
        if self.derived_from is not None and self.derived_from in fields:
            return self.pattern.replace("{value}", fields[self.derived_from])
        return None


class Requirement(Condition):
    """A condition without which a tool does not run, and what happens instead. Exactly one of the two is given."""

    reply: str | None = None
    """Template that says why not; it may use the facts."""
    trigger: Identifier | None = None
    """Trigger of ``escalation.yaml``: a person decides."""


class Compensation(PackModel):
    """How an action is taken back (R5.7)."""

    tool: Identifier
    arguments: dict[str, str] = Field(default_factory=dict)
    """Argument of that tool → ``argument.<name>`` or ``result.<field>`` of the action to be taken back."""


class ToolSpec(PackModel):
    """A tool of the pack: which operation of which system, at which risk. One entry of ``tools.yaml``."""

    name: Identifier
    title: str
    """What it does, for customers, staff and codes: "Refund an order"."""
    system: Identifier
    operation: Identifier
    risk: Literal["read", "write", "high"]
    level: Level
    record: Identifier = "result"
    """What a reply calls the result: its fields are the placeholders ``{<record>.<result field>}``."""
    arguments: tuple[ToolArgument, ...]
    result_fields: tuple[str, ...]
    """The only fields of the result the graph may see."""
    quote: Identifier | None = None
    """Read tool with the same arguments that gives the facts: shown to the customer and the approver, and read again
    before every step towards the effect."""
    requires: tuple[Requirement, ...] = ()
    confirm: str | None = None
    """Template that asks the customer for a yes in plain words. Needed by every tool that writes."""
    amount: Identifier | None = None
    """The money argument that thresholds and limits look at."""
    editable: tuple[Identifier, ...] = ()
    """Money arguments an approver may lower."""
    refused: dict[str, str] = Field(default_factory=dict)
    """Reason of a system's refusal (``already_shipped`` …) → template."""
    compensation: Compensation | None = None
    irreversible: str | None = None
    """Why there is no compensation. A tool that writes has one of the two."""


class ApprovalRule(PackModel):
    """When an action waits for a person (R5.3). One entry of ``approvals.yaml``; a value that is unknown counts as
    fulfilled, so a failing system asks for a person rather than letting the action pass."""

    id: Identifier
    tools: tuple[Identifier, ...] = Field(min_length=1)
    when: tuple[Condition, ...] = ()
    """All of them; none: always."""
    why: str
    """One sentence for the approver."""
    roles: tuple[Literal["approver", "supervisor", "admin"], ...] = ("approver", "supervisor")
    people: int = Field(default=1, ge=1, le=2)
    """So many different people have to agree."""
    expires_minutes: int = Field(default=1440, ge=1)


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
        "policy_exception", "action_unknown", "verification_failed",
    ]  # fmt: skip
    queue: Identifier | None = None
    """None: the intent's own queue."""
    priority: Literal["normal", "high", "urgent"]
    template: str
    words: tuple[str, ...] = ()
    """For ``high_risk_words``: words or phrases, matched as whole words."""


class ReviewPolicy(PackModel):
    """What happens around an article's next review date (R4.2)."""

    remind_days: int = Field(default=14, ge=0)
    """So many days before it is due, its owner is reminded."""
    grace_days: int = Field(default=30, ge=0)
    """So many days after the date, the article counts as overdue."""
    overdue: Literal["use", "withhold"] = "use"
    """Whether answers may still be taken from an overdue article."""


class ContentOwner(PackModel):
    """Who looks after articles; ``Article.owner`` names one."""

    email: str | None = None
    queue: Identifier | None = None
    """Where content tickets for this owner go; None: the policy's queue."""


class KnowledgePolicy(PackModel):
    """How content is governed (R4.1, R4.2, R4.5)."""

    queue: Identifier | None = None
    """Where content tickets go; None: the first queue."""
    approve: tuple[Literal["knowledge_owner", "supervisor", "admin"], ...] = ("knowledge_owner", "supervisor")
    """Roles that may publish what somebody else wrote."""
    force: tuple[Literal["knowledge_owner", "supervisor", "admin"], ...] = ("supervisor",)
    """Roles that may publish in spite of a contradiction."""
    review: ReviewPolicy = ReviewPolicy()
    owners: dict[str, ContentOwner] = Field(default_factory=dict)


class Article(PackModel):
    """One knowledge article (R4.1): front matter and Markdown body."""

    id: Annotated[str, Field(pattern=ARTICLE_ID)]
    title: str
    area: Identifier
    owner: str
    review_cadence: Annotated[str, Field(pattern=r"^\d{1,3}[dmy]$")]
    next_review: date
    version: Annotated[str, Field(pattern=ARTICLE_VERSION)]
    status: Literal["draft", "in_review", "approved", "published", "retired"]
    effective: date
    expires: date | None = None
    audience: Literal["public", "customer", "internal"] = "public"
    channels: tuple[str, ...] = ()
    locale: str = "en"
    source: str
    supersedes: tuple[Annotated[str, Field(pattern=ARTICLE_ID)], ...] = ()
    """Articles that are not used while this one is in force. Without it, newer does not win over older."""
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


class Counterpart(PackModel):
    """An intent of the Bitext customer-support data set and the pack's own intent for the same request."""

    bitext: Identifier
    intent: Identifier


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
    phrases: Phrases
    approver_limits: dict[str, int]
    """Role → the largest amount it may decide, in minor units; without a limit it decides nothing with an amount."""
    step_up: StepUpPolicy
    knowledge: KnowledgePolicy = KnowledgePolicy()
    intents: dict[str, Intent]
    refusals: dict[str, Refusal]
    tools: dict[str, ToolSpec]
    systems: dict[str, SystemSpec] = Field(default_factory=dict)
    """Business systems that are not the reference ones (``systems.yaml``)."""
    approvals: dict[str, ApprovalRule]
    queues: dict[str, Queue]
    triggers: dict[str, Trigger]
    prompts: dict[str, Prompt]
    replies: dict[str, ReplyTemplate]
    articles: dict[str, Article]
    seed: dict[str, list[dict[str, Any]]]
    """``customers``, ``orders`` …: rows for the reference systems (``--demo`` only); times are offsets (``-10d``)."""
    paraphrases: tuple[Paraphrase, ...] = ()
    """``checks/paraphrases.yaml``: measures the classifier, never trains it."""
    counterparts: tuple[Counterpart, ...] = ()
    """``checks/bitext.yaml``: what answers the requests of a public data set."""

    @property
    def zone(self) -> ZoneInfo:
        """Whose midnight begins a day."""
        return ZoneInfo(self.timezone)

    @property
    def common_values(self) -> dict[str, str]:
        """The values every reply may use."""
        return {
            "assistant.name": self.assistant.name,
            "assistant.disclosure": self.assistant.disclosure,
            "shop.name": self.title,
        }
