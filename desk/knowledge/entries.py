"""What a source says about one article, completed by the defaults and checked: an article, or the reasons why not."""

import hashlib
import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from desk.knowledge.found import Defaults, Found, Notice, Skipped, excerpt
from desk.knowledge.html_page import MAX_TEXT
from desk.knowledge.noticed import Noticed
from desk.policies.models import Article
from desk.policies.validation import did_you_mean, validate
from desk.policies.yaml_source import Document, Problem

FIELDS = frozenset(Article.model_fields) - {"body", "path"}
"""What a source may say besides the text itself."""

_MAX_MESSAGE = 400
_Reason = tuple[str, Problem]
"""Code and problem: why something is not imported."""
_GAP = re.compile(r"[^a-z0-9]+")


@dataclass(kw_only=True)
class Entry:
    """One article as its source tells it."""

    document: Document
    """What it says, with the lines of its keys."""
    body: str
    title: str
    """For a source that says no ``title``: its first heading."""
    path: str
    name: str
    """For a source that says no ``id``: what the id is made of."""
    source: str
    sections: Sequence[str] = ()
    """Where it stands, the nearest first: folders, or section and category of a help centre."""
    implied: Mapping[str, Any] = field(default_factory=dict)
    """What the source implies without saying it as the field's value (the language of a page)."""
    first_line: int = 1
    called: str = ""
    """How to name it where its file holds many."""


def complete(entry: Entry, *, noticed: Noticed, defaults: Defaults) -> Found | Skipped:
    """The article, or every reason against it."""
    said = dict(entry.document.value or {})
    status = said.pop("status", "in_review")
    if status in ("draft", "retired"):
        message = f"is {'a draft' if status == 'draft' else 'retired'}; publish it at its source to import it"
        return _skipped(entry, noticed, [("not_live", entry.document.problem(("status",), message))])
    problems: list[Problem] = []
    if status not in ("in_review", "approved", "published"):
        problems.append(entry.document.problem(("status",), f"{status!r} is not a status; remove it"))
    _set_aside_unknown(said, entry, noticed, problems)
    given = {name: value for name, value in entry.implied.items() if value not in (None, "")} | said
    derived = _derived(entry, given, defaults)
    whole = derived | given | {"status": "in_review", "body": entry.body, "path": entry.path}
    problems += _controls(whole, entry)
    article = validate(Article, whole, entry.document, (), problems)
    reasons: list[_Reason] = [("front_matter", problem) for problem in problems]
    if article is not None:
        reasons += _against_rules(article, entry, defaults)
        noticed.paragraph(entry.document.lines.get(("title",), entry.first_line), article.title)
    if reasons or noticed.fatal or article is None:
        return _skipped(entry, noticed, reasons)
    return Found(
        article=article,
        where=noticed.where(entry.first_line),
        derived=frozenset(derived.keys() - given.keys() - {"title"}),
        warnings=noticed.told(),
    )


def _skipped(entry: Entry, noticed: Noticed, reasons: Iterable[_Reason]) -> Skipped:
    called = f"{entry.called}: " if entry.called else ""
    notices = [
        Notice(
            where=noticed.where(problem.line),
            code=code,
            message=called + (f"{problem.key}: " if problem.key else "") + problem.message[:_MAX_MESSAGE],
        )
        for code, problem in reasons
    ]
    fatal = [Notice(where=notice.where, code=notice.code, message=called + notice.message) for notice in noticed.fatal]
    return Skipped.because(noticed.where(entry.first_line), [*notices, *fatal])


def _set_aside_unknown(said: dict[str, Any], entry: Entry, noticed: Noticed, problems: list[Problem]) -> None:
    """Keys of other systems are left out; one that looks like ours is a mistake that would change who reads it."""
    for key in [name for name in said if name not in FIELDS]:
        near = did_you_mean(key, FIELDS, cutoff=0.75)
        problem = entry.document.problem((key,), f"is not a key here{near or '; it is left out'}")
        if near:
            problems.append(problem)
        else:
            noticed.warn(problem.line, "unknown_key", f"{excerpt(key)}: {problem.message}")
        del said[key]


def _derived(entry: Entry, given: Mapping[str, Any], defaults: Defaults) -> dict[str, Any]:
    """Values for what the source leaves open; what cannot be known is left to be missed."""
    said = given.get("effective")
    effective = said if type(said) is date else defaults.today
    cadence = str(given.get("review_cadence", defaults.review_cadence))
    area = next((found for section in entry.sections if (found := _area(section, defaults))), defaults.area)
    values = {
        "id": identifier(entry.name),
        "title": entry.title,
        "area": area,
        "owner": defaults.owner,
        "review_cadence": defaults.review_cadence,
        "next_review": due(max(effective, defaults.today), cadence),
        "version": "1.0",
        "effective": defaults.today,
        "audience": defaults.audience,
        "channels": defaults.channels,
        "locale": defaults.locale,
        "source": entry.source,
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def _area(section: str, defaults: Defaults) -> str | None:
    if section in defaults.sections:
        return defaults.sections[section]
    name = identifier(section).replace("-", "_")
    return name if name in defaults.areas else None


def _against_rules(article: Article, entry: Entry, defaults: Defaults) -> Iterator[_Reason]:
    at = entry.document.problem
    if defaults.areas and article.area not in defaults.areas:
        near = did_you_mean(article.area, defaults.areas) or f"; there are {', '.join(sorted(defaults.areas))}"
        yield "area", at(("area",), f"there is no area {article.area!r}{near}")
    for name, day in (("expires", article.expires), ("next_review", article.next_review)):
        if day is not None and day <= article.effective:
            message = f"must be after effective ({article.effective}); change one of the two"
            yield "front_matter", at((name,), message)
    if not any(char.isalnum() for char in article.body):
        yield "empty", at((), "there is no text to read; write it or remove it")
    if len(article.body) > MAX_TEXT:
        yield "too_large", at((), f"is longer than {MAX_TEXT:,} characters; split it")


def _controls(whole: Mapping[str, Any], entry: Entry) -> Iterator[Problem]:
    """No text may hold characters that are none: a database cannot keep a NUL, and half a letter cannot be sent."""
    for name, value in whole.items():
        texts = value if isinstance(value, list | tuple) else [value]
        allowed = "\n\t" if name == "body" else ""
        found = {char for text in texts if isinstance(text, str) for char in text if char not in allowed}
        if any(unicodedata.category(char) in ("Cc", "Cs") for char in found):
            yield entry.document.problem((name,), "holds control characters; write plain text")


def identifier(text: str) -> str:
    """An article id made of a name: stable, and different for names that differ beyond what an id can say."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    slug = _GAP.sub("-", plain).strip("-")
    lost = sum(char.isalnum() for char in text) - sum(char.isalnum() for char in slug)
    if lost > 0.3 * len(text) or len(slug) > 64 or len(slug) < 2:
        slug = f"{slug[:50].strip('-')}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}".strip("-")
    return slug if slug[0].isalpha() else f"article-{slug}"[:64].rstrip("-")


def due(start: date, cadence: str) -> date | None:
    """The next review: ``6m`` after the start."""
    match = re.fullmatch(r"(\d{1,3})([dmy])", cadence)
    if match is None:
        return None
    count, unit = int(match[1]), match[2]
    try:
        if unit == "d":
            return start + timedelta(days=count)
        months = start.year * 12 + start.month - 1 + count * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
    except (ValueError, OverflowError):
        return date.max
