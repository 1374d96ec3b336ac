"""What is known about one version of an article, beside what it says."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypedDict

from desk.policies.models import Article

Status = Literal["draft", "in_review", "approved", "published", "retired"]
OPEN: Final[tuple[Status, ...]] = ("draft", "in_review", "approved")
"""Not published yet; an article has at most one such version."""

PACK: Final = "pack"
"""Author of what a pack brings: it was approved with the pack."""

FRONT: Final = ("title", "area", "owner", "review_cadence", "next_review", "effective", "expires", "audience",
                "channels", "locale", "source", "supersedes")  # fmt: skip
"""Keys of the front matter that are part of a version's content."""


MAX_MINOR: Final = 999_999
"""What ``ARTICLE_VERSION`` allows."""


class Finding(TypedDict):
    """Something a reviewer should know about a submitted text."""

    code: str
    """``hidden_text``, ``instructions``, ``link``, …"""
    where: str
    """``file:line``."""
    message: str


class StoredChunk(TypedDict):
    """A piece of a published version, as it is stored."""

    id: str
    article: str
    version: str
    heading: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ArticleVersion:
    """One version of an article with its history."""

    article: Article
    """``article.status`` is where the version stands in its life."""
    hash: str
    origin: str | None
    """The import it came with."""
    author: str
    submitted_at: datetime
    findings: tuple[Finding, ...]
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    published_at: datetime | None
    retired_at: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        return self.article.id, self.article.version


def front_of(article: Article) -> dict[str, object]:
    """The front matter as plain values, without what the desk assigns (id, version, status)."""
    return article.model_dump(mode="json", include=set(FRONT))


def content_hash(article: Article) -> str:
    """The same for the same front matter and body, whatever version or file they come from."""
    content = json.dumps([article.id, front_of(article), article.body], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def order_of(version: str) -> tuple[int, ...]:
    """For sorting: ``1.10`` comes after ``1.9``."""
    return tuple(int(part) for part in version.split("."))


def next_version(versions: Sequence[str]) -> str:
    """The version after the highest of these; ``1.0`` for the first."""
    if not versions:
        return "1.0"
    major, minor = order_of(max(versions, key=order_of))
    return f"{major}.{minor + 1}" if minor < MAX_MINOR else f"{major + 1}.0"
