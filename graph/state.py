"""What the graph carries. Between turns only ``memory`` and the last ``reply`` are stored; the rest lives for a turn.

Values are plain (strings, numbers, lists, dicts), so that a checkpoint can be read without trusting it. Nothing here
says who the customer is: that comes from the identity store each turn.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from langgraph.channels import UntrackedValue

from desk.domain.conversation import Actor, Channel, Event, Outcome
from desk.domain.passages import Passage, Source
from desk.handoff.packet import Escalation, HandoffNotice
from desk.knowledge.gaps import Gap
from desk.language.engine import Understanding
from tools.calls import ToolCall, ToolResult

Consent = Literal["yes", "no", "stop"]


class Request(TypedDict):
    """One thing the customer wants, while it is worked on."""

    intent: str
    confidence: float
    fields: dict[str, str]
    question: str
    """The customer's words for it: what knowledge is searched with."""
    asked_field: str | None
    """The field asked for in the last reply."""
    attempts: int
    """How often that field was asked for."""
    offered: dict[str, str]
    """Choices of the field asked for, as a business system gave them: label to value."""
    labels: dict[str, str]
    """What the customer saw of values that came from such a choice: field to label."""
    proposal: str | None
    """Id of what was proposed to the customer: a code or a yes is about it."""
    confirming: bool
    """The last reply asked for a yes."""


class Subject(TypedDict):
    """What was asked about last, where articles answer."""

    intent: str
    questions: list[str]
    """The first question about it and the last, as the customer said them; each cut to 300 characters."""


class Memory(TypedDict):
    """What the assistant remembers of a conversation."""

    request: Request | None
    """The request that waits for the customer's next words."""
    last: Request | None
    """The request answered last from a business system: what a correction ("I meant HP-10002") is about."""
    waiting: list[Request]
    """Further requests of an earlier message, in order."""
    known: dict[str, str]
    """Fields said earlier, so that nobody has to repeat them."""
    clarifications: int
    """Clarifying questions in a row."""
    frustrations: int
    """Angry messages so far."""
    offered: dict[str, str]
    """Quick replies of the last reply that stand for an intent: label to intent id."""
    offered_person: bool
    """The last reply asked whether a person should take over."""
    held: dict[str, str]
    """Proposals that wait for a code or an approver: id to the tool's title."""
    ticket: HandoffNotice | None
    """The ticket a person has, once the conversation was escalated."""
    subject: Subject | None
    """What "and for sale items?" is about; none since the customer wants something done."""
    recent: list[str]
    """The last six messages, oldest first, prefixed ``customer: `` or ``assistant: ``; each cut to 300 characters."""


class TemplateItem(TypedDict):
    """A piece of the reply written by a template of the pack."""

    kind: Literal["template"]
    template: str
    values: dict[str, str]
    chunk_ids: NotRequired[list[str]]
    """Passages the template quotes."""


class PassagesItem(TypedDict):
    """A piece of the reply taken from passages by the language engine."""

    kind: Literal["passages"]
    question: str
    passages: list[Passage]


class TextItem(TypedDict):
    """A piece of the reply the pack words itself: the question of a field, a closing question."""

    kind: Literal["text"]
    text: str


class Waiting(TypedDict):
    """What the thread stopped for. The row it names decides; whoever resumes only wakes."""

    kind: Literal["verification", "approval"]
    id: str
    proposal_id: str


class Wake(TypedDict, total=False):
    """What woke the conversation when no message of the customer did."""

    kind: Literal["verified", "code", "approval", "question"]
    proposal_id: str
    challenge_id: str
    approval_id: str
    words: str
    """A question of an approver."""
    said: Literal["wrong", "expired", "used_up"]
    """Why a code the customer typed does not count."""
    attempts_left: int


OutlineItem = TemplateItem | PassagesItem | TextItem


class Reply(TypedDict):
    """What the customer reads at the end of a turn, and what it stands on."""

    turn_id: str
    message_id: str
    text: str
    sources: list[Source]
    options: list[str]
    evidence: list[dict[str, object]]
    """Sentence by sentence: ``text``, ``chunk_ids``, ``files``; or ``template`` and ``call_id`` behind a template."""
    outcome: Outcome
    handoff: HandoffNotice | None
    offer_person: bool
    """A person is offered: the options say how."""
    gaps: NotRequired[list[Gap]]
    """Questions of this turn that no article answers."""
    news: list[Event]
    """What else the customer's stream has to tell of this turn; stored in the transaction that ends it."""


class TurnInput(TypedDict, total=False):
    """What starts a turn. Any other key of a client's input is ignored."""

    text: str
    """The customer's message, redacted."""
    turn_id: str
    channel: Channel
    locale: str
    wake: Wake | None


class SupportState(TypedDict, total=False):
    """The state of the graph."""

    memory: Memory
    reply: Reply
    waiting: Waiting | None
    """Set: ``tool_call`` interrupts the thread after the reply."""

    wake: Annotated[Wake | None, UntrackedValue]
    consent: Annotated[Consent | None, UntrackedValue]
    """A whole message that is a word of consent; no model's reading."""
    action_values: Annotated[dict[str, str], UntrackedValue]
    """What a template may say about the planned action."""
    facts: Annotated[dict[str, dict[str, Any]], UntrackedValue]
    """Results read on the way to the request's action: tool to data."""
    is_woken: Annotated[bool, UntrackedValue]
    """The request goes on after a code or a decision."""
    news: Annotated[list[Event], UntrackedValue]
    text: Annotated[str, UntrackedValue]
    turn_id: Annotated[str, UntrackedValue]
    conversation_id: Annotated[str, UntrackedValue]
    channel: Annotated[Channel, UntrackedValue]
    locale: Annotated[str, UntrackedValue]
    understanding: Annotated[Understanding, UntrackedValue]
    request: Annotated[Request | None, UntrackedValue]
    """The request this pass works on."""
    actor: Annotated[Actor, UntrackedValue]
    passages: Annotated[list[Passage], UntrackedValue]
    gaps: Annotated[list[Gap], UntrackedValue]
    planned_call: Annotated[ToolCall | None, UntrackedValue]
    result: Annotated[ToolResult | None, UntrackedValue]
    escalation: Annotated[Escalation | None, UntrackedValue]
    outline: Annotated[list[OutlineItem], UntrackedValue]
    """The pieces of the reply, in order."""
    options: Annotated[list[str], UntrackedValue]
    offer_person: Annotated[bool, UntrackedValue]
    handoff: Annotated[HandoffNotice | None, UntrackedValue]
    outcome: Annotated[Outcome, UntrackedValue]


class TurnOutput(TypedDict, total=False):
    """What a client of the graph gets back."""

    reply: Reply
