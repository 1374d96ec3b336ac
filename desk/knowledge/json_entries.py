"""A JSON export, entry by entry: each with its line, and the rest of the file readable when one is broken."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from desk.knowledge.markup import Lines

MAX_NESTING = 60

_MARK = re.compile(r'"(?:[^"\\]++|\\.)*+"|["\[\]{},:]', re.DOTALL)
_SPACE = re.compile(r"\s*+")


@dataclass(frozen=True, kw_only=True)
class JsonEntry:
    """One entry of a list. ``error`` says why it could not be read."""

    line: int
    value: Any = None
    error: str = ""


class NotAnExport(Exception):
    """The file is no JSON, or holds no list of that name."""


def entries(text: str, *, key: str, bare: bool = False) -> Iterator[JsonEntry]:
    """The entries of the list under ``key``; with ``bare``, also of a list that is the whole file."""
    lines = Lines(text)
    start = _SPACE.match(text).end()  # type: ignore[union-attr]
    if bare and text.startswith("[", start):
        yield from _listed(text, start, lines)
        return
    if not text.startswith("{", start):
        raise NotAnExport
    position = start + 1
    while (name := _MARK.search(text, position)) is not None and name[0].startswith('"') and len(name[0]) > 1:
        colon = _SPACE.match(text, name.end()).end()  # type: ignore[union-attr]
        if not text.startswith(":", colon):
            return
        value = _SPACE.match(text, colon + 1).end()  # type: ignore[union-attr]
        if name[0] == f'"{key}"' and text.startswith("[", value):
            yield from _listed(text, value, lines)
        end, _ = _end(text, value)
        comma = _SPACE.match(text, end).end()  # type: ignore[union-attr]
        if not text.startswith(",", comma):
            return
        position = comma + 1


def _listed(text: str, start: int, lines: Lines) -> Iterator[JsonEntry]:
    position = start + 1
    while True:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if text.startswith("]", position):
            return
        if position == len(text):
            yield JsonEntry(line=lines.at(position), error="the export is cut off here; export it again")
            return
        end, problem = _end(text, position)
        yield _entry(text, position, end, problem, lines)
        if problem == _CUT:
            return
        after = _SPACE.match(text, end).end()  # type: ignore[union-attr]
        if text.startswith(",", after):
            position = after + 1
        elif after > position or end > position:
            # A missing comma spoils nothing: the next entry begins where this one ended.
            position = after if after > position else end
            if text.startswith("}", position):
                return
        else:
            return


_CUT = "ends in the middle; the export is cut off here, export it again"


def _end(text: str, start: int) -> tuple[int, str]:
    """Where the value that starts here ends, and what is wrong with its outline."""
    if text[start : start + 1] not in ("{", "["):
        mark = _MARK.match(text, start)
        if mark is not None and len(mark[0]) > 1:
            return mark.end(), ""
        if mark is not None and mark[0] == '"':
            return len(text), _CUT
        plain = re.compile(r"[^,\]\}\s]*+").match(text, start)
        return (plain.end() if plain and plain.end() > start else start + 1), ""
    depth, deepest = 0, 0
    for mark in _MARK.finditer(text, start):
        match mark[0]:
            case "{" | "[":
                depth += 1
                deepest = max(deepest, depth)
            case "}" | "]":
                depth -= 1
                if not depth:
                    deep = f"is nested deeper than {MAX_NESTING} levels" if deepest > MAX_NESTING else ""
                    return mark.end(), deep
            case '"':
                return len(text), _CUT
    return len(text), _CUT


def _entry(text: str, start: int, end: int, problem: str, lines: Lines) -> JsonEntry:
    line = lines.at(start)
    if problem:
        return JsonEntry(line=line, error=problem)
    try:
        return JsonEntry(line=line, value=json.loads(text[start:end], strict=False))
    except json.JSONDecodeError as exc:
        return JsonEntry(line=lines.at(start + exc.pos), error=f"is not valid JSON ({exc.msg})")
    except (ValueError, RecursionError):
        return JsonEntry(line=line, error="is not valid JSON")
