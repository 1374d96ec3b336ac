"""What a passage states, in a form that can be compared: quantities, yes or no, each with subject and conditions.

Facts are made once for each chunk, when it is indexed; ``retrieval.conflicts`` compares them when a question is
answered. Nothing here knows a business: the words are general English.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from desk.language.markdown_units import clean, sentences
from retrieval.quantities import Quantity, quantities_of
from retrieval.wording import LIMITING, NEGATORS, OPPOSITES, Token, is_title_case, term, terms_of, tokens_of

MAX_CHARACTERS = 20_000
"""Of one statement; a chunk is far shorter."""
MAX_UNITS = 120
MAX_FACTS = 200

Modality = Literal["is", "may", "must", "need not"]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is compared: a chunk."""

    id: str
    title: str
    heading: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A sentence, list item or table row as a reader sees it, with the words it stands under."""

    quote: str
    text: str
    """The part that states something: the cell of a row, the item without its dash."""
    label: str = ""
    """What a row or item is about: its first cell, or what stands before its colon."""
    column: str = ""
    lead: str = ""
    """The line that introduces the list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One thing a unit states. All sets hold terms (``retrieval.wording``)."""

    unit: int
    quantity: Quantity | None
    """None for yes or no."""
    modality: Modality
    negative: bool
    own: frozenset[str]
    """Of the clause that states it, its row label and column among them."""
    around: frozenset[str]
    """Of the rest of the sentence, the headings and the title."""
    limits: frozenset[str]
    """Those of the clause and the title that narrow it to a kind of thing: "express", "sale", the label of a row."""
    names: frozenset[str]
    """Those written as names."""
    conditions: frozenset[str]
    """Those under an "if", "for", "with" or "except"."""
    choices: tuple[frozenset[str], ...]
    """Enumerations: the fact holds for each member."""
    conditional: bool
    """Whether the quantity itself is part of a condition ("orders above 75.00 USD")."""
    everything: frozenset[str]
    """``own``, ``around`` and the choices."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A unit word for word, without its quantities and negations: equal readings can differ in those alone."""

    unit: int
    words: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    negations: int
    yes: int
    """1 for a yes, -1 for a no, 0 for neither."""
    title: frozenset[str]
    """Terms of the title."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything one statement says that can be compared."""

    id: str
    quotes: tuple[str, ...]
    facts: tuple[Fact, ...]
    readings: tuple[Reading, ...]


def facts_of(statement: Statement) -> Facts:
    """The facts of a statement. Never raises; work grows with the length of the text and no faster."""
    title = tokens_of(clean(statement.title[:400]))
    frame = _Frame(
        title=frozenset(_terms(title)),
        heading=frozenset(_terms(tokens_of(clean(statement.heading[:400])))),
        limits=frozenset(_terms(title)) & LIMITING,
        names=_title_names(title),
    )
    quotes: list[str] = []
    facts: list[Fact] = []
    readings: list[Reading] = []
    for unit in _units(statement):
        if len(quotes) >= MAX_UNITS or len(facts) >= MAX_FACTS:
            break
        place = len(quotes)
        quotes.append(unit.quote)
        tokens = tokens_of(unit.text)
        quantities = quantities_of(tokens)
        facts += _facts(unit, tokens, quantities, frame=frame, place=place)
        readings.append(_reading(unit, tokens, quantities, frame=frame, place=place))
    return Facts(id=statement.id, quotes=tuple(quotes), facts=tuple(facts), readings=tuple(readings))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Frame:
    """What every unit of a statement stands under."""

    title: frozenset[str]
    heading: frozenset[str]
    limits: frozenset[str]
    names: frozenset[str]


# -- units ---------------------------------------------------------------------------------------------------------

_ITEM = re.compile(r"^\s{0,12}(?:[-*+•]|\d{1,3}[.)])\s{1,4}(\S.*)$")
_RULE = re.compile(r"^\s{0,3}\|?(?:\s{0,20}:?-{2,}:?\s{0,20}\|?){1,40}\s{0,3}$")
_LABEL = re.compile(r"^([^:.!?]{1,80}):\s+(\S.*)$")


def _units(statement: Statement) -> Iterator[Unit]:
    """The title when it states something, then the body in reading order."""
    if any(character.isdigit() for character in statement.title[:400]):
        title = clean(statement.title[:400])
        yield Unit(quote=title, text=title)
    lead = ""
    for lines in _blocks(statement.text[:MAX_CHARACTERS]):
        if len(lines) > 1 and "|" in lines[0] and _RULE.match(lines[1]):
            yield from _rows(lines)
        elif _ITEM.match(lines[0]):
            yield from _items(lines, lead=lead)
        else:
            found = sentences(clean(" ".join(line.strip().lstrip("> ") for line in lines)).replace("**", ""))
            lead = found[-1] if found and found[-1].endswith(":") else ""
            for sentence in found:
                yield Unit(quote=sentence, text=sentence)
            continue
        lead = ""


def _blocks(text: str) -> Iterator[list[str]]:
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        separates = not stripped or stripped.startswith(("#", "```"))
        opens = bool(lines) and bool(_ITEM.match(line)) != bool(_ITEM.match(lines[0])) and not line.startswith(" ")
        if lines and (separates or opens):
            yield lines
            lines = []
        if not separates:
            lines.append(line)


def _items(lines: Sequence[str], *, lead: str) -> Iterator[Unit]:
    items: list[str] = []
    for line in lines:
        if found := _ITEM.match(line):
            items.append(found.group(1))
        else:
            items[-1] = f"{items[-1]} {line.strip()}"
    for item in items:
        plain = clean(item).replace("**", "")
        for place, sentence in enumerate(sentences(plain)):
            yield Unit(quote=sentence, text=sentence, lead="" if place else lead)


def _rows(lines: Sequence[str]) -> Iterator[Unit]:
    header, _, *body = [
        [clean(cell).replace("**", "") for cell in line.strip().strip("|").split("|")] for line in lines
    ]
    for cells in body:
        label = cells[0]
        named = [(name, cell) for name, cell in zip(header[1:], cells[1:], strict=False) if cell]
        quote = f"{label}: " + "; ".join(f"{name}: {cell}" if name and len(named) > 1 else cell for name, cell in named)
        if not named:
            yield Unit(quote=label, text=label)
        for name, cell in named:
            yield Unit(quote=quote, text=cell, label=label, column=name)


# -- facts of a unit -----------------------------------------------------------------------------------------------


def _facts(
    unit: Unit, tokens: Sequence[Token], quantities: Sequence[Quantity], *, frame: _Frame, place: int
) -> Iterator[Fact]:
    taken = [False] * len(tokens)
    for said in quantities:
        taken[said.start : said.end] = [True] * len(taken[said.start : said.end])
    label = tokens_of(unit.label) if unit.label else []
    label_terms = frozenset(_terms(label))
    outside = frame.title | frame.heading | frozenset(_terms(tokens_of(unit.column) + tokens_of(unit.lead)))
    whole = _terms([token for token, gone in zip(tokens, taken, strict=True) if not gone])
    clauses = _clauses(tokens, quantities)
    conditional = _condition_tokens(tokens)
    label_choices = _choices(label)
    label_limits = label_terms if 0 < len(label_terms) <= 3 and not label_choices else frozenset[str]()
    title_case = is_title_case(tokens)
    for start, end, quantity in clauses:
        inside = [index for index in range(start, end) if not taken[index] and tokens[index].kind == "word"]
        own_list = _terms([tokens[index] for index in inside])
        own = frozenset(own_list) | label_terms
        if quantity is None and len(own) < 2:
            continue
        choices = _choices(tokens[start:end]) + label_choices
        chosen = frozenset[str]().union(*choices) if choices else frozenset[str]()
        around = (frozenset(whole) | outside) - own
        names = frozenset(
            found
            for index in inside
            if tokens[index].capital and not title_case and (found := term(tokens[index].text))
        )
        conditions = frozenset(found for index in inside if conditional[index] and (found := term(tokens[index].text)))
        negative, modality = _stance(tokens, inside)
        yield Fact(
            unit=place,
            quantity=quantity,
            modality=modality,
            negative=negative,
            own=own - chosen,
            around=around - chosen,
            limits=((own & LIMITING) | frame.limits | label_limits) - chosen,
            names=(names | frame.names) - chosen,
            conditions=conditions - chosen,
            choices=choices,
            conditional=quantity is not None and quantity.start < len(tokens) and conditional[quantity.start],
            everything=own | around | chosen,
        )


def _clauses(tokens: Sequence[Token], quantities: Sequence[Quantity]) -> Iterator[tuple[int, int, Quantity | None]]:
    """Each quantity with the part of the sentence that is about it, then each clause that says yes or no."""
    cuts = [0]
    for one, other in pairwise(quantities):
        cuts.append(_cut(tokens, one.end, other.start, default=cuts[-1]))
    cuts.append(len(tokens))
    for number, quantity in enumerate(quantities):
        end = next((cut for cut in cuts[number + 1 :] if cut > cuts[number]), len(tokens))
        yield cuts[number], end, quantity
    start = 0
    for index in range(1, len(tokens)):
        if _opens_clause(tokens, index):
            yield start, index, None
            start = index
    yield start, len(tokens), None


def _cut(tokens: Sequence[Token], start: int, end: int, *, default: int) -> int:
    """Where the clause of a quantity ends and that of the next begins; ``default`` when both share one."""
    for signs in ((";",), (",", "("), ("and", "but", "or", "while", "then")):
        for index in range(end - 1, start - 1, -1):
            if tokens[index].text in signs:
                return index
    return default


_CLAUSE_OPENERS = frozenset({"we", "you", "it", "they", "there", "but", "he", "she", "this", "that"})


def _opens_clause(tokens: Sequence[Token], index: int) -> bool:
    if tokens[index].text == ";":
        return True
    before = tokens[index - 1].text
    return before in (",", "and", "but", ";") and tokens[index].text in _CLAUSE_OPENERS and index > 2


_CONDITIONAL = frozenset({"if", "when", "whenever", "unless", "except", "excluding", "once", "provided", "during",
                          "outside", "for", "with", "without", "via", "by", "while", "until", "only"})  # fmt: skip
_OPEN_ENDED = frozenset(
    {"if", "when", "whenever", "unless", "except", "excluding", "once", "provided", "while", "until"}
)
_THRESHOLDS = frozenset({"above", "over", "below", "under", "of", "more", "less"})


def _condition_tokens(tokens: Sequence[Token]) -> list[bool]:
    """For each token whether it stands in a condition."""
    inside = [False] * len(tokens)
    index = 0
    while index < len(tokens):
        word = tokens[index].text
        if tokens[index].kind == "word" and word in _CONDITIONAL:
            limit = len(tokens) if word in _OPEN_ENDED else min(len(tokens), index + 5)
            index += 1
            while index < limit and tokens[index].text not in (",", ";", ":", ")"):
                if word not in _OPEN_ENDED and tokens[index].text in ("is", "are", "can", "must", "will", "in", "and"):
                    break
                inside[index] = True
                index += 1
        else:
            index += 1
    return inside


def _choices(tokens: Sequence[Token]) -> tuple[frozenset[str], ...]:
    """The members of an enumeration: "Spain, Italy and Portugal". At least three, each short."""
    best: list[frozenset[str]] = []
    run: list[frozenset[str]] = []
    member: list[Token] = []
    for token in [*tokens, _END]:
        if token.text in (",", "and", "or", "/"):
            found = frozenset(_terms(member))
            if found and len(found) <= 3:
                run.append(found)
            elif found:
                run = []
            member = []
        elif token.kind == "sign":
            found = frozenset(_terms(member))
            if found and len(found) <= 3 and run:
                run.append(found)
            best = run if len(run) > max(2, len(best)) else best
            run, member = [], []
        else:
            member.append(token)
    return tuple(best)


_END = Token(".", "sign", 0, 0, False)
_MUST = frozenset({"must", "require", "requires", "required", "mandatory", "compulsory", "obligatory", "necessary"})
_NEED = frozenset({"need", "needs", "have", "has", "needed"})
_MAY = frozenset({"can", "may", "could", "allowed", "able", "possible", "permitted"})


def _stance(tokens: Sequence[Token], inside: Sequence[int]) -> tuple[bool, Modality]:
    """Whether a clause denies what it says, and how binding it is."""
    negations = 0
    modality: Modality = "is"
    needed = False
    for index in inside:
        word = tokens[index].text
        if word in NEGATORS or word in OPPOSITES:
            negations += 1
        if word in _MUST or (word in _NEED and _follows(tokens, index, "to")) or word in ("need", "needs"):
            needed = True
        elif word in _MAY and modality == "is":
            modality = "may"
    negative = negations % 2 == 1
    if needed:
        prohibits = any(tokens[i].text == "must" and _follows(tokens, i, "not") for i in inside)
        modality = "may" if prohibits else "need not" if negative else "must"
    return negative, modality


def _follows(tokens: Sequence[Token], index: int, word: str) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].text == word


# -- readings ------------------------------------------------------------------------------------------------------

_ARTICLES = frozenset({"a", "an", "the", "do", "does", "did"})


def _reading(
    unit: Unit, tokens: Sequence[Token], quantities: Sequence[Quantity], *, frame: _Frame, place: int
) -> Reading:
    words: list[str] = terms_of(unit.label) + terms_of(unit.column)
    negations = yes = index = 0
    starts = {quantity.start: quantity for quantity in quantities}
    while index < len(tokens):
        if quantity := starts.get(index):
            words.append(f"<{quantity.kind}>")
            index = max(quantity.end, index + 1)
            continue
        token = tokens[index]
        if token.kind == "number":
            words.append(token.text)
        elif token.kind == "word":
            if token.text in ("yes", "no") and _answers(tokens, index):
                yes = 1 if token.text == "yes" else -1
            elif token.text in NEGATORS:
                negations += 1
            elif token.text in OPPOSITES:
                negations += 1
                words.append(term(OPPOSITES[token.text]) or OPPOSITES[token.text])
            elif token.text not in _ARTICLES:
                words.append(term(token.text) or token.text)
        index += 1
    return Reading(unit=place, words=tuple(words), quantities=tuple(quantities), negations=negations, yes=yes,
                   title=frame.title)  # fmt: skip


def _answers(tokens: Sequence[Token], index: int) -> bool:
    """Whether a yes or no stands alone, as in ``Available: No``."""
    return index + 1 >= len(tokens) or tokens[index + 1].kind == "sign" or tokens[index].capital


# -- words ---------------------------------------------------------------------------------------------------------


def _terms(tokens: Iterable[Token]) -> list[str]:
    return [
        found
        for token in tokens
        if token.kind == "word"
        and token.text not in NEGATORS
        and (found := term(OPPOSITES.get(token.text, token.text)))
    ]


def _title_names(title: Sequence[Token]) -> frozenset[str]:
    """Names in a title: what stands before its colon, and what has a capital in a title that gives none to others."""
    names: set[str] = set()
    colon = next((index for index, token in enumerate(title) if token.text == ":"), 0)
    if 0 < colon <= 6:
        names.update(_terms(title[:colon]))
    if not is_title_case(title):
        names.update(_terms(token for token in title if token.capital))
    return frozenset(names) - _GENERIC_TITLES


_GENERIC_TITLES = frozenset(
    terms_of("faq internal troubleshooting guide complete overview policy help info information account card how note")
)
