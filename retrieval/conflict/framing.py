"""What every sentence of a statement stands under: its title and headings, the product they name, what they deny."""

from collections.abc import Sequence
from dataclasses import dataclass

from desk.language.markdown_units import clean
from retrieval.conflict.meanings import NEGATORS, PRODUCT_HEADS
from retrieval.conflict.units import MAX_TITLE
from retrieval.conflict.wording import LIMITING, Token, is_title_case, terms_by_token, tokens_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What every unit of a statement stands under."""

    terms: frozenset[str]
    title: frozenset[str]
    limits: frozenset[str]
    names: frozenset[str]
    product: frozenset[str]
    compound: bool
    denies: bool
    """Whether the last heading denies: "What cannot be returned"."""
    supposes: bool
    """Whether the last heading is a condition: "When a code doesn't work"."""
    heading: tuple[Token, ...]


def entitled(title: str, text: str) -> tuple[str, str]:
    """With what stands before the first colon as the title of a text that has none: "Rewards Card: Earning 4 %"."""
    label, colon, rest = text[:MAX_TITLE].partition(": ")
    if title.strip() or not colon or len(label.split()) > 6 or not label[:1].isupper() or "\n" in label:
        return title, text
    return label, rest + text[MAX_TITLE:]


def frame_of(title_text: str, heading: str) -> Frame:
    title = tokens_of(clean(title_text[:MAX_TITLE]))
    headings = clean(heading[:MAX_TITLE])
    last = tokens_of(headings.rpartition("›")[2]) or title
    title_terms = frozenset(terms_by_token(title)) - {""}
    return Frame(
        terms=title_terms | frozenset(terms_by_token(tokens_of(headings))) - {""},
        title=title_terms,
        limits=title_terms & LIMITING,
        compound=any(token.text in _JOINED for token in title),
        names=_title_names(title),
        product=_product(title),
        denies=any(token.text in NEGATORS for token in last),
        supposes=bool(last) and last[0].text in _SUPPOSING,
        heading=tuple(last),
    )


def _title_names(title: Sequence[Token]) -> frozenset[str]:
    """Names in a title: what stands before its colon, and what has a capital in a title that gives none to others."""
    terms = terms_by_token(title)
    colon = next((index for index, token in enumerate(title) if token.text == ":"), 0)
    names = set(terms[:colon]) if 0 < colon <= 6 else set()
    if not is_title_case(title):
        names.update(found for found, token in zip(terms, title, strict=True) if token.capital)
    return frozenset(names) - _GENERIC_TITLES - {""}


def _product(title: Sequence[Token]) -> frozenset[str]:
    """The name in a title: the words with a capital around one that tells kinds apart, and words like BNPL, EcoCard."""
    terms = terms_by_token(title)
    found: set[str] = set()
    for index, (token, name) in enumerate(zip(title, terms, strict=True)):
        if token.shouts:
            found.add(name)
        elif token.kind == "number" and index and (index + 1 == len(title) or title[index + 1].text == ":"):
            found.add(f"#{token.text}")  # "Home fibre 100"
        elif (name in LIMITING or token.text in PRODUCT_HEADS) and token.big and len(title) > 1:
            found.update(_named(title, terms, index))
    return frozenset(found) - _GENERIC_TITLES - {""}


def _named(title: Sequence[Token], terms: Sequence[str], index: int) -> set[str]:
    """The words with a capital around one, and what stands in brackets behind them."""
    run = [index]
    for step in (-1, 1):
        beside = index + step
        while 0 <= beside < len(title) and title[beside].kind == "word" and terms[beside] and title[beside].big:
            run.append(beside)
            beside += step
    last = max(run)
    if len(run) > 1 and last + 2 < len(title) and title[last + 1].text == "(" and terms[last + 2]:
        run.append(last + 2)
    return {terms[place] for place in run} if len(run) > 1 else set()


_JOINED = frozenset({"and", "or", ","})
_SUPPOSING = frozenset({"when", "if", "why", "unless"})
_GENERIC_TITLES = frozenset(
    terms_by_token(
        tokens_of("faq internal troubleshooting guide complete overview policy help info information card how note")
    )
)
