"""Who is reminded of which review on a day (R4.2): pure, and the rows that remember it was done."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from desk.audit.events import audit_detail
from desk.db.pool import Pool
from desk.domain.ids import new_id
from desk.policies.models import KnowledgePolicy

Kind = Literal["due", "overdue", "expired"]


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """What of a published version decides about its reminders."""

    article: str
    version: str
    title: str
    owner: str
    next_review: date
    expires: date | None


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """One thing to tell, once."""

    article: str
    version: str
    kind: Kind
    due: date
    """The review date or the day it expired."""
    subject: str
    text: str
    email: str | None
    """Of the owner; None: nobody is written to."""
    queue: str | None
    """Where a ticket about it goes; None: it needs none yet."""


def reminders_on(day: date, articles: Iterable[Reviewed], *, policy: KnowledgePolicy, queue: str) -> Iterator[Reminder]:
    """Everything there is to say on this day, also what was said before. ``queue``: for owners without their own."""
    review = policy.review
    for article in articles:
        if article.expires is not None and article.expires <= day:
            yield _reminder(article, "expired", policy=policy, queue=queue)
        elif article.next_review + timedelta(days=review.grace_days) < day:
            yield _reminder(article, "overdue", policy=policy, queue=queue)
        elif article.next_review - timedelta(days=review.remind_days) <= day:
            yield _reminder(article, "due", policy=policy, queue=queue)


class ReminderStore:
    """Published versions, and what was said about them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def reviewed(self) -> list[Reviewed]:
        """Everything published."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(_REVIEWED)).fetchall()
        return [Reviewed(**row) for row in rows]

    async def said(self) -> set[tuple[str, str, Kind, date]]:
        """What was said already, so that a round with nothing new writes nothing."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(_SAID)).fetchall()
        return {(row["article"], row["version"], row["kind"], row["due"]) for row in rows}

    async def note(self, connection: AsyncConnection[DictRow], reminder: Reminder) -> bool:
        """Notes it, with its ticket, in the caller's transaction; False when another process was quicker."""
        packet = {"summary": reminder.subject, "trigger": reminder.kind, "article": reminder.article,
                  "version": reminder.version, "due": reminder.due.isoformat()}  # fmt: skip
        values: dict[str, Any] = {
            "article": reminder.article, "version": reminder.version, "kind": reminder.kind, "due": reminder.due,
            "ticket": new_id("tick") if reminder.queue else None, "queue": reminder.queue,
            "reason": reminder.subject, "packet": Jsonb(packet),
            "detail": audit_detail(
                article=reminder.article, version=reminder.version, kind=reminder.kind, due=reminder.due
            ),
        }  # fmt: skip
        return bool(await (await connection.execute(_NOTE, values)).fetchall())


def _reminder(article: Reviewed, kind: Kind, *, policy: KnowledgePolicy, queue: str) -> Reminder:
    owner = policy.owners.get(article.owner)
    name = f"“{article.title}” ({article.article} {article.version})"
    due = article.next_review
    match kind:
        case "due":
            subject = f"Review due on {due}: {article.title}"
            text = f"The review of {name} is due on {due}."
        case "overdue":
            subject = f"Review overdue since {due}: {article.title}"
            used = "It is not used any more" if policy.review.overdue == "withhold" else "It is still used"
            text = f"The review of {name} was due on {due}. {used}."
        case "expired":
            assert article.expires is not None, "it expired on that day"
            due = article.expires
            subject = f"Expired on {due}: {article.title}"
            text = f"{name} expired on {due} and is not used any more. Renew it or take it down."
    how = f"Submit it with a new next_review, changed or not, or retire it: frontdesk kb show {article.article}"
    return Reminder(
        article=article.article,
        version=article.version,
        kind=kind,
        due=due,
        subject=subject,
        text=f"{text}\n\n{how}",
        email=owner.email if owner else None,
        queue=None if kind == "due" else (owner and owner.queue) or queue,
    )


_REVIEWED: LiteralString = """
SELECT article, version, front->>'title' AS title, front->>'owner' AS owner,
       (front->>'next_review')::date AS next_review, (front->>'expires')::date AS expires
  FROM article_versions WHERE status = 'published' ORDER BY article
"""
_SAID: LiteralString = """
SELECT r.article, r.version, r.kind, r.due FROM knowledge_reminders r
  JOIN article_versions v USING (article, version) WHERE v.status = 'published'
"""
_NOTE: LiteralString = """
WITH noted AS (
    INSERT INTO knowledge_reminders (article, version, kind, due, ticket_id)
    VALUES (%(article)s, %(version)s, %(kind)s, %(due)s, %(ticket)s) ON CONFLICT DO NOTHING RETURNING *
), ticket AS (
    INSERT INTO tickets (id, kind, queue, priority, reason, packet)
    SELECT ticket_id, 'content', %(queue)s, 'normal', %(reason)s, %(packet)s FROM noted WHERE ticket_id IS NOT NULL
)
SELECT audit_append('knowledge.reminded', 'system', NULL, NULL, %(detail)s) FROM noted
"""
