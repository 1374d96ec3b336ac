"""What an import yields: articles that could be read, and what was noticed or skipped, each with its place."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal, Self

from desk.policies.models import Article

Audience = Literal["public", "customer", "internal"]

MAX_NOTICES = 20
_EXCERPT = 120
_UNSPEAKABLE = re.compile(
    r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u1fff\u2010-\u2027\u20a0-\u2bff\u3041-\ufdff]+"
)
_INERT = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "\\": "/"})


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What an import says for sources that do not say it themselves."""

    today: date
    area: str | None = None
    owner: str | None = None
    review_cadence: str = "6m"
    audience: Audience = "public"
    channels: tuple[str, ...] = ()
    locale: str = "en"
    areas: frozenset[str] = frozenset()
    """The areas there are; empty: any. Sections of a help centre and folders of these names give the area."""
    sections: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Section of the source → area, where the names differ."""
    allowed_hosts: frozenset[str] = frozenset()
    """Links to other hosts are reported."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What was noticed, or why something was skipped. ``code`` is for programs, ``message`` for people."""

    where: str
    """``folder/file.md:12``."""
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Found:
    """One article that could be read, to be put before a reviewer."""

    article: Article
    where: str
    derived: frozenset[str]
    """Fields the source does not say: they come from the defaults, the day or the name of the file."""
    warnings: tuple[Notice, ...] = ()

    @property
    def has_version(self) -> bool:
        """Whether the source names the version; otherwise the service counts."""
        return "version" not in self.derived

    def says_what(self, article: Article) -> bool:
        """Whether that article already says all this source says: nothing is to be submitted then."""
        said = type(article).model_fields.keys() - self.derived - {"status", "path"}
        return all(getattr(self.article, name) == getattr(article, name) for name in said)


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file, or an entry of an export, that was not read, and every reason."""

    where: str
    notices: tuple[Notice, ...]

    @classmethod
    def because(cls, where: str, notices: Sequence[Notice]) -> Self:
        """With the first of many reasons: who mends them sees the rest at the next import."""
        if len(notices) <= MAX_NOTICES:
            return cls(where=where, notices=tuple(notices))
        more = Notice(where=where, code="more", message=f"and {len(notices) - MAX_NOTICES} more mistakes")
        return cls(where=where, notices=(*notices[:MAX_NOTICES], more))

    @classmethod
    def at(cls, where: str, code: str, message: str) -> Self:
        """For a single reason."""
        return cls(where=where, notices=(Notice(where=where, code=code, message=message),))


def excerpt(text: str) -> str:
    """The beginning of a text nobody vouches for, made harmless to print, log and show."""
    plain = _UNSPEAKABLE.sub(" ", text[: 4 * _EXCERPT])
    plain = " ".join(plain.translate(_INERT).replace("://", ": //").split())
    return plain if len(plain) <= _EXCERPT else plain[: _EXCERPT - 1].rstrip() + "…"
