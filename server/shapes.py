"""The bodies of requests and answers, as the OpenAPI document describes them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from desk.domain.clock import rfc3339
from desk.domain.conversation import Channel, Role

Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]
"""RFC 3339, UTC."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="Address of the problem's description, relative to this server.")
    title: str
    status: int
    code: str = Field(description="Stable name of the problem, for programs.")
    detail: str = Field(description="One sentence that is safe to show.")
    request_id: str = Field(description="Also in the header X-Request-Id and in our log.")


class NewConversation(_Request):
    channel: Literal["web", "in_app"] = Field(description="in_app needs the host's token.")
    locale: str | None = Field(
        default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", description="Language; default: the pack's."
    )


class StartedConversation(BaseModel):
    conversation_id: str
    session_token: str = Field(description="Opens this conversation only. Shown once.")
    disclosure: str = Field(description="Says that this is an automated assistant. Show it first.")


class NewMessage(_Request):
    text: str = Field(description="1 to 8,000 bytes of UTF-8. Control characters are dropped.")
    client_message_id: str = Field(
        pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="Yours, once for each message: sent again, it is the same turn."
    )


class AcceptedMessage(BaseModel):
    turn_id: str


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


class SwitchChange(_Request):
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
    next: None = Field(default=None, description="Cursor of the next page; switches have one page.")
