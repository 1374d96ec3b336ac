"""Contradictions are found once, judged when there is a judge, and left alone when a person dismissed them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from desk.db.pool import Pool
from desk.domain.errors import Conflict, InvalidRequest
from desk.domain.passages import Passage
from desk.knowledge.conflicts import ConflictStore, FoundConflict
from desk.language.judge import ModelJudge
from desk.language.provider_call import ModelLimits
from retrieval.conflict_check import ConflictCheck
from tests.fakes.model_server import ModelServer, scripted_model

QUESTION = "How long do I have to return something?"


def passage(article: str, text: str, *, score: float = 0.9) -> Passage:
    return {
        "chunk_id": f"{article}@1.0#time", "article": article, "version": "1.0", "title": "Returns policy",
        "heading": "", "area": "returns", "text": text, "score": score,
    }  # fmt: skip


LONG = passage("returns-policy", "You have 30 days from delivery to return an item.")
SHORT = passage("returns-in-short", "You have 14 days from delivery to return an item.")


@pytest.fixture
def store(pool: Pool) -> ConflictStore:
    return ConflictStore(pool, queue="content")


@asynccontextmanager
async def judged(store: ConflictStore, script: str) -> AsyncIterator[tuple[ConflictCheck, ModelServer]]:
    """A check whose judge is a server with this script; a call may last half a second."""
    with scripted_model("sensible", judge=script) as server:
        judge = ModelJudge(
            api_key=SecretStr("sk-test"), model="judge", limits=ModelLimits(seconds=0.5), base_url=server.base_url
        )
        try:
            yield ConflictCheck(store, judge=judge), server
        finally:
            await judge.aclose()


async def met(check: ConflictCheck, *passages: Passage, conversation: str = "conv_1") -> FoundConflict | None:
    return await check.among(passages or (LONG, SHORT), question=QUESTION, conversation_id=conversation)


async def tickets(pool: Pool) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        return await (await connection.execute("SELECT kind, queue, status, packet FROM tickets")).fetchall()


async def test_a_contradiction_opens_one_ticket_however_often_it_is_met(store: ConflictStore, pool: Pool) -> None:
    """R4.5: for the owners, with both quotes, whichever passage comes first."""
    check = ConflictCheck(store, judge=None)
    first = await met(check)
    again = await met(check, SHORT, LONG, conversation="conv_2")

    assert first is not None and again is not None  # noqa: PT018
    assert again.id == first.id
    assert (again.times_seen, again.conversation_id) == (2, "conv_1")
    (ticket,) = await tickets(pool)
    assert (ticket["kind"], ticket["queue"], ticket["status"]) == ("content", "content", "open")
    assert {quote["quote"] for quote in ticket["packet"]["quotes"]} == {LONG["text"], SHORT["text"]}


async def test_passages_an_answer_would_not_be_taken_from_do_not_count(store: ConflictStore) -> None:
    """R4.5: a passage far down the list is no source."""
    assert await met(ConflictCheck(store, judge=None), LONG, SHORT | {"score": 0.1}) is None


async def test_two_passages_of_one_article_are_its_authors_affair(store: ConflictStore) -> None:
    other = SHORT | {"article": "returns-policy", "chunk_id": "returns-policy@1.0#other"}
    assert await met(ConflictCheck(store, judge=None), LONG, other) is None


async def test_what_a_person_dismissed_is_not_raised_again(store: ConflictStore, pool: Pool) -> None:
    """R4.5: and its ticket is over."""
    check = ConflictCheck(store, judge=None)
    found = await met(check)
    assert found is not None
    with pytest.raises(InvalidRequest):
        await store.dismiss(found.id, by="staff_1", reason="  ")
    await store.dismiss(found.id, by="staff_1", reason="The short one is about outlets.")

    assert await met(check) is None
    assert [ticket["status"] for ticket in await tickets(pool)] == ["resolved"]
    with pytest.raises(Conflict):
        await store.dismiss(found.id, by="staff_2", reason="Again.")


async def test_a_judge_confirms_and_explains_and_is_asked_once(store: ConflictStore) -> None:
    """R4.5"""
    async with judged(store, "judge_confirms") as (check, server):
        first, again = await met(check), await met(check)

    assert first is not None and again is not None  # noqa: PT018
    assert (again.judge, again.reason) == ("confirmed", "One of the two periods is wrong.")
    assert len(server.requests) == 1
    assert LONG["text"] in server.requests[0].user and SHORT["text"] in server.requests[0].user  # noqa: PT018


async def test_a_judge_that_sees_no_contradiction_lets_the_answer_pass(store: ConflictStore, pool: Pool) -> None:
    """R4.5: asked once; nobody gets a ticket; the owners can look at what it dismissed."""
    async with judged(store, "judge_dismisses") as (check, server):
        assert await met(check) is None
        assert await met(check) is None

    assert len(server.requests) == 1
    assert await tickets(pool) == []
    assert [found.decided_by for found in await store.page(status="dismissed", after=None, limit=9)] == ["judge"]
    assert await store.page(status=None, after=None, limit=9) == []


@pytest.mark.parametrize("script", ["hang", "server_error", "html", "no_answer", "rate_limited"])
async def test_a_judge_that_fails_means_the_cautious_way(store: ConflictStore, script: str) -> None:
    """R4.5: and it is asked again the next time."""
    async with judged(store, script) as (check, server):
        first = await met(check)
        assert first is not None
        assert first.judge == "failed"
        asked = len(server.requests)
        server.by_call["judge"] = "judge_confirms"
        again = await met(check)
        assert again is not None
        assert again.judge == "confirmed"
        assert len(server.requests) == asked + 1
