"""A Zendesk Guide export (``articles`` with ``sections`` and ``categories``, as its API gives them) as entries."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from desk.knowledge.entries import Entry, complete
from desk.knowledge.found import Defaults, Found, Skipped, excerpt
from desk.knowledge.html_page import read_page
from desk.knowledge.json_entries import JsonEntry, NotAnExport, entries
from desk.knowledge.markup import Excess
from desk.knowledge.noticed import Noticed
from desk.policies.yaml_source import Document, Key

_HALF = re.compile("[\ud800-\udfff]")
_DIGITS = re.compile(r"[0-9]{1,18}")
_MAX_SECTIONS = 6
"""Within each other; Zendesk allows five."""


@dataclass(kw_only=True)
class Surroundings:
    """Names that articles refer to by number; they may stand in other files of the export."""

    sections: dict[int | str, Mapping[str, Any]] = field(default_factory=dict)
    categories: dict[int | str, Mapping[str, Any]] = field(default_factory=dict)
    segments: dict[int | str, Mapping[str, Any]] = field(default_factory=dict)

    def learn(self, text: str) -> None:
        """Takes in whatever of it this file holds."""
        lists = {"sections": self.sections, "categories": self.categories, "user_segments": self.segments}
        for key, known in lists.items():
            with suppress(NotAnExport):
                for entry in entries(text, key=key):
                    if isinstance(entry.value, dict) and (number := _number(entry.value.get("id"))) is not None:
                        known[number] = entry.value

    def names(self, section: object) -> Sequence[str]:
        """Section, the sections around it, category: the nearest first."""
        names: list[str] = []
        category: object = None
        for _ in range(_MAX_SECTIONS):
            number = _number(section)
            found = self.sections.get(number) if number is not None else None
            if found is None:
                break
            names.append(str(found.get("name", "")))
            category, section = found.get("category_id", category), found.get("parent_section_id")
        number = _number(category)
        if number is not None and number in self.categories:
            names.append(str(self.categories[number].get("name", "")))
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
        yield Skipped.at(f"{file}:1", "json", message)


def _read(entry: JsonEntry, *, file: str, around: Surroundings, defaults: Defaults) -> Found | Skipped:
    where = f"{file}:{entry.line}"
    if entry.error or not isinstance(entry.value, dict):
        return Skipped.at(where, "json", entry.error or "is no article; an article is an object with title and body")
    told = {key: _whole(value) for key, value in entry.value.items()}
    number, title = str(_number(told.get("id")) or "")[:40], str(told.get("title") or told.get("name") or "")
    called = " ".join(part for part in (number and f"article {number}", title and f"“{excerpt(title)}”") if part)
    noticed = Noticed(file=file, allowed_hosts=defaults.allowed_hosts, line=entry.line)
    body = told.get("body")
    try:
        page = read_page(body if isinstance(body, str) else "", noticed=noticed)
    except Excess as exc:
        return Skipped.at(where, exc.code, f"{called}: {exc}")
    locale, original = str(told.get("locale") or "").lower(), str(told.get("source_locale") or "").lower()
    name = f"zendesk-{number}" if number else title or page.title or where
    lines: dict[Key, int] = {(): entry.line}
    address = told.get("html_url") or told.get("url")
    return complete(
        Entry(
            document=Document(file=file, value={"status": "draft"} if told.get("draft") else {}, lines=lines),
            body=page.body,
            title=title or page.title,
            path=f"{file}#{number or entry.line}",
            # A translation has the number of what it translates.
            name=f"{name}-{locale}" if locale and original and locale != original else name,
            source=str(address) if address else f"{file} {number}".strip(),
            sections=around.names(told.get("section_id")),
            implied={
                "locale": locale.partition("-")[0],
                "effective": _day(told.get("edited_at") or told.get("updated_at"), today=defaults.today),
                "audience": _audience(told, around, noticed, entry.line),
            },
            first_line=entry.line,
            called=called,
        ),
        noticed=noticed,
        defaults=defaults,
    )


def _number(value: object) -> int | str | None:
    """What names something in the export: its number, which some tools write as text."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else value
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _whole(value: object) -> object:
    """Without halves of letters, which JSON can spell and no text can hold."""
    return _HALF.sub("\ufffd", value) if isinstance(value, str) else value


def _day(moment: object, *, today: date) -> date | None:
    try:
        return min(datetime.fromisoformat(str(moment).replace("Z", "+00:00")).date(), today) if moment else None
    except ValueError:
        return None


def _audience(told: Mapping[str, Any], around: Surroundings, noticed: Noticed, line: int) -> str | None:
    """Whom the help centre shows it to. For a segment nobody explained: staff only, until a reviewer says otherwise."""
    more = told.get("user_segment_ids")
    named = [told.get("user_segment_id"), *(more if isinstance(more, list) else [])]
    segments = {number for each in named if (number := _number(each)) is not None}
    if not segments:
        return None
    known = [around.segments.get(number, {}) for number in segments]
    if all(segment.get("user_type") == "signed_in_users" and not _is_narrow(segment) for segment in known):
        return "customer"
    message = "is shown to some users only; it is imported for staff, change the audience if customers may read it"
    noticed.warn(line, "audience", message)
    return "internal"


def _is_narrow(segment: Mapping[str, Any]) -> bool:
    """Whether the segment is less than all who signed in."""
    return any(segment.get(name) for name in ("tags", "or_tags", "organization_ids", "group_ids", "added_user_ids"))
