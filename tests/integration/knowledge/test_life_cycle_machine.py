"""Any order of submissions and decisions by any people, against a model in memory (R4.1, R4.5, R6.7)."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from desk.db.pool import Pool, open_pool
from desk.domain.errors import FrontdeskError
from desk.knowledge.rights import Person
from desk.policies.models import PolicySet
from retrieval.knowledge import KnowledgeDesk
from tests.integration.knowledge.desks import AGNES, OLIVE, OMAR, RETURNS, SHORTER, SUE, article, opened_desk

ARTICLES = ("returns-long", "returns-short")
BODIES = (RETURNS, SHORTER, "Send it back in the box it came in.")
PEOPLE = {person.id: person for person in (OLIVE, OMAR, SUE, AGNES)}
MAY_APPROVE = (OLIVE, OMAR, SUE)

articles = st.sampled_from(ARTICLES)
bodies = st.sampled_from(BODIES)
people = st.sampled_from(list(PEOPLE.values()))
numbers = st.sampled_from([None, "1.0", "1.1", "1.2"])

_ROWS = "SELECT * FROM article_versions ORDER BY article, string_to_array(version, '.')::int[]"
_SAID = """
SELECT DISTINCT ON (detail->>'article', detail->>'version')
       detail->>'article' AS article, detail->>'version' AS version, detail->>'status' AS status
  FROM audit_entries WHERE action = 'knowledge.changed' AND detail ? 'status' AND position > %(before)s
 ORDER BY detail->>'article', detail->>'version', position DESC
"""


@dataclass
class Version:
    body: str
    author: str
    status: str = "in_review"
    decided_by: str | None = None
    was_published: bool = False


@dataclass
class Model:
    """What the table should hold: by article, version numbers in order."""

    versions: dict[str, dict[str, Version]] = field(default_factory=lambda: {name: {} for name in ARTICLES})

    def of_status(self, name: str, *statuses: str) -> str | None:
        return next((n for n, version in self.versions[name].items() if version.status in statuses), None)

    def published(self) -> set[tuple[str, str]]:
        return {(name, n) for name in ARTICLES if (n := self.of_status(name, "published"))}

    def contradicted(self, name: str, body: str) -> bool:
        """Whether the other article says something else about the number of days."""
        (other,) = set(ARTICLES) - {name}
        number = self.of_status(other, "published")
        return number is not None and {self.versions[other][number].body, body} == {RETURNS, SHORTER}

    def publish(self, name: str, number: str) -> None:
        if (before := self.of_status(name, "published")) is not None:
            self.versions[name][before].status = "retired"
        self.versions[name][number].status, self.versions[name][number].was_published = "published", True


class LifeCycle(RuleBasedStateMachine):
    loop: ClassVar[asyncio.Runner]
    pool: ClassVar[Pool]
    pack: ClassVar[PolicySet]

    @initialize()
    def begin(self) -> None:
        self.model = Model()
        self.seen: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.desk: KnowledgeDesk = self.run(self._begin())
        self.generation, self.live = self.run(self.desk.store.generation()), set[tuple[str, str]]()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(work)

    async def _begin(self) -> KnowledgeDesk:
        async with self.pool.connection() as connection:
            await connection.execute("TRUNCATE article_versions, article_chunks, knowledge_conflicts CASCADE")
            row = await (await connection.execute("SELECT max(position) AS last FROM audit_entries")).fetchone()
            self.before = (row and row["last"]) or 0
        return await opened_desk(self.pool, self.pack, articles={})

    def tried(self, work: Coroutine[Any, Any, Any]) -> str | None:
        """The code of the error; None when it was done."""

        async def told() -> str | None:
            try:
                await work
            except FrontdeskError as exc:
                return exc.error_code
            return None

        return self.run(told())

    @rule(name=articles, body=bodies, by=people, draft=st.booleans())
    def submits(self, name: str, body: str, by: Person, draft: bool) -> None:
        versions = self.model.versions[name]
        alive = [n for n, v in versions.items() if v.body == body and v.status in ("in_review", "published")]
        text = article(id=name, title="Returns policy", body=body, path=f"{name}.md")
        assert self.tried(self.desk.submit(text, author=by.id, draft=draft)) is None
        if alive:
            return
        opened = self.model.of_status(name, "draft", "in_review")
        scratch = opened is not None and versions[opened].status == "draft" and versions[opened].decided_by is None
        if opened is not None and not scratch:
            versions[opened].status = "retired"
        number = opened if scratch and opened else f"1.{len(versions)}"
        versions[number] = Version(body=body, author=by.id, status="draft" if draft else "in_review")

    @rule(name=articles, body=bodies)
    def publishes(self, name: str, body: str) -> None:
        """What happens most in life; the rest is tried around it."""
        self.submits(name=name, body=body, by=OLIVE, draft=False)
        self.approves(name=name, by=SUE, force="The season begins.")

    @rule(name=articles, by=people, force=st.sampled_from([None, "  ", "The season begins."]))
    def approves(self, name: str, by: Person, force: str | None) -> None:
        number = self.model.of_status(name, "in_review")
        told = self.tried(self.desk.approve(name, number, by=by, force=force)) if number else None
        if number is None:
            return
        version = self.model.versions[name][number]
        conflicting = self.model.contradicted(name, version.body)
        forced = conflicting and (force or "").strip() != ""
        if by.id == version.author:
            assert told == "own_article"
        elif by not in ((SUE,) if forced else MAY_APPROVE):
            assert told == "wrong_role"
        elif conflicting and not forced:
            assert told == "conflicting"
        else:
            assert told is None
            version.decided_by = by.id
            self.model.publish(name, number)

    @rule(name=articles, by=people)
    def sends_back(self, name: str, by: Person) -> None:
        number = self.model.of_status(name, "in_review")
        told = self.tried(self.desk.send_back(name, by=by, reason="Say it shorter."))
        if by not in MAY_APPROVE:
            assert told == "wrong_role"
        elif number is None:
            assert told in ("wrong_status", "not_found")
        else:
            assert told is None
            self.model.versions[name][number].status = "draft"
            self.model.versions[name][number].decided_by = by.id

    @rule(name=articles, by=people, to=numbers)
    def rolls_back(self, name: str, by: Person, to: str | None) -> None:
        versions, current = self.model.versions[name], self.model.of_status(name, "published")
        told = self.tried(self.desk.roll_back(name, by=by, reason="It was wrong.", to=to))
        below = [n for n, v in versions.items() if v.was_published and current and n < current]
        if by not in MAY_APPROVE:
            assert told == "wrong_role"
        elif to is None and current is None:
            assert told == "not_found"
        elif to is None and current is not None:
            assert told is None
            if below:
                self.model.publish(name, max(below))
            else:
                versions[current].status = "retired"
        elif to is not None and versions.get(to) and versions[to].was_published and to != current:
            assert told is None
            self.model.publish(name, to)
        else:
            assert told in ("not_found", "wrong_status")

    @rule(name=articles, by=people)
    def retires(self, name: str, by: Person) -> None:
        number = self.model.of_status(name, "published") or self.model.of_status(name, "draft", "in_review")
        told = self.tried(self.desk.retire(name, by=by, reason="Nobody needs it."))
        if by not in MAY_APPROVE:
            assert told == "wrong_role"
        elif number is None:
            assert told == "not_found"
        else:
            assert told is None
            self.model.versions[name][number].status = "retired"

    @invariant()
    def the_table_is_like_the_model(self) -> None:
        if not hasattr(self, "model"):
            return
        rows, said, generation = self.run(self._found())
        expected = {
            (name, n): (v.status, v.body, v.author, v.decided_by)
            for name in ARTICLES
            for n, v in self.model.versions[name].items()
        }
        found = {(r["article"], r["version"]): (r["status"], r["body"], r["author"], r["decided_by"]) for r in rows}
        assert found == expected
        assert said == {(name, n): v.status for name in ARTICLES for n, v in self.model.versions[name].items()}
        moved = self.model.published() != self.live
        assert (generation != self.generation) == moved
        self.generation, self.live = generation, self.model.published()

    @invariant()
    def what_is_searched_is_what_is_published(self) -> None:
        if hasattr(self, "model"):
            chunks = self.desk.live.retriever.chunks
            assert {(chunk.article, chunk.version) for chunk in chunks} == self.model.published()

    async def _found(self) -> tuple[list[dict[str, Any]], dict[tuple[str, str], str], int]:
        async with self.pool.connection() as connection:
            rows = await (await connection.execute(_ROWS)).fetchall()
            said = await (await connection.execute(_SAID, {"before": self.before})).fetchall()
        statuses = {(row["article"], row["version"]): row["status"] for row in said}
        return rows, statuses, await self.desk.store.generation()


@pytest.mark.heavy
def test_any_order_of_submissions_and_decisions(empty_database_url: str, retail: PolicySet) -> None:
    """At most one published and one open version, four eyes, an entry for each change, texts that stay."""
    with asyncio.Runner() as loop:
        pool = loop.run(open_pool(empty_database_url, max_size=4))
        try:
            machine = type("Machine", (LifeCycle,), {"loop": loop, "pool": pool, "pack": retail})
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=60,
                    stateful_step_count=30,
                    deadline=None,
                    derandomize=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            loop.run(pool.close())
