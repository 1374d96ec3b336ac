"""What is in use follows what is published: in one step, in every process, whatever was going on."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import psycopg
import pytest

from desk.db.pool import Pool
from desk.domain.clock import now
from desk.knowledge.rights import Person
from desk.knowledge.standing import standings
from desk.knowledge.store import ArticleStore
from desk.policies.models import Article, KnowledgePolicy, ReviewPolicy
from graph.bootstrap import content_desk, open_knowledge
from retrieval.chunking import Chunk, pieces
from retrieval.knowledge import KnowledgeDesk
from retrieval.live import LiveKnowledge
from retrieval.search import Retriever
from retrieval.words_alone import builder_of_words
from tests.integration.turns.desks import Parts, live_over_words

OWNER = Person(id="staff_owner", roles=frozenset({"knowledge_owner"}))
TODAY = now().date()


@pytest.fixture
def store(pool: Pool) -> ArticleStore:
    return ArticleStore(pool)


@pytest.fixture
async def live(store: ArticleStore, parts: Parts) -> LiveKnowledge:
    live = live_over_words(store, parts.policies)
    await open_knowledge(live, store, policies=parts.policies)
    return live


@pytest.fixture
def desk(pool: Pool, parts: Parts, live: LiveKnowledge) -> KnowledgeDesk:
    return content_desk(pool, parts.policies, knowledge=live, judge=None)


def sundials(body: str = "We engrave brass sundials in two weeks.", **changes: object) -> Article:
    values = {
        "id": "sundials", "title": "Sundials", "area": "products", "owner": "Product team", "review_cadence": "6m",
        "next_review": TODAY + timedelta(days=90), "version": "1.0", "status": "in_review", "effective": TODAY,
        "source": "test", "body": body, "path": "sundials.md",
    }  # fmt: skip
    return Article.model_validate(values | changes)


async def found(live: LiveKnowledge, question: str = "How long does engraving a brass sundial take?") -> str:
    result = await live.retriever.search(question, channel="web", now=now())
    return result.passages[0]["text"] if result.passages and result.confident else ""


async def until(live: LiveKnowledge, holds: Callable[[str], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds(await found(live)):  # noqa: ASYNC110  # nothing tells of a switch
            await asyncio.sleep(0.05)


async def published(desk: KnowledgeDesk, article: Article) -> None:
    submitted = await desk.submit(article, author="staff_author")
    await desk.approve(article.id, submitted.version.article.version, by=OWNER)


async def test_the_pack_is_in_use_from_the_start_and_brought_once(
    live: LiveKnowledge, store: ArticleStore, parts: Parts
) -> None:
    """R4.1: a second start, or a second process, finds everything there."""
    before = await store.generation()
    await open_knowledge(live_over_words(store, parts.policies), store, policies=parts.policies)

    assert await store.generation() == before
    assert set(live.articles) == {a.id for a in parts.policies.articles.values() if a.status == "published"}


async def test_a_new_version_in_the_pack_takes_the_old_ones_place_unless_somebody_changed_it_here(
    desk: KnowledgeDesk, store: ArticleStore, parts: Parts
) -> None:
    """R4.1: what people wrote at the desk is not overwritten by a deployment."""
    ours, theirs = parts.policies.articles["complaints"], parts.policies.articles["newsletter"]
    await published(desk, theirs.model_copy(update={"body": f"{theirs.body}\n\nWritten at the desk."}))
    packed = [a.model_copy(update={"version": "9.9", "body": "From the new pack."}) for a in (ours, theirs)]
    await store.bring([(article, pieces(article)) for article in packed])

    _, articles = await store.published()
    bodies = {article.id: article.body for article in articles}
    assert bodies["complaints"] == "From the new pack."
    assert bodies["newsletter"].endswith("Written at the desk.")


async def test_what_is_published_is_found_at_once_here_and_soon_elsewhere(
    desk: KnowledgeDesk, live: LiveKnowledge, store: ArticleStore, parts: Parts
) -> None:
    """R4.7: the process that published it has it when the call returns; another one follows by itself."""
    elsewhere = live_over_words(store, parts.policies)
    await elsewhere.refresh()
    following = asyncio.create_task(elsewhere.follow())
    try:
        submitted = await desk.submit(sundials(), author="staff_author")
        assert await found(live) == ""
        await desk.approve("sundials", submitted.version.article.version, by=OWNER)
        assert "two weeks" in await found(live)
        await until(elsewhere, lambda text: "two weeks" in text)
        await desk.retire("sundials", by=OWNER, reason="No sundials any more.")
        assert await found(live) == ""
        await until(elsewhere, lambda text: text == "")
    finally:
        following.cancel()


async def test_there_is_no_moment_without_answers_while_versions_change(
    desk: KnowledgeDesk, live: LiveKnowledge
) -> None:
    """R4.7: whoever asks gets the old version or the new one, never both and never none."""
    await published(desk, sundials("We engrave brass sundials in 100 days."))
    answers: list[str] = []

    async def asks() -> None:
        while True:
            answers.append(await found(live))
            await asyncio.sleep(0)

    asking = asyncio.create_task(asks())
    for number in range(101, 106):
        await published(desk, sundials(f"We engrave brass sundials in {number} days."))
    asking.cancel()

    said = [int(answer.split()[-2]) for answer in answers]
    assert set(said) <= set(range(100, 106))
    assert said == sorted(said)
    assert len(set(said)) > 2


async def test_an_index_that_cannot_be_built_leaves_the_one_in_use(
    store: ArticleStore, parts: Parts, desk: KnowledgeDesk
) -> None:
    """R12.4: and the next attempt finds the change."""
    broken, of_words = True, builder_of_words(parts.policies)

    async def build(chunks: Sequence[Chunk], before: Retriever | None) -> Retriever:
        if broken and before is not None:
            raise OSError("disk full")
        return await of_words(chunks, before)

    live = LiveKnowledge(store, policies=parts.policies, build=build)
    await live.refresh()
    await published(desk, sundials())
    with pytest.raises(OSError, match="disk full"):
        await live.refresh()
    assert await found(live, "How long can I return something?") != ""
    broken = False
    assert await live.refresh()
    assert "two weeks" in await found(live)


async def test_a_version_cannot_be_changed_or_deleted_afterwards(desk: KnowledgeDesk, pool: Pool) -> None:
    """R4.6: what a source said stays what it said, below the product as well."""
    await published(desk, sundials())
    for statement in (
        "UPDATE article_versions SET body = 'other' WHERE article = 'sundials'",
        "UPDATE article_versions SET author = 'staff_other' WHERE article = 'sundials'",
        "DELETE FROM article_versions WHERE article = 'sundials'",
    ):
        async with pool.connection() as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(statement)


async def test_nothing_is_published_by_its_author_even_past_the_product(desk: KnowledgeDesk, pool: Pool) -> None:
    """R4.1: four eyes are a rule of the table too."""
    await desk.submit(sundials(), author="staff_author")
    async with pool.connection() as connection:
        with pytest.raises(psycopg.errors.CheckViolation):
            await connection.execute(
                "UPDATE article_versions SET status = 'published', published_at = now(), decided_by = 'staff_author'"
                " WHERE article = 'sundials'"
            )


def review(overdue: str) -> ReviewPolicy:
    return KnowledgePolicy.model_validate({"review": {"overdue": overdue, "grace_days": 30}}).review


def test_what_may_be_used_on_a_day() -> None:
    """R4.1, R4.2: dates, an overdue review, and what replaces it decide."""
    day = date(2026, 11, 24)
    articles = [
        sundials(id="plain", effective=day),
        sundials(id="tomorrow", effective=day + timedelta(days=1)),
        sundials(id="over", effective=date(2026, 1, 1), expires=day),
        sundials(id="late", effective=day, next_review=day - timedelta(days=31)),
        sundials(id="due", effective=day, next_review=day - timedelta(days=30)),
        sundials(id="old", effective=day),
        sundials(id="new", effective=day, supersedes=("old",)),
        sundials(id="kept", effective=day),
        sundials(id="not-yet", supersedes=("kept",), effective=day + timedelta(days=1)),
    ]

    assert standings(articles, on=day, review=review("use")) == {
        "plain": "in_use", "tomorrow": "scheduled", "over": "expired", "late": "overdue", "due": "in_use",
        "old": "superseded", "new": "in_use", "kept": "in_use", "not-yet": "scheduled",
    }  # fmt: skip
    assert standings(articles, on=day, review=review("withhold"))["late"] == "withheld"


async def test_an_article_that_is_replaced_comes_back_with_the_roll_back(
    desk: KnowledgeDesk, live: LiveKnowledge
) -> None:
    """R4.5: newer wins only where it says that it replaces the older one."""
    await published(desk, sundials())
    await published(desk, sundials("Engraving takes five days.", id="sundials-new", supersedes=("sundials",)))
    assert live.standing("sundials") == "superseded"
    assert "two weeks" not in await found(live)

    await desk.roll_back("sundials-new", by=OWNER, reason="Too early.")
    assert live.standing("sundials") == "in_use"
    assert "two weeks" in await found(live)
