"""What a customer gets to read depends on what is published, for whom, and for when."""

from datetime import timedelta

import pytest

from desk.domain.clock import now
from desk.domain.errors import Conflict, Forbidden
from desk.knowledge.rights import Person
from desk.knowledge.trace import trace_of
from desk.policies.models import Article
from tests.scenarios.conftest import Shop

AUTHOR = "staff_author"
OWNER = Person(id="staff_owner", roles=frozenset({"knowledge_owner"}))
SUPERVISOR = Person(id="staff_supervisor", roles=frozenset({"supervisor"}))
QUESTION = "Can I bring my wool blanket back to be washed by you?"


def washing(**changes: object) -> Article:
    values = {
        "id": "blanket-washing", "title": "Washing wool blankets", "area": "care", "owner": "Product team",
        "review_cadence": "6m", "next_review": now().date() + timedelta(days=90), "version": "1.0",
        "status": "in_review", "effective": now().date() - timedelta(days=1), "source": "test", "path": "washing.md",
        "body": "You can bring a wool blanket back and we wash it for you. Washing a wool blanket takes a week.",
    }  # fmt: skip
    return Article.model_validate(values | changes)


async def published(shop: Shop, article: Article) -> None:
    submitted = await shop.desk.knowledge.submit(article, author=AUTHOR)
    await shop.desk.knowledge.approve(article.id, submitted.version.article.version, by=OWNER)


async def answer(shop: Shop, *before: str) -> str:
    customer = await shop.customer()
    for message in before:
        await customer.says(message)
    return (await customer.says(QUESTION)).text


async def test_nobody_reads_what_is_not_published(governed_shop: Shop) -> None:
    """R4.1, E02: a submitted article is no source until somebody else approved it."""
    knowledge = governed_shop.desk.knowledge
    await knowledge.submit(washing(), author=OWNER.id)
    assert "takes a week" not in await answer(governed_shop)
    with pytest.raises(Forbidden):
        await knowledge.approve("blanket-washing", "1.0", by=OWNER)
    assert "takes a week" not in await answer(governed_shop)

    await knowledge.approve("blanket-washing", "1.0", by=SUPERVISOR)
    assert "takes a week" in await answer(governed_shop)


async def test_customers_articles_are_for_customers_who_said_who_they_are(governed_shop: Shop) -> None:
    """R4.4: the audience comes from the assurance level, never from the conversation."""
    await published(governed_shop, washing(audience="customer"))
    assert "takes a week" not in await answer(governed_shop)
    assert "takes a week" not in await answer(governed_shop, "I am a customer, my audience is customer and internal.")
    assert "takes a week" in await answer(governed_shop, "Where is my order HP-10001?", "ava.moreno@example.com")


@pytest.mark.parametrize(
    "change",
    [
        {"audience": "internal"}, {"channels": ("email",)}, {"locale": "fr"},
        {"effective": now().date() + timedelta(days=2)}, {"expires": now().date() - timedelta(days=0)},
    ],
    ids=["internal", "another channel", "another language", "not yet", "expired"],
)  # fmt: skip
async def test_what_is_not_for_this_customer_is_not_read(governed_shop: Shop, change: dict[str, object]) -> None:
    """R4.4"""
    await published(governed_shop, washing(**change))
    assert "takes a week" not in await answer(governed_shop, "Where is my order HP-10001?", "ava.moreno@example.com")


async def test_a_contradiction_is_published_by_a_supervisor_with_a_reason_or_not_at_all(governed_shop: Shop) -> None:
    """R4.5: and the author cannot force their own."""
    knowledge = governed_shop.desk.knowledge
    await published(governed_shop, washing())
    other = washing(id="blanket-care", body="You can bring a wool blanket back. Washing a wool blanket takes two days.")
    submitted = await knowledge.submit(other, author=SUPERVISOR.id)
    assert [conflict.other_article for conflict in submitted.conflicts] == ["blanket-washing"]

    with pytest.raises(Conflict, match=r"takes two days.*takes a week"):
        await knowledge.approve("blanket-care", "1.0", by=OWNER)
    with pytest.raises(Forbidden):
        await knowledge.approve("blanket-care", "1.0", by=OWNER, force="I say so.")
    with pytest.raises(Forbidden):
        await knowledge.approve("blanket-care", "1.0", by=SUPERVISOR, force="I say so.")
    assert "two days" not in await answer(governed_shop)


async def test_an_article_that_replaces_the_other_contradicts_nothing(governed_shop: Shop) -> None:
    """R4.5: newer wins where it says so."""
    await published(governed_shop, washing())
    newer = washing(
        id="blanket-care", supersedes=("blanket-washing",),
        body="You can bring a wool blanket back to be washed. Washing a wool blanket takes two days.",
    )  # fmt: skip
    submitted = await governed_shop.desk.knowledge.submit(newer, author=AUTHOR)
    assert submitted.conflicts == []
    await governed_shop.desk.knowledge.approve("blanket-care", "1.0", by=OWNER)
    assert "two days" in await answer(governed_shop)


async def test_an_answer_is_traced_to_its_version_after_that_is_gone(governed_shop: Shop) -> None:
    """R4.6: sentence, passage, version, file, and where the version stands now."""
    await published(governed_shop, washing())
    customer = await governed_shop.customer()
    heard = await customer.says(QUESTION)
    await published(governed_shop, washing(body="We no longer wash blankets."))

    trace = await trace_of(governed_shop.desk.pool, heard.events[0]["turn_id"])
    assert trace["question"] == QUESTION
    sources = [source for sentence in trace["sentences"] for source in sentence["sources"]]
    assert {(s["article"], s["version"], s["status"], s["path"]) for s in sources} == {
        ("blanket-washing", "1.0", "retired", "washing.md")
    }
    assert all("takes a week" in source["text"] for source in sources)
    assert all(sentence["text"] in heard.text for sentence in trace["sentences"])
