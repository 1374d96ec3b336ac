"""Governed articles: read them, hand them in, decide about them, and see what an answer stood on (R4).

Who may write here at all is a question of roles; who may decide about which version, the pack's policy says.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from desk.domain.errors import Forbidden, InvalidRequest
from desk.identity.staff import Staff
from desk.knowledge.conflicts import ConflictStatus
from desk.knowledge.found import Defaults
from desk.knowledge.gaps import GapStore
from desk.knowledge.rights import Person
from desk.knowledge.submitted import from_fields, from_markdown
from desk.knowledge.trace import trace_of
from desk.knowledge.versions import ArticleVersion, Status
from retrieval.gaps import KnowledgeGaps
from retrieval.intake import Intake
from retrieval.knowledge import KnowledgeDesk
from server.deps import DeskDep, ServedDesk, staff_with
from server.knowledge_shapes import (
    Approve,
    ArticlePage,
    ArticleShape,
    Because,
    ConflictPage,
    ConflictShape,
    DiffShape,
    FindingShape,
    GapPage,
    GapShape,
    NewArticle,
    Reject,
    RollBack,
    SubmissionShape,
    TraceShape,
    VersionStanding,
    conflict_shape,
    event_shape,
    item_shape,
    version_shape,
)
from server.openapi import problems

Reader = Annotated[Staff, staff_with("knowledge_owner", "supervisor", "agent", "auditor", "admin")]
Writer = Annotated[Staff, staff_with("knowledge_owner", "supervisor", "admin")]
Cursor = Annotated[str | None, Query(max_length=100, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]

router = APIRouter(prefix="/v1/knowledge", tags=["knowledge"])


@router.get("/articles", responses=problems(401, 403, 422))
async def list_articles(
    staff: Reader,
    desk: DeskDep,
    status: Annotated[Status | None, Query(description="Default: all but retired")] = None,
    area: Annotated[str | None, Query(max_length=100)] = None,
    overdue: Annotated[bool, Query(description="Only those whose review is overdue")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> ArticlePage:
    """Versions by article: what is published, with its standing, and what is on its way."""
    content = desk.knowledge
    found = await content.lists.page(
        today=content.today(), status=status, area=area, overdue=overdue, after=cursor, limit=limit
    )
    following = f"{found[-1].id}@{found[-1].version}" if len(found) == limit else None
    return ArticlePage(items=[item_shape(listed) for listed in found], next=following)


@router.post(
    "/articles",
    status_code=201,
    responses={200: {"model": SubmissionShape}, **problems(400, 401, 403, 409, 413, 415, 422)},
)
async def submit_article(staff: Writer, body: NewArticle, desk: DeskDep, response: Response) -> SubmissionShape:
    """Hands in a version; it waits for somebody else's approval. What it contradicts is told at once."""
    content = desk.knowledge
    defaults = Defaults(today=content.today(), locale=desk.policies.locale, owner=staff.name)
    fields = body.model_dump(exclude={"markdown", "body", "draft"}, exclude_none=True)
    if body.markdown is not None:
        if fields or body.body is not None:
            raise InvalidRequest("Send either markdown, which holds everything, or fields and body.")
        found = from_markdown(body.markdown, defaults=defaults)
    elif body.body is None:
        raise InvalidRequest("body is required.")
    else:
        found = from_fields(fields, body.body, defaults=defaults)
    submitted = await Intake(desk=content, author=staff.id).hand_in(found, draft=body.draft)
    version = submitted.version
    response.status_code = 201 if submitted.is_new else 200
    return SubmissionShape(
        id=version.article.id,
        version=version.article.version,
        status=version.article.status,
        is_new=submitted.is_new,
        findings=[FindingShape.model_validate(finding) for finding in version.findings],
        conflicts=[conflict_shape(conflict) for conflict in submitted.conflicts],
    )


@router.get("/articles/{article_id}", responses=problems(401, 403, 404))
async def show_article(article_id: str, staff: Reader, desk: DeskDep) -> ArticleShape:
    """Every version with its text, what was noticed about it, and everything that happened to the article."""
    content = desk.knowledge
    versions = await content.store.versions(article_id)
    return ArticleShape(
        id=article_id,
        standing=await content.standing(article_id),
        versions=[version_shape(version) for version in versions],
        conflicts=[conflict_shape(conflict) for conflict in await content.conflicts.open_of(article_id)],
        history=[event_shape(event) for event in await content.lists.history(article_id)],
    )


@router.get("/articles/{article_id}/diff", responses=problems(401, 403, 404))
async def compare_versions(
    article_id: str,
    staff: Reader,
    desk: DeskDep,
    old: Annotated[
        str | None, Query(max_length=20, description="Default: the published one, else the one below")
    ] = None,
    new: Annotated[str | None, Query(max_length=20, description="Default: the newest")] = None,
) -> DiffShape:
    """What changed between two versions."""
    found = await desk.knowledge.diff(article_id, old, new)
    return DiffShape(id=article_id, old=found.old, new=found.new, diff=found.text)


@router.post("/articles/{article_id}/approve", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def approve_article(
    article_id: str, staff: Writer, desk: DeskDep, body: Approve | None = None
) -> VersionStanding:
    """Publishes a version somebody else wrote, or has it wait for its effective date. Whoever comes later: 409."""
    said = body or Approve()
    async with _denials_recorded(desk, staff, "POST /v1/knowledge/articles/{article_id}/approve"):
        moved = await desk.knowledge.approve(article_id, said.version, by=_person(staff), force=said.force)
    return await _standing(desk.knowledge, moved)


@router.post("/articles/{article_id}/reject", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def reject_article(article_id: str, staff: Writer, body: Reject, desk: DeskDep) -> VersionStanding:
    """Sends a version back to its author."""
    async with _denials_recorded(desk, staff, "POST /v1/knowledge/articles/{article_id}/reject"):
        moved = await desk.knowledge.send_back(article_id, body.version, by=_person(staff), reason=body.reason)
    return await _standing(desk.knowledge, moved)


@router.post("/articles/{article_id}/rollback", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def roll_back_article(article_id: str, staff: Writer, body: RollBack, desk: DeskDep) -> VersionStanding:
    """Publishes an earlier version again; an article whose first version is published is taken down."""
    async with _denials_recorded(desk, staff, "POST /v1/knowledge/articles/{article_id}/rollback"):
        moved = await desk.knowledge.roll_back(article_id, by=_person(staff), to=body.to, reason=body.reason)
    return await _standing(desk.knowledge, moved)


@router.post("/articles/{article_id}/retire", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def retire_article(article_id: str, staff: Writer, body: Because, desk: DeskDep) -> VersionStanding:
    """Takes the published version down; where none is published, the open one is withdrawn."""
    async with _denials_recorded(desk, staff, "POST /v1/knowledge/articles/{article_id}/retire"):
        moved = await desk.knowledge.retire(article_id, by=_person(staff), reason=body.reason)
    return await _standing(desk.knowledge, moved)


@router.get("/conflicts", responses=problems(401, 403, 422))
async def list_conflicts(
    staff: Reader,
    desk: DeskDep,
    status: Annotated[ConflictStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ConflictPage:
    """Contradictions that were found, oldest first."""
    found = await desk.knowledge.conflicts.page(status=status, after=cursor, limit=limit)
    return ConflictPage(
        items=[conflict_shape(conflict) for conflict in found], next=found[-1].id if len(found) == limit else None
    )


@router.post("/conflicts/{conflict_id}/dismiss", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def dismiss_conflict(conflict_id: str, staff: Writer, body: Because, desk: DeskDep) -> ConflictShape:
    """Says that the two passages do not contradict each other."""
    async with _denials_recorded(desk, staff, "POST /v1/knowledge/conflicts/{conflict_id}/dismiss"):
        dismissed = await desk.knowledge.dismiss(conflict_id, by=_person(staff), reason=body.reason)
    return conflict_shape(dismissed)


@router.get("/gaps", responses=problems(401, 403, 422))
async def list_gaps(
    staff: Reader,
    desk: DeskDep,
    since: Annotated[AwareDatetime | None, Query(description="RFC 3339; default: 90 days ago")] = None,
    limit: Limit = 50,
) -> GapPage:
    """Questions no article answers, put together by what they ask, the most frequent first."""
    found = await KnowledgeGaps(GapStore(desk.pool)).report(since=since, limit=limit)
    return GapPage(items=[GapShape.model_validate(gap, from_attributes=True) for gap in found])


@router.get("/turns/{turn_id}", responses=problems(401, 403, 404))
async def trace_answer(turn_id: str, staff: Reader, desk: DeskDep) -> TraceShape:
    """What each sentence of an answer stands on, also when that is not published any more. That somebody looked is in
    the audit log."""
    trace = await trace_of(desk.pool, turn_id)
    await desk.audit.append(
        "data.viewed",
        actor=staff.id,
        conversation_id=trace["conversation_id"],
        detail={"what": "sources of an answer", "turn": turn_id},
    )
    return TraceShape.model_validate(trace)


def _person(staff: Staff) -> Person:
    return Person(id=staff.id, roles=frozenset(staff.roles))


async def _standing(content: KnowledgeDesk, version: ArticleVersion) -> VersionStanding:
    article = version.article
    return VersionStanding(
        id=article.id,
        version=article.version,
        status=article.status,
        effective=article.effective,
        reason=version.reason,
        decided_by=version.decided_by,
        standing=await content.standing(article.id),
    )


@asynccontextmanager
async def _denials_recorded(desk: ServedDesk, staff: Staff, asked_for: str) -> AsyncIterator[None]:
    """What the pack's policy refuses is recorded like what the door refuses."""
    try:
        yield
    except Forbidden:
        policy = desk.policies.knowledge
        await desk.staff.deny(staff, asked_for=asked_for, needed=sorted({*policy.approve, *policy.force}))
        raise
