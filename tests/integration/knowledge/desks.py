"""A content desk on a database of a test's own, with a small pack, search by words, and people of every kind."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from desk.db.pool import Pool
from desk.knowledge.rights import Person
from desk.knowledge.store import ArticleStore
from desk.policies.models import Article, PolicySet
from graph.bootstrap import content_desk, open_knowledge
from retrieval.knowledge import KnowledgeDesk
from retrieval.live import LiveKnowledge
from retrieval.words_alone import builder_of_words

OLIVE = Person(id="staff_olive", roles=frozenset({"knowledge_owner"}))
OMAR = Person(id="staff_omar", roles=frozenset({"knowledge_owner"}))
SUE = Person(id="staff_sue", roles=frozenset({"supervisor"}))
AGNES = Person(id="staff_agnes", roles=frozenset({"agent"}))

RETURNS = "You have 30 days from the day of delivery to tell us that you want to return an item."
SHORTER = "You have 14 days from the day of delivery to tell us that you want to return an item."


async def opened_desk(
    pool: Pool, policies: PolicySet, *, articles: Mapping[str, Article] | None = None, **knowledge: Any
) -> KnowledgeDesk:
    """``knowledge``: other rules than the pack's. By default the pack brings one article, on returns."""
    if articles is None:
        articles = {"returns-policy": article(id="returns-policy", title="Returns policy", body=RETURNS)}
    policies = policies.model_copy(
        update={"articles": articles, "knowledge": policies.knowledge.model_copy(update=knowledge)}
    )
    store = ArticleStore(pool)
    live = LiveKnowledge(store, policies=policies, build=builder_of_words(policies))
    await open_knowledge(live, store, policies=policies)
    return content_desk(pool, policies, knowledge=live, judge=None)


def article(**changes: Any) -> Article:
    """An article; ``next_review`` is far away."""
    return Article.model_validate(
        {
            "id": "returns-in-short", "title": "Returns policy in short", "area": "returns", "owner": "Returns team",
            "review_cadence": "12m", "next_review": date(2099, 1, 1), "version": "1.0", "status": "published",
            "effective": date(2026, 1, 1), "source": "tests", "body": "Send it back in the box it came in.",
            "path": "returns-in-short.md", **changes,
        }
    )  # fmt: skip


async def entries(pool: Pool, *, article: str | None = None) -> list[dict[str, Any]]:
    """What the audit log says of articles, in order."""
    async with pool.connection() as connection:
        rows = await (
            await connection.execute(
                "SELECT actor, detail FROM audit_entries WHERE action = 'knowledge.changed' "
                "AND (%(article)s::text IS NULL OR detail->>'article' = %(article)s) ORDER BY position",
                {"article": article},
            )
        ).fetchall()
    return [{"actor": row["actor"], **row["detail"]} for row in rows]
