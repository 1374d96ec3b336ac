"""A page written again: small, well-formed, of the few elements Markdown has, whatever the order it was told in.

Elements that do not fit where they stand are left out and their text stays, so depth and size are bounded. Cells that
reach over several rows are written in each of them: a table row read by itself is then still true.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from desk.knowledge.markup import names

HEADINGS = names("h1 h2 h3 h4 h5 h6")
BLOCKS = HEADINGS | names("ul ol li table caption tr td th blockquote pre dl dt dd p")
MAX_DEPTH = 24

_LINES = HEADINGS | names("td th dt caption")
"""Elements whose inside is a single paragraph."""
_INSIDE = {"li": names("ul ol"), "dt": names("dl"), "dd": names("dl"), "caption": names("table"), "tr": names("table"),
           "td": names("tr"), "th": names("tr")}  # fmt: skip
_NOTHING_ELSE = _LINES | names("pre ul ol dl table tr")
"""Elements that hold no blocks but their own."""
_MAX_ITEMS = 200
"""Of one list; longer ones go on in a second list (the converter counts the items over and over)."""
_MAX_SPAN = 20
_MAX_REPEATED = 2_000
_BLANK = re.compile(r"[ \t\r\n\f\xa0]+")


@dataclass(kw_only=True)
class _Block:
    name: str
    items: int = 0
    """Of an ordered list: the number of its next item."""


@dataclass(kw_only=True)
class _Grid:
    """Where the writing of a table stands."""

    column: int = 0
    start: int = 0
    """Where in the output the open cell begins."""
    columns: int = 1
    rows: int = 1
    """How far the open cell reaches."""
    reaching: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Column → how many more rows its cell reaches, and its content."""


@dataclass(kw_only=True)
class PageWriter:
    """Takes blocks, emphasis and text as they come."""

    out: list[str] = field(default_factory=list)
    blocks: list[_Block] = field(default_factory=list)
    begun: list[bool] = field(default_factory=list)
    """Of each open element: whether it was written."""
    inline: list[tuple[str, str]] = field(default_factory=list)
    """(element, address) that applies to the text that comes."""
    written: list[tuple[str, str]] = field(default_factory=list)
    """What of it is open in the output."""
    grids: list[_Grid] = field(default_factory=list)
    heads: int = 0
    """Open table heads: their cells are headings."""
    has_paragraph: bool = False
    has_text: bool = False
    """Whether the line that is open holds something already."""

    def page(self) -> str:
        self.end_paragraph()
        return "".join(self.out)

    @property
    def inner(self) -> str:
        return self.blocks[-1].name if self.blocks else ""

    @property
    def keeps_space(self) -> bool:
        return any(block.name == "pre" for block in self.blocks)

    # Text

    def text(self, text: str) -> None:
        if not text.strip() and not self.keeps_space:
            if self.has_text:
                self.out.append(" ")
            return
        if not self.has_paragraph and self.inner not in _LINES and self.inner != "pre":
            self.out.append("<p>")
            self.has_paragraph = True
        self._match_inline()
        said = text.replace("```", "'''") if self.keeps_space else _BLANK.sub(" ", text)
        self.out.append(html.escape(said, quote=False))
        self.has_text = True

    def line_break(self) -> None:
        if self.keeps_space:
            self.out.append("\n")
        elif self.has_text:
            self.out.append("<br>")

    def end_paragraph(self) -> None:
        self._end_inline()
        if self.has_paragraph:
            self.out.append("</p>")
            self.has_paragraph = False
        elif self.has_text and self.inner in _LINES:
            self.out.append("<br>")
        self.has_text = False

    def begin_inline(self, element: str, address: str = "") -> None:
        self.inline.append((element, address))

    def end_inline(self, element: str) -> str:
        """The address of the link that ends."""
        for index in range(len(self.inline) - 1, -1, -1):
            if self.inline[index][0] == element:
                return self.inline.pop(index)[1]
        return ""

    def _match_inline(self) -> None:
        wanted: dict[str, str] = {}
        in_heading = any(block.name in HEADINGS for block in self.blocks)
        for element, address in [] if self.keeps_space else self.inline[-50:]:
            # Emphasis within a heading says nothing; of links within each other the inner one counts.
            if address or (element != "a" and not (in_heading and element in ("strong", "em"))):
                wanted |= {element: address}
        ordered = sorted(wanted.items(), key=lambda item: item[0] != "a")
        same = 0
        while same < min(len(ordered), len(self.written)) and ordered[same] == self.written[same]:
            same += 1
        self._end_inline(down_to=same)
        for element, address in ordered[same:]:
            self.out.append(f'<a href="{html.escape(address)}">' if element == "a" else f"<{element}>")
            self.written.append((element, address))

    def _end_inline(self, *, down_to: int = 0) -> None:
        while len(self.written) > down_to:
            self.out.append(f"</{self.written.pop()[0]}>")

    # Blocks

    def begin(self, name: str, attributes: Mapping[str, str], *, wanted: bool = True) -> None:
        """Each element that begins also ends, in reverse order."""
        self.end_paragraph()
        self.begun.append(wanted and self._fits(name))
        if not self.begun[-1]:
            return
        block = _Block(name=name)
        match name:
            case "ol":
                block.items = number_in(attributes.get("start", ""), otherwise=1)
                self.out.append(f'<ol start="{block.items}">')
            case "li":
                self._begin_item()
            case "caption":
                # Markdown's tables have none: it is the paragraph above.
                self.out[-1] = "<p>"
            case "table":
                self.grids.append(_Grid())
                self.out.append("<table>")
            case "tr":
                self.grids[-1].column = 0
                self.out.append("<tr>")
            case "td" | "th":
                block.name = "th" if self.heads else name
                self._begin_cell(block.name, attributes)
            case _:
                self.out.append(f"<{name}>")
        self.blocks.append(block)

    def end(self) -> None:
        self.end_paragraph()
        if self.begun.pop():
            self._close()

    def _fits(self, name: str) -> bool:
        if name == "p" or len(self.blocks) >= MAX_DEPTH:
            return False
        if name == "caption":
            return self.inner == "table" and self.out[-1] == "<table>"
        needed = _INSIDE.get(name)
        return self.inner in needed if needed is not None else self.inner not in _NOTHING_ELSE

    def _begin_item(self) -> None:
        listed = self.blocks[-1]
        if listed.name == "ol":
            if listed.items % _MAX_ITEMS == 0:
                self.out.append(f'</ol><ol start="{listed.items}">')
            listed.items += 1
        self.out.append("<li>")

    def _begin_cell(self, name: str, attributes: Mapping[str, str]) -> None:
        grid = self.grids[-1]
        self._reach_down(grid)
        grid.columns = min(number_in(attributes.get("colspan", ""), otherwise=1), _MAX_SPAN)
        grid.rows = min(number_in(attributes.get("rowspan", ""), otherwise=1), 10 * _MAX_SPAN)
        self.out.append(f"<{name}>")
        grid.start = len(self.out)

    def _close(self) -> None:
        block = self.blocks.pop()
        match block.name:
            case "td" | "th":
                self._end_cell(block.name)
            case "tr":
                self._reach_down(self.grids[-1])
                self.out.append("</tr>")
            case "table":
                self.grids.pop()
                self.out.append("</table>")
            case "caption":
                self.out.append("</p><table>")
            case _:
                self.out.append(f"</{block.name}>")

    def _end_cell(self, name: str) -> None:
        grid = self.grids[-1]
        inside = "".join(self.out[grid.start :])
        self.out.append(f"</{name}>")
        for offset in range(grid.columns):
            if offset:
                self.out.append(f"<{name}></{name}>")
            if grid.rows > 1 and len(inside) <= _MAX_REPEATED:
                grid.reaching[grid.column + offset] = (grid.rows - 1, "" if offset else inside)
        grid.column += grid.columns

    def _reach_down(self, grid: _Grid) -> None:
        """Writes the cells from rows above that reach into this place."""
        while (reaching := grid.reaching.pop(grid.column, None)) is not None:
            rows, inside = reaching
            self.out.append(f"<td>{inside}</td>")
            if rows > 1:
                grid.reaching[grid.column] = (rows - 1, inside)
            grid.column += 1


def number_in(text: str, *, otherwise: int) -> int:
    """A count as an attribute says it."""
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,5}", text) else otherwise
