"""What of a page its reader sees: each token with whether it is shown, dropped with the page's furniture, or hidden.

Hidden is what is written to be read by machines alone: made invisible by style, put off the screen, kept in comments.
Furniture (navigation, scripts, controls of forms) is no part of an article and is left out without a word.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from desk.knowledge.markup import RAW, VOID, Excess, Token, names
from desk.knowledge.style_sheet import Sheet, sheet_of
from desk.knowledge.styles import Look, look

MAX_DEPTH = 500

_FURNITURE = names(
    "script style nav iframe noscript template svg math object embed canvas video audio button input select "
    "textarea label option optgroup datalist map frameset noembed noframes title applet meter progress"
)
_FRAME = frozenset({"header", "footer", "aside", "menu"})
"""Furniture of a page, but not of the article itself."""
_ROLES = names("navigation banner contentinfo search menu menubar toolbar")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = _HEADINGS | names(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form "
    "header hgroup hr main menu nav ol p pre section table ul"
)
_BARRIERS = names("table td th caption template object body html")
_SPECIAL = _BLOCKS | _BARRIERS | names("li dd dt tr tbody thead tfoot summary")
_ENDED_BY: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "menu", "dir"})),
    "dt": (frozenset({"dt", "dd"}), frozenset({"dl"})),
    "dd": (frozenset({"dt", "dd"}), frozenset({"dl"})),
    "td": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "th": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "tr": (frozenset({"tr"}), frozenset({"table", "tbody", "thead", "tfoot"})),
    "tbody": (frozenset({"tbody", "thead", "tfoot"}), frozenset({"table"})),
    "tfoot": (frozenset({"tbody", "thead", "tfoot"}), frozenset({"table"})),
    "option": (frozenset({"option"}), frozenset({"select"})),
}
"""Element → (open elements it ends, how far up they are looked for): end tags HTML lets one leave out."""


@dataclass(kw_only=True, eq=False)
class Hidden:
    """A stretch nobody sees: where it begins, why, and what it says."""

    start: int
    why: str
    said: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """The next thing on the page. A ``close`` may stand for an end tag that was left out."""

    kind: Literal["open", "close", "text", "comment"]
    token: Token
    name: str = ""
    hidden: Hidden | None = None
    dropped: bool = False

    @property
    def shown(self) -> bool:
        return self.hidden is None and not self.dropped


@dataclass(kw_only=True)
class _Open:
    token: Token
    look: Look
    dropped: bool
    hidden: Hidden | None


def style_sheet(tokens: Sequence[Token]) -> Sheet:
    """The page's own style rules."""
    texts = (
        after.text
        for token, after in pairwise(tokens)
        if token.kind == "open" and token.name == "style" and after.kind == "text"
    )
    return sheet_of(texts)


def walk(tokens: Sequence[Token], *, fragment: bool = False) -> Iterator[Step]:
    """The page step by step, well nested. Raises ``Excess``.

    ``fragment``: the tokens are part of an article, so a header or an aside among them is too.
    """
    return _Walk(tokens, fragment).steps()


class _Walk:
    def __init__(self, tokens: Sequence[Token], fragment: bool) -> None:
        self.tokens = tokens
        self.sheet = style_sheet(tokens)
        self.stack: list[_Open] = []
        self.path: list[Token] = []
        self.only = None if fragment else _the_article(tokens)
        self.fragment = fragment
        self.wrapping = _forms_around_content(tokens)
        self.ground = Look()

    def steps(self) -> Iterator[Step]:
        for token in self.tokens:
            match token.kind:
                case "open":
                    yield from self.open(token)
                case "close":
                    yield from self.close(token)
                case "text":
                    hidden = self.stack[-1].hidden if self.stack else None
                    if hidden is not None and not self.dropped:
                        hidden.said.append(token.text[:10_000])
                    yield Step(kind="text", token=token, hidden=hidden, dropped=self.dropped)
                case "comment":
                    yield Step(kind="comment", token=token, dropped=self.in_raw)
        while self.stack:
            yield self.pop(self.tokens[-1])

    @property
    def dropped(self) -> bool:
        return self.stack[-1].dropped if self.stack else self.only is not None

    @property
    def in_raw(self) -> bool:
        return bool(self.stack) and self.stack[-1].token.name in RAW

    def open(self, token: Token) -> Iterator[Step]:
        if token.name in _BLOCKS:
            yield from self.end({"p"}, _BARRIERS, token)
        if ended := _ENDED_BY.get(token.name):
            yield from self.end(*ended, token)
        above = self.stack[-1] if self.stack else None
        if token.name in VOID:
            hidden = above.hidden if above else None
            if hidden is not None and token.name == "img" and not self.dropped:
                hidden.said.append(token.attributes.get("alt", "")[:1_000])
            yield Step(kind="open", token=token, name=token.name, hidden=hidden, dropped=self.dropped)
            return
        if len(self.stack) >= MAX_DEPTH:
            message = f"has tags nested more than {MAX_DEPTH} deep; clean the page up"
            raise Excess("too_deep", message, position=token.start)
        self.path.append(token)
        seen = look(token, within=above.look if above else self.ground, sheet=self.sheet, path=self.path)
        opened = _Open(
            token=token, look=seen, dropped=self.is_dropped(token), hidden=self.hidden_by(token, seen, above)
        )
        self.stack.append(opened)
        yield Step(kind="open", token=token, name=token.name, hidden=opened.hidden, dropped=opened.dropped)

    def hidden_by(self, token: Token, seen: Look, above: _Open | None) -> Hidden | None:
        """The stretch this element belongs to: the one around it, or a new one that it begins."""
        why = seen.hidden
        if not why:
            return None
        around = above.hidden if above else None
        return around if around is not None and around.why == why else Hidden(start=token.start, why=why)

    def is_dropped(self, token: Token) -> bool:
        if self.only is not None and token.start == self.only:
            return False
        if self.dropped or token.name in _FURNITURE:
            return True
        if token.name == "form":
            return token.start not in self.wrapping
        in_article = self.fragment or any(opened.token.name in ("main", "article") for opened in self.stack)
        frame = token.name in _FRAME or token.attributes.get("role", "").strip().lower() in _ROLES
        return (frame and not in_article) or (token.name == "dialog" and "open" not in token.attributes)

    def close(self, token: Token) -> Iterator[Step]:
        for depth in range(len(self.stack) - 1, -1, -1):
            name = self.stack[depth].token.name
            if name == token.name:
                while len(self.stack) > depth:
                    yield self.pop(token)
                return
            if name in (_BARRIERS if token.name in _SPECIAL else _SPECIAL) and not _encloses(token.name, name):
                return

    def end(self, these: Iterable[str], barriers: Iterable[str], token: Token) -> Iterator[Step]:
        """The open element of these names ends before this token."""
        for depth in range(len(self.stack) - 1, -1, -1):
            name = self.stack[depth].token.name
            if name in these:
                while len(self.stack) > depth:
                    yield self.pop(token)
                return
            if name in barriers:
                return

    def pop(self, token: Token) -> Step:
        self.path.pop()
        opened = self.stack.pop()
        return Step(kind="close", token=token, name=opened.token.name, hidden=opened.hidden, dropped=opened.dropped)


def _encloses(outer: str, inner: str) -> bool:
    """Whether an end tag of ``outer`` ends an open ``inner`` as well."""
    if outer in ("table", "body", "html"):
        return inner not in ("body", "html") or outer != "table"
    if outer in ("tr", "tbody", "thead", "tfoot"):
        return inner in ("td", "th", "caption")
    return False


def _the_article(tokens: Sequence[Token]) -> int | None:
    """Where the one element begins that holds the article, when the page says which it is."""
    for name in ("main", "article"):
        starts = [
            token.start
            for token in tokens
            if token.kind == "open" and (token.name == name or token.attributes.get("role") == name)
        ]
        if len(starts) == 1:
            return starts[0]
    return None


def _forms_around_content(tokens: Sequence[Token]) -> frozenset[int]:
    """Forms that hold headings: some sites wrap the whole page into one."""
    wrapping: set[int] = set()
    opened: list[int] = []
    for token in tokens:
        if token.name == "form":
            opened = [*opened, token.start][-20:] if token.kind == "open" else opened[:-1]
        elif token.kind == "open" and token.name in _HEADINGS:
            wrapping.update(opened)
    return frozenset(wrapping)
