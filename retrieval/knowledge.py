"""The desk where content is governed: what console, HTTP and command line ask for (R4.1, R4.2, R4.5).

A version is submitted by one person and published by another; in between it is compared with everything published.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import yaml

from desk.audit.events import SYSTEM
from desk.domain.clock import now
from desk.domain.errors import Conflict, InvalidRequest, NotFound
from desk.knowledge.conflicts import ConflictStore, FoundConflict
from desk.knowledge.rights import Person, check_editor, check_publisher
from desk.knowledge.store import ArticleStore
from desk.knowledge.versions import OPEN, ArticleVersion, Finding, front_of
from desk.policies.models import Article, PolicySet
from retrieval.chunking import chunk_article, pieces
from retrieval.conflict_check import ConflictCheck
from retrieval.live import Knowledge


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What became of a submitted text."""

    version: ArticleVersion
    is_new: bool
    """False: this very text is in review or published already."""
    conflicts: list[FoundConflict]
    """While one of them is open, publishing takes a supervisor."""


@dataclass(frozen=True, kw_only=True)
class KnowledgeDesk:
    store: ArticleStore
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
        numbered: bool = False,
        draft: bool = False,
    ) -> Submission:
        """Takes in a version; what it contradicts is found now, before anybody approves it.

        ``numbered``: keep the article's own version number. Raises ``InvalidRequest`` for a text that could never be
        used, ``Conflict`` for a number that is taken.
        """
        await self.live.refresh()
        self._check_usable(article)
        version, is_new = await self.store.submit(
            article, author=author, findings=findings, numbered=numbered, status="draft" if draft else "in_review"
        )
        found = [] if draft else await self._compared(version.article)
        return Submission(version=version, is_new=is_new, conflicts=found)

    async def approve(self, article: str, version: str, *, by: Person, force: str | None = None) -> ArticleVersion:
        """Publishes a version in review, or has it wait for its effective date.

        ``force``: why it is published although it contradicts something. Raises as ``check_publisher``, ``NotFound``,
        and ``Conflict`` when somebody was quicker.
        """
        await self.live.refresh()
        submitted = await self.store.find(article, version)
        found = [] if submitted.article.status != "in_review" else await self._compared(submitted.article)
        check_publisher(by, submitted, policy=self.policies.knowledge, conflicts=found, force=force)
        due = submitted.article.effective <= self._today()
        moved = await self.store.move(
            submitted.key,
            "published" if due else "approved",
            expected=("in_review",),
            by=by.id,
            change="forced through" if force and found else "approved",
            reason=force,
            decides=True,
            detail={"conflicts": [conflict.id for conflict in found]},
            chunks=pieces(submitted.article) if due else (),
        )
        await self.live.refresh()
        return moved

    async def send_back(self, article: str, version: str, *, by: Person, reason: str) -> ArticleVersion:
        """Makes it a draft again, with the reason for its author."""
        check_editor(by, policy=self.policies.knowledge)
        if not reason.strip():
            raise InvalidRequest("Say what has to change.")
        return await self.store.move(
            (article, version),
            "draft",
            expected=("in_review", "approved"),
            by=by.id,
            change="sent back",
            reason=reason.strip(),
            decides=True,
        )

    async def publish_due(self) -> int:
        """Publishes what was approved for a date that has come; how many there were."""
        published = 0
        for version in await self.store.page(statuses=("approved",), limit=1000):
            if version.article.effective <= self._today():
                await self.store.move(
                    version.key,
                    "published",
                    expected=("approved",),
                    by=SYSTEM,
                    change="came into effect",
                    reason=version.reason,
                    chunks=pieces(version.article),
                )
                published += 1
        if published:
            await self.live.refresh()
        return published

    async def retire(self, article: str, *, by: Person, reason: str) -> ArticleVersion:
        """Takes the published version down; nothing takes its place. Raises ``NotFound``."""
        check_editor(by, policy=self.policies.knowledge)
        current = await self._published(article)
        if current is None:
            raise NotFound("No version of this article is published.")
        moved = await self.store.move(
            current.key, "retired", expected=("published",), by=by.id, change="taken down", reason=reason
        )
        await self.live.refresh()
        return moved

    async def roll_back(self, article: str, *, by: Person, reason: str, to: str | None = None) -> ArticleVersion:
        """Makes an earlier published version the published one again; by default the one before.

        Where there was none before, the article is taken down. Raises ``NotFound``; ``Conflict`` for a version that
        never was published.
        """
        check_editor(by, policy=self.policies.knowledge)
        versions = await self.store.versions(article)
        current = next((v for v in versions if v.article.status == "published"), None)
        earlier = sorted(
            (v for v in versions if v.published_at is not None and v.article.status == "retired"),
            key=lambda v: (v.published_at, v.submitted_at),
        )
        if to is not None:
            chosen = next((v for v in versions if v.article.version == to), None)
            if chosen is None:
                raise NotFound("There is no such version.")
            if chosen not in earlier:
                raise Conflict(f"Version {to} is {chosen.article.status.replace('_', ' ')}; nothing to roll back to.")
        else:
            chosen = earlier[-1] if earlier else None
        if chosen is None:
            return await self.retire(article, by=by, reason=reason)
        moved = await self.store.move(
            chosen.key,
            "published",
            expected=("retired",),
            by=by.id,
            change="rolled back",
            reason=reason,
            detail={"from": current.article.version if current else None},
        )
        await self.live.refresh()
        return moved

    async def withdraw(self, article: str, *, by: str) -> ArticleVersion:
        """Takes an open version back before it is published. Raises ``NotFound`` when there is none."""
        version = next((v for v in await self.store.versions(article) if v.article.status in OPEN), None)
        if version is None:
            raise NotFound("No version of this article is open.")
        return await self.store.move(version.key, "retired", expected=OPEN, by=by, change="withdrawn")

    async def diff(self, article: str, old: str, new: str) -> str:
        """What changed between two versions, front matter and body, as a unified diff."""
        one, other = await self.store.find(article, old), await self.store.find(article, new)
        names = f"{article}@{old}", f"{article}@{new}"
        lines = difflib.unified_diff(_text(one.article), _text(other.article), *names, lineterm="")
        return "\n".join(lines)

    async def _compared(self, article: Article) -> list[FoundConflict]:
        """Open conflicts with what is published, but for what it replaces and its own other versions."""
        chunks = chunk_article(article)
        retriever = self.live.retriever
        near = [
            chunk
            for chunk in await retriever.neighbours(chunks, limit=NEIGHBOURS)
            if chunk.article != article.id and chunk.article not in article.supersedes
        ]
        return [found for found in await self.check.against(chunks, near) if found.status == "open"]

    def _check_usable(self, article: Article) -> None:
        if not pieces(article):
            raise InvalidRequest("The article has no text; write one below its title.")
        if article.expires is not None and article.expires <= article.effective:
            raise InvalidRequest(f"expires must be after effective ({article.effective}).")
        areas = {known.area for known in self.policies.articles.values()} | {
            known.area for known in self.live.articles.values()
        }
        if article.area not in areas:
            near = difflib.get_close_matches(article.area, areas, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(areas))}"
            raise InvalidRequest(f"area: there is no area {article.area!r}; {hint}")
        self._check_supersedes(article)

    def _check_supersedes(self, article: Article) -> None:
        """What replaces each other in a circle would leave nothing in use."""
        replaces = {known.id: known.supersedes for known in self.live.articles.values()} | {
            article.id: article.supersedes
        }
        seen, ahead = set[str](), list(article.supersedes)
        while ahead:
            name = ahead.pop()
            if name == article.id:
                raise InvalidRequest("supersedes: the article would replace itself; two articles name each other.")
            if name in article.supersedes and name not in replaces:
                raise InvalidRequest(f"supersedes: no article {name!r} is published.")
            if name not in seen:
                seen.add(name)
                ahead += replaces.get(name, ())

    async def _published(self, article: str) -> ArticleVersion | None:
        versions = await self.store.versions(article)
        return next((version for version in versions if version.article.status == "published"), None)

    def _today(self) -> date:
        return now().astimezone(self.policies.zone).date()


NEIGHBOURS = 12
"""Published passages compared with each submitted one."""


def _text(article: Article) -> list[str]:
    front = yaml.safe_dump(front_of(article), sort_keys=True, allow_unicode=True)
    return [*front.splitlines(), "---", *article.body.splitlines()]
