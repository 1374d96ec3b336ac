"""The table of article versions: each change is one transaction with its audit entry.

Who may do what is decided here once more by what the rows say, so that two people who click at once are told apart:
every change names the status it expects.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, LiteralString, cast

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from desk.audit.events import SYSTEM, audit_detail
from desk.db.pool import Pool
from desk.domain.errors import Conflict, NotFound
from desk.knowledge.placing import (
    REPLACED_BY,
    TAKEN_DOWN_BY_PACK,
    KnownVersion,
    Numbering,
    brought,
    check_replaceable,
    number_for,
    open_version,
    same_text,
)
from desk.knowledge.versions import PACK, ArticleVersion, Finding, Status, StoredChunk, content_hash, front_of
from desk.policies.models import Article

MAX_REASON = 500


class KnowledgeMoved(Conflict):
    """What is published changed between looking and deciding."""

    code = "knowledge_moved"


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

    async def load(self, versions: Sequence[tuple[str, str]]) -> list[ArticleVersion]:
        """These versions, by article id; those that do not exist are left out."""
        values = {"articles": [article for article, _ in versions], "versions": [version for _, version in versions]}
        return [_version(row) for row in await self._all(_LOAD, values)]

    async def versions(self, article: str) -> list[ArticleVersion]:
        """Every version, newest first. Raises ``NotFound``."""
        rows = await self._all(_VERSIONS, {"article": article})
        if not rows:
            raise NotFound("There is no such article.")
        return [_version(row) for row in rows]

    async def known(self) -> dict[str, list[KnownVersion]]:
        """Every version of every article without its text, newest first."""
        found: dict[str, list[KnownVersion]] = {}
        for row in await self._all(_KNOWN, {"article": None}):
            found.setdefault(row["article"], []).append(KnownVersion(**row))
        return found

    async def latest(self, articles: Collection[str], *, origin: str | None = None) -> dict[str, list[ArticleVersion]]:
        """Of each of these articles the newest version, the newest of this origin, the published and the open one."""
        found: dict[str, list[ArticleVersion]] = {}
        for row in await self._all(_LATEST, {"articles": list(articles), "origin": origin}):
            found.setdefault(row["article"], []).append(_version(row))
        return found

    async def of_origin(self, origin: str) -> list[tuple[str, str, str]]:
        """Article, version and path of what came with this import and is published or open."""
        rows = await self._all(_OF_ORIGIN, {"origin": origin})
        return [(row["article"], row["version"], row["path"]) for row in rows]

    async def in_status(self, status: Status) -> list[tuple[str, str]]:
        """Article and version of all with this status, by article id."""
        return [(row["article"], row["version"]) for row in await self._all(_IN_STATUS, {"status": status})]

    async def submit(
        self,
        article: Article,
        *,
        author: str,
        findings: Sequence[Finding] = (),
        numbering: Numbering = "next",
        status: Literal["draft", "in_review"] = "in_review",
        insist: bool = True,
        origin: str | None = None,
    ) -> tuple[ArticleVersion, bool]:
        """Stores a version; the flag tells whether it is new. ``insist``: see ``same_text``.

        An open version is replaced, a draft nobody has decided about is written over. Raises ``Conflict`` when the
        text cannot have its number, or when a version waits for its day.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await _lock(connection, article.id)
            known = [KnownVersion(**row) for row in await _fetch(connection, _KNOWN, {"article": article.id})]
            hashed = content_hash(article)
            same = same_text(hashed, known, insist=insist)
            if same is not None:
                (row,) = await _fetch(connection, _FIND, {"article": article.id, "version": same.version})
                return _version(row), False
            check_replaceable(known)
            number = number_for(article, known, numbering=numbering)
            values = {
                "article": article.id, "version": number, "status": status, "front": Jsonb(front_of(article)),
                "body": article.body, "path": article.path, "hash": hashed, "origin": origin, "author": author,
                "findings": Jsonb(list(findings)), "decided_by": None, "by": author,
                "reason": REPLACED_BY + number,
                "detail": audit_detail(change="submitted", findings=[finding["code"] for finding in findings]),
            }  # fmt: skip
            if open_version(known) is not None:
                await connection.execute(_REPLACE, values)
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
        seen: int | None = None,
    ) -> tuple[ArticleVersion, int]:
        """Moves a version on in its life; publishing retires the version that was published, in the same transaction.

        ``decides``: ``by`` is who looked at the text and answers for this. ``seen``: the generation of what is
        published that the decision stands on. Answers with the generation after it. Raises ``NotFound``, and
        ``Conflict`` when the status is not one of the ``expected`` (any more), ``KnowledgeMoved`` when something else
        was published or taken down since.
        """
        article, version = key
        values = {
            "article": article, "version": version, "to": to, "expected": list(expected), "by": by,
            "decider": by, "decides": decides, "reason": reason and reason[:MAX_REASON],
            "detail": audit_detail(change=change, reason=reason, **(detail or {})),
        }  # fmt: skip
        async with self._pool.connection() as connection, connection.transaction():
            await _lock(connection, article)
            if "published" in (to, *expected):
                # What is published changes in one transaction after the other, here and in ``bring``.
                (state,) = await _fetch(connection, _GENERATION_ALONE, {})
                if seen is not None and state["generation"] != seen:
                    raise KnowledgeMoved("What is published was changed meanwhile; look again.")
            if to == "published":
                await connection.execute(_RETIRE_OTHER, values)
                await _store_chunks(connection, chunks)
            rows = await _fetch(connection, _MOVE, values)
            if not rows:
                found = await _fetch(connection, _FIND, values)
                if not found:
                    raise NotFound("There is no such version.")
                status = found[0]["status"].replace("_", " ")
                raise Conflict(f"Version {version} of {article} is {status} now.", code="wrong_status")
            if to in ("retired", "draft"):
                await connection.execute(_RESOLVE_CONFLICTS, values)
            (state,) = await _fetch(connection, _GENERATION, {})
            return _version(rows[0]), int(state["generation"])

    async def bring(self, articles: Sequence[tuple[Article, Sequence[StoredChunk]]]) -> None:
        """Puts in what a pack brings, as ``brought`` says; a text whose number is taken gets the next one."""
        async with self._pool.connection() as connection, connection.transaction():
            # Several processes start at once; the second finds everything there.
            await _fetch(connection, _GENERATION_ALONE, {})
            known: dict[str, list[KnownVersion]] = {}
            for row in await _fetch(connection, _KNOWN, {"article": None}):
                known.setdefault(row["article"], []).append(KnownVersion(**row))
            for article, chunks in articles:
                await _bring(connection, article, chunks, known=known.get(article.id, []))

    async def _one(self, query: LiteralString, values: Mapping[str, Any] | None = None) -> DictRow | None:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, values)).fetchone()

    async def _all(self, query: LiteralString, values: Mapping[str, Any]) -> list[DictRow]:
        async with self._pool.connection() as connection:
            return await _fetch(connection, query, values)


async def _bring(
    connection: AsyncConnection[DictRow],
    article: Article,
    chunks: Sequence[StoredChunk],
    *,
    known: Sequence[KnownVersion],
) -> None:
    change = brought(article, known)
    if change == "leave":
        return
    hashed, approved = content_hash(article), article.status in ("approved", "published")
    number = next((version.version for version in known if version.hash == hashed), None)
    number = number or number_for(article, known, numbering="own_if_free")
    values = {
        "article": article.id, "version": number, "status": article.status, "front": Jsonb(front_of(article)),
        "body": article.body, "path": article.path, "hash": hashed, "origin": None, "author": PACK,
        "findings": Jsonb([]),
        "by": SYSTEM, "decider": PACK, "decided_by": PACK if approved else None, "decides": approved,
        "reason": TAKEN_DOWN_BY_PACK if change == "take_down" else REPLACED_BY + number, "to": article.status,
        "expected": ["draft", "in_review", "approved", "published"],
        "detail": audit_detail(change="brought by the pack"),
    }  # fmt: skip
    await connection.execute(_REPLACE, values)
    if article.status == "published":
        await connection.execute(_RETIRE_OTHER, values)
    match change:
        case "put":
            await connection.execute(_INSERT, values)
        case "publish":
            await connection.execute(_MOVE, {**values, "reason": None})
        case "take_down":
            await connection.execute(_MOVE, values)
            await connection.execute(_RESOLVE_CONFLICTS, values)
    if article.status == "published":
        await _store_chunks(connection, [_renumbered(chunk, version=number) for chunk in chunks])


def _renumbered(chunk: StoredChunk, *, version: str) -> StoredChunk:
    slug = chunk["id"].partition("#")[2]
    return {**chunk, "version": version, "id": f"{chunk['article']}@{version}#{slug}"}


async def _lock(connection: AsyncConnection[DictRow], article: str) -> None:
    """Until the transaction ends nobody else changes this article."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 12))", (article,))


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
    names = (
        "hash",
        "origin",
        "author",
        "submitted_at",
        "decided_by",
        "decided_at",
        "reason",
        "published_at",
        "retired_at",
    )
    return ArticleVersion(article=_article(row), findings=tuple(row["findings"]), **{name: row[name] for name in names})


_BESIDE = (
    "hash", "origin", "author", "submitted_at", "decided_by", "decided_at", "reason", "published_at", "retired_at"
)  # fmt: skip

_GENERATION = "SELECT generation FROM knowledge_state"
_GENERATION_ALONE = "SELECT generation FROM knowledge_state FOR UPDATE"
_PUBLISHED = "SELECT * FROM article_versions WHERE status = 'published' ORDER BY article"
_FIND = """
SELECT * FROM article_versions WHERE article = %(article)s AND (%(version)s::text IS NULL OR version = %(version)s)
 ORDER BY string_to_array(version, '.')::int[] DESC LIMIT 1
"""
_VERSIONS = (
    "SELECT * FROM article_versions WHERE article = %(article)s ORDER BY string_to_array(version, '.')::int[] DESC"
)
_LOAD = """
SELECT v.* FROM article_versions v
  JOIN unnest(%(articles)s::text[], %(versions)s::text[]) AS wanted (article, version) USING (article, version)
 ORDER BY article, string_to_array(version, '.')::int[]
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
_KNOWN = """
SELECT article, version, status, hash, author, (front->>'effective')::date AS effective, decided_by, reason,
       published_at
  FROM article_versions WHERE article = %(article)s OR %(article)s::text IS NULL
 ORDER BY article, string_to_array(version, '.')::int[] DESC
"""
_LATEST = """
SELECT * FROM article_versions v
 WHERE article = ANY(%(articles)s) AND (
    status IN ('draft', 'in_review', 'approved', 'published')
    OR version = (SELECT version FROM article_versions newest WHERE newest.article = v.article
                   ORDER BY string_to_array(version, '.')::int[] DESC LIMIT 1)
    OR version = (SELECT version FROM article_versions newest WHERE newest.article = v.article AND origin = %(origin)s
                   ORDER BY string_to_array(version, '.')::int[] DESC LIMIT 1))
 ORDER BY article, string_to_array(version, '.')::int[] DESC
"""
_OF_ORIGIN = """
SELECT article, version, path FROM article_versions
 WHERE origin = %(origin)s AND status IN ('draft', 'in_review', 'approved', 'published') ORDER BY article, version
"""
_IN_STATUS = "SELECT article, version FROM article_versions WHERE status = %(status)s ORDER BY article"

_INSERT = """
WITH stored AS (
    INSERT INTO article_versions (article, version, status, front, body, path, hash, origin, author, findings,
                                  decided_by, decided_at, published_at, retired_at)
    VALUES (%(article)s, %(version)s, %(status)s, %(front)s, %(body)s, %(path)s, %(hash)s, %(origin)s, %(author)s,
            %(findings)s, %(decided_by)s, CASE WHEN %(decided_by)s::text IS NOT NULL THEN clock_timestamp() END,
            CASE WHEN %(status)s = 'published' THEN clock_timestamp() END,
            CASE WHEN %(status)s = 'retired' THEN clock_timestamp() END)
    -- A draft is written over; what somebody has decided about is not.
    ON CONFLICT (article, version) DO UPDATE
       SET status = excluded.status, front = excluded.front, body = excluded.body, path = excluded.path,
           hash = excluded.hash, origin = excluded.origin, author = excluded.author, submitted_at = clock_timestamp(),
           findings = excluded.findings
     WHERE article_versions.status = 'draft' AND article_versions.decided_by IS NULL
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
           decided_by = CASE WHEN %(decides)s THEN %(decider)s ELSE decided_by END,
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
     WHERE c.status = 'open' AND ((c.article, c.version) = (gone.article, gone.version)
                                  OR (c.other_article, c.other_version) = (gone.article, gone.version))
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
