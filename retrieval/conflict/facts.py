"""What a passage states, in a form that can be compared: quantities, yes or no, each with subject and conditions.

Facts are made once for each chunk, when it is indexed; ``conflicts`` compares them when a question is answered.
Nothing here knows a business: the words are general English (``meanings``).
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from desk.language.markdown_units import clean
from retrieval.conflict.clauses import Clause, clauses_of
from retrieval.conflict.enumerations import choices_of
from retrieval.conflict.framing import Frame, entitled, frame_of
from retrieval.conflict.meanings import NEGATORS, OPPOSITES, words_in
from retrieval.conflict.measures import Quantity
from retrieval.conflict.quantities import contacts_of, quantities_of
from retrieval.conflict.units import MAX_TITLE, Unit, units_of
from retrieval.conflict.wording import LIMITING, Token, is_title_case, terms_by_token, tokens_of

MAX_UNITS = 120
MAX_FACTS = 240


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is compared: a chunk."""

    id: str
    title: str
    heading: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One thing a unit states. All sets hold terms (``retrieval.conflict.wording``)."""

    unit: int
    clause: Clause
    negative: bool
    own: frozenset[str]
    """Terms of the clause that states it, the label of its row and its column among them."""
    order: tuple[str, ...]
    """``own`` in the order of the text."""
    limits: frozenset[str]
    """Those of the clause and the title that narrow it to a kind of thing: "express", "sale", the label of a row."""
    names: frozenset[str]
    """Those written as names."""
    narrow: frozenset[str]
    """``limits`` and ``names``."""
    product: frozenset[str]
    """The name the title gives: "Silver Plus Saver Account"."""
    conditions: frozenset[str]
    """Those under an "if" or "unless"."""
    choices: tuple[frozenset[str], ...]
    """Enumerations: the fact holds for each member."""
    title: frozenset[str]
    compound: bool
    """Whether the title names several subjects, so that what it limits may be another than this."""
    frame: frozenset[str]
    """Terms of the title, the headings and the rest of the sentence."""
    everything: frozenset[str]
    words: tuple[tuple[str, str], ...]
    """The terms of the clause with the words they stand for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured(Fact):
    """A fact that states a quantity."""

    quantity: Quantity
    said: str
    """The quantity as it is written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A unit word for word, without its quantities and negations: equal readings can differ in those alone."""

    unit: int
    words: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    said: tuple[str, ...]
    """The quantities as they are written."""
    negations: int
    yes: int
    """1 for a yes, -1 for a no, 0 for neither."""
    title: frozenset[str]
    """Terms of the title."""
    product: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything one statement says that can be compared."""

    id: str
    quotes: tuple[str, ...]
    titled: bool
    """Whether the first unit is the title."""
    quantities: tuple[Measured, ...]
    claims: tuple[Fact, ...]
    """Yes or no."""
    readings: tuple[Reading, ...]


def facts_of(statement: Statement) -> Facts:
    """The facts of a statement. Never raises; work grows with the length of the text and no faster."""
    title, text = entitled(statement.title, statement.text)
    frame = frame_of(title, statement.heading)
    quotes: list[str] = []
    facts: list[Fact] = []
    readings: list[Reading] = []
    subject: frozenset[str] = frozenset()
    for unit in units_of(title, text):
        if len(quotes) >= MAX_UNITS or len(facts) >= MAX_FACTS:
            break
        place = len(quotes)
        quotes.append(unit.quote)
        tokens = tokens_of(unit.text)
        quantities = [*quantities_of(tokens), *contacts_of(unit.text)]
        made = list(_facts(unit, tokens, quantities, frame=frame, place=place, subject=subject))
        facts += made
        readings.append(_reading(unit, tokens, quantities, frame=frame, place=place))
        subject = frozenset(made[0].order[:6]) if made and not unit.listed else frozenset()
    return Facts(
        id=statement.id,
        quotes=tuple(quotes),
        titled=bool(quotes) and quotes[0] == clean(title[:MAX_TITLE]) and quotes[0] != text,
        quantities=tuple(fact for fact in facts if isinstance(fact, Measured)),
        claims=tuple(fact for fact in facts if not isinstance(fact, Measured)),
        readings=tuple(readings),
    )


def _facts(
    unit: Unit,
    tokens: Sequence[Token],
    quantities: Sequence[Quantity],
    *,
    frame: Frame,
    place: int,
    subject: frozenset[str],
) -> Iterator[Fact]:
    if unit.listed and frame.supposes and not unit.lead:
        return  # reasons why something may be so, not statements that it is
    leading = 0
    if unit.listed and (unit.lead or frame.denies) and not any(t.text in _VERBS for t in tokens):
        # "Gift cards." below "Items that cannot be returned" states what the heading says of it.
        lead = tokens_of(unit.lead) if unit.lead else list(frame.heading)
        tokens, quantities = [*lead, *tokens], quantities_of([*lead, *tokens])
        leading = len(lead)
    label = tokens_of(unit.label) if unit.label else []
    label_order = [found for found in terms_by_token(label) if found]
    column = frozenset(terms_by_token(tokens_of(unit.column))) - {""} if unit.column else frozenset[str]()
    label_choices = choices_of(label, terms_by_token(label), listed=True)
    label_limits = frozenset(label_order) if 0 < len(label_order) <= 3 and not label_choices else frozenset[str]()
    pronoun = bool(tokens) and tokens[0].text in _PRONOUNS
    capitals = not is_title_case(tokens)
    clauses = clauses_of(tokens, quantities, lead=leading)
    sentence = frozenset[str]().union(*(clause.order for clause in clauses))
    words = {token.text for token in tokens}
    address = any(quantity.kind == "contact" for quantity in quantities) and not words & _VERBS
    shut = any(token.text in ("closed", "close") for token in tokens)
    for clause in clauses:
        quantity = clause.quantity
        order = _order(clause, words)
        own = frozenset(order) | frozenset(label_order) | column
        if not own and quantity is not None and quantity.unit not in _IMPLIED:
            own = frame.title  # "You have 30 days." says nothing but its title
        if quantity is None and (not own or address):
            continue
        choices = clause.choices + label_choices
        chosen = frozenset[str]().union(*choices)
        everything = own | frozenset(clause.order) | frame.terms | sentence | (subject if pronoun else frozenset())
        if quantity is not None:
            everything |= {quantity.per} - {""}
            if quantity.kind in _PRICES and _SHIP in everything:
                everything |= {_DELIVER}
        limits = ((own & LIMITING) | frame.limits | label_limits | (column & LIMITING)) - chosen
        names = ((clause.names if capitals else frozenset[str]()) | frame.names) - chosen
        fact = Fact(
            unit=place,
            clause=clause,
            negative=clause.negative or (shut and quantity is not None and quantity.unit in ("weekdays", "date")),
            own=own - chosen,
            order=(*label_order, *order),
            limits=limits,
            names=names,
            narrow=limits | names,
            product=frame.product,
            conditions=clause.conditions - chosen,
            choices=choices,
            title=frame.title,
            compound=frame.compound,
            frame=everything - own - chosen,
            everything=everything,
            words=tuple(zip(label_order, unit.label.split(), strict=False)) + clause.words,
        )
        yield fact if quantity is None else _measured(fact, quantity, tokens, unit.text)


def _order(clause: Clause, words: set[str]) -> tuple[str, ...]:
    """The terms of a clause, without those that its quantity says by itself."""
    if clause.quantity is None:
        return clause.order
    said = clause.order
    if clause.quantity.kind in _PRICES:
        said = tuple(_AS_PRICED.get(found, found) for found in said)
    if clause.quantity.kind == "amount":
        money = _MONEY | _RECURRING if clause.quantity.per == "time" else _MONEY
        said = tuple(found for found in said if found not in money)
        if not said and clause.quantity.per not in ("", "time"):
            said = (clause.quantity.per,)
    if implied := _IMPLIED.get(clause.quantity.unit):
        said = tuple(found for found in said if found not in implied)
    if clause.quantity.bound in ("cap", "floor", "within"):
        said = tuple(found for found in said if found not in _BOUNDS)
    if clause.quantity.kind == "period":
        said = tuple(_KEEP if found == _DELETE else found for found in said)  # what is deleted then is kept until then
    if clause.quantity.kind == "period" and _USES & words:
        said = (*said, _EXPIRE)  # "to be used within 7 days"
    return said


def _measured(fact: Fact, quantity: Quantity, tokens: Sequence[Token], text: str) -> Measured:
    fields = {field.name: getattr(fact, field.name) for field in dataclasses.fields(fact)}
    return Measured(**fields, quantity=quantity, said=_said(quantity, tokens, text))


def _said(quantity: Quantity, tokens: Sequence[Token], text: str) -> str:
    if quantity.kind == "contact":
        return ", ".join(quantity.counted)
    covered = tokens[quantity.start : quantity.end]
    return text[covered[0].start : covered[-1].end] if covered else ""


_PRICES = frozenset({"amount", "percentage"})
_OPENING = frozenset(terms_by_token(tokens_of("open opening hours welcome there times available closed close")))
_REACHING = frozenset(terms_by_token(tokens_of("number address email mail write call phone dial hotline line reach")))
_IMPLIED = {"hours": _OPENING, "weekdays": _OPENING, "email": _REACHING, "phone": _REACHING}
_SHIP, _DELIVER, _EXPIRE, _DELETE, _KEEP = terms_by_token(tokens_of("ship deliver expire delete keep"))
_MONEY = frozenset(terms_by_token(tokens_of("cost pay")))
_RECURRING = frozenset(terms_by_token(tokens_of("month year week day")))
_BOUNDS = frozenset(terms_by_token(tokens_of("minimum maximum")))
_USES = frozenset({"used", "redeemed", "use", "redeem"})
_AS_PRICED = {_SHIP: _DELIVER}
"""The price of shipping is that of delivery; their times are not the same."""
_PRONOUNS = frozenset({"it", "they", "this", "these", "those", "he", "she"})
_VERBS = words_in("""
    is are was be can may must will need needs cost costs get gets have has take takes do does come comes
""")
_ARTICLES = frozenset({"a", "an", "the", "do", "does", "did"})


def _reading(
    unit: Unit, tokens: Sequence[Token], quantities: Sequence[Quantity], *, frame: Frame, place: int
) -> Reading:
    words = [found for found in terms_by_token(tokens_of(f"{unit.label} {unit.column}")) if found]
    terms = terms_by_token(tokens)
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
            elif token.text not in _ARTICLES:
                negations += token.text in OPPOSITES
                words.append(terms[index] or token.text)
        index += 1
    return Reading(
        unit=place,
        words=tuple(words),
        quantities=tuple(quantities),
        said=tuple(_said(quantity, tokens, unit.text) for quantity in quantities),
        negations=negations,
        yes=yes,
        title=frame.title,
        product=frame.product,
    )


def _answers(tokens: Sequence[Token], index: int) -> bool:
    """Whether a yes or no stands alone, as in ``Available: No``."""
    return index + 1 >= len(tokens) or tokens[index + 1].kind == "sign" or tokens[index].capital
