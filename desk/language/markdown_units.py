"""Cuts the Markdown of a passage into what can be quoted alone: sentences, list items, table rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

MAX_CHARS = 20_000

_ITEM = re.compile(r"^\s{0,12}([-*+]|\d{1,3}[.)])\s{1,4}(\S.*)$")
_TABLE_RULE = re.compile(r"^\s{0,3}\|?(?:\s{0,20}:?-{2,}:?\s{0,20}\|?)+\s{0,3}$")
_IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\([^)\n]{0,500}\)")
_LINK = re.compile(r"\[([^\]\n]{1,300})\]\([^)\n]{0,500}\)")
_HTML = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>")
_CODE = re.compile(r"`([^`\n]{1,300})`")
_ITALIC = re.compile(r"(?<![*_\w])[*_](?![*_\s])([^*_\n]{1,300})(?<!\s)[*_](?![*_\w])")
_SENTENCE_END = re.compile(r"[.!?…][*_\"'”’»)]{0,3}\s+(?=[^\sa-z])")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|etc|vs|approx|no|nr|mr|mrs|ms|dr|st|inc|ltd|[A-Z])\.\s*$", re.I)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A piece of a passage that is never cut."""

    text: str
    """Clean text: no Markdown but bold, and a dash or number before a list item."""
    kind: Literal["sentence", "item", "row"]
    block: int
    """Units of one paragraph, list or table share it; numbered from the top."""


def units_of(markdown: str) -> list[Unit]:
    """The units of a passage in document order. Linear in its length."""
    units: list[Unit] = []
    for block, lines in enumerate(_blocks(markdown[:MAX_CHARS])):
        if _ITEM.match(lines[0]):
            units += [Unit(text=item, kind="item", block=block) for item in _items(lines)]
        elif len(lines) > 1 and "|" in lines[0] and _TABLE_RULE.match(lines[1]):
            units += [Unit(text=row, kind="row", block=block) for row in _rows(lines)]
        else:
            paragraph = clean(" ".join(line.strip().lstrip("> ") for line in lines))
            units += [Unit(text=one, kind="sentence", block=block) for one in sentences(paragraph)]
    return units


def clean(text: str) -> str:
    """Text without Markdown and HTML, bold kept."""
    text = _LINK.sub(r"\1", _IMAGE.sub("", _HTML.sub("", text)))
    return " ".join(_ITALIC.sub(r"\1", _CODE.sub(r"\1", text)).replace("__", "**").split())


def sentences(text: str) -> list[str]:
    """The sentences of one paragraph; an abbreviation or an initial ends none."""
    found, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[max(start, end.start() - 12) : end.start() + 1]):
            found.append(text[start : end.end()].strip())
            start = end.end()
    return [one for one in [*found, text[start:].strip()] if one]


def _blocks(markdown: str) -> Iterator[list[str]]:
    """Runs of lines that belong together; headings and rules only separate."""
    lines: list[str] = []
    for line in [*markdown.splitlines(), ""]:
        starts_list = bool(_ITEM.match(line)) and bool(lines) and not _ITEM.match(lines[0])
        separates = not line.strip() or line.lstrip().startswith(("#", "---", "***", "```"))
        if lines and (separates or starts_list):
            yield lines
            lines = []
        if not separates:
            lines.append(line)


def _items(lines: Sequence[str]) -> list[str]:
    items: list[tuple[str, str]] = []
    for line in lines:
        if found := _ITEM.match(line):
            marker = found.group(1)
            items.append((marker if marker[0].isdigit() else "-", found.group(2)))
        else:
            marker, text = items[-1]
            items[-1] = (marker, f"{text} {line.strip()}")
    return [f"{marker} {clean(text)}" for marker, text in items]


def _rows(lines: Sequence[str]) -> list[str]:
    """``- **Express**: 2 business days``, or with more columns ``- **Express**: Time: 1 day; Price: 9.95 USD``."""
    header, *body = [[clean(cell) for cell in line.strip().strip("|").split("|")] for line in lines if "|" in line]
    rows = []
    for cells in body[1:]:
        named = list(zip(header[1:], cells[1:], strict=False))
        # With one column of values the heading of the section says what they are.
        values = [f"{name}: {value}" if name and len(named) > 1 else value for name, value in named if value]
        name = cells[0].strip("*")
        rows.append(f"- **{name}**: {'; '.join(values)}" if values else f"- {name}")
    return rows
