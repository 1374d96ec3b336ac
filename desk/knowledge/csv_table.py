"""A CSV table of articles: one row each, with the line it begins in; a row that is broken spoils no other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BROKEN = 100
"""Rows; beyond them the file is no table worth guessing at."""
_TRIES = 500
"""Lines looked at for the next whole row behind a broken one."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row. ``error`` says why its cells could not be told apart."""

    line: int
    cells: tuple[str, ...] = ()
    error: str = ""


def rows(text: str, *, delimiter: str) -> Iterator[Row]:
    """The rows as RFC 4180 has them; empty lines are none."""
    return _Rows(text, delimiter).read()


def delimiter_of(text: str) -> str:
    """Comma, semicolon or tab: whichever the first line uses most."""
    first = text.lstrip("\n").partition("\n")[0]
    return max(",;\t", key=first.count)


class _Rows:
    def __init__(self, text: str, delimiter: str) -> None:
        self.text = text
        mark = re.escape(delimiter)
        self.cell = re.compile(
            rf'[ ]*+"((?:[^"]++|"")*+)"[ ]*+(?={mark}|\n|\Z)|([^"{mark}\n][^{mark}\n]*+|(?={mark}|\n|\Z))'
        )
        self.delimiter = delimiter
        self.line, self.counted = 1, 0

    def read(self) -> Iterator[Row]:
        position, width, broken, size = 0, 0, 0, len(self.text)
        while position < size:
            if self.text[position] == "\n":
                position += 1
                continue
            cells, end = self.row(position)
            line = self.line_at(position)
            if cells is None:
                broken += 1
                position = self.next_whole(position, width)
                last = self.line_at(position) - (position < size) if broken < MAX_BROKEN else None
                yield Row(line=line, error=_left_out(line, last))
                if last is None:
                    return
                continue
            width = width or len(cells)
            if len(cells) != width:
                yield Row(line=line, error=f"has {len(cells)} cells where the first row has {width}; mend the row")
            else:
                yield Row(line=line, cells=tuple(cells))
            position = end

    def row(self, position: int) -> tuple[list[str] | None, int]:
        """The cells of the row that starts here and where the next one starts."""
        cells: list[str] = []
        while True:
            cell = self.cell.match(self.text, position)
            if cell is None:
                return None, position
            cells.append(cell[1].replace('""', '"') if cell[1] is not None else cell[2].strip())
            position = cell.end()
            if not self.text.startswith(self.delimiter, position):
                return cells, position + 1
            position += 1

    def next_whole(self, position: int, width: int) -> int:
        """Where the next row with all its cells starts, or the end of the text."""
        for _ in range(_TRIES):
            position = self.text.find("\n", position) + 1
            if not position:
                break
            cells, _ = self.row(position)
            if cells is not None and len(cells) == width and cells != [""]:
                return position
        return len(self.text)

    def line_at(self, position: int) -> int:
        """Positions come in order, so each line end is counted once."""
        self.line += self.text.count("\n", self.counted, position)
        self.counted = position
        return self.line


def _left_out(first: int, last: int | None) -> str:
    """``last``: the last line that is not read; None: none is read any more."""
    if last is None:
        return f"{MAX_BROKEN} rows are broken by now; nothing below is read, mend the table"
    lines = f"lines {first} to {last} are" if last > first else "the row is"
    return f"a quote is not closed or not doubled; {lines} left out, mend the row"
