"""Cutting articles into chunks: one topic each, with the headings it stands under, and ids that stay (R4.3).

A heading section is one topic. A long section is split between blocks (paragraphs, list items, tables, code), never
inside one, and a line that introduces a list stays with the list. Only a table longer than a screen is split between
its rows, and each piece says again what its columns are.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from desk.knowledge.versions import StoredChunk
from desk.policies.models import Article

CHUNKER_VERSION = "2"
"""Part of the index fingerprint: raise it whenever the same article would be cut differently."""

MAX_CHARACTERS = 1200
"""Above this a section is split. About 250 words: one screen, and still one topic for an embedding."""

_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\n.*?\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)", re.MULTILINE)
_ITEM = re.compile(r"^ {0,3}(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
_TABLE_ROW = re.compile(r"^ {0,3}\|")
_TABLE_LINE = re.compile(r"^ {0,3}\|[ \t:|-]+$")
_SLUG_GAP = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class Section:
    """One topic of a document. ``heading`` is the path below the title (``Refunds › By card``), possibly empty."""

    slug: str
    heading: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A section with everything that decides who may see it."""

    id: str
    """``<article>@<version>#<heading slug>[-n]``."""
    article: str
    version: str
    title: str
    heading: str
    area: str
    text: str
    path: str
    """File inside the pack."""
    status: str
    audience: str
    locale: str
    channels: tuple[str, ...]
    """Empty: every channel."""
    effective: date
    expires: date | None

    @property
    def headed(self) -> str:
        """The text as it is embedded: title and heading path above the body."""
        return "\n".join(part for part in (self.title, self.heading, self.text) if part)


def chunk_article(article: Article) -> list[Chunk]:
    """The chunks of one article version, in reading order."""
    return [stored_chunk(row, article) for row in pieces(article)]


def pieces(article: Article) -> list[StoredChunk]:
    """The same as they are stored when the version is published."""
    return [
        StoredChunk(
            id=f"{article.id}@{article.version}#{section.slug}",
            article=article.id,
            version=article.version,
            heading=section.heading,
            text=section.text,
        )
        for section in sections(article.body, title=article.title)
    ]


def stored_chunk(row: StoredChunk, article: Article) -> Chunk:
    """A stored piece with everything its version says about who may see it."""
    return Chunk(
        id=row["id"],
        article=article.id,
        version=article.version,
        title=article.title,
        heading=row["heading"],
        area=article.area,
        text=row["text"],
        path=article.path,
        status=article.status,
        audience=article.audience,
        locale=article.locale,
        channels=article.channels,
        effective=article.effective,
        expires=article.expires,
    )


def sections(markdown: str, *, title: str) -> list[Section]:
    """The topics of a Markdown text, in reading order. A heading without text of its own gives none."""
    seen: Counter[str] = Counter()
    found: list[Section] = []
    for path, lines in _by_heading(_visible(markdown).splitlines()):
        below_title = [heading for heading in path if heading.casefold() != title.casefold()]
        slug = _slug(below_title[-1] if below_title else title)
        for text in _pieces(lines):
            seen[slug] += 1
            number = f"-{seen[slug]}" if seen[slug] > 1 else ""
            found.append(Section(slug=slug + number, heading=" › ".join(below_title), text=text))
    return found


def _visible(markdown: str) -> str:
    """What a reader sees: hidden text could carry instructions nobody approved by eye (R6.1)."""
    text = _FRONT_MATTER.sub("", markdown.removeprefix("\ufeff"), count=1)
    text = _COMMENT.sub("", text)
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


def _by_heading(lines: Iterable[str]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Pairs of heading path and the lines below it."""
    path: dict[int, str] = {}
    body: list[str] = []
    fence = ""
    for line in lines:
        level, heading = (0, "") if fence else _heading(line, previous=body[-1] if body else "")
        if not level:
            fence = _fence_after(line, fence)
            body.append(line)
            continue
        if not line.lstrip().startswith("#"):
            body.pop()
        yield tuple(path[depth] for depth in sorted(path)), body
        path = {depth: text for depth, text in path.items() if depth < level} | {level: heading}
        body = []
    yield tuple(path[depth] for depth in sorted(path)), body


def _heading(line: str, *, previous: str) -> tuple[int, str]:
    """Level and text of a heading that ends on this line; level 0 for any other line."""
    if match := _HEADING.match(line):
        return len(match[1]), match[2]
    if _SETEXT.match(line) and previous.strip() and not (_ITEM.match(previous) or _TABLE_ROW.match(previous)):
        return (1 if "=" in line else 2), previous.strip()
    return 0, ""


def _fence_after(line: str, fence: str) -> str:
    """The code fence that is open after this line, or nothing."""
    match = _FENCE.match(line)
    if not match:
        return fence
    if not fence:
        return match[1]
    return "" if match[1].startswith(fence) else fence


def _pieces(lines: list[str]) -> Iterator[str]:
    """The section as one text, or as several that each hold whole blocks."""
    piece = ""
    for block in (part for whole in _glued(_blocks(lines)) for part in _by_rows(whole)):
        if piece.strip() and len(piece) + len(block) > MAX_CHARACTERS:
            yield piece.strip("\n")
            piece = ""
        piece += block
    if piece.strip():
        yield piece.strip("\n")


def _glued(blocks: Iterable[str]) -> Iterator[str]:
    """Blocks, with "You need:" kept together with what follows it."""
    held = ""
    for block in blocks:
        held += block
        if not block.rstrip().endswith(":"):
            yield held
            held = ""
    if held:
        yield held


def _by_rows(block: str) -> Iterator[str]:
    """The block as it is; or, when a table makes it longer than a screen, each piece of it under the table's header."""
    lines = block.splitlines()
    first = next((number for number, line in enumerate(lines) if _TABLE_ROW.match(line)), len(lines))
    end = next((number for number in range(first, len(lines)) if not _TABLE_ROW.match(lines[number])), len(lines))
    body = first + 2 if any(_TABLE_LINE.match(line) for line in lines[first + 1 : first + 2]) else first + 1
    header = lines[first:body]
    # A header that fills half a screen is none; repeating it would make a text many times longer.
    if len(block) <= MAX_CHARACTERS or sum(map(len, header)) > MAX_CHARACTERS // 2 or _FENCE.search(block):
        yield block
        return
    piece, rows = lines[:body], 0
    for row in lines[body:end]:
        if rows and sum(len(line) + 1 for line in (*piece, row)) > MAX_CHARACTERS:
            yield "\n".join(piece) + "\n"
            piece, rows = header.copy(), 0
        piece.append(row)
        rows += 1
    yield "\n".join([*piece, *lines[end:]]) + "\n"


def _blocks(lines: list[str]) -> Iterator[str]:
    """Paragraphs, list items with what is indented below them, tables and fenced code; white space kept."""
    block: list[str] = []
    fence = ""
    for line in lines:
        if block and not fence and _opens_block(line, block):
            yield "\n".join(block) + "\n"
            block = []
        fence = _fence_after(line, fence)
        block.append(line.rstrip())
    if block:
        yield "\n".join(block) + "\n"


def _opens_block(line: str, block: list[str]) -> bool:
    if not line.strip() or line.startswith(("  ", "\t")):
        return False
    if _ITEM.match(line):
        return True
    return not block[-1].strip()


def _slug(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().lower()
    return _SLUG_GAP.sub("-", plain).strip("-")[:60].rstrip("-") or "section"
