"""What the knowledge commands open: the records, and what is published, found by words alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from commands.records import Records, open_records
from desk.audit.events import OPERATOR
from desk.domain.errors import NotAuthenticated
from desk.identity.staff import Staff
from desk.knowledge.found import Defaults
from desk.knowledge.listing import ArticleLists
from desk.knowledge.rights import Person
from desk.knowledge.store import ArticleStore
from desk.language.judge import judge_from
from desk.policies.loader import load_pack, resolve_pack
from desk.policies.models import PolicySet
from graph.bootstrap import content_desk, open_knowledge
from retrieval.knowledge import KnowledgeDesk
from retrieval.live import LiveKnowledge
from retrieval.words_alone import builder_of_words


@dataclass(frozen=True, kw_only=True)
class Content:
    """The content desk of this installation. A server may run on the same database; it follows what is done here."""

    records: Records
    policies: PolicySet
    desk: KnowledgeDesk
    lists: ArticleLists
    staff: Staff | None
    """Who the token belongs to."""

    @property
    def author(self) -> str:
        return self.staff.id if self.staff else OPERATOR

    @property
    def person(self) -> Person:
        """Raises ``NotAuthenticated``: four eyes are those of people, not of a shell."""
        if self.staff is None:
            raise NotAuthenticated(
                "This is a decision of a person: give a staff token with --token or FRONTDESK_STAFF_TOKEN. "
                "`frontdesk staff add NAME --role knowledge_owner` makes one."
            )
        return Person(id=self.staff.id, roles=frozenset(self.staff.roles))

    def defaults(self, **given: Any) -> Defaults:
        """What an import takes for granted. ``given``: what was said on the command line; None counts as not said."""
        areas = {article.area for article in (*self.policies.articles.values(), *self.desk.live.articles.values())}
        standard = Defaults(
            today=self.desk.today(),
            locale=self.policies.locale,
            areas=frozenset(areas),
            allowed_hosts=self.desk.live.retriever.hosts,
        )
        return replace(standard, **{name: value for name, value in given.items() if value is not None})


@asynccontextmanager
async def open_content(token: str | None = None) -> AsyncIterator[Content]:
    """Opens the desk; what the pack brings is put in first, as a server would do it.

    Without vectors: to compare texts, words give the candidates in a moment. Raises ``NotAuthenticated``.
    """
    async with open_records() as records:
        setting = records.settings.staff_token
        token = token or (setting.get_secret_value() if setting else None)
        staff = await records.staff().enter(token) if token else None
        policies = load_pack(resolve_pack(records.settings.pack))
        store = ArticleStore(records.pool)
        live = LiveKnowledge(store, policies=policies, build=builder_of_words(policies))
        await open_knowledge(live, store, policies=policies)
        judge = judge_from(records.settings)
        try:
            yield Content(
                records=records,
                policies=policies,
                desk=content_desk(records.pool, policies, knowledge=live, judge=judge),
                lists=ArticleLists(records.pool, review=policies.knowledge.review),
                staff=staff,
            )
        finally:
            if judge is not None:
                await judge.aclose()
            await live.close()
