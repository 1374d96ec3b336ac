"""Who may do what with an article: pure, and the same for the console, HTTP and the command line."""

from collections.abc import Sequence
from dataclasses import dataclass

from desk.domain.errors import Conflict, Forbidden
from desk.knowledge.conflicts import FoundConflict
from desk.knowledge.versions import ArticleVersion
from desk.policies.models import KnowledgePolicy


class Contradicts(Conflict):
    """What waits for approval contradicts what is published; ``conflicts`` holds both quotes of each."""

    code = "conflicting"
    title = "This contradicts what is published"

    def __init__(self, detail: str, *, conflicts: Sequence[FoundConflict]) -> None:
        super().__init__(detail)
        self.conflicts = tuple(conflicts)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who asks: a member of staff."""

    id: str
    roles: frozenset[str]


def check_publisher(
    person: Person,
    version: ArticleVersion,
    *,
    policy: KnowledgePolicy,
    conflicts: Sequence[FoundConflict],
    force: str | None,
) -> None:
    """Raises ``Forbidden`` for the author and for roles that may not; ``Contradicts`` while a contradiction is open.

    ``force``: the reason to publish in spite of it, which takes a role of its own.
    """
    check_not_author(person, version)
    needed = policy.force if force and conflicts else policy.approve
    if person.roles.isdisjoint(needed):
        raise Forbidden(f"This takes one of the roles {', '.join(needed)}.", code="wrong_role")
    if conflicts and not force:
        first = conflicts[0]
        raise Contradicts(
            f"It contradicts what is published ({len(conflicts)} open): {first.reason} "
            f"“{first.quote}” ({first.article}) against “{first.other_quote}” ({first.other_article}). "
            "Mend one of the two, dismiss the conflict if there is none, or have a supervisor force it with a reason.",
            conflicts=conflicts,
        )


def check_not_author(person: Person, version: ArticleVersion) -> None:
    """Four eyes. Raises ``Forbidden``."""
    if person.id == version.author:
        raise Forbidden("Somebody other than its author has to decide about it.", code="own_article")


def check_editor(person: Person, *, policy: KnowledgePolicy) -> None:
    """Raises ``Forbidden`` for whoever may neither approve nor force: sending back, taking down and rolling back."""
    needed = dict.fromkeys((*policy.approve, *policy.force))
    if person.roles.isdisjoint(needed):
        raise Forbidden(f"This takes one of the roles {', '.join(needed)}.", code="wrong_role")
