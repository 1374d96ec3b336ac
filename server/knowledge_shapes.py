"""The bodies of requests and answers about articles, as the OpenAPI document describes them."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from desk.knowledge.conflicts import FoundConflict
from desk.knowledge.listing import Event, Listed
from desk.knowledge.standing import Standing
from desk.knowledge.versions import ArticleVersion, Status, front_of
from server.shapes import Moment, RequestBody

MAX_REASON = 500


class NewArticle(RequestBody):
    """Either ``markdown``, or the front matter as fields and the text as ``body``."""

    markdown: str | None = Field(default=None, description="The whole file: front matter between --- lines, and text.")
    id: str | None = Field(default=None, description="Default: made of the title. An id that is known: a new version.")
    title: str | None = None
    area: str | None = None
    body: str | None = Field(default=None, description="Markdown.")
    owner: str | None = Field(default=None, description="Default: the owner so far, else your name.")
    review_cadence: str | None = Field(default=None, description="Like 6m, 12m, 90d.")
    next_review: str | None = None
    version: str | None = Field(default=None, description="Default: the next one.")
    effective: str | None = Field(default=None, description="Default: today.")
    expires: str | None = None
    audience: str | None = Field(default=None, description="public, customer or internal.")
    channels: list[str] | None = None
    locale: str | None = None
    source: str | None = None
    supersedes: list[str] | None = Field(default=None, description="Articles that are not used while this one is.")
    draft: bool = Field(default=False, description="Keep it; nobody is asked to approve it yet.")


class Approve(RequestBody):
    version: str | None = Field(default=None, description="Of the text you read; default: the one in review.")
    force: str | None = Field(
        default=None, max_length=MAX_REASON, description="Why it is published although it contradicts something."
    )


class Reject(RequestBody):
    version: str | None = Field(default=None, description="Default: the one that waits.")
    reason: str = Field(min_length=1, max_length=MAX_REASON, description="What has to change.")


class RollBack(RequestBody):
    to: str | None = Field(default=None, description="Default: the newest published version below the current one.")
    reason: str = Field(min_length=1, max_length=MAX_REASON)


class Because(RequestBody):
    reason: str = Field(min_length=1, max_length=MAX_REASON)


class FindingShape(BaseModel):
    code: str
    where: str
    message: str


class QuoteShape(BaseModel):
    article: str
    version: str
    chunk_id: str
    quote: str


class ConflictShape(BaseModel):
    id: str
    status: Literal["open", "dismissed", "resolved"]
    quotes: list[QuoteShape] = Field(description="The two sides; at a submission the first is what was submitted.")
    kind: str
    reason: str
    confidence: float
    judge: Literal["none", "confirmed", "failed"] = Field(description="What a model said of it, where one is asked.")
    found_in: Literal["submission", "conversation"]
    found_at: Moment
    last_seen_at: Moment
    times_seen: int
    conversation_id: str | None = Field(description="The first conversation that met it.")
    ticket_id: str | None
    decided_by: str | None
    decided_at: Moment | None
    decision: str | None


class ConflictPage(BaseModel):
    items: list[ConflictShape]
    next: str | None = Field(description="Send it as cursor for the page after this one.")


class ArticleItem(BaseModel):
    """One version in a list."""

    id: str
    version: str
    status: Status
    title: str
    area: str
    owner: str
    audience: str
    locale: str
    effective: date
    expires: date | None
    next_review: date
    supersedes: list[str]
    path: str
    origin: str | None = Field(description="The import it came with.")
    author: str
    submitted_at: Moment
    decided_by: str | None
    decided_at: Moment | None
    reason: str | None
    published_at: Moment | None
    findings: list[str] = Field(description="Codes of what was noticed at submission.")
    open_conflicts: int
    standing: Standing | None = Field(description="Of a published version: whether it is in use, and why not.")
    overdue: bool = Field(description="Its review is later than the policy allows.")


class ArticlePage(BaseModel):
    items: list[ArticleItem]
    next: str | None = Field(description="Send it as cursor for the page after this one.")


class VersionShape(BaseModel):
    version: str
    status: Status
    front: dict[str, Any] = Field(description="Front matter.")
    body: str
    path: str
    origin: str | None
    author: str
    submitted_at: Moment
    findings: list[FindingShape]
    decided_by: str | None
    decided_at: Moment | None
    reason: str | None = Field(description="Why it was sent back, forced through or retired.")
    published_at: Moment | None
    retired_at: Moment | None


class EventShape(BaseModel):
    at: Moment
    actor: str
    version: str | None
    status: Status | None
    change: str
    reason: str | None


class ArticleShape(BaseModel):
    """An article with all its versions."""

    id: str
    standing: Standing | None = Field(description="Whether the published version is in use, and why not.")
    versions: list[VersionShape] = Field(description="Newest first.")
    conflicts: list[ConflictShape] = Field(description="Open ones of its versions.")
    history: list[EventShape] = Field(description="Newest first, from the audit log.")


class SubmissionShape(BaseModel):
    id: str
    version: str
    status: Status
    is_new: bool = Field(description="False (with 200): this very text is in review or published already.")
    findings: list[FindingShape] = Field(description="What its approver should look at.")
    conflicts: list[ConflictShape] = Field(description="While one is open, publishing takes a supervisor.")


class VersionStanding(BaseModel):
    """Where a version is after a decision."""

    id: str
    version: str
    status: Status
    effective: date
    reason: str | None
    decided_by: str | None
    standing: Standing | None = Field(description="Of the article, if a version of it is published.")


class DiffShape(BaseModel):
    id: str
    old: str | None = Field(description="None: there is no older version; everything is new.")
    new: str
    diff: str = Field(description="Unified diff of front matter and text.")


class GapShape(BaseModel):
    """Questions that ask the same, and that no article answers."""

    question: str = Field(description="The one the others have most in common with; redacted.")
    asked: int
    conversations: int
    first_asked_at: Moment
    last_asked_at: Moment
    examples: list[str] = Field(description="Other ways it was asked.")
    intent: str | None
    nearest: str | None = Field(description="The article that came nearest most often.")


class GapPage(BaseModel):
    items: list[GapShape]
    next: None = Field(default=None, description="Cursor of the next page; the report has one page.")


class TracedSourceShape(BaseModel):
    chunk_id: str
    article: str
    version: str
    title: str
    path: str
    status: Status = Field(description="Where the version stands now.")
    heading: str
    text: str = Field(description="The passage as it was when the answer was given.")


class TracedSentenceShape(BaseModel):
    text: str
    template: str | None = Field(description="The reply template it was written by.")
    sources: list[TracedSourceShape]


class TraceShape(BaseModel):
    turn_id: str
    conversation_id: str
    question: str | None
    sentences: list[TracedSentenceShape]


def conflict_shape(conflict: FoundConflict) -> ConflictShape:
    one = {name: getattr(conflict, name) for name in QuoteShape.model_fields}
    other = {name: getattr(conflict, f"other_{name}") for name in QuoteShape.model_fields}
    same = {name: getattr(conflict, name) for name in ConflictShape.model_fields if name != "quotes"}
    return ConflictShape.model_validate({**same, "quotes": [one, other]})


def item_shape(listed: Listed) -> ArticleItem:
    return ArticleItem.model_validate(listed, from_attributes=True)


def version_shape(version: ArticleVersion) -> VersionShape:
    article = version.article
    return VersionShape.model_validate(
        {
            **{name: getattr(version, name) for name in VersionShape.model_fields if hasattr(version, name)},
            "version": article.version, "status": article.status, "front": front_of(article), "body": article.body,
            "path": article.path,
        }
    )  # fmt: skip


def event_shape(event: Event) -> EventShape:
    return EventShape.model_validate(event, from_attributes=True)
