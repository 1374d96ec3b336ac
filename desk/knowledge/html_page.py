"""An HTML page as a title and Markdown: what its reader sees, without the furniture around it.

The visible steps are written again as a small, well-formed page of the few elements Markdown has, which bounds its
depth and size whatever came in; ``markdownify`` turns that page into Markdown.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markdownify import ATX, MarkdownConverter

from desk.knowledge.hidden_text import Step, walk
from desk.knowledge.instructions import speaks_to_an_assistant
from desk.knowledge.markup import Lines, Token, names, tokens
from desk.knowledge.noticed import Noticed

MAX_ELEMENTS = 20_000
MAX_DEPTH = 24
_MAX_ITEMS = 200
"""Of one list in the rewritten page; longer ones go on in a second list (the converter counts them over and over)."""
_MAX_SPAN = 20

_HEADINGS = names("h1 h2 h3 h4 h5 h6")
_KEPT = names("h1 h2 h3 h4 h5 h6 ul ol li table tr td th blockquote pre dl dt dd caption p")
_INLINE = {"strong": "strong", "b": "strong", "em": "em", "i": "em", "code": "code", "kbd": "code", "samp": "code",
           "tt": "code", "del": "del", "s": "del", "strike": "del", "a": "a", "q": "q"}  # fmt: skip
_BREAKS = names(
    "address article aside center details dialog dir div fieldset figcaption figure footer form header hgroup main "
    "menu section summary tbody thead tfoot body html noscript legend"
)
_LINE_BLOCKS = _HEADINGS | {"td", "th", "dt", "caption", "p"}
"""Kept elements whose inside is one paragraph."""


class TooLarge(Exception):
    """More elements than an article has."""

    def __init__(self, position: int) -> None:
        super().__init__("too many elements")
        self.position = position


@dataclass(frozen=True, kw_only=True)
class Page:
    """What was read of a page."""

    title: str
    body: str
    language: str = ""
    address: str = ""
    """Its canonical address, when it names one."""


def read_page(text: str, *, noticed: Noticed, first_line: int = 1) -> Page:
    """A whole page or a fragment of one. Raises ``TooDeep`` and ``TooLarge``."""
    parts = list(tokens(text))
    lines = Lines(text, first=first_line)
    _report_entities(parts, lines, noticed)
    whole = any(token.kind == "open" and token.name in ("html", "body", "head") for token in parts)
    rewriting = _Rewriting(noticed=noticed, lines=lines, layout=_layout_tables(parts))
    rewriting.read(walk(parts, fragment=not whole))
    heading, body = rewriting.title, to_markdown(rewriting.html())
    if heading and body.startswith("# "):
        body = body.partition("\n")[2].strip()
    return Page(
        title=heading or " ".join(_inside("title", parts).split()),
        body=body,
        language=_attribute(parts, "html", "lang"),
        address=next(
            (token.attributes.get("href", "") for token in parts
             if token.name == "link" and token.attributes.get("rel", "").lower() == "canonical"), ""
        ),
    )  # fmt: skip


def fragment_to_markdown(parts: Sequence[Token], *, noticed: Noticed, lines: Lines) -> str:
    """A piece of HTML inside another text, such as a table in Markdown."""
    rewriting = _Rewriting(noticed=noticed, lines=lines, layout=_layout_tables(parts), keeps_title=True)
    rewriting.read(walk(parts, fragment=True))
    return to_markdown(rewriting.html())


def to_markdown(page: str) -> str:
    text = _Converter().convert(page)
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class _Converter(MarkdownConverter):
    class Options:
        heading_style = ATX
        bullets = "-"
        autolinks = False

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """Only what Markdown would take for markup."""
        text = re.sub(r"<(?=[a-zA-Z!/?])", r"\\<", text)
        text = re.sub(r"([*`])", r"\\\1", text)
        text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
        text = text.replace("](", "]\\(").replace("]:", "]\\:")
        text = re.sub(r"^(\s*)(#{1,6}\s|>|[-=]{2,}\s*$)", r"\1\\\2", text)
        return text.replace("|", "\\|") if {"td", "th"} & parent_tags else text


@dataclass(kw_only=True)
class _Cell:
    start: int
    span: int
    rows: int


@dataclass(kw_only=True)
class _Row:
    """Where a table stands: cells that reach down from rows above are written again in each row they reach."""

    reaching: dict[int, tuple[int, str]] = field(default_factory=dict)
    column: int = 0
    cell: _Cell | None = None


@dataclass(kw_only=True)
class _Rewriting:
    noticed: Noticed
    lines: Lines
    layout: frozenset[int]
    keeps_title: bool = False
    title: str = ""
    out: list[str] = field(default_factory=list)
    blocks: list[tuple[str, bool]] = field(default_factory=list)
    """Open kept elements, and whether each was written."""
    inline: list[tuple[str, str]] = field(default_factory=list)
    """(element, address) that applies to the text that comes."""
    written: list[tuple[str, str]] = field(default_factory=list)
    """What of it is open in what was written."""
    paragraph: bool = False
    items: list[int] = field(default_factory=list)
    tables: list[_Row] = field(default_factory=list)
    head: int = 0
    elements: int = 0
    heading: list[str] | None = None
    said: list[str] = field(default_factory=list)
    said_at: int = 1
    comments: list[tuple[int, str]] = field(default_factory=list)
    images: list[int] = field(default_factory=list)

    def read(self, steps: Iterable[Step]) -> None:
        hidden = {}
        for step in steps:
            if step.hidden is not None:
                hidden[id(step.hidden)] = step.hidden
            match step.kind:
                case "comment":
                    self.comments.append((self.lines.at(step.token.start), step.token.text))
                case "open" if step.shown:
                    self.open(step)
                case "close" if step.shown:
                    self.close(step.name, step.token.start)
                case "text" if step.shown:
                    self.text(step.token)
        self.boundary()
        for stretch in hidden.values():
            self.noticed.hidden(self.lines.at(stretch.start), why=stretch.why, text=stretch.text)
        self.tell_comments()
        if self.images:
            count = f"{len(self.images)} pictures are" if len(self.images) > 1 else "a picture is"
            self.noticed.warn(self.images[0], "image", f"{count} left out; their descriptions are kept as text")

    def html(self) -> str:
        return "".join(self.out)

    def tell_comments(self) -> None:
        """Comments are in nearly every page: one notice for all, and each one that speaks to an assistant."""
        harmless = []
        for line, text in self.comments:
            if speaks_to_an_assistant(text):
                self.noticed.hidden(line, why="a comment", text=text)
            elif any(char.isalnum() for char in text):
                harmless.append((line, text))
        if harmless:
            line, text = harmless[0]
            why = f"comments ({len(harmless)} of them)" if len(harmless) > 1 else "a comment"
            self.noticed.hidden(line, why=why, text=text)

    # What comes

    def open(self, step: Step) -> None:
        name, token = step.name, step.token
        self.elements += 1
        if self.elements > MAX_ELEMENTS:
            raise TooLarge(token.start)
        if title := token.attributes.get("title", "") + " " + token.attributes.get("aria-label", ""):
            self.noticed.only_if_instructing(self.lines.at(token.start), why="a tooltip", text=title.strip())
        match name:
            case "br":
                self.line_break()
            case "hr":
                self.boundary()
            case "img":
                self.image(token)
            case "thead":
                self.boundary()
                self.head += 1
            case _ if name in _INLINE:
                self.inline.append((_INLINE[name], self.address(token) if name == "a" else ""))
            case _ if name in _KEPT:
                self.open_block(name, token)
            case _ if name in _BREAKS:
                self.boundary()

    def close(self, name: str, position: int) -> None:
        if name in _INLINE:
            for index in range(len(self.inline) - 1, -1, -1):
                if self.inline[index][0] == _INLINE[name]:
                    del self.inline[index]
                    break
        elif name in _KEPT:
            self.close_block(name)
        elif name in _BREAKS:
            self.boundary()
            self.head -= name == "thead" and self.head > 0

    def text(self, token: Token) -> None:
        line = self.lines.at(token.start)
        text = self.noticed.plain(token.text, line=line)
        if self.heading is not None:
            self.heading.append(text)
        in_pre = any(name == "pre" for name, _ in self.blocks)
        if not text.strip() and not in_pre:
            if self.paragraph or (self.blocks and self.blocks[-1][0] in _LINE_BLOCKS):
                self.out.append(" ")
            return
        if self.blocks and self.blocks[-1][0] in ("ul", "ol", "dl", "table", "tr"):
            # Loose text between rows or items: it belongs to nobody, and is kept as a paragraph of the outside.
            text = text.strip()
        if not self.said:
            self.said_at = line + len(token.text[: len(token.text) - len(token.text.lstrip())].split("\n")) - 1
        self.said.append(text)
        self.start_paragraph()
        self.match_inline()
        text = text.replace("```", "'''") if in_pre else re.sub(r"[ \t\r\n\f\xa0]+", " ", text)
        self.out.append(html.escape(text, quote=False))

    # What is written

    def start_paragraph(self) -> None:
        inner = self.blocks[-1][0] if self.blocks else ""
        if not self.paragraph and inner not in _LINE_BLOCKS and inner != "pre":
            self.out.append("<p>")
            self.paragraph = True

    def match_inline(self) -> None:
        wanted = [] if any(name == "pre" for name, _ in self.blocks) else self.wanted_inline()
        common = 0
        while common < min(len(wanted), len(self.written)) and wanted[common] == self.written[common]:
            common += 1
        self.end_inline(common)
        for element, address in wanted[common:]:
            self.out.append(f'<a href="{html.escape(address)}">' if element == "a" else f"<{element}>")
            self.written.append((element, address))

    def wanted_inline(self) -> list[tuple[str, str]]:
        """Each kind once, the innermost link; emphasis inside a heading says nothing."""
        wanted: dict[str, str] = {}
        in_heading = any(name in _HEADINGS for name, _ in self.blocks)
        for element, address in self.inline[-50:]:
            if element == "a" and not address:
                continue
            if not (in_heading and element in ("strong", "em")):
                wanted[element] = address
        return sorted(wanted.items(), key=lambda item: item[0] != "a")

    def end_inline(self, down_to: int = 0) -> None:
        while len(self.written) > down_to:
            self.out.append(f"</{self.written.pop()[0]}>")

    def boundary(self) -> None:
        """The paragraph ends here."""
        self.end_inline()
        if self.paragraph:
            self.out.append("</p>")
            self.paragraph = False
        elif self.blocks and self.blocks[-1][0] in _LINE_BLOCKS and self.said:
            self.out.append("<br>" if self.blocks[-1][0] in ("td", "th") else " ")
        self.end_said()

    def end_said(self) -> None:
        if self.said:
            self.noticed.paragraph(self.said_at, " ".join("".join(self.said).split()))
            self.said = []

    def line_break(self) -> None:
        if any(name == "pre" for name, _ in self.blocks):
            self.out.append("\n")
        elif self.paragraph or (self.blocks and self.blocks[-1][0] in _LINE_BLOCKS):
            self.out.append("<br>")
        if self.said:
            self.said.append(" ")

    def address(self, token: Token) -> str:
        href = token.attributes.get("href", "")
        return self.noticed.link(self.lines.at(token.start), href) if href else ""

    def image(self, token: Token) -> None:
        line = self.lines.at(token.start)
        self.images.append(line)
        source = token.attributes.get("src", "")
        if source and not source.lower().startswith("data:"):
            self.noticed.link(line, source)
        alt = " ".join(token.attributes.get("alt", "").split())
        self.noticed.only_if_instructing(line, why="the description of a picture", text=alt)
        if alt and not self.noticed.fatal:
            self.text(Token(kind="text", start=token.start, end=token.end, text=f" {alt} "))

    def open_block(self, name: str, token: Token) -> None:
        self.boundary()
        if name == "h1" and not self.title and not self.keeps_title and self.heading is None:
            self.heading = []
        write = len(self.blocks) < MAX_DEPTH and name != "p" and self.fits(name, token)
        if write:
            self.begin(name, token)
        self.blocks.append((name if write else "", write))

    def fits(self, name: str, token: Token) -> bool:
        """Whether the element may stand here in the rewritten page."""
        around = next((block for block, written in reversed(self.blocks) if written), "")
        match name:
            case "li":
                return around in ("ul", "ol")
            case "dt" | "dd":
                return around == "dl"
            case "tr":
                return around == "table"
            case "td" | "th":
                return around == "tr"
            case "caption":
                return False
            case "table":
                return token.start not in self.layout and around not in _LINE_BLOCKS
        return around not in _LINE_BLOCKS and around not in ("pre", "tr", "table")

    def begin(self, name: str, token: Token) -> None:
        match name:
            case "ol":
                self.items.append(_number(token.attributes.get("start", ""), 1))
                self.out.append(f'<ol start="{self.items[-1]}">')
            case "ul":
                self.items.append(0)
                self.out.append("<ul>")
            case "li":
                self.begin_item()
            case "table":
                self.tables.append(_Row())
                self.out.append("<table>")
            case "tr":
                self.tables[-1].column = 0
                self.out.append("<tr>")
            case "td" | "th":
                self.begin_cell(name, token)
            case _:
                self.out.append(f"<{name}>")

    def begin_item(self) -> None:
        listed = self.items[-1]
        around = next(block for block, written in reversed(self.blocks) if written)
        if around == "ol":
            if listed % _MAX_ITEMS == 0:
                self.out.append(f'</ol><ol start="{listed}">')
            self.items[-1] += 1
        self.out.append("<li>")

    def begin_cell(self, name: str, token: Token) -> None:
        table = self.tables[-1]
        self.reach_down(table)
        span = min(_number(token.attributes.get("colspan", ""), 1), _MAX_SPAN)
        rows = min(_number(token.attributes.get("rowspan", ""), 1), 200)
        element = "th" if self.head else name
        self.out.append(f"<{element}>")
        table.cell = _Cell(start=len(self.out), span=span, rows=rows)

    def reach_down(self, table: _Row) -> None:
        while (reaching := table.reaching.get(table.column)) is not None:
            rows, cell = reaching
            self.out.append(f"<td>{cell}</td>")
            if rows > 1:
                table.reaching[table.column] = (rows - 1, cell)
            else:
                del table.reaching[table.column]
            table.column += 1

    def close_block(self, name: str) -> None:
        self.end_inline()
        if self.paragraph:
            self.boundary()
        self.end_said()
        if name == "h1" and self.heading is not None:
            self.title, self.heading = " ".join("".join(self.heading).split()), None
        if not self.blocks:
            return
        kept, written = self.blocks.pop()
        if not written:
            return
        match kept:
            case "ul" | "ol":
                self.items.pop()
                self.out.append(f"</{kept}>")
            case "td" | "th":
                self.end_cell(kept)
            case "tr":
                self.reach_down(self.tables[-1])
                self.out.append("</tr>")
            case "table":
                self.tables.pop()
                self.out.append("</table>")
            case _:
                self.out.append(f"</{kept}>")

    def end_cell(self, name: str) -> None:
        table = self.tables[-1]
        cell, element = table.cell, "th" if self.head else name
        self.out.append(f"</{element}>")
        if cell is None:
            return
        inside = "".join(self.out[cell.start : -1])
        for offset in range(cell.span):
            if offset:
                self.out.append(f"<{element}></{element}>")
            if cell.rows > 1 and len(inside) < 2_000:
                table.reaching[table.column + offset] = (cell.rows - 1, inside if not offset else "")
        table.column += cell.span
        table.cell = None


def _layout_tables(parts: Sequence[Token]) -> frozenset[int]:
    """Tables that only arrange a page: a single column, or with headings or tables in their cells."""
    layout: set[int] = set()
    opened: list[tuple[int, int]] = []
    widest: dict[int, int] = {}
    for token in parts:
        if token.kind == "open" and token.name == "table":
            layout.update(start for start, _ in opened)
            opened = [*opened, (token.start, 0)][-50:]
        elif token.kind == "close" and token.name == "table" and opened:
            start, _ = opened.pop()
            if widest.get(start, 0) < 2:
                layout.add(start)
        elif token.kind == "open" and opened:
            start, cells = opened[-1]
            if token.name == "tr":
                opened[-1] = (start, 0)
            elif token.name in ("td", "th"):
                opened[-1] = (start, cells + 1)
                widest[start] = max(widest.get(start, 0), cells + 1)
            elif token.name in _HEADINGS:
                layout.add(start)
    layout.update(start for start, _ in opened if widest.get(start, 0) < 2)
    return frozenset(layout)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else otherwise


def _report_entities(parts: Sequence[Token], lines: Lines, noticed: Noticed) -> None:
    for token in parts:
        if token.kind == "declaration" and "<!entity" in token.text[:100_000].lower():
            noticed.warn(lines.at(token.start), "entities", "declares entities of its own; they are not expanded")


def _inside(name: str, parts: Sequence[Token]) -> str:
    """The text of the first element of this name."""
    for token, after in pairwise(parts):
        if token.kind == "open" and token.name == name and after.kind == "text":
            return html.unescape(after.text)[:300]
    return ""


def _attribute(parts: Iterable[Token], name: str, attribute: str) -> str:
    return next((token.attributes.get(attribute, "") for token in parts if token.name == name), "")
