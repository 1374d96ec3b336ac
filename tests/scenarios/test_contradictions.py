"""Two published articles disagree: the customer gets both quotes and a person, and the answer once one is gone."""

import pytest

from desk.knowledge.rights import Person
from desk.policies.models import Article
from tests.scenarios.conftest import Customer, Shop

AUTHOR = "staff_author"
OWNER = Person(id="staff_owner", roles=frozenset({"knowledge_owner"}))
SUPERVISOR = Person(id="staff_supervisor", roles=frozenset({"supervisor"}))


def contradicting(retail_article: Article) -> Article:
    return retail_article.model_copy(
        update={
            "id": "returns-in-short", "title": "Returns policy in short", "version": "1.0", "path": "in-short.md",
            "body": "You have 14 days from the day of delivery to tell us that you want to return an item.",
        }
    )  # fmt: skip


@pytest.mark.heavy
async def test_a_forced_contradiction_escalates_until_it_is_rolled_back(real_shop: Shop) -> None:
    """R4.5, E02: flagged at submission, forced through by a supervisor, met by a customer, rolled back, answered."""
    desk = real_shop.desk.knowledge
    article = contradicting(real_shop.desk.policies.articles["returns-policy"])
    before = await (await real_shop.customer()).says("How long do I have to return something?")
    assert "30 days" in before.text

    submitted = await desk.submit(article, author=AUTHOR)
    assert {conflict.other_article for conflict in submitted.conflicts} >= {"returns-policy"}
    # Not published yet, so nobody meets it.
    assert (await (await real_shop.customer()).says("How long do I have to return something?")).outcome == "answered"

    await desk.approve("returns-in-short", "1.0", by=SUPERVISOR, force="Marketing wants it before the season.")
    customer = await real_shop.customer()
    heard = await customer.says("How long do I have to return something?")
    assert heard.outcome == "escalated"
    assert "14 days" in heard.text
    assert "30 days" in heard.text
    assert set(heard.sources) == {"returns-policy", "returns-in-short"}
    assert await packet_quotes(customer) == {"returns-policy", "returns-in-short"}
    met = [c for c in await desk.conflicts.page(status="open", after=None, limit=10) if c.conversation_id]
    assert [c.conversation_id for c in met] == [customer.conversation_id]
    assert met[0].times_seen >= 3

    await desk.roll_back("returns-in-short", by=OWNER, reason="It was wrong.")
    after = await (await real_shop.customer()).says("How long do I have to return something?")
    assert after.outcome == "answered"
    assert "30 days" in after.text
    assert await desk.conflicts.page(status="open", after=None, limit=10) == []


async def packet_quotes(customer: Customer) -> set[str]:
    async with customer.desk.pool.connection() as connection:
        row = await (
            await connection.execute(
                "SELECT packet FROM tickets WHERE conversation_id = %s", (customer.conversation_id,)
            )
        ).fetchone()
    assert row is not None
    return {quote["article"] for quote in row["packet"]["quotes"]}
