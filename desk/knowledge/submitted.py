"""A text somebody hands in becomes an article, read and screened like an import's."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import yaml

from desk.domain.errors import InvalidRequest
from desk.knowledge.entries import due, identifier
from desk.knowledge.found import Defaults, Found, Skipped
from desk.knowledge.importers import read_markdown
from desk.knowledge.versions import ArticleVersion, Finding
from desk.policies.models import Article

NAME = "article"
"""What a text without a file is called in reports."""
HANDED_IN = "handed in"
"""Source of a text that names none."""
CARRIED = ("owner", "review_cadence", "audience", "channels", "locale")
"""What a new version keeps of the one before where its text does not say it."""
_DATES = ("effective", "expires", "next_review")
_TOLD = 8


class NotAnArticle(InvalidRequest):
    """Says with line and key what is wrong with a text."""

    code = "article_invalid"
    title = "This is not an article yet"


def from_markdown(markdown: str, *, defaults: Defaults, name: str = NAME) -> Found:
    """The article of a text with front matter. Raises ``NotAnArticle``."""
    found = read_markdown(markdown, name=name, defaults=defaults)
    if isinstance(found, Skipped):
        raise NotAnArticle("; ".join(str(notice) for notice in found.notices[:_TOLD]))
    if name != NAME:
        return found
    # Without a file to be named after, it is named after its title.
    article = found.article
    known_as = identifier(article.title) if "id" in found.derived else article.id
    said = {"id": known_as, "path": f"{known_as}.md"} | ({"source": HANDED_IN} if "source" in found.derived else {})
    return replace(found, article=article.model_copy(update=said))


def from_fields(fields: Mapping[str, Any], body: str, *, defaults: Defaults) -> Found:
    """The article of front matter given as values. Raises ``NotAnArticle``."""
    said = {key: _day(value) if key in _DATES else value for key, value in fields.items() if value is not None}
    front = yaml.safe_dump(said, allow_unicode=True, sort_keys=False, default_flow_style=False)
    return from_markdown(f"---\n{front}---\n{body}", defaults=defaults)


def continued(found: Found, before: ArticleVersion | None, *, given: Collection[str] = ()) -> Article:
    """The found article, with what it leaves open taken from the version before it.

    ``given``: fields the defaults were asked for in so many words; they hold.
    """
    article = found.article
    if before is None:
        return article
    kept = {name: getattr(before.article, name) for name in CARRIED if name in found.derived and name not in given}
    if "next_review" in found.derived and "review_cadence" in kept:
        kept["next_review"] = due(article.effective, kept["review_cadence"]) or article.next_review
    return article.model_copy(update=kept)


def findings_of(found: Found) -> list[Finding]:
    """What the reader noticed, to be kept with the version and shown to its approver."""
    return [{"code": notice.code, "where": notice.where, "message": notice.message} for notice in found.warnings]


def _day(value: Any) -> Any:
    """A day as YAML would read it; what is none is left to be complained about."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return value
