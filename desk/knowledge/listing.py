"""Lists of articles and what happened to each, without their texts: what the console and the command line show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg.rows import DictRow

from desk.db.pool import Pool
from desk.domain.errors import InvalidRequest
from desk.knowledge.standing import Standing, is_overdue, standings
from desk.knowledge.versions import Status, order_of
from desk.policies.models import ReviewPolicy


@dataclass(frozen=True, kw_only=True)
class Listed:
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
    supersedes: tuple[str, ...]
    path: str
    origin: str | None
    author: str
    submitted_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    published_at: datetime | None
    findings: tuple[str, ...]
    """Their codes."""
    open_conflicts: int
    standing: Standing | None
    """Of a published version: whether it is in use, and why not."""
    overdue: bool


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to an article, from the audit log."""

    at: datetime
    actor: str
    version: str | None
    status: Status | None
    change: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class _Dates:
    id: str
    effective: date
    expires: date | None
    next_review: date
    supersedes: Sequence[str]


class ArticleLists:
    """``review`` says when an article counts as overdue."""

    def __init__(self, pool: Pool, *, review: ReviewPolicy) -> None:
        self._pool = pool
        self._review = review

    async def page(
        self,
        *,
        today: date,
        status: Status | None = None,
        area: str | None = None,
        overdue: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Listed]:
        """Versions by article id and number, without a ``status`` those that are not retired.

        ``after`` is ``<article>@<version>`` of the last one of the page before. Raises ``InvalidRequest`` for another.
        """
        article, number = _place(after)
        values = {
            "statuses": [status] if status else ["draft", "in_review", "approved", "published"], "area": area,
            "due": today, "grace": self._review.grace_days if overdue else None, "after": article, "number": number,
            "limit": limit,
        }  # fmt: skip
        dates = [_Dates(**row) for row in await self._all(_DATES, {})]
        standing = standings(dates, on=today, review=self._review)
        return [self._listed(row, standing, today) for row in await self._all(_PAGE, values)]

    async def standing(self, article: str, *, today: date) -> Standing | None:
        """Whether the published version is in use, and why not; None when none is published."""
        dates = [_Dates(**row) for row in await self._all(_DATES, {})]
        return standings(dates, on=today, review=self._review).get(article)

    async def history(self, article: str) -> list[Event]:
        """Everything that happened to an article, newest first."""
        return [Event(**row) for row in await self._all(_HISTORY, {"article": article})]

    def _listed(self, row: DictRow, standing: dict[str, Standing], today: date) -> Listed:
        published = row["status"] == "published"
        dates = _Dates(**{name: row[name] for name in _Dates.__dataclass_fields__})
        return Listed(
            **{**row, "supersedes": tuple(row["supersedes"]), "findings": tuple(row["findings"])},
            standing=standing.get(row["id"]) if published else None,
            overdue=published and is_overdue(dates, on=today, review=self._review),
        )

    async def _all(self, query: LiteralString, values: dict[str, Any]) -> list[DictRow]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, values)).fetchall()


def _place(after: str | None) -> tuple[str, list[int]]:
    if after is None:
        return "", [0, 0]
    article, _, version = after.partition("@")
    try:
        number = list(order_of(version))
    except ValueError:
        number = []
    if len(number) != 2 or max(number) > 999_999 or min(number) < 0:
        raise InvalidRequest("after is not `next` of a page.")
    return article, number


_DATES = """
SELECT article AS id, (front->>'effective')::date AS effective, (front->>'expires')::date AS expires,
       (front->>'next_review')::date AS next_review, front->'supersedes' AS supersedes
  FROM article_versions WHERE status = 'published'
"""
_PAGE = """
SELECT article AS id, version, status, front->>'title' AS title, front->>'area' AS area, front->>'owner' AS owner,
       front->>'audience' AS audience, front->>'locale' AS locale, (front->>'effective')::date AS effective,
       (front->>'expires')::date AS expires, (front->>'next_review')::date AS next_review,
       front->'supersedes' AS supersedes, path, origin, author, submitted_at, decided_by, decided_at, reason,
       published_at,
       ARRAY(SELECT DISTINCT finding->>'code' FROM jsonb_array_elements(findings) finding ORDER BY 1) AS findings,
       (SELECT count(*) FROM knowledge_conflicts c
         WHERE c.status = 'open' AND ((c.article, c.version) = (v.article, v.version)
                                      OR (c.other_article, c.other_version) = (v.article, v.version))) AS open_conflicts
  FROM article_versions v
 WHERE status = ANY(%(statuses)s) AND (%(area)s::text IS NULL OR front->>'area' = %(area)s)
   AND (%(grace)s::int IS NULL OR (status = 'published' AND (front->>'next_review')::date + %(grace)s::int < %(due)s))
   AND (article, string_to_array(version, '.')::int[]) > (%(after)s, %(number)s::int[])
 ORDER BY article, string_to_array(version, '.')::int[] LIMIT %(limit)s
"""
_HISTORY = """
SELECT at, actor, detail->>'version' AS version, detail->>'status' AS status,
       coalesce(detail->>'change', detail->>'status') AS change, detail->>'reason' AS reason
  FROM audit_entries WHERE action = 'knowledge.changed' AND detail->>'article' = %(article)s
 ORDER BY position DESC LIMIT 500
"""
