"""The desk where content is governed: what console, HTTP and command line ask for (R4.1, R4.2, R4.5).

A version is submitted by one person and published by another; in between it is compared with everything published.
"""

import difflib
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypedDict

import yaml

from desk.audit.events import SYSTEM
from desk.domain.clock import now
from desk.domain.errors import Conflict, InvalidRequest, NotFound
from desk.knowledge.conflicts import ConflictStore, FoundConflict
from desk.knowledge.listing import ArticleLists
from desk.knowledge.placing import Numbering
from desk.knowledge.rights import Person, check_editor, check_not_author, check_publisher
from desk.knowledge.standing import Standing
from desk.knowledge.store import ArticleStore, KnowledgeMoved
from desk.knowledge.versions import OPEN, ArticleVersion, Finding, Status, StoredChunk, front_of, order_of
from desk.policies.models import Article, PolicySet
from retrieval.admission import aside_of, check_circle, check_usable, notices
from retrieval.chunking import chunk_article, pieces
from retrieval.conflict_check import ConflictCheck
from retrieval.live import Knowledge

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What became of a submitted text."""

    version: ArticleVersion
    is_new: bool
    """False: this very text is in review or published already."""
    conflicts: list[FoundConflict]
    """While one of them is open, publishing takes a supervisor."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    old: str | None
    """None: there is no older version, everything is new."""
    new: str
    text: str
    """A unified diff."""


class Approval(TypedDict):
    """Arguments of ``ArticleStore.move``."""

    to: Literal["published", "approved"]
    change: str
    reason: str | None
    detail: dict[str, list[str]]
    chunks: list[StoredChunk]


@dataclass(frozen=True, kw_only=True)
class KnowledgeDesk:
    store: ArticleStore
    lists: ArticleLists
    conflicts: ConflictStore
    check: ConflictCheck
    live: Knowledge
    policies: PolicySet

    async def submit(
        self,
        article: Article,
        *,
        author: str,
        findings: Sequence[Finding] = (),
        numbering: Numbering = "next",
        draft: bool = False,
    ) -> Submission:
        """Takes in a version; what it contradicts is found now, before anybody approves it.

        Raises ``InvalidRequest`` for a text that could never be used, ``Conflict`` for a number that is taken and
        while an approved version waits for its day.
        """
        await self.live.refresh()
        check_usable(article, published=self.live.articles)
        noticed = notices(article, policies=self.policies, published=self.live.articles, today=self.today())
        version, is_new = await self.store.submit(
            article,
            author=author,
            findings=[*findings, *noticed],
            numbering=numbering,
            status="draft" if draft else "in_review",
        )
        found = [] if version.article.status == "draft" else await self.compared(version.article)
        return Submission(version=version, is_new=is_new, conflicts=found)

    async def approve(
        self, article: str, version: str | None = None, *, by: Person, force: str | None = None
    ) -> ArticleVersion:
        """Publishes a version in review, by default the one there is, or has it wait for its effective date.

        ``force``: why it is published although it contradicts something. Raises as ``check_publisher``, ``NotFound``,
        and ``Conflict`` when somebody was quicker.
        """
        force = (force or "").strip() or None
        version = version or await self._waiting(article, "in_review")
        for _ in range(ATTEMPTS):
            await self.live.refresh()
            submitted = await self.store.find(article, version)
            # Whatever is published from here on was not looked at: then the comparison is made again.
            seen = self.live.generation
            in_review = submitted.article.status == "in_review"
            found = await self.compared(submitted.article) if in_review else []
            check_publisher(by, submitted, policy=self.policies.knowledge, conflicts=found, force=force)
            if in_review:
                check_circle(submitted.article, published=self.live.articles)
            with suppress(KnowledgeMoved):
                moved, _ = await self.store.move(
                    submitted.key, expected=("in_review",), by=by.id, decides=True, seen=seen,
                    **approval(submitted, conflicts=found, force=force, today=self.today()),
                )  # fmt: skip
                await self.live.refresh()
                return moved
        raise KnowledgeMoved("What is published is being changed all the time; try again in a moment.")

    async def send_back(self, article: str, version: str | None = None, *, by: Person, reason: str) -> ArticleVersion:
        """Makes an open version a draft again, by default the one there is, with the reason for its author."""
        check_editor(by, policy=self.policies.knowledge)
        said = _needed(reason, "Say what has to change.")
        version = version or await self._waiting(article, "in_review", "approved")
        moved, _ = await self.store.move(
            (article, version),
            "draft",
            expected=("in_review", "approved"),
            by=by.id,
            change="sent back",
            reason=said,
            decides=True,
        )
        return moved

    async def publish_due(self, *, today: date | None = None) -> list[ArticleVersion]:
        """Publishes what was approved for a day that has come.

        What contradicts something that was published since its approval waits on, unless it was forced through: the
        conflict has its ticket.
        """
        published = []
        for key in await self.store.in_status("approved"):
            version = await self.store.find(*key)
            if version.article.status != "approved" or version.article.effective > (today or self.today()):
                continue
            await self.live.refresh()
            seen, forced = self.live.generation, version.reason is not None
            if not forced and await self.compared(version.article):
                continue
            try:
                check_circle(version.article, published=self.live.articles)
                moved, _ = await self.store.move(
                    version.key,
                    "published",
                    expected=("approved",),
                    by=SYSTEM,
                    change="came into effect",
                    reason=version.reason,
                    chunks=pieces(version.article),
                    seen=seen,
                )
            except (Conflict, InvalidRequest) as exc:  # another process was quicker, or it is looked at again next time
                logger.info("A version did not come into effect", extra=_about(version, "knowledge_waits", exc.detail))
            else:
                published.append(moved)
        if published:
            await self.live.refresh()
        return published

    async def retire(self, article: str, *, by: Person, reason: str) -> ArticleVersion:
        """Takes the published version down, and nothing takes its place; where none is published, the open one.

        Raises ``NotFound`` when there is neither.
        """
        check_editor(by, policy=self.policies.knowledge)
        said = _needed(reason, "Say why it is taken down.")
        versions = await self.store.versions(article)
        standing = ("published", *OPEN)
        found = sorted((v for v in versions if v.article.status in standing), key=lambda v: v.article.status in OPEN)
        if not found:
            raise NotFound("No version of this article is published or open.")
        status = found[0].article.status
        moved, _ = await self.store.move(
            found[0].key,
            "retired",
            expected=(status,),
            by=by.id,
            change="taken down" if status == "published" else "withdrawn",
            reason=said,
        )
        await self.live.refresh()
        return moved

    async def roll_back(self, article: str, *, by: Person, reason: str, to: str | None = None) -> ArticleVersion:
        """Makes an earlier published version the published one again; by default the newest one below it.

        An article whose first version is published is taken down. Raises ``NotFound``, and ``Conflict`` for a version
        that never was published and when somebody was quicker.
        """
        check_editor(by, policy=self.policies.knowledge)
        said = _needed(reason, "Say why it is rolled back.")
        await self.live.refresh()
        seen = self.live.generation
        versions = await self.store.versions(article)
        current = next((v for v in versions if v.article.status == "published"), None)
        if to is None and current is None:
            raise NotFound("No version of this article is published; say which one to go back to.")
        chosen = _earlier(versions, current, to=to)
        if chosen is None:
            return await self.retire(article, by=by, reason=reason)
        check_circle(chosen.article, published=self.live.articles)
        moved, _ = await self.store.move(
            chosen.key,
            "published",
            expected=("retired",),
            by=by.id,
            change="rolled back",
            reason=said,
            detail={"from": current.article.version if current else None},
            seen=seen,
        )
        await self.live.refresh()
        return moved

    async def dismiss(self, conflict_id: str, *, by: Person, reason: str) -> FoundConflict:
        """Says that a conflict is none. Not for the author of a version that waits for approval."""
        check_editor(by, policy=self.policies.knowledge)
        conflict = await self.conflicts.find(conflict_id)
        for key in ((conflict.article, conflict.version), (conflict.other_article, conflict.other_version)):
            version = await self.store.find(*key)
            if version.article.status in OPEN:
                check_not_author(by, version)
        return await self.conflicts.dismiss(conflict_id, by=by.id, reason=reason)

    async def diff(self, article: str, old: str | None = None, new: str | None = None) -> Difference:
        """What changed between two versions, front matter and text; by default from the published to the newest one.

        Raises ``NotFound``.
        """
        versions = {v.article.version: v for v in await self.store.versions(article)}
        newer = _chosen(versions, new or next(iter(versions)))
        below = [v for v in versions.values() if _order(v) < _order(newer)]
        current = next((v for v in versions.values() if v.article.status == "published" and v is not newer), None)
        older = _chosen(versions, old) if old else current or next(iter(below), None)
        lines = difflib.unified_diff(
            _text(older.article) if older else [],
            _text(newer.article),
            f"{article}@{older.article.version}" if older else "nothing",
            f"{article}@{newer.article.version}",
            lineterm="",
        )
        return Difference(
            old=older.article.version if older else None, new=newer.article.version, text="\n".join(lines)
        )

    async def standing(self, article: str) -> Standing | None:
        """Whether the published version is in use, and why not; None when none is published."""
        return await self.lists.standing(article, today=self.today())

    async def compared(self, article: Article) -> list[FoundConflict]:
        """Open conflicts with what is in use, but for its own versions and what replaces it or is replaced by it."""
        chunks = chunk_article(article)
        aside = aside_of(article, published=self.live.articles)
        near = await self.live.retriever.neighbours(chunks, limit=NEIGHBOURS, without=aside)
        found = await self.check.against(chunks, near)
        return [conflict for conflict in found if conflict.status == "open"]

    def today(self) -> date:
        """The day it is where the business is."""
        return now().astimezone(self.policies.zone).date()

    async def _waiting(self, article: str, *statuses: Status) -> str:
        """The number of the open version with one of these statuses."""
        versions = await self.store.versions(article)
        found = next((version for version in versions if version.article.status in statuses), None)
        if found is None:
            raise Conflict("No version of this article waits for a decision.", code="wrong_status")
        return found.article.version


ATTEMPTS = 5
NEIGHBOURS = 12
"""Published passages compared with each submitted one: as many near in meaning, and as many that share its words."""


def approval(
    version: ArticleVersion, *, conflicts: Sequence[FoundConflict], force: str | None, today: date
) -> Approval:
    """What approving a version does on this day."""
    due = version.article.effective <= today
    return {
        "to": "published" if due else "approved",
        "change": "forced through" if force and conflicts else "approved",
        "reason": force if conflicts else None,
        "detail": {"conflicts": [conflict.id for conflict in conflicts]},
        "chunks": pieces(version.article) if due else [],
    }


def _earlier(
    versions: Sequence[ArticleVersion], current: ArticleVersion | None, *, to: str | None
) -> ArticleVersion | None:
    """The version to go back to; None when there is none below the current one."""
    if to is None:
        below = [v for v in versions if v.published_at and current and _order(v) < _order(current)]
        return max(below, key=_order, default=None)
    chosen = _chosen({version.article.version: version for version in versions}, to)
    if chosen.article.status == "published":
        raise Conflict(f"Version {to} is published already.", code="wrong_status")
    if chosen.published_at is None:
        raise Conflict(f"Version {to} never was published; somebody has to approve it first.", code="wrong_status")
    return chosen


def _chosen(versions: Mapping[str, ArticleVersion], number: str) -> ArticleVersion:
    if number not in versions:
        raise NotFound("There is no such version.")
    return versions[number]


def _order(version: ArticleVersion) -> tuple[int, ...]:
    return order_of(version.article.version)


def _needed(reason: str, otherwise: str) -> str:
    if not reason.strip():
        raise InvalidRequest(otherwise)
    return reason.strip()


def _about(version: ArticleVersion, action: str, reason: str) -> dict[str, str]:
    return {"action": action, "article": version.article.id, "version": version.article.version, "reason": reason}


def _text(article: Article) -> list[str]:
    front = yaml.safe_dump(front_of(article), sort_keys=True, allow_unicode=True)
    return [*front.splitlines(), "---", *article.body.splitlines()]
