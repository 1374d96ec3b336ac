"""What comes in: one text somebody hands in, or a whole import (R4.1, R4.7).

Every article is stored in a transaction of its own, so an import that dies in the middle is half an import of whole
articles, and the same import again brings the rest. What contradicts what is looked for at the end, once for all.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from desk.domain.errors import Conflict, InvalidRequest
from desk.knowledge.conflicts import FoundConflict
from desk.knowledge.found import Found, Notice, Skipped
from desk.knowledge.submitted import continued, findings_of
from desk.knowledge.versions import ArticleVersion
from retrieval.admission import check_usable, notices
from retrieval.comparing import compared_together
from retrieval.knowledge import KnowledgeDesk, Submission

AT_A_TIME = 100


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A version that came in, or would."""

    article: str
    version: str | None
    """None when nothing was stored."""
    path: str
    warnings: tuple[Notice, ...]


@dataclass(kw_only=True)
class ImportReport:
    """What an import did."""

    imported: list[Imported] = field(default_factory=list)
    unchanged: int = 0
    skipped: list[Notice] = field(default_factory=list)
    """What was not read, every reason with its place."""
    skips: int = 0
    """How many articles that is."""
    vanished: list[str] = field(default_factory=list)
    """Articles of an earlier import from the same place that are not there any more. They stay as they are."""
    conflicts: list[FoundConflict] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Intake:
    """``given``: the options an import was started with, for ``continued``. ``dry``: nothing is stored."""

    desk: KnowledgeDesk
    author: str
    given: frozenset[str] = frozenset()
    dry: bool = False

    async def hand_in(self, found: Found, *, draft: bool = False) -> Submission:
        """Submits one text. Raises as ``KnowledgeDesk.submit``."""
        known = await self.desk.store.latest([found.article.id])
        before = next(iter(known.get(found.article.id, [])), None)
        return await self.desk.submit(
            continued(found, before, given=self.given),
            author=self.author,
            findings=findings_of(found),
            numbering="own" if found.has_version else "next",
            draft=draft,
        )

    async def bring_in(
        self,
        items: Iterable[Found | Skipped],
        *,
        origin: str,
        on_read: Callable[[int], None] = lambda _: None,
        on_compared: Callable[[int], None] = lambda _: None,
    ) -> ImportReport:
        """Imports everything that could be read. ``origin`` names the place, so that it is known again next time."""
        await self.desk.live.refresh()
        report, seen, waiting = ImportReport(), set[str](), list[tuple[str, str]]()
        rest = iter(items)
        while batch := await asyncio.to_thread(lambda: list(islice(rest, AT_A_TIME))):
            found = [item for item in batch if isinstance(item, Found)]
            report.skipped += [notice for item in batch if isinstance(item, Skipped) for notice in item.notices]
            report.skips += len(batch) - len(found)
            seen.update(item.article.id for item in found)
            known = await self.desk.store.latest([item.article.id for item in found], origin=origin)
            for item in found:
                version = await self._import_one(item, known.get(item.article.id, []), origin=origin, report=report)
                if version is not None and version.article.status == "in_review":
                    waiting.append(version.key)
            on_read(len(batch))
        report.vanished = await self._vanished(origin, seen=seen, skipped=report.skipped)
        report.conflicts = await compared_together(self.desk, waiting, on_progress=on_compared)
        return report

    async def _import_one(
        self, found: Found, known: Sequence[ArticleVersion], *, origin: str, report: ImportReport
    ) -> ArticleVersion | None:
        """Stores one article; the version that waits for approval, if there is one."""
        same = next((version for version in known if found.says_what(version.article)), None)
        if same is not None:
            report.unchanged += 1
            return same
        desk = self.desk
        article = continued(found, known[0] if known else None, given=self.given)
        published = desk.live.articles
        try:
            check_usable(article, published=published)
            odd = notices(article, policies=desk.policies, published=published, today=desk.today())
            warnings = (*found.warnings, *(Notice(**notice) for notice in odd))
            version: ArticleVersion | None = None
            is_new = True
            if not self.dry:
                version, is_new = await desk.store.submit(
                    article,
                    author=self.author,
                    findings=[*findings_of(found), *odd],
                    numbering="own_if_free" if found.has_version else "next",
                    insist=False,
                    origin=origin,
                )
        except (Conflict, InvalidRequest) as exc:
            report.skipped.append(Notice(where=found.where, code=exc.error_code, message=exc.detail))
            report.skips += 1
            return None
        if not is_new:  # somebody else was at it in this moment
            report.unchanged += 1
            return version
        stored = None if version is None else version.article.version
        report.imported.append(Imported(article=article.id, version=stored, path=article.path, warnings=warnings))
        return version

    async def _vanished(self, origin: str, *, seen: set[str], skipped: Sequence[Notice]) -> list[str]:
        """What came from here before; a file that is there and cannot be read has not vanished."""
        unreadable = {notice.where.rpartition(":")[0] for notice in skipped}
        before = await self.desk.store.of_origin(origin)
        gone = (article for article, _, path in before if article not in seen and path not in unreadable)
        return list(dict.fromkeys(gone))
