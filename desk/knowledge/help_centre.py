"""A Zendesk Guide export (``articles`` with ``sections`` and ``categories``, as its API gives them) as entries."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from desk.knowledge.entries import Entry, complete
from desk.knowledge.found import Defaults, Found, Notice, Skipped, excerpt
from desk.knowledge.hidden_text import TooDeep
from desk.knowledge.html_page import TooLarge, read_page
from desk.knowledge.json_entries import JsonEntry, NotAnExport, entries
from desk.knowledge.noticed import Noticed
from desk.policies.yaml_source import Document, Key

_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_PER_LIST = 100_000


@dataclass(kw_only=True)
class Surroundings:
    """Names that articles refer to by number; they may stand in other files of the export."""

    sections: dict[Any, Mapping[str, Any]] = field(default_factory=dict)
    categories: dict[Any, Mapping[str, Any]] = field(default_factory=dict)
    segments: dict[Any, Mapping[str, Any]] = field(default_factory=dict)

    def learn(self, text: str) -> None:
        for key, known in (
            ("sections", self.sections),
            ("categories", self.categories),
            ("user_segments", self.segments),
        ):
            try:
                for entry in entries(text, key=key):
                    if (
                        isinstance(entry.value, dict)
                        and isinstance(entry.value.get("id"), int | str)
                        and len(known) < _MAX_PER_LIST
                    ):
                        known[entry.value["id"]] = entry.value
            except NotAnExport:
                return

    def names(self, section: object) -> Sequence[str]:
        """Section, the sections around it, category: the nearest first."""
        names = []
        category = None
        for _ in range(6):
            found = self.sections.get(section) if isinstance(section, int | str) else None
            if found is None:
                break
            names.append(str(found.get("name", "")))
            category = found.get("category_id", category)
            section = found.get("parent_section_id")
        if isinstance(category, int | str) and (found := self.categories.get(category)) is not None:
            names.append(str(found.get("name", "")))
        return names


def read_help_centre(text: str, *, file: str, around: Surroundings, defaults: Defaults) -> Iterator[Found | Skipped]:
    """The articles of an export, each read or skipped by itself."""
    around.learn(text)
    seen = False
    try:
        for entry in entries(text, key="articles", bare=True):
            seen = True
            yield _read(entry, file=file, around=around, defaults=defaults)
    except NotAnExport:
        pass
    if not seen:
        message = 'holds no "articles": [...]; export the help centre with its articles, or name another file'
        yield Skipped(where=f"{file}:1", notices=(Notice(where=f"{file}:1", code="json", message=message),))


def _read(entry: JsonEntry, *, file: str, around: Surroundings, defaults: Defaults) -> Found | Skipped:
    where = f"{file}:{entry.line}"
    told = _plain(entry.value)
    if entry.error or not isinstance(told, dict):
        message = entry.error or "is no article; an article is an object with title and body"
        return Skipped(where=where, notices=(Notice(where=where, code="json", message=message),))
    number, title = _name(told.get("id")), str(told.get("title") or told.get("name") or "")
    called = " ".join(
        part for part in (f"article {number}" if number else "", f"“{excerpt(title)}”" if title else "") if part
    )
    noticed = Noticed(file=file, allowed_hosts=defaults.allowed_hosts, line=entry.line)
    body = told.get("body")
    try:
        page = read_page(body if isinstance(body, str) else "", noticed=noticed)
    except TooDeep:
        return _unreadable(where, called, "too_deep", "has tags nested more than 500 deep; clean it up at its source")
    except TooLarge:
        return _unreadable(where, called, "too_large", "has more elements than an article; split it at its source")
    locale, original = str(told.get("locale") or ""), str(told.get("source_locale") or "")
    foreign = bool(locale and original and locale.lower() != original.lower())
    lines: dict[Key, int] = {(): entry.line}
    said = {} if not told.get("draft") else {"status": "draft"}
    address = told.get("html_url") or told.get("url")
    return complete(
        Entry(
            document=Document(file=file, value=said, lines=lines),
            body=page.body,
            title=title or page.title,
            path=f"{file}#{number}" if number else f"{file}:{entry.line}",
            name=(f"zendesk-{number}" if number else title or page.title or file) + (f"-{locale}" if foreign else ""),
            source=str(address) if address else f"{file} {number}".strip(),
            sections=around.names(told.get("section_id")),
            implied={
                "locale": locale.partition("-")[0].lower() or None,
                "effective": _day(told.get("edited_at") or told.get("updated_at"), today=defaults.today),
                "audience": _audience(told, around, noticed, entry.line),
            },
            called=called,
        ),
        noticed=noticed,
        defaults=defaults,
    )


def _unreadable(where: str, called: str, code: str, message: str) -> Skipped:
    return Skipped(where=where, notices=(Notice(where=where, code=code, message=f"{called}: {message}"),))


def _name(number: object) -> str:
    return str(number)[:40] if isinstance(number, int | str) and not isinstance(number, bool) else ""


def _plain(value: Any) -> Any:
    """Without the halves of letters that JSON can spell and no text can hold."""
    if isinstance(value, dict):
        return {key: _SURROGATE.sub("\ufffd", each) if isinstance(each, str) else each for key, each in value.items()}
    return value


def _day(moment: object, *, today: date) -> date | None:
    try:
        day = datetime.fromisoformat(str(moment).replace("Z", "+00:00")).date() if moment else None
    except ValueError:
        return None
    return min(day, today) if day else None


def _audience(told: Mapping[str, Any], around: Surroundings, noticed: Noticed, line: int) -> str | None:
    """Whom the help centre shows it to. For a segment nobody explained: staff only, until a reviewer says otherwise."""
    segments = [told.get("user_segment_id"), *(told.get("user_segment_ids") or ())]
    numbers = [number for number in segments if number is not None]
    if not numbers:
        return None
    kinds = {
        (around.segments.get(number) or {}).get("user_type") for number in numbers if isinstance(number, int | str)
    }
    if kinds == {"signed_in_users"} and len(numbers) == 1 and _is_whole(around.segments[numbers[0]]):
        return "customer"
    noticed.warn(
        line,
        "audience",
        "is shown to a segment of users only; it is imported for staff, change audience if it may be told",
    )
    return "internal"


def _is_whole(segment: Mapping[str, Any]) -> bool:
    """Whether the segment is all who signed in, not those with a tag or of an organisation."""
    return not any(segment.get(name) for name in ("tags", "or_tags", "organization_ids", "group_ids", "added_user_ids"))
