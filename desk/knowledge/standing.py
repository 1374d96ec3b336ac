"""Whether an article may be answered from on a day, and why not. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, Protocol

from desk.policies.models import ReviewPolicy

Standing = Literal["in_use", "scheduled", "expired", "overdue", "superseded", "withheld"]
"""``overdue`` is flagged but in use; ``withheld`` is overdue and, by policy, not."""


class Dated(Protocol):
    """What of an article this is about."""

    @property
    def id(self) -> str: ...
    @property
    def effective(self) -> date: ...
    @property
    def expires(self) -> date | None: ...
    @property
    def next_review(self) -> date: ...
    @property
    def supersedes(self) -> Sequence[str]: ...


def standing(article: Dated, *, on: date, review: ReviewPolicy, superseded: bool) -> Standing:
    """Of a published article. ``superseded``: another article in use says it replaces this one."""
    if article.effective > on:
        return "scheduled"
    if article.expires is not None and article.expires <= on:
        return "expired"
    if superseded:
        return "superseded"
    if is_overdue(article, on=on, review=review):
        return "withheld" if review.overdue == "withhold" else "overdue"
    return "in_use"


def standings(articles: Iterable[Dated], *, on: date, review: ReviewPolicy) -> dict[str, Standing]:
    """By article id, of what is published. An article that is not in use itself replaces nothing."""
    listed = list(articles)
    alone = {article.id: standing(article, on=on, review=review, superseded=False) for article in listed}
    replaced = {old for article in listed if alone[article.id] in ("in_use", "overdue") for old in article.supersedes}
    return {
        article.id: standing(article, on=on, review=review, superseded=article.id in replaced) for article in listed
    }


def is_overdue(article: Dated, *, on: date, review: ReviewPolicy) -> bool:
    """Whether its review is so late that somebody has to do something."""
    return article.next_review + timedelta(days=review.grace_days) < on
