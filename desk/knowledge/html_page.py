"""An HTML page as a title and Markdown: what its reader sees, without the furniture around it."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markdownify import ATX, MarkdownConverter

from desk.knowledge.hidden_text import Hidden, Step, walk
from desk.knowledge.links import contact_in
from desk.knowledge.markup import Excess, Lines, Token, names, tokens
from desk.knowledge.noticed import Noticed
from desk.knowledge.page_writer import BLOCKS, HEADINGS, PageWriter

MAX_TEXT = 500_000
"""Characters a reader sees: the length of a long book is no help article."""
MAX_ELEMENTS = 10_000

_INLINE = {"strong": "strong", "b": "strong", "em": "em", "i": "em", "code": "code", "kbd": "code", "samp": "code",
           "tt": "code", "del": "del", "s": "del", "strike": "del", "q": "q", "a": "a"}  # fmt: skip
_BREAKS = names(
    "address article aside center details dialog dir div fieldset figcaption figure footer form header hgroup hr "
    "legend main menu section summary thead tbody tfoot body html"
)
_RAISED = str.maketrans("0123456789+-=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")


@dataclass(frozen=True, kw_only=True)
class Page:
    """What was read of a page."""

    title: str
    body: str
    language: str = ""
    address: str = ""
    """Its canonical address, when it names one."""


def read_page(text: str, *, noticed: Noticed) -> Page:
    """A whole page or a fragment of one. Raises ``Excess``."""
    parts, lines = tokens(text), Lines(text)
    for token in parts:
        if token.kind == "declaration" and "<!entity" in token.text[:100_000].lower():
            noticed.warn(lines.at(token.start), "entities", "declares entities of its own; they are not expanded")
    is_whole = any(token.kind == "open" and token.name in ("html", "body", "head") for token in parts)
    reading = _Reading(noticed=noticed, lines=lines, layout=_layout_tables(parts))
    reading.read(walk(parts, fragment=not is_whole))
    body = to_markdown(reading.writer.page())
    if reading.title and body.startswith("# "):
        body = body.partition("\n")[2].strip()
    return Page(
        title=reading.title or " ".join(_inside("title", parts).split()),
        body=body,
        language=next((token.attributes.get("lang", "") for token in parts if token.name == "html"), ""),
        address=next((token.attributes.get("href", "") for token in parts if _is_canonical(token)), ""),
    )


def fragment_to_markdown(parts: Sequence[Token], *, noticed: Noticed, lines: Lines) -> str:
    """A piece of HTML inside another text, such as a table in Markdown. Raises ``Excess``."""
    reading = _Reading(noticed=noticed, lines=lines, layout=_layout_tables(parts))
    reading.read(walk(parts, fragment=True))
    return to_markdown(reading.writer.page())


def to_markdown(page: str) -> str:
    """Well-formed HTML as Markdown."""
    text = re.sub(r"[ \t]+\n", "\n", _Converter().convert(page))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class _Converter(MarkdownConverter):
    class Options:
        heading_style = ATX
        bullets = "-"
        autolinks = False

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """Only what Markdown would take for markup: a passage is quoted as it is stored."""
        text = re.sub(r"<(?=[a-zA-Z!/?])", r"\\<", text)
        text = re.sub(r"([*`])", r"\\\1", text)
        text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
        text = text.replace("](", "]\\(").replace("]:", "]\\:")
        text = re.sub(r"^(\s*)(#{1,6}\s|>|[-=]{2,}\s*$)", r"\1\\\2", text)
        return text.replace("|", "\\|") if {"td", "th"} & parent_tags else text


@dataclass(kw_only=True)
class _Reading:
    """The steps of a page are written again, and what is strange about them is noticed."""

    noticed: Noticed
    lines: Lines
    layout: frozenset[int]
    writer: PageWriter = field(default_factory=PageWriter)
    title: str = ""
    heading: list[str] | None = None
    """The text of the first ``h1`` while it is open."""
    said: list[str] = field(default_factory=list)
    """The open paragraph, for whoever looks at what is said."""
    said_at: int = 1
    raised: list[str] = field(default_factory=list)
    """Open ``sup`` and ``sub``."""
    contacts: list[tuple[str, int]] = field(default_factory=list)
    """Addresses of the open links that are no pages, and where their text begins."""
    pictures: list[int] = field(default_factory=list)
    elements: int = 0
    length: int = 0

    def read(self, steps: Iterable[Step]) -> None:
        hidden: dict[int, Hidden] = {}
        comments: list[tuple[int, str]] = []
        for step in steps:
            if step.hidden is not None:
                hidden[id(step.hidden)] = step.hidden
            line = self.lines.at(step.token.start)
            match step.kind:
                case "comment":
                    comments.append((line, step.token.text))
                case "open" if step.shown:
                    self.open(step.name, step.token, line)
                case "close" if step.shown:
                    self.close(step.name)
                case "text" if step.shown:
                    self.text(step.token, line)
        self.end_paragraph()
        for stretch in hidden.values():
            self.noticed.hidden(self.lines.at(stretch.start), why=stretch.why, text=stretch.text)
        self.noticed.comments(comments)
        self.noticed.pictures(self.pictures)

    def open(self, name: str, token: Token, line: int) -> None:
        self.elements += 1
        if self.elements > MAX_ELEMENTS:
            raise Excess("too_large", f"has more than {MAX_ELEMENTS:,} elements; split it", position=token.start)
        for attribute in ("title", "aria-label"):
            self.noticed.only_if_instructing(line, why="a tooltip", text=token.attributes.get(attribute, ""))
        if name in _BREAKS or name in BLOCKS:
            self.end_paragraph()
        match name:
            case "br":
                self.said.append(" ")
                self.writer.line_break()
            case "img":
                self.picture(token, line)
            case "sup" | "sub":
                self.raised.append(name)
            case "a":
                self.begin_link(token.attributes.get("href", ""), line)
            case "thead":
                self.writer.heads += 1
            case _ if name in _INLINE:
                self.writer.begin_inline(_INLINE[name])
            case _ if name in BLOCKS:
                if name == "h1" and not self.title:
                    self.heading = []
                self.writer.begin(name, token.attributes, wanted=token.start not in self.layout)

    def close(self, name: str) -> None:
        if name in _BREAKS or name in BLOCKS:
            self.end_paragraph()
        match name:
            case "sup" | "sub":
                self.raised.pop()
            case "a":
                self.end_link()
            case "thead":
                self.writer.heads -= 1
            case _ if name in _INLINE:
                self.writer.end_inline(_INLINE[name])
            case _ if name in BLOCKS:
                if name == "h1" and self.heading is not None:
                    self.title, self.heading = " ".join("".join(self.heading).split()), None
                self.writer.end()

    def text(self, token: Token, line: int) -> None:
        self.length += len(token.text)
        if self.length > MAX_TEXT:
            raise Excess("too_large", f"has more than {MAX_TEXT:,} characters; split it", position=token.start)
        text = self.noticed.plain(token.text, line=line)
        if self.raised:
            # 100 with a raised 1 is no 1001.
            text = text.translate(_RAISED if self.raised[-1] == "sup" else _LOWERED)
        self.say(text, line)

    def say(self, text: str, line: int) -> None:
        if self.heading is not None:
            self.heading.append(text)
        if not self.said:
            self.said_at = line + text[: len(text) - len(text.lstrip())].count("\n")
        if self.said or text.strip():
            self.said.append(text)
        self.writer.text(text)

    def end_paragraph(self) -> None:
        self.writer.end_paragraph()
        if self.said:
            self.noticed.paragraph(self.said_at, " ".join("".join(self.said).split()))
            self.said = []

    def begin_link(self, href: str, line: int) -> None:
        self.writer.begin_inline("a", self.noticed.link(line, href) if href else "")
        self.contacts.append((contact_in(href), len(self.said)))

    def end_link(self) -> None:
        self.writer.end_inline("a")
        contact, start = self.contacts.pop()
        if _bare(contact) not in _bare("".join(self.said[start:])):
            self.say(f" ({contact})", self.said_at)

    def picture(self, token: Token, line: int) -> None:
        self.pictures.append(line)
        source = token.attributes.get("src", "")
        if source and not source.lower().startswith("data:"):
            self.noticed.link(line, source)
        described = " ".join(token.attributes.get("alt", "").split())
        self.noticed.only_if_instructing(line, why="the description of a picture", text=described)
        if described:
            self.say(f" {self.noticed.plain(described, line=line)} ", line)


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
            elif token.name in HEADINGS:
                layout.add(start)
    layout.update(start for start, _ in opened if widest.get(start, 0) < 2)
    return frozenset(layout)


def _bare(text: str) -> str:
    """Only what tells one address or number from another."""
    return "".join(char for char in text.lower() if char.isalnum())


def _inside(name: str, parts: Sequence[Token]) -> str:
    """The text of the first element of this name."""
    for token, after in pairwise(parts):
        if token.kind == "open" and token.name == name and after.kind == "text":
            return html.unescape(after.text)[:300]
    return ""


def _is_canonical(token: Token) -> bool:
    return token.name == "link" and token.attributes.get("rel", "").lower() == "canonical"
