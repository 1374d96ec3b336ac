"""Whether an article may be answered from on a day, and why not. Pure."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

from desk.policies.models import Article, ReviewPolicy

Standing = Literal["in_use", "scheduled", "expired", "overdue", "superseded", "withheld"]
"""``overdue`` is flagged but in use; ``withheld`` is overdue and, by policy, not."""


def standing(article: Article, *, on: date, review: ReviewPolicy, superseded: bool) -> Standing:
    """Of a published article. ``superseded``: another article in use says it replaces this one."""
    if article.effective > on:
        return "scheduled"
    if article.expires is not None and article.expires <= on:
        return "expired"
    if superseded:
        return "superseded"
    if article.next_review + timedelta(days=review.grace_days) < on:
        return "withheld" if review.overdue == "withhold" else "overdue"
    return "in_use"


def standings(articles: Iterable[Article], *, on: date, review: ReviewPolicy) -> dict[str, Standing]:
    """By article id, of what is published. An article that is not in use itself replaces nothing."""
    listed = list(articles)
    alone = {article.id: standing(article, on=on, review=review, superseded=False) for article in listed}
    replaced = {old for article in listed if alone[article.id] in ("in_use", "overdue") for old in article.supersedes}
    return {
        article.id: standing(article, on=on, review=review, superseded=article.id in replaced) for article in listed
    }
