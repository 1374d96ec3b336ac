"""What becomes of a text that comes in, decided by the versions there are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from desk.domain.errors import Conflict
from desk.knowledge.versions import OPEN, PACK, Status, content_hash, next_version, order_of
from desk.policies.models import Article

Numbering = Literal["next", "own", "own_if_free"]
"""Whose version number a text gets: the next one, its own, or its own unless that is taken."""
Brought = Literal["leave", "put", "publish", "take_down"]

REPLACED_BY: Final = "replaced by "
TAKEN_DOWN_BY_PACK: Final = "taken down by the pack"


@dataclass(frozen=True, kw_only=True)
class KnownVersion:
    """A version without its text."""

    article: str
    version: str
    status: Status
    hash: str
    author: str
    effective: date
    decided_by: str | None
    reason: str | None
    published_at: datetime | None

    @property
    def is_scratch(self) -> bool:
        """A draft nobody has decided about: it may be written over."""
        return self.status == "draft" and self.decided_by is None


def same_text(hashed: str, known: Sequence[KnownVersion], *, insist: bool) -> KnownVersion | None:
    """The version that is this very text already; ``known`` is newest first.

    ``insist``: the text is meant to go on although its newest version was sent back or retired. An import does not
    insist: what people decided about a file holds for as long as the file stays the same.
    """
    if not insist and known and known[0].hash == hashed:
        return known[0]
    alive = ("in_review", "approved", "published")
    return next((version for version in known if version.hash == hashed and version.status in alive), None)


def check_replaceable(known: Sequence[KnownVersion]) -> None:
    """Raises ``Conflict`` while an approved version waits for its day: a newer text does not silently call that off."""
    opened = open_version(known)
    if opened is not None and opened.status == "approved":
        raise Conflict(
            f"Version {opened.version} of {opened.article} is approved and comes into effect on {opened.effective}; "
            "send that one back first.",
            code="approved_waits",
        )


def number_for(article: Article, known: Sequence[KnownVersion], *, numbering: Numbering) -> str:
    """The version number of a new text. Raises ``Conflict`` when it cannot have its own."""
    scratch = next((version for version in known if version.is_scratch), None)
    others = [version.version for version in known if version is not scratch]
    if numbering != "next":
        highest = max(others, key=order_of, default=None)
        if highest is None or order_of(article.version) > order_of(highest):
            return article.version
        if numbering == "own":
            taken = article.version in others
            said = "exists already with another text" if taken else f"is lower than {highest}"
            raise Conflict(
                f"Version {article.version} of {article.id} {said}; give it a number above {highest}, or none.",
                code="version_taken",
            )
    return scratch.version if scratch is not None else next_version(others)


def open_version(known: Sequence[KnownVersion]) -> KnownVersion | None:
    return next((version for version in known if version.status in OPEN), None)


def brought(article: Article, known: Sequence[KnownVersion]) -> Brought:
    """What an article of the pack means for the versions there are; ``known`` is newest first.

    What people decided here outweighs the pack: an article somebody wrote a version of, sent back or took down stays.
    """
    if not known:
        return "put"
    if any(version.author != PACK or version.decided_by not in (None, PACK) for version in known):
        return "leave"
    hashed = content_hash(article)
    same = next((version for version in known if version.hash == hashed), None)
    if same is not None:
        if same.status in OPEN and article.status == "published":
            return "publish"
        return "take_down" if same.status == "published" and article.status == "retired" else "leave"
    newest = max(known, key=lambda version: (version.published_at is not None, order_of(version.version)))
    by_pack = (newest.reason or "").startswith((REPLACED_BY, TAKEN_DOWN_BY_PACK))
    return "leave" if newest.published_at is not None and newest.status == "retired" and not by_pack else "put"
