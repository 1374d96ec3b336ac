"""The bodies of requests and answers, as the OpenAPI document describes them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from desk.domain.clock import rfc3339
from desk.domain.conversation import Channel, Role

Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]
"""RFC 3339, UTC."""
Order = Literal["oldest", "newest"]
"""Which end of a list comes first; ``next`` goes on in the same direction."""


class RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="Address of the problem's description, relative to this server.")
    title: str
    status: int
    code: str = Field(description="Stable name of the problem, for programs.")
    detail: str = Field(description="One sentence that is safe to show.")
    request_id: str = Field(description="Also in the header X-Request-Id and in our log.")
    attempts_left: int = Field(default=0, description="wrong_code only: codes that may still be tried.")
    conflicts: list[dict[str, Any]] = Field(default=[], description="conflicting only: each with both quotes.")


class NewConversation(RequestBody):
    channel: Literal["web", "in_app"] = Field(description="in_app needs the host's token.")
    locale: str | None = Field(
        default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", description="Language; default: the pack's."
    )


class StartedConversation(BaseModel):
    conversation_id: str
    session_token: str = Field(description="Opens this conversation only. Shown once.")
    disclosure: str = Field(description="Says that this is an automated assistant. Show it first.")


class NewMessage(RequestBody):
    text: str = Field(description="1 to 8,000 bytes of UTF-8. Control characters are dropped.")
    client_message_id: str = Field(
        pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="Yours, once for each message: sent again, it is the same turn."
    )


class AcceptedMessage(BaseModel):
    turn_id: str


class GivenCode(RequestBody):
    code: str = Field(min_length=1, max_length=40, description="Six digits, as they were typed.")


class SentCode(BaseModel):
    method: Literal["email", "sms"]
    sent_to: str = Field(description="Masked.")
    expires_at: Moment


class SourceShape(BaseModel):
    article: str
    version: str
    title: str


class TranscriptMessage(BaseModel):
    message_id: str
    turn_id: str | None
    role: Role
    text: str
    sources: list[SourceShape]
    options: list[str]
    at: Moment


class Transcript(BaseModel):
    conversation_id: str
    channel: Channel
    locale: str
    status: Literal["open", "with_person", "closed"]
    messages: list[TranscriptMessage]
    next: None = Field(default=None, description="Cursor of the next page; transcripts have one page.")


class Readiness(BaseModel):
    status: Literal["ready", "not_ready"]
    checks: dict[str, str] = Field(description="Each dependency: ok, or one sentence about what is wrong.")


class StaffShape(BaseModel):
    id: str
    name: str
    roles: list[str]


class StaffPage(BaseModel):
    items: list[StaffShape]
    next: None = Field(default=None, description="Cursor of the next page; staff have one page.")


class AuditEntry(BaseModel):
    number: int | None = Field(description="Place in the chain; null for the moment until the entry is sealed.")
    at: Moment
    action: str
    actor: str = Field(description="customer, assistant, system, operator, or the id of a member of staff.")
    conversation_id: str | None
    customer_id: str | None
    detail: dict[str, Any]


class AuditPage(BaseModel):
    items: list[AuditEntry]
    next: str | None = Field(description="Send it as cursor for the page after this one.")


class AuditVerification(BaseModel):
    valid: bool
    entries: int
    heads: int = Field(description="Signed heads the chain was compared with.")
    broken_at: int | None = Field(default=None, description="First entry that can no longer be trusted.")
    why: str | None = None


class SwitchChange(RequestBody):
    off: bool
    reason: str | None = Field(default=None, min_length=1, max_length=500)


class SwitchShape(BaseModel):
    name: str = Field(description="A tool, an intent, or all.")
    off: bool
    reason: str | None
    by: str
    at: Moment


class SwitchPage(BaseModel):
    items: list[SwitchShape]
    names: list[str] = Field(description="Everything that can be switched.")
    next: None = Field(default=None, description="Cursor of the next page; switches have one page.")


class DecisionBody(RequestBody):
    type: Literal["approve", "edit", "reject", "respond"]
    args: dict[str, str] | None = Field(
        default=None, max_length=20, description="For edit: the arguments that change, amounts like 12.50."
    )
    reason: str | None = Field(
        default=None, max_length=500, description="For reject and respond; the customer reads it."
    )
    args_hash: str | None = Field(
        default=None, max_length=64, description="Of the request you saw; given, it has to be the one that waits."
    )


class ApprovalCustomer(BaseModel):
    customer_id: str
    name: str | None = None
    segment: str | None = None


class ApprovalShape(BaseModel):
    id: str
    status: Literal["pending", "approved", "edited", "rejected", "expired", "superseded"]
    action_requests: list[dict[str, Any]] = Field(description="What would run: name, args, description.")
    review_configs: list[dict[str, Any]] = Field(
        description="Which decisions are allowed, and what an edit may change."
    )
    args_hash: str = Field(description="Of tool, arguments and customer: what is approved is what runs.")
    customer: ApprovalCustomer
    conversation_id: str
    why: str = Field(description="Why a person has to decide.")
    rules: list[str] = Field(description="The pack's rules that apply.")
    roles: list[str] = Field(description="Who may decide.")
    people: int = Field(description="So many different people have to agree.")
    facts: dict[str, Any] = Field(description="What the business systems say; nothing of it is the customer's claim.")
    signals: dict[str, Any] = Field(description="Signs of fraud.")
    words: list[str] = Field(description="Last messages of the conversation. Plain text to be shown as it is.")
    requested_at: Moment
    expires_at: Moment
    decided_by: str | None = None
    decided_at: Moment | None = None
    reason: str | None = None
    final_args: dict[str, str] | None = Field(default=None, description="What was agreed to, after an edit.")


class ApprovalPage(BaseModel):
    items: list[ApprovalShape]
    next: str | None = Field(description="Send it as cursor for the page after this one.")


class ActionShape(BaseModel):
    id: str
    at: Moment
    conversation_id: str
    customer_id: str | None
    tool: str
    risk: Literal["read", "write", "high"]
    args: dict[str, str] = Field(description="Personal numbers are masked.")
    decision: str = Field(description="The gate's word: allowed, approved, or why not.")
    approval_id: str | None = None
    key: str = Field(description="Idempotency key: one effect for each.")
    outcome: Literal["started", "succeeded", "failed", "unknown", "compensated", "denied"]
    detail: str | None = None
    ms: float | None = None


class ActionPage(BaseModel):
    items: list[ActionShape]
    next: str | None = Field(description="Send it as cursor for the page after this one.")
