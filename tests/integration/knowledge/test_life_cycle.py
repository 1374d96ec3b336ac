"""What people may do with an article, and what becomes of it (R4.1, R4.5, R6.7)."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from desk.db.pool import Pool
from desk.domain.errors import Conflict, Forbidden, FrontdeskError, InvalidRequest, NotFound
from desk.policies.models import PolicySet
from retrieval.knowledge import KnowledgeDesk
from tests.integration.knowledge.desks import (
    AGNES,
    OLIVE,
    OMAR,
    RETURNS,
    SHORTER,
    SUE,
    article,
    entries,
    opened_desk,
)

TOMORROW = date.today() + timedelta(days=1)  # noqa: DTZ011 - the business's own day may differ; both lie ahead
LATER = TOMORROW + timedelta(days=30)


@pytest.fixture
async def desk(pool: Pool, retail: PolicySet) -> KnowledgeDesk:
    return await opened_desk(pool, retail)


async def published(desk: KnowledgeDesk, name: str = "returns-in-short", **changes: Any) -> str:
    """A published version; its number."""
    submitted = await desk.submit(article(id=name, **changes), author=OLIVE.id)
    version = await desk.approve(name, by=SUE, force="It has to be.")
    assert submitted.version.article.version == version.article.version
    return version.article.version


async def status(desk: KnowledgeDesk, name: str) -> dict[str, str]:
    return {v.article.version: v.article.status for v in await desk.store.versions(name)}


async def test_an_article_is_published_by_somebody_other_than_its_author(desk: KnowledgeDesk, pool: Pool) -> None:
    await desk.submit(article(), author=OLIVE.id)
    with pytest.raises(Forbidden, match="other than its author"):
        await desk.approve("returns-in-short", by=OLIVE)
    with pytest.raises(Forbidden, match="roles"):
        await desk.approve("returns-in-short", by=AGNES)

    version = await desk.approve("returns-in-short", by=OMAR)
    assert (version.article.status, version.author, version.decided_by) == ("published", OLIVE.id, OMAR.id)
    assert "returns-in-short" in desk.live.articles
    said = [(e["actor"], e["status"], e["change"]) for e in await entries(pool, article="returns-in-short")]
    assert said == [(OLIVE.id, "in_review", "submitted"), (OMAR.id, "published", "approved")]


async def test_a_contradiction_needs_a_supervisor_with_a_reason(desk: KnowledgeDesk, pool: Pool) -> None:
    submitted = await desk.submit(article(body=SHORTER), author=OLIVE.id)
    assert [(c.quote, c.other_quote) for c in submitted.conflicts] == [(SHORTER, RETURNS)]
    with pytest.raises(Conflict, match=f"“{SHORTER}”.*“{RETURNS}”") as refused:
        await desk.approve("returns-in-short", by=OMAR)
    assert refused.value.error_code == "conflicting"
    with pytest.raises(Conflict):
        await desk.approve("returns-in-short", by=SUE, force="   ")
    with pytest.raises(Forbidden):
        await desk.approve("returns-in-short", by=OMAR, force="I want it.")

    forced = await desk.approve("returns-in-short", by=SUE, force="The season begins.")
    assert (forced.article.status, forced.reason) == ("published", "The season begins.")
    (*_, entry) = await entries(pool, article="returns-in-short")
    assert entry["change"] == "forced through"
    assert entry["conflicts"] == [submitted.conflicts[0].id]


async def test_forcing_what_contradicts_nothing_is_approving(desk: KnowledgeDesk) -> None:
    await desk.submit(article(), author=OLIVE.id)
    version = await desk.approve("returns-in-short", by=OMAR, force="to be sure")
    assert (version.article.status, version.reason) == ("published", None)


async def test_an_author_does_not_dismiss_what_contradicts_their_text(desk: KnowledgeDesk) -> None:
    submitted = await desk.submit(article(body=SHORTER), author=OLIVE.id)
    (conflict,) = submitted.conflicts
    with pytest.raises(Forbidden) as refused:
        await desk.dismiss(conflict.id, by=OLIVE, reason="It is fine.")
    assert refused.value.error_code == "own_article"
    with pytest.raises(InvalidRequest):
        await desk.dismiss(conflict.id, by=OMAR, reason=" ")

    assert (await desk.dismiss(conflict.id, by=OMAR, reason="The one is for members.")).status == "dismissed"
    assert (await desk.approve("returns-in-short", by=OMAR)).article.status == "published"


async def test_two_who_approve_at_once_publish_once(desk: KnowledgeDesk, pool: Pool) -> None:
    await desk.submit(article(), author=OLIVE.id)
    told = await asyncio.gather(
        desk.approve("returns-in-short", "1.0", by=OMAR),
        desk.approve("returns-in-short", "1.0", by=SUE),
        return_exceptions=True,
    )
    (won,) = [version for version in told if not isinstance(version, BaseException)]
    (lost,) = [error for error in told if isinstance(error, FrontdeskError)]
    assert (lost.error_code, lost.detail) == ("wrong_status", "Version 1.0 of returns-in-short is published now.")
    published = [e for e in await entries(pool, article="returns-in-short") if e["status"] == "published"]
    assert [e["actor"] for e in published] == [won.decided_by]


async def test_approving_and_sending_back_at_once_do_one_of_the_two(pool: Pool, retail: PolicySet) -> None:
    outcomes = set()
    for number in range(12):
        desk = await opened_desk(pool, retail)
        name = f"packing-{number}"
        await desk.submit(article(id=name), author=OLIVE.id)

        async def sends_back(desk: KnowledgeDesk = desk, name: str = name, number: int = number) -> Any:
            await asyncio.sleep(0.004 * number)
            return await desk.send_back(name, "1.0", by=OMAR, reason="Say it shorter.")

        told = await asyncio.gather(desk.approve(name, "1.0", by=SUE), sends_back(), return_exceptions=True)
        (won,) = [version for version in told if not isinstance(version, BaseException)]
        assert (await status(desk, name))["1.0"] == won.article.status
        outcomes.add(won.article.status)
    assert outcomes == {"published", "draft"}


async def test_two_articles_that_contradict_each_other_are_not_published_at_once(pool: Pool, retail: PolicySet) -> None:
    """Each was compared with what was published when it was looked at; the later one is compared again."""
    for number in range(6):
        desks = [await opened_desk(pool, retail, articles={}) for _ in range(2)]
        names = [f"returns-{side}-{number}" for side in ("long", "short")]
        for desk, name, body in zip(desks, names, (RETURNS, SHORTER), strict=True):
            await desk.submit(article(id=name, title=f"Returns policy {number}", body=body), author=OLIVE.id)
        told = await asyncio.gather(
            *(desk.approve(name, by=OMAR) for desk, name in zip(desks, names, strict=True)), return_exceptions=True
        )
        errors = [error.error_code for error in told if isinstance(error, FrontdeskError)]
        assert errors == ["conflicting"]
        for name in names:
            if "published" in (await status(desks[0], name)).values():
                await desks[0].retire(name, by=SUE, reason="Next.")


async def test_rolling_back_twice_goes_back_twice_and_never_forward(desk: KnowledgeDesk) -> None:
    for body in ("One.", "Two.", "Three."):
        await published(desk, body=body)
    assert (await desk.roll_back("returns-in-short", by=OMAR, reason="Wrong.")).article.version == "1.1"
    assert (await desk.roll_back("returns-in-short", by=OMAR, reason="Wrong.")).article.version == "1.0"
    assert (await desk.roll_back("returns-in-short", by=OMAR, reason="Wrong.")).article.status == "retired"
    with pytest.raises(NotFound, match="say which one"):
        await desk.roll_back("returns-in-short", by=OMAR, reason="Wrong.")
    assert "returns-in-short" not in desk.live.articles

    back = await desk.roll_back("returns-in-short", by=OMAR, reason="It was right.", to="1.2")
    assert (back.article.body, desk.live.articles["returns-in-short"].version) == ("Three.", "1.2")


async def test_only_what_was_published_is_rolled_back_to(desk: KnowledgeDesk) -> None:
    await published(desk)
    await desk.submit(article(body="Other."), author=OLIVE.id)
    await desk.submit(article(body="Better."), author=OLIVE.id)
    for to, said in (("1.0", "published already"), ("1.1", "never was"), ("1.2", "never was"), ("9.9", "no such")):
        with pytest.raises(FrontdeskError, match=said):
            await desk.roll_back("returns-in-short", by=OMAR, reason="Wrong.", to=to)


async def test_who_takes_back_what_somebody_just_published_is_told(pool: Pool, retail: PolicySet) -> None:
    desk, other = await opened_desk(pool, retail), await opened_desk(pool, retail)
    await published(desk, body="One.")
    await published(desk, body="Two.")
    await other.live.refresh()
    seen = other.live.generation
    await published(desk, body="Three.")

    with pytest.raises(Conflict) as told:
        await other.store.move(
            ("returns-in-short", "1.0"), "published", expected=("retired",), by=OMAR.id, change="rolled back", seen=seen
        )
    assert told.value.error_code == "knowledge_moved"
    assert await status(desk, "returns-in-short") == {"1.0": "retired", "1.1": "retired", "1.2": "published"}


async def test_articles_that_replace_each_other_in_a_circle_are_not_published(desk: KnowledgeDesk) -> None:
    """Both were submitted before either was published."""
    for name, replaced in (("one-way", ["other-way"]), ("other-way", ["third-way"]), ("third-way", ["one-way"])):
        await desk.submit(article(id=name, supersedes=tuple(replaced)), author=OLIVE.id)
    await desk.approve("one-way", by=OMAR)
    await desk.approve("other-way", by=OMAR)
    with pytest.raises(InvalidRequest, match="supersedes: third-way would replace itself, through one-way"):
        await desk.approve("third-way", by=OMAR)
    with pytest.raises(InvalidRequest, match="cannot name itself"):
        await desk.submit(article(supersedes=("returns-in-short",)), author=OLIVE.id)
    with pytest.raises(InvalidRequest, match="would replace itself"):
        await desk.submit(article(id="other-way", body="Newer.", supersedes=("third-way", "one-way")), author=OLIVE.id)


async def test_a_version_for_a_later_day_waits_for_it(desk: KnowledgeDesk, pool: Pool) -> None:
    await published(desk, body="Now.")
    await desk.submit(article(body="Then.", effective=TOMORROW + timedelta(days=3)), author=OLIVE.id)
    assert (await desk.approve("returns-in-short", by=OMAR)).article.status == "approved"
    assert desk.live.articles["returns-in-short"].body == "Now."
    with pytest.raises(Conflict, match="send that one back first") as told:
        await desk.submit(article(body="A slip of the pen mended."), author=OLIVE.id)
    assert told.value.error_code == "approved_waits"

    assert await desk.publish_due(today=TOMORROW) == []
    (due,) = await desk.publish_due(today=LATER)
    assert (due.article.body, due.decided_by) == ("Then.", OMAR.id)
    assert await desk.publish_due(today=LATER) == []
    assert [(e["actor"], e["change"]) for e in await entries(pool, article="returns-in-short")][-1] == (
        "system",
        "came into effect",
    )


async def test_what_contradicts_meanwhile_does_not_come_into_effect(desk: KnowledgeDesk) -> None:
    await desk.submit(article(body=SHORTER, id="returns-soon", effective=TOMORROW), author=OLIVE.id)
    await desk.approve("returns-soon", by=SUE, force="The other one goes first.")
    await desk.submit(article(body=SHORTER, id="returns-too", effective=TOMORROW, expires=LATER), author=OLIVE.id)
    conflicts = await desk.conflicts.open_of("returns-too", "1.0")
    for conflict in conflicts:
        await desk.dismiss(conflict.id, by=OMAR, reason="That one goes.")
    await desk.approve("returns-too", by=OMAR)
    await published(desk, "returns-later", body=SHORTER.replace("14", "21"))

    assert [v.article.id for v in await desk.publish_due(today=LATER)] == ["returns-soon"]
    assert await status(desk, "returns-too") == {"1.0": "approved"}
    assert {c.other_article for c in await desk.conflicts.open_of("returns-too", "1.0")} == {"returns-later"}


async def test_two_processes_publish_what_is_due_once(pool: Pool, retail: PolicySet) -> None:
    desks = [await opened_desk(pool, retail) for _ in range(2)]
    for number in range(4):
        await desks[0].submit(article(id=f"packing-{number}", effective=TOMORROW), author=OLIVE.id)
        await desks[0].approve(f"packing-{number}", by=OMAR)
    done = await asyncio.gather(*(desk.publish_due(today=LATER) for desk in desks))
    again = [await desk.publish_due(today=LATER) for desk in desks]
    names = [version.article.id for versions in [*done, *again] for version in versions]
    assert sorted(names) == [f"packing-{number}" for number in range(4)]


async def test_what_was_sent_back_stays_as_it_was_read(desk: KnowledgeDesk) -> None:
    await desk.submit(article(version="2.0"), author=OLIVE.id, numbering="own")
    with pytest.raises(InvalidRequest, match="what has to change"):
        await desk.send_back("returns-in-short", by=OMAR, reason="")
    sent = await desk.send_back("returns-in-short", by=OMAR, reason="Say it shorter.")
    assert (sent.article.status, sent.reason, sent.decided_by) == ("draft", "Say it shorter.", OMAR.id)

    with pytest.raises(Conflict, match="exists already with another text"):
        await desk.submit(article(version="2.0", body="Shorter."), author=OLIVE.id, numbering="own")
    with pytest.raises(Conflict, match=r"is lower than 2\.0"):
        await desk.submit(article(version="1.9", body="Shorter."), author=OLIVE.id, numbering="own")
    again = await desk.submit(article(version="2.0", body="Shorter."), author=OLIVE.id, numbering="own_if_free")
    assert again.version.article.version == "2.1"
    assert await status(desk, "returns-in-short") == {"2.0": "retired", "2.1": "in_review"}
    assert (await desk.store.find("returns-in-short", "2.0")).article.body == article().body


async def test_a_draft_nobody_saw_is_written_over(desk: KnowledgeDesk) -> None:
    await desk.submit(article(body="A beginning."), author=OLIVE.id, draft=True)
    with pytest.raises(Conflict, match="waits for a decision"):
        await desk.approve("returns-in-short", by=OMAR)
    second = await desk.submit(article(), author=OLIVE.id)
    assert (second.version.article.version, second.version.article.status) == ("1.0", "in_review")


async def test_the_same_text_again_is_the_same_version(desk: KnowledgeDesk, pool: Pool) -> None:
    first = await desk.submit(article(body=SHORTER), author=OLIVE.id)
    again = await desk.submit(article(body=SHORTER, version="7.0", path="elsewhere.md"), author=OMAR.id)
    assert (again.is_new, again.version.key, again.version.author) == (False, first.version.key, OLIVE.id)
    assert [c.id for c in again.conflicts] == [c.id for c in first.conflicts]
    assert len(await entries(pool, article="returns-in-short")) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"body": "# Returns in short\n\n"}, "has no text"),
        ({"body": "word " * 50_000}, "split it"),
        ({"expires": date(2026, 1, 1)}, "expires must be after effective"),
        ({"next_review": date(2025, 12, 31)}, "next_review must be after effective"),
    ],
)
async def test_what_no_answer_could_be_taken_from_is_refused(
    desk: KnowledgeDesk, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        await desk.submit(article(**changes), author=OLIVE.id)


async def test_what_is_odd_is_told_to_the_approver(desk: KnowledgeDesk) -> None:
    odd = article(
        area="retuns", owner="Return team", supersedes=("nothing",), effective=date(2025, 1, 1),
        expires=date(2026, 2, 1), next_review=date(2026, 2, 1),
    )  # fmt: skip
    submitted = await desk.submit(odd, author=OLIVE.id)
    assert [finding["code"] for finding in submitted.version.findings if finding["code"] != "owner"] == [
        "area", "supersedes", "expires", "next_review",
    ]  # fmt: skip
    assert "did you mean 'returns'?" in submitted.version.findings[0]["message"]


async def test_what_replaces_an_article_need_not_agree_with_it(desk: KnowledgeDesk) -> None:
    replacing = await desk.submit(article(body=SHORTER, supersedes=("returns-policy",)), author=OLIVE.id)
    assert replacing.conflicts == []
    await desk.approve("returns-in-short", by=OMAR)
    assert desk.live.standing("returns-policy") == "superseded"

    changed = await desk.submit(article(id="returns-policy", body=RETURNS + " Really."), author=OLIVE.id)
    assert changed.conflicts == []


async def test_other_versions_of_an_article_do_not_crowd_out_what_it_contradicts(desk: KnowledgeDesk) -> None:
    """Its own published sections are the nearest to each of its new ones."""
    sections = "\n\n".join(f"## Returns {n}\n\n{SHORTER} Case {n}." for n in range(30))
    await published(desk, "returns-cases", body=sections)
    changed = await desk.submit(article(id="returns-cases", body=sections + "\n\nThat is all."), author=OLIVE.id)
    assert {conflict.other_article for conflict in changed.conflicts} == {"returns-policy"}


async def test_an_article_is_taken_down_and_an_open_one_withdrawn(desk: KnowledgeDesk, pool: Pool) -> None:
    await published(desk)
    await desk.submit(article(body="Newer."), author=OLIVE.id)
    with pytest.raises(InvalidRequest):
        await desk.retire("returns-in-short", by=OMAR, reason="")
    with pytest.raises(Forbidden):
        await desk.retire("returns-in-short", by=AGNES, reason="Because.")
    assert (await desk.retire("returns-in-short", by=OMAR, reason="Gone.")).article.version == "1.0"
    assert (await desk.retire("returns-in-short", by=OMAR, reason="Gone.")).article.version == "1.1"
    with pytest.raises(NotFound):
        await desk.retire("returns-in-short", by=OMAR, reason="Gone.")
    said = [e["change"] for e in await entries(pool, article="returns-in-short")][-2:]
    assert said == ["taken down", "withdrawn"]


async def test_rows_refuse_what_the_desk_would_never_do(desk: KnowledgeDesk, pool: Pool) -> None:
    await published(desk)
    await desk.submit(article(body="Newer."), author=OLIVE.id)
    await desk.send_back("returns-in-short", by=OMAR, reason="Why?")
    async with pool.connection() as connection:
        for statement in (
            "UPDATE article_versions SET body = 'x' WHERE version = '1.0'",
            "UPDATE article_versions SET findings = '[1]' WHERE version = '1.1'",
            "UPDATE article_versions SET status = 'published', published_at = now() WHERE version = '1.1'",
            "UPDATE article_versions SET status = 'in_review' WHERE version = '1.1'",
            "UPDATE article_versions SET status = 'approved' WHERE version = '1.0' AND article = 'returns-in-short'",
            "DELETE FROM article_versions",
        ):
            with pytest.raises(Exception, match=r"does not change|does not go|are kept"):
                await connection.execute(statement)
