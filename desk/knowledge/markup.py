"""HTML as a flat run of tokens that know where they stand, read in one pass whose time grows with the text alone.

The standard library's parser is quadratic on unfinished markup, and one that builds a tree can be sent into depths;
here nothing nests. What no browser shows as text (the inside of a script, a tag that never ends) is no text here.
"""

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal


def names(text: str) -> frozenset[str]:
    """The words of the text."""
    return frozenset(text.split())


VOID = names("area base br col embed hr img input link meta param source track wbr")
"""Elements without an inside."""
RAW = names("script style textarea title xmp iframe noembed noframes")
"""Elements whose inside is no markup."""
ELEMENTS = (
    VOID
    | RAW
    | names(
        "a abbr acronym address article aside audio b big blink blockquote body button canvas center cite code "
        "colgroup data datalist dd del details dfn dialog dir div dl dt em fieldset figcaption figure font footer "
        "form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup html i ins kbd label legend li main map mark "
        "marquee math menu meter nav nobr noscript object ol optgroup option output p picture pre progress q rp "
        "rt ruby s samp search section select slot small span strike strong sub summary sup svg table tbody td "
        "template tfoot th thead time tr tt u ul var video"
    )
)
MAX_TOKENS = 250_000
"""Of one text: far beyond what the longest article has."""
MAX_ATTRIBUTES = 100
"""Of one tag; those behind it are not looked at."""

_NAME = re.compile(r"[a-zA-Z][^\s/<>\x00]{0,60}+")
_ATTRIBUTE = re.compile(r"([^\s/>=\"'][^\s/>=]*+)(\s*+=\s*+)?")
_BARE = re.compile(r"[^\s>]*+")
_GAP = re.compile(r"[\s/\"'=]*+")


class Excess(Exception):
    """A page has more of something than any page that is meant to be read."""

    def __init__(self, code: str, message: str, *, position: int) -> None:
        super().__init__(message)
        self.code = code
        self.position = position


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One piece of markup. ``text`` is what it says, unescaped, of a text, a comment or the inside of a raw element."""

    kind: Literal["open", "close", "text", "comment", "declaration"]
    start: int
    end: int
    name: str = ""
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


class Lines:
    """Which line a position is in."""

    def __init__(self, text: str, *, first: int = 1) -> None:
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._first = first

    def at(self, position: int) -> int:
        return self._first + bisect_right(self._ends, position - 1)


def tokens(text: str, *, only: frozenset[str] | None = None) -> list[Token]:
    """The markup in reading order; together the tokens cover the text. Raises ``Excess``.

    ``only``: tags of other names stay text, for Markdown, where ``<your name>`` is a blank to fill.
    """
    found = list(islice(_Tokens(text, only).read(), MAX_TOKENS + 1))
    if len(found) > MAX_TOKENS:
        raise Excess("too_large", f"has more than {MAX_TOKENS:,} tags; split it", position=found[-1].start)
    return found


class _Tokens:
    def __init__(self, text: str, only: frozenset[str] | None) -> None:
        self.text = text
        self.only = only
        self.lower = text.lower() if len(text.lower()) == len(text) else text
        self.missing: set[str] = set()
        """What was looked for in vain: it is in no later place either."""
        self.unfinished = False
        """A tag was met that runs into the end of the text: so does every later one."""

    def find(self, what: str, position: int) -> int:
        """Where it comes next, or -1; each thing is looked for in vain only once."""
        if what in self.missing:
            return -1
        found = self.lower.find(what, position)
        if found < 0:
            self.missing.add(what)
        return found

    def read(self) -> Iterator[Token]:
        said, position, size = 0, 0, len(self.text)
        while (position := self.text.find("<", position)) >= 0:
            token = self.markup(position)
            if token is None:
                position += 1
                continue
            if said < position:
                yield self.plain(said, position)
            yield token
            said = position = token.end
            if token.kind == "open" and token.name in RAW:
                close = self.find(f"</{token.name}", position)
                close = size if close < 0 else close
                if position < close:
                    yield Token(kind="text", start=position, end=close, text=self.text[position:close])
                said = position = close
        if said < size:
            yield self.plain(said, size)

    def plain(self, start: int, end: int) -> Token:
        return Token(kind="text", start=start, end=end, text=html.unescape(self.text[start:end]))

    def markup(self, start: int) -> Token | None:
        follows = self.text[start + 1 : start + 2]
        if follows == "!":
            return self.declaration(start)
        if follows == "?":
            end = self.find(">", start)
            return Token(kind="declaration", start=start, end=end + 1 if end >= 0 else len(self.text))
        closing = follows == "/"
        name = _NAME.match(self.text, start + 1 + closing)
        if name is None or (self.only is not None and name[0].lower() not in self.only):
            return None
        if closing:
            end = self.find(">", name.end())
            return None if end < 0 else Token(kind="close", start=start, end=end + 1, name=name[0].lower())
        return self.opening(start, name[0].lower(), name.end())

    def declaration(self, start: int) -> Token:
        size = len(self.text)
        if self.text.startswith("<!--", start):
            if self.text.startswith((">", "->"), start + 4):
                return Token(kind="comment", start=start, end=self.text.index(">", start) + 1)
            ends = [(end, end + len(mark)) for mark in ("-->", "--!>") if (end := self.find(mark, start + 4)) >= 0]
            inner, end = min(ends, default=(size, size))
            return Token(kind="comment", start=start, end=end, text=self.text[start + 4 : inner])
        if self.text.startswith("<![CDATA[", start):
            inner = self.find("]]>", start)
            end = size if inner < 0 else inner + 3
            return Token(kind="comment", start=start, end=end, text=self.text[start + 9 : end].removesuffix("]]>"))
        end = self.find(">", start)
        bracket = self.text.find("[", start, end if end >= 0 else size)
        if bracket >= 0 and self.lower.startswith("<!doctype", start):
            # Entities a document declares for itself; nothing here ever expands them.
            end = self.find("]>", bracket)
            end += end >= 0
        return Token(kind="declaration", start=start, end=end + 1 if end >= 0 else size,
                     text=self.text[start : end + 1 if end >= 0 else size])  # fmt: skip

    def opening(self, start: int, name: str, position: int) -> Token | None:
        if self.unfinished or self.find(">", position) < 0:
            return self.never_ends(start)
        attributes: dict[str, str] = {}
        while True:
            gap = _GAP.match(self.text, position)
            position = gap.end() if gap else position
            attribute = _ATTRIBUTE.match(self.text, position)
            if attribute is None:
                if position == len(self.text):
                    return self.never_ends(start)
                return Token(kind="open", start=start, end=position + 1, name=name, attributes=attributes)
            value, position = "", attribute.end()
            if attribute[2] and self.text.startswith(('"', "'"), position):
                end = self.find(self.text[position], position + 1)
                if end < 0:
                    return self.never_ends(start)
                value, position = self.text[position + 1 : end], end + 1
            elif attribute[2] and (bare := _BARE.match(self.text, position)):
                value, position = bare[0], bare.end()
            if len(attributes) < MAX_ATTRIBUTES:
                attributes.setdefault(attribute[1].lower(), html.unescape(value))

    def never_ends(self, start: int) -> Token | None:
        """A tag without its ``>``: a page ends here, in Markdown it is text like all that follows."""
        self.unfinished = True
        if self.only is not None:
            return None
        return Token(kind="declaration", start=start, end=len(self.text))
