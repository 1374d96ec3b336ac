"""A Markdown text without what its readers do not see: comments, hidden HTML, titles of links, scripts.

Code stays as it is. HTML of the kinds Markdown has itself (emphasis, links, tables, lists) becomes Markdown, other tags
go and their text stays. Lines keep their numbers until the end, so that whatever is reported has its line.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import replace

from desk.knowledge.hidden_text import Hidden, Step, walk
from desk.knowledge.html_page import MAX_ELEMENTS, fragment_to_markdown
from desk.knowledge.markup import ELEMENTS, Excess, Lines, Token, names, tokens
from desk.knowledge.noticed import Noticed

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:[^`\n]|(?<!`)(?!\1(?!`))`)*+\1(?!`)")
_AUTOLINK = re.compile(r"<(?:[a-zA-Z][a-zA-Z0-9+.-]{1,30}:[^\s<>]*|[^\s<>@]{1,64}@[^\s<>@]{1,255})>")
_DEFINITION = re.compile(r"^ {0,3}\[([^\[\]\n]{1,200})\]:[ \t]*(\S+)?[ \t]*(.*)$", re.MULTILINE)
_TARGET = (
    r"\[([^\[\]\n]{0,500})\]\(\s*<?((?:[^\s<>()]|\([^\s()<>]{0,200}\)){0,2000})>?"
    r"(?:\s+(\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}'|\([^()\n]{0,2000}\)))?\s*\)"
)
_PICTURE = re.compile("!" + _TARGET)
_LINK = re.compile(_TARGET)
_BARE = re.compile(r"\bhttps?://[^\s<>()\[\]\"'`*]{1,2000}", re.IGNORECASE)
_CONVERTED = names("table ul ol dl blockquote pre h1 h2 h3 h4 h5 h6")
_MARKS = {"b": "**", "strong": "**", "em": "*", "i": "*", "code": "`", "kbd": "`", "del": "~~", "s": "~~"}
_KEEP = "\ue000"


def clean_markdown(text: str, *, noticed: Noticed, first_line: int) -> str:
    """The text as its readers see it. Raises ``Excess``."""
    text = noticed.plain(text, line=first_line)
    text = _without_html(text, noticed=noticed, lines=Lines(text, first=first_line))
    text = _definitions(text, noticed=noticed, first_line=first_line)
    text = _links(text, noticed=noticed, first_line=first_line)
    for line, paragraph in _paragraphs(text, first_line):
        noticed.paragraph(line, paragraph)
    lines = [
        line.rstrip() if not line.endswith("  ") or not line.strip() else line.rstrip() + "  "
        for line in text.split("\n")
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n").rstrip()


def code_in(text: str) -> list[tuple[int, int]]:
    """Where fenced code and code spans are, in order."""
    found: list[tuple[int, int]] = []
    position, fence, opened = 0, "", 0
    plain_from = 0
    for line in text.splitlines(keepends=True):
        match = _FENCE.match(line)
        if match and not fence:
            found += _spans(text, plain_from, position)
            fence, opened = match[1], position
        elif match and fence and match[1].startswith(fence) and not line.strip().strip(fence[0]):
            found.append((opened, position + len(line)))
            fence, plain_from = "", position + len(line)
        position += len(line)
    return [*found, (opened, position)] if fence else found + _spans(text, plain_from, position)


def _spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    return [match.span() for match in _CODE_SPAN.finditer(text, start, end)]


def _masked(text: str) -> str:
    """The text with its code and automatic links covered, character for character."""
    cover = [*code_in(text), *(match.span() for match in _AUTOLINK.finditer(text))]
    if not cover:
        return text
    covered, position = [], 0
    for start, end in sorted(cover):
        if start >= position:
            covered += [text[position:start], re.sub(r"[^\n]", _KEEP, text[start:end])]
            position = end
    return "".join([*covered, text[position:]])


def _without_html(text: str, *, noticed: Noticed, lines: Lines) -> str:
    masked = _masked(text)
    if "<" not in masked:
        return text
    parts = [_uncovered(token, text) for token in tokens(masked, only=ELEMENTS)]
    _check_size(parts)
    if all(token.kind == "text" for token in parts):
        return text
    return _Reading(text, parts, noticed, lines).read()


def _uncovered(token: Token, text: str) -> Token:
    """The token with the code that was covered while tags were looked for."""
    if token.kind != "text":
        return token
    return replace(token, text=html.unescape(text[token.start : token.end]))


def _check_size(parts: list[Token]) -> None:
    opened = [token for token in parts if token.kind == "open"]
    if len(opened) > MAX_ELEMENTS:
        message = f"has more than {MAX_ELEMENTS:,} elements of HTML; split it"
        raise Excess("too_large", message, position=opened[MAX_ELEMENTS].start)


class _Reading:
    """The walk through the HTML within a Markdown text."""

    def __init__(self, text: str, parts: list[Token], noticed: Noticed, lines: Lines) -> None:
        self.text = text
        self.parts = parts
        self.noticed = noticed
        self.lines = lines
        self.out: list[str] = []
        self.hidden: dict[int, Hidden] = {}
        self.addresses: list[str] = []
        self.comments: list[tuple[int, str]] = []
        self.pictures: list[int] = []
        self.at = {token.start: index for index, token in enumerate(parts)}
        self.upto = 0
        """Everything before this position was written or left out."""

    def read(self) -> str:
        for step in walk(self.parts, fragment=True):
            if step.token.start < self.upto and step.kind != "close":
                continue
            if step.hidden is not None:
                self.hidden[id(step.hidden)] = step.hidden
            if step.kind == "open" and step.shown and step.name in _CONVERTED and self.convert(step.token):
                continue
            self.out.append(self.replaced(step))
            if step.token.end > self.upto:
                if step.kind != "text" or not step.shown:
                    self.out.append("\n" * self.text.count("\n", max(step.token.start, self.upto), step.token.end))
                self.upto = step.token.end
        for stretch in self.hidden.values():
            self.noticed.hidden(self.lines.at(stretch.start), why=stretch.why, text=stretch.text)
        self.noticed.comments(self.comments)
        self.noticed.pictures(self.pictures)
        return "".join(self.out)

    def convert(self, token: Token) -> bool:
        """A whole element of a kind that only HTML can say (a table with its rows) is written as Markdown."""
        first = self.at[token.start]
        depth = 0
        for index in range(first, len(self.parts)):
            part = self.parts[index]
            if part.name == token.name and part.kind in ("open", "close"):
                depth += 1 if part.kind == "open" else -1
            if depth == 0:
                inner = self.parts[first : index + 1]
                written = fragment_to_markdown(inner, noticed=self.noticed, lines=self.lines)
                # Lines below keep their numbers where the Markdown is no longer than the HTML was.
                lost = self.text.count("\n", token.start, part.end) - written.count("\n")
                self.out.append(written + "\n" * max(0, lost))
                self.upto = part.end
                return True
        return False

    def replaced(self, step: Step) -> str:
        token = step.token
        if step.kind == "comment":
            if not step.dropped:
                self.comments.append((self.lines.at(token.start), token.text))
            return ""
        if not step.shown:
            return ""
        if step.kind == "text":
            return self.text[max(token.start, self.upto) : token.end]
        if step.name == "a":
            return self.anchor(step)
        if step.name == "br":
            return "" if self.text[token.end : token.end + 1] == "\n" else "\n"
        if step.name == "img" and step.kind == "open":
            return self.image(token)
        if step.kind == "open":
            title = token.attributes.get("title", "")
            self.noticed.only_if_instructing(self.lines.at(token.start), why="a tooltip", text=title)
        return _MARKS.get(step.name, "")

    def anchor(self, step: Step) -> str:
        if step.kind == "open":
            line, href = self.lines.at(step.token.start), step.token.attributes.get("href", "")
            self.addresses.append(self.noticed.link(line, href) if href else "")
            return "[" if self.addresses[-1] else ""
        address = self.addresses.pop() if self.addresses else ""
        return f"]({address})" if address else ""

    def image(self, token: Token) -> str:
        line, alt = self.lines.at(token.start), " ".join(token.attributes.get("alt", "").split())
        self.pictures.append(line)
        self.noticed.only_if_instructing(line, why="the description of a picture", text=alt)
        return alt


def _outside_code(text: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    code = code_in(text)
    index = 0
    for match in pattern.finditer(text):
        while index < len(code) and code[index][1] <= match.start():
            index += 1
        if index == len(code) or match.start() < code[index][0]:
            yield match


def _substituted(text: str, changes: list[tuple[int, int, str]]) -> str:
    out, position = [], 0
    for start, end, instead in changes:
        if start >= position:
            out += [text[position:start], instead]
            position = end
    return "".join([*out, text[position:]])


def _definitions(text: str, *, noticed: Noticed, first_line: int) -> str:
    """Link definitions nobody uses are comments; used ones keep their address and lose their title."""
    found = list(_outside_code(text, _DEFINITION))
    if not found:
        return text
    used = {" ".join(label.casefold().split()) for label in re.findall(r"\[([^\[\]\n]{1,200})\](?!:)", text)}
    lines = Lines(text, first=first_line)
    changes = []
    for match in found:
        label, address, title = match[1], match[2] or "", match[3]
        line = lines.at(match.start())
        if " ".join(label.casefold().split()) in used and address.strip("<>#"):
            kept = noticed.link(line, address.strip("<>"))
            noticed.only_if_instructing(line, why="the title of a link", text=title)
            changes.append((match.start(), match.end(), f"[{label}]: {kept}" if kept else ""))
            continue
        said = f"{label if not label.startswith('/') else ''} {address if address.strip('<>#') else ''} {title}"
        noticed.hidden(line, why="a link definition nobody sees", text=said.strip())
        changes.append((match.start(), match.end(), ""))
    return _substituted(text, changes)


def _links(text: str, *, noticed: Noticed, first_line: int) -> str:
    """Pictures become their descriptions, links to the web stay, other links become their text."""
    lines = Lines(text, first=first_line)
    pictures: list[tuple[int, int, str]] = []
    for match in _outside_code(text, _PICTURE):
        line = lines.at(match.start())
        said, address, title = match.groups()
        noticed.link(line, address)
        noticed.only_if_instructing(line, why="the description of a picture", text=f"{said} {title or ''}")
        pictures.append((match.start(), match.end(), said.replace("\n", " ")))
    noticed.pictures([lines.at(start) for start, _, _ in pictures])
    text = _substituted(text, pictures)
    lines = Lines(text, first=first_line)
    changes: list[tuple[int, int, str]] = []
    for match in _outside_code(text, _LINK):
        line = lines.at(match.start())
        said, address, title = match.groups()
        noticed.only_if_instructing(line, why="the title of a link", text=(title or "")[1:-1])
        kept = noticed.link(line, address) if address else ""
        changes.append((match.start(), match.end(), f"[{said}]({kept})" if kept else said))
    covered = _substituted(text, [(start, end, " " * (end - start)) for start, end, _ in changes])
    for match in _outside_code(covered, _BARE):
        noticed.address(lines.at(match.start()), match[0])
    return _substituted(text, changes)


def _paragraphs(text: str, first_line: int) -> Iterator[tuple[int, str]]:
    held: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], start=first_line):
        if line.strip():
            held.append(line)
        elif held:
            yield number - len(held), "\n".join(held)
            held = []
