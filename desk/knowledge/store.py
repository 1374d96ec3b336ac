"""The table of article versions: each change is one transaction with its audit entry.

Who may do what is decided here once more by what the rows say, so that two people who click at once are told apart:
every change names the status it expects.
"""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, cast

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from desk.audit.events import SYSTEM, audit_detail
from desk.db.pool import Pool
from desk.domain.errors import Conflict, NotFound
from desk.knowledge.versions import (
    PACK,
    ArticleVersion,
    Finding,
    Status,
    StoredChunk,
    content_hash,
    front_of,
    next_version,
)
from desk.policies.models import Article

MAX_REASON = 500


class ArticleStore:
    """Versions of articles, the pieces they are cut into, and the generation that says when the live set changed."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def generation(self) -> int:
        """Goes up with everything that starts or stops being published."""
        row = await self._one(_GENERATION)
        assert row is not None, "the migration stores it"
        return int(row["generation"])

    async def published(self) -> tuple[int, list[Article]]:
        """The generation and everything published in it, by article id."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            row = await (await connection.execute(_GENERATION)).fetchone()
            rows = await (await connection.execute(_PUBLISHED)).fetchall()
        assert row is not None, "the migration stores it"
        return int(row["generation"]), [_article(found) for found in rows]

    async def chunks(self, versions: Sequence[tuple[str, str]]) -> list[StoredChunk]:
        """The pieces of these versions, in reading order."""
        values = {"articles": [article for article, _ in versions], "versions": [version for _, version in versions]}
        return [cast(StoredChunk, row) for row in await self._all(_CHUNKS, values)]

    async def find(self, article: str, version: str | None = None) -> ArticleVersion:
        """That version, or without one the newest. Raises ``NotFound``."""
        row = await self._one(_FIND, {"article": article, "version": version})
        if row is None:
            raise NotFound("There is no such article." if version is None else "There is no such version.")
        return _version(row)

    async def versions(self, article: str) -> list[ArticleVersion]:
        """Every version, newest first. Raises ``NotFound``."""
        rows = await self._all(_VERSIONS, {"article": article})
        if not rows:
            raise NotFound("There is no such article.")
        return [_version(row) for row in rows]

    async def page(
        self, *, statuses: Sequence[Status], area: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[ArticleVersion]:
        """Versions with these statuses, by article id; ``after`` is the last id of the page before."""
        values = {"statuses": list(statuses), "area": area, "after": after or "", "limit": limit}
        return [_version(row) for row in await self._all(_PAGE, values)]

    async def submit(
        self, article: Article, *, author: str, findings: Sequence[Finding], numbered: bool, status: Status
    ) -> tuple[ArticleVersion, bool]:
        """Stores a ``draft`` or a version ``in_review``; the flag tells whether it is new.

        The same content as the newest version that counts is that version again. An open version is replaced. With
        ``numbered`` the article's own version number is used, else the next one. Raises ``Conflict`` when that number
        is taken by another text.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 12))", (article.id,))
            known = [_version(row) for row in await _fetch(connection, _VERSIONS, {"article": article.id})]
            hashed = content_hash(article)
            for version in known:
                if version.hash == hashed and version.article.status in ("in_review", "approved", "published"):
                    return version, False
            if numbered:
                _check_number(article, known)
            number = article.version if numbered else next_version([v.article.version for v in known])
            replaced = {"article": article.id, "version": number, "reason": f"replaced by {number}", "by": author}
            await connection.execute(_REPLACE, replaced)
            values = {
                "article": article.id, "version": number, "status": status, "front": Jsonb(front_of(article)),
                "body": article.body, "path": article.path, "hash": hashed, "author": author,
                "findings": Jsonb(list(findings)), "decided_by": None, "by": author,
                "detail": audit_detail(findings=[finding["code"] for finding in findings]),
            }  # fmt: skip
            (row,) = await _fetch(connection, _INSERT, values)
            return _version(row), True

    async def move(
        self,
        key: tuple[str, str],
        to: Status,
        *,
        expected: Sequence[Status],
        by: str,
        change: str,
        reason: str | None = None,
        decides: bool = False,
        detail: Mapping[str, Any] | None = None,
        chunks: Sequence[StoredChunk] = (),
    ) -> ArticleVersion:
        """Moves a version on in its life; publishing retires the version that was published, in the same transaction.

        ``decides``: ``by`` is who looked at the text and answers for this. Raises ``NotFound``, and ``Conflict`` when
        the status is not one of the ``expected`` (any more).
        """
        article, version = key
        values = {
            "article": article, "version": version, "to": to, "expected": list(expected), "by": by,
            "decides": decides, "reason": reason and reason[:MAX_REASON],
            "detail": audit_detail(change=change, reason=reason, **(detail or {})),
        }  # fmt: skip
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 12))", (article,))
            if to == "published":
                await connection.execute(_RETIRE_OTHER, values)
                await _store_chunks(connection, chunks)
            try:
                rows = await _fetch(connection, _MOVE, values)
            except UniqueViolation as exc:
                raise Conflict("Another version of the article is open; decide about that one first.") from exc
            if not rows:
                (found,) = await _fetch(connection, _FIND, values) or (None,)
                if found is None:
                    raise NotFound("There is no such version.")
                raise Conflict(f"Version {version} is {found['status'].replace('_', ' ')} now.", code="wrong_status")
            if to in ("retired", "draft"):
                await connection.execute(_RESOLVE_CONFLICTS, values)
            return _version(rows[0])

    async def bring(self, articles: Sequence[tuple[Article, Sequence[StoredChunk]]]) -> None:
        """Puts in what a pack brings: published where the desk has nothing of its own.

        A new version of an article that came from a pack takes its place; an article somebody has changed here stays.
        """
        async with self._pool.connection() as connection, connection.transaction():
            # Several processes start at once; the second finds everything there.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('knowledge of the pack', 12))")
            known = {(row["article"], row["version"]) for row in await _fetch(connection, _OF_PACK, {})}
            taken = {row["article"] for row in await _fetch(connection, _NOT_OF_PACK, {})}
            for article, chunks in articles:
                if (article.id, article.version) in known or article.id in taken:
                    continue
                values = {
                    "article": article.id, "version": article.version, "status": article.status,
                    "front": Jsonb(front_of(article)), "body": article.body, "path": article.path,
                    "hash": content_hash(article), "author": PACK, "findings": Jsonb([]), "by": SYSTEM,
                    "decided_by": PACK if article.status in ("approved", "published") else None,
                    "detail": audit_detail(change="brought by the pack"),
                }  # fmt: skip
                if article.status == "published":
                    await connection.execute(_RETIRE_OTHER, values)
                await connection.execute(_INSERT, values)
                await _store_chunks(connection, chunks if article.status == "published" else ())

    async def _one(self, query: LiteralString, values: Mapping[str, Any] | None = None) -> DictRow | None:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, values)).fetchone()

    async def _all(self, query: LiteralString, values: Mapping[str, Any]) -> list[DictRow]:
        async with self._pool.connection() as connection:
            return await _fetch(connection, query, values)


def _check_number(article: Article, known: Sequence[ArticleVersion]) -> None:
    """A number stands for one text, except while that is a draft."""
    for version in known:
        if version.article.version == article.version and version.article.status != "draft":
            raise Conflict(
                f"Version {article.version} of {article.id} exists already with another text; raise its number.",
                code="version_taken",
            )


async def _fetch(
    connection: AsyncConnection[DictRow], query: LiteralString, values: Mapping[str, Any]
) -> list[DictRow]:
    return await (await connection.execute(query, values)).fetchall()


async def _store_chunks(connection: AsyncConnection[DictRow], chunks: Sequence[StoredChunk]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(_CHUNK, [{**chunk, "place": place} for place, chunk in enumerate(chunks)])


def _article(row: Mapping[str, Any]) -> Article:
    return Article.model_validate(
        {**row["front"], "id": row["article"], "version": row["version"], "status": row["status"],
         "body": row["body"], "path": row["path"]},
        strict=False,
    )  # fmt: skip


def _version(row: Mapping[str, Any]) -> ArticleVersion:
    names = ("hash", "author", "submitted_at", "decided_by", "decided_at", "reason", "published_at", "retired_at")
    return ArticleVersion(article=_article(row), findings=tuple(row["findings"]), **{name: row[name] for name in names})


_GENERATION = "SELECT generation FROM knowledge_state"
_PUBLISHED = "SELECT * FROM article_versions WHERE status = 'published' ORDER BY article"
_FIND = """
SELECT * FROM article_versions WHERE article = %(article)s AND (%(version)s::text IS NULL OR version = %(version)s)
 ORDER BY string_to_array(version, '.')::int[] DESC LIMIT 1
"""
_VERSIONS = (
    "SELECT * FROM article_versions WHERE article = %(article)s ORDER BY string_to_array(version, '.')::int[] DESC"
)
_PAGE = """
SELECT * FROM article_versions
 WHERE status = ANY(%(statuses)s) AND article > %(after)s AND (%(area)s::text IS NULL OR front->>'area' = %(area)s)
 ORDER BY article, string_to_array(version, '.')::int[] LIMIT %(limit)s
"""
_CHUNKS = """
SELECT id, article, version, heading, text
  FROM article_chunks JOIN unnest(%(articles)s::text[], %(versions)s::text[]) AS wanted (article, version)
       USING (article, version)
 ORDER BY article, version, place
"""
_CHUNK = """
INSERT INTO article_chunks (id, article, version, place, heading, text)
VALUES (%(id)s, %(article)s, %(version)s, %(place)s, %(heading)s, %(text)s) ON CONFLICT (id) DO NOTHING
"""
_OF_PACK = "SELECT article, version FROM article_versions WHERE author = 'pack'"
_NOT_OF_PACK = "SELECT DISTINCT article FROM article_versions WHERE author <> 'pack'"

_INSERT = """
WITH stored AS (
    INSERT INTO article_versions (article, version, status, front, body, path, hash, author, findings, decided_by,
                                  decided_at, published_at, retired_at)
    VALUES (%(article)s, %(version)s, %(status)s, %(front)s, %(body)s, %(path)s, %(hash)s, %(author)s, %(findings)s,
            %(decided_by)s, CASE WHEN %(decided_by)s::text IS NOT NULL THEN clock_timestamp() END,
            CASE WHEN %(status)s = 'published' THEN clock_timestamp() END,
            CASE WHEN %(status)s = 'retired' THEN clock_timestamp() END)
    -- A draft is written over; what others have seen is not.
    ON CONFLICT (article, version) DO UPDATE
       SET status = excluded.status, front = excluded.front, body = excluded.body, path = excluded.path,
           hash = excluded.hash, author = excluded.author, submitted_at = clock_timestamp(),
           findings = excluded.findings, decided_by = NULL, decided_at = NULL, reason = NULL
     WHERE article_versions.status = 'draft'
    RETURNING *
)
SELECT stored.*, audit_append('knowledge.changed', %(by)s, NULL, NULL,
           jsonb_build_object('article', article, 'version', version, 'status', status) || %(detail)s)
  FROM stored
"""

_MOVE = """
WITH moved AS (
    UPDATE article_versions
       SET status = %(to)s,
           decided_by = CASE WHEN %(decides)s THEN %(by)s ELSE decided_by END,
           decided_at = CASE WHEN %(decides)s THEN clock_timestamp() ELSE decided_at END,
           reason = %(reason)s,
           published_at = CASE WHEN %(to)s = 'published' THEN clock_timestamp() ELSE published_at END,
           retired_at = CASE WHEN %(to)s = 'retired' THEN clock_timestamp() END
     WHERE article = %(article)s AND version = %(version)s AND status = ANY(%(expected)s)
    RETURNING *
)
SELECT moved.*, audit_append('knowledge.changed', %(by)s, NULL, NULL,
           jsonb_build_object('article', article, 'version', version, 'status', status) || %(detail)s)
  FROM moved
"""

_RETIRE_OTHER = """
WITH gone AS (
    UPDATE article_versions
       SET status = 'retired', retired_at = clock_timestamp(), reason = 'replaced by ' || %(version)s
     WHERE article = %(article)s AND version <> %(version)s AND status = 'published'
    RETURNING article, version
), over AS (
    UPDATE knowledge_conflicts c SET status = 'resolved' FROM gone
     WHERE c.status = 'open' AND ((c.article, c.version) = (gone.article, gone.version)
                                  OR (c.other_article, c.other_version) = (gone.article, gone.version))
)
SELECT audit_append('knowledge.changed', %(by)s, NULL, NULL, jsonb_build_object(
           'article', article, 'version', version, 'status', 'retired', 'change', 'replaced by ' || %(version)s))
  FROM gone
"""

_REPLACE = """
WITH gone AS (
    UPDATE article_versions SET status = 'retired', retired_at = clock_timestamp(), reason = %(reason)s
     WHERE article = %(article)s AND version <> %(version)s AND status IN ('draft', 'in_review', 'approved')
    RETURNING article, version
), over AS (
    UPDATE knowledge_conflicts c SET status = 'resolved' FROM gone
     WHERE c.status = 'open' AND (c.article, c.version) = (gone.article, gone.version)
)
SELECT audit_append('knowledge.changed', %(by)s, NULL, NULL, jsonb_build_object(
           'article', article, 'version', version, 'status', 'retired', 'change', %(reason)s::text))
  FROM gone
"""

_RESOLVE_CONFLICTS = """
UPDATE knowledge_conflicts SET status = 'resolved'
 WHERE status = 'open' AND ((article, version) = (%(article)s, %(version)s)
                            OR (other_article, other_version) = (%(article)s, %(version)s))
"""
