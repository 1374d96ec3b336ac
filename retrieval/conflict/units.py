"""Cuts a statement into what states something alone: sentences, list items, table cells with their labels."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from desk.language.markdown_units import clean, sentences

MAX_CHARACTERS = 20_000
"""Of one statement; a chunk is far shorter."""
MAX_TITLE = 400

_ITEM = re.compile(r"^\s{0,12}(?:[-*+•]|\d{1,3}[.)])\s{1,4}(\S.*)$")
_RULE = re.compile(r"^[\s|:-]{3,400}$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A sentence, list item or table row as a reader sees it, with the words it stands under."""

    quote: str
    text: str
    """The part that states something: the cell of a row, the item without its dash."""
    label: str = ""
    """What a row is about: its first cell."""
    column: str = ""
    lead: str = ""
    """The line that introduces the list."""
    listed: bool = False


def units_of(title: str, text: str) -> Iterator[Unit]:
    """The title when it states a number, then the body in reading order. Linear in the length of the text."""
    title = clean(title[:MAX_TITLE])
    if any(character.isdigit() for character in title):
        yield Unit(quote=title, text=title)
    lead = ""
    for lines in _blocks(text[:MAX_CHARACTERS]):
        if len(lines) > 1 and "|" in lines[0] and "-" in lines[1] and _RULE.match(lines[1]):
            yield from _rows(lines)
        elif _ITEM.match(lines[0]):
            yield from _items(lines, lead=lead)
        else:
            found = _sentences(" ".join(line.strip().lstrip("> ") for line in lines))
            lead = found[-1] if found and found[-1].endswith(":") else ""
            yield from (Unit(quote=one, text=one) for one in found if not one.endswith("?"))
            continue
        lead = ""


def _sentences(text: str) -> list[str]:
    return sentences(clean(text).replace("**", ""))


def _blocks(text: str) -> Iterator[list[str]]:
    """Runs of lines that belong together; headings and fences only separate."""
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        separates = not stripped or stripped.startswith(("#", "```"))
        indented = line.startswith(" ")
        opens = bool(lines) and not indented and bool(_ITEM.match(line)) != bool(_ITEM.match(lines[0]))
        if lines and (separates or opens):
            yield lines
            lines = []
        if not separates:
            lines.append(line)


def _items(lines: Sequence[str], *, lead: str) -> Iterator[Unit]:
    items: list[str] = []
    for line in lines:
        if found := _ITEM.match(line):
            items.append(found.group(1))
        else:
            items[-1] = f"{items[-1]} {line.strip()}"
    for item in items:
        for place, sentence in enumerate(_sentences(item)):
            if sentence.endswith("?"):
                continue
            yield Unit(quote=sentence, text=sentence, lead="" if place else lead, listed=not place)


def _rows(lines: Sequence[str]) -> Iterator[Unit]:
    header, _, *body = [
        [clean(cell).replace("**", "") for cell in line.strip().strip("|").split("|")] for line in lines
    ]
    for cells in body:
        label = cells[0]
        named = [(name, cell) for name, cell in zip(header[1:], cells[1:], strict=False) if cell]
        if not named:
            yield Unit(quote=label, text=label)
            continue
        said = [f"{name}: {cell}" if name and len(named) > 1 else cell for name, cell in named]
        quote = f"{label}: {'; '.join(said)}"
        for name, cell in named:
            yield Unit(quote=quote, text=cell, label=label, column=name)
