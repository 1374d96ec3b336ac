"""What a pack brings at the start of a process, and what it leaves as people decided it."""

import asyncio
from typing import Any

import pytest

from desk.db.pool import Pool
from desk.policies.models import Article, PolicySet
from retrieval.knowledge import KnowledgeDesk
from tests.integration.knowledge.desks import OLIVE, OMAR, article, entries, opened_desk

NAME = "returns-in-short"


async def brought(pool: Pool, retail: PolicySet, **changes: Any) -> KnowledgeDesk:
    return await opened_desk(pool, retail, articles={NAME: article(**changes)})


async def statuses(desk: KnowledgeDesk) -> dict[str, str]:
    return {v.article.version: v.article.status for v in await desk.store.versions(NAME)}


async def test_a_pack_is_brought_once(pool: Pool, retail: PolicySet) -> None:
    desks = await asyncio.gather(*(brought(pool, retail) for _ in range(3)))
    assert await statuses(desks[0]) == {"1.0": "published"}
    assert len(await entries(pool, article=NAME)) == 1
    assert desks[2].live.articles[NAME].body == article().body


async def test_a_newer_text_of_the_pack_takes_the_place_of_its_older_one(pool: Pool, retail: PolicySet) -> None:
    await brought(pool, retail)
    await brought(pool, retail, version="2.0", body="Newer.")
    # Who forgets to raise the number is not left with the old text.
    desk = await brought(pool, retail, version="2.0", body="Newest.")
    assert await statuses(desk) == {"1.0": "retired", "2.0": "retired", "2.1": "published"}
    assert [chunk.id for chunk in desk.live.retriever.chunks] == [f"{NAME}@2.1#returns-policy-in-short"]
    # A process with an older pack, in the middle of a roll-out, does not bring the older text back.
    assert await statuses(await brought(pool, retail, version="2.0", body="Newer.")) == await statuses(desk)


async def test_a_pack_publishes_and_takes_down_what_is_its_own(pool: Pool, retail: PolicySet) -> None:
    assert await statuses(await brought(pool, retail, status="in_review")) == {"1.0": "in_review"}
    changed = await brought(pool, retail, status="in_review", body="Changed.")
    assert await statuses(changed) == {"1.0": "retired", "1.1": "in_review"}
    assert await statuses(await brought(pool, retail, body="Changed.")) == {"1.0": "retired", "1.1": "published"}
    gone = await brought(pool, retail, status="retired", body="Changed.")
    assert (await statuses(gone), dict(gone.live.articles)) == ({"1.0": "retired", "1.1": "retired"}, {})
    assert await statuses(await brought(pool, retail, body="Again.")) == {
        "1.0": "retired", "1.1": "retired", "1.2": "published",
    }  # fmt: skip


@pytest.mark.parametrize("decision", ["submitted", "sent back", "taken down"])
async def test_what_people_decided_here_outweighs_the_pack(pool: Pool, retail: PolicySet, decision: str) -> None:
    desk = await brought(pool, retail, status="in_review" if decision == "sent back" else "published")
    match decision:
        case "submitted":
            await desk.submit(article(body="Ours."), author=OLIVE.id)
        case "sent back":
            await desk.send_back(NAME, by=OMAR, reason="Not yet.")
        case "taken down":
            await desk.retire(NAME, by=OMAR, reason="It is wrong.")
    before = await statuses(desk)

    newer: list[Article] = [article(version="3.0", body="The pack's."), article(status="published")]
    for text in newer:
        desk = await opened_desk(pool, retail, articles={NAME: text})
        assert await statuses(desk) == before
