"""The rules of a page's own ``<style>`` elements: which declarations apply to an element.

Selectors of tags, classes, ids and attributes are understood, alone or one within another. Rules for other media than
the screen do not count, and neither do selectors of states (``:hover``) or neighbours.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from desk.knowledge.markup import Excess, Token

MAX_COMPARISONS = 2_000_000
"""Of rules with elements, in one page: about two seconds."""
_MAX_CHAIN = 12
_MAX_DECLARATIONS = 20_000

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_RULE = re.compile(r"([^{}]*+)([{}])")
_COMPOUND = re.compile(r"(\*|[a-zA-Z][\w-]*+)?((?:[.#][\w-]++|\[[\w-]++(?:=[\"']?[\w -]*+[\"']?)?\])*)\Z")
_SIMPLE = re.compile(r"([.#])([\w-]+)|\[([\w-]+)(?:=[\"']?([\w -]*)[\"']?)?\]")
_SCREEN = re.compile(r"@media\s+(?:all|screen)\s*\Z|@supports|@layer")
_LOOKED_AT = re.compile(
    r"display|visibility|opacity|color|background|font|position|clip|height|width|indent|transform|overflow|left|top"
    r"|right|bottom|margin|filter"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compound:
    """``p.note[lang=en]``: what one element must be."""

    name: str
    classes: frozenset[str]
    ids: frozenset[str]
    attributes: tuple[tuple[str, str], ...]
    is_child: bool
    """Whether the element before it in the chain must be right within it (``>``)."""

    @property
    def key(self) -> str:
        """The rarest thing an element must have to be chosen."""
        if self.ids:
            return f"#{min(self.ids)}"
        return f".{min(self.classes)}" if self.classes else self.name or "*"

    def fits(self, element: Token) -> bool:
        own = element.attributes
        return (
            self.name in ("", element.name)
            and (not self.classes or self.classes.issubset(own.get("class", "").split()))
            and (not self.ids or own.get("id") in self.ids)
            and all(name in own and value in ("", own[name]) for name, value in self.attributes)
        )


@dataclass(kw_only=True)
class Sheet:
    """All rules, ready to be asked."""

    rules: dict[str, dict[tuple[_Compound, ...], dict[str, str]]] = field(default_factory=dict)
    """Key of the element → selector (from right to left) → declarations."""
    comparisons: int = 0

    def add(self, css: str) -> None:
        """Takes the rules of one ``<style>`` in."""
        selectors, within = "", list[bool]()
        for match in _RULE.finditer(_COMMENT.sub("", css)):
            text = match[1].strip()
            if match[2] == "{":
                selectors = text
                within.append(text.startswith("@") and not _SCREEN.match(text))
            elif within:
                if selectors and not selectors.startswith("@") and not any(within):
                    self._put(selectors, declarations(text))
                selectors = ""
                within.pop()

    def _put(self, selectors: str, said: dict[str, str]) -> None:
        said = {name: value for name, value in said.items() if _LOOKED_AT.search(name)}
        for selector in selectors.split(",") if said else ():
            if chain := _chain(selector):
                of_key = self.rules.setdefault(chain[0].key, {})
                of_key[chain] = of_key.get(chain, {}) | said

    def declarations(self, path: Sequence[Token]) -> dict[str, str]:
        """What the rules say about the last element of this path of open elements. Raises ``Excess``."""
        if not self.rules:
            return {}
        element = path[-1]
        keys = ["*", element.name, *(f".{name}" for name in dict.fromkeys(element.attributes.get("class", "").split()))]
        if "id" in element.attributes:
            keys.append(f"#{element.attributes['id']}")
        said: dict[str, str] = {}
        for key in keys:
            for chain, declared in self.rules.get(key, {}).items():
                if self._matches(chain, path):
                    said |= declared
        return said

    def _matches(self, chain: tuple[_Compound, ...], path: Sequence[Token]) -> bool:
        """Whether the last element is chosen; of elements around it, the nearest that fits is taken."""
        position = len(path) - 1
        for index, compound in enumerate(chain):
            if index:
                position -= 1
                while position >= 0 and not compound.is_child and not self._fits(compound, path[position]):
                    position -= 1
            if position < 0 or not self._fits(compound, path[position]):
                return False
        return True

    def _fits(self, compound: _Compound, element: Token) -> bool:
        self.comparisons += 1
        if self.comparisons > MAX_COMPARISONS:
            message = "has more style rules than can be compared; take the styles out of the page"
            raise Excess("too_large", message, position=element.start)
        return compound.fits(element)


def sheet_of(styles: Iterable[str]) -> Sheet:
    """The sheet of these ``<style>`` texts."""
    sheet = Sheet()
    for css in styles:
        sheet.add(css)
    return sheet


def declarations(style: str) -> dict[str, str]:
    """``{"display": "none"}`` for ``display: none !important;``."""
    said = {}
    for part in _COMMENT.sub("", style[:_MAX_DECLARATIONS]).split(";"):
        name, colon, value = part.partition(":")
        if colon:
            said[name.strip().lower()] = value.lower().replace("!important", "").strip()
    return said


def _chain(selector: str) -> tuple[_Compound, ...]:
    """The selector's compounds from right to left, or nothing for one that is not understood."""
    parts = re.sub(r"\s*>\s*", " >", selector.strip()).split()[::-1]
    chain: list[_Compound] = []
    for index, part in enumerate(parts):
        match = _COMPOUND.match(part.removeprefix(">"))
        if match is None or not match[0] or len(parts) > _MAX_CHAIN:
            return ()
        simple = _SIMPLE.findall(match[2])
        chain.append(
            _Compound(
                name="" if match[1] in (None, "*") else match[1].lower(),
                classes=frozenset(name for sign, name, _, _ in simple if sign == "."),
                ids=frozenset(name for sign, name, _, _ in simple if sign == "#"),
                attributes=tuple((name.lower(), value) for _, _, name, value in simple if name),
                is_child=index > 0 and parts[index - 1].startswith(">"),
            )
        )
    return tuple(chain)
