"""Approving many versions at once, for imports: what can be approved without a word, and what somebody has to read."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from desk.domain.errors import FrontdeskError
from desk.knowledge.conflicts import FoundConflict
from desk.knowledge.rights import Person, check_publisher
from desk.knowledge.store import KnowledgeMoved
from desk.knowledge.versions import ArticleVersion
from retrieval.admission import check_circle
from retrieval.comparing import compared_together
from retrieval.knowledge import KnowledgeDesk, approval

Why = Literal["own_article", "conflict", "instructions"]
READ_FIRST: Final = frozenset({"instructions", "hidden_instructions"})
"""Findings because of which nobody approves a text unread."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """A version that is not approved together with others."""

    article: str
    version: str
    why: Why
    detail: str


@dataclass(kw_only=True)
class Plan:
    """What would be approved, before anybody says yes."""

    ready: list[tuple[str, str]] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    conflicts: list[FoundConflict] = field(default_factory=list)
    findings: Counter[str] = field(default_factory=Counter)
    """By code, of those that are ready."""
    generation: int | None = None


async def plan_approval(
    desk: KnowledgeDesk, *, by: Person, origin: str | None = None, on_progress: Callable[[int], None] = lambda _: None
) -> Plan:
    """Everything in review, or what came with one import. Raises ``Forbidden`` for somebody who may approve nothing."""
    await desk.live.refresh()
    plan = Plan(generation=desk.live.generation)
    versions = [v for v in await desk.store.load(await desk.store.in_status("in_review")) if origin in (None, v.origin)]
    plan.conflicts = await compared_together(desk, [version.key for version in versions], on_progress=on_progress)
    quarrels: dict[tuple[str, str], FoundConflict] = {}
    for conflict in plan.conflicts:
        quarrels.setdefault((conflict.article, conflict.version), conflict)
        quarrels.setdefault((conflict.other_article, conflict.other_version), conflict)
    for version in versions:
        left = _left(version, by=by, conflict=quarrels.get(version.key))
        if left is not None:
            plan.left.append(left)
        else:
            check_publisher(by, version, policy=desk.policies.knowledge, conflicts=(), force=None)
            plan.ready.append(version.key)
            plan.findings.update(finding["code"] for finding in version.findings)
    return plan


async def approve_all(
    desk: KnowledgeDesk,
    plan: Plan,
    *,
    by: Person,
    on_progress: Callable[[int], None] = lambda _: None,
) -> tuple[list[ArticleVersion], list[str]]:
    """Publishes what is ready, each in a transaction of its own; also says what could not be published, and why.

    When somebody else publishes in the meantime, what is left is compared anew.
    """
    published: list[ArticleVersion] = []
    failed: list[str] = []
    waiting, seen = list(plan.ready), plan.generation
    while waiting:
        key = waiting[0]
        try:
            moved, seen = await _approve_one(desk, key, by=by, seen=seen)
        except KnowledgeMoved:
            again = await plan_approval(desk, by=by)
            still, seen = set(again.ready), again.generation
            failed += [f"{article} {version}: {_why(again, article)}" for article, version in waiting
                       if (article, version) not in still]  # fmt: skip
            waiting = [key for key in waiting if key in still]
            continue
        except FrontdeskError as exc:
            failed.append(f"{key[0]} {key[1]}: {exc.detail}")
        else:
            published.append(moved)
        waiting.pop(0)
        on_progress(1)
    await desk.live.refresh()
    return published, failed


async def _approve_one(
    desk: KnowledgeDesk, key: tuple[str, str], *, by: Person, seen: int | None
) -> tuple[ArticleVersion, int]:
    version = await desk.store.find(*key)
    if version.article.supersedes:
        # Those that were published a moment ago may close a circle.
        await desk.live.refresh()
        check_circle(version.article, published=desk.live.articles)
    return await desk.store.move(
        key, expected=("in_review",), by=by.id, decides=True, seen=seen,
        **approval(version, conflicts=(), force=None, today=desk.today()),
    )  # fmt: skip


def _why(plan: Plan, article: str) -> str:
    return next((left.detail for left in plan.left if left.article == article), "somebody else decided about it")


def _left(version: ArticleVersion, *, by: Person, conflict: FoundConflict | None) -> Left | None:
    """Why somebody has to look at this version by itself."""
    article, number = version.key
    if version.author == by.id:
        return Left(article=article, version=number, why="own_article", detail="you wrote it")
    if conflict is not None:
        said = f"“{conflict.quote}” ({conflict.article}) against “{conflict.other_quote}” ({conflict.other_article})"
        return Left(article=article, version=number, why="conflict", detail=f"{conflict.reason}: {said}")
    spoken = next((finding for finding in version.findings if finding["code"] in READ_FIRST), None)
    if spoken is not None:
        detail = f"{spoken['where']}: {spoken['message']}"
        return Left(article=article, version=number, why="instructions", detail=detail)
    return None
