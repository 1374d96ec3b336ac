"""Cuts a sentence into clauses, one for each quantity and one for each part that says yes or no."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from retrieval.conflict.enumerations import choices_of
from retrieval.conflict.meanings import EXCEPTING, FINITE, NEGATORS, OPEN_ENDED, UNIVERSAL, words_in
from retrieval.conflict.measures import NUMBER_WORDS, UNIT_WORDS, Quantity
from retrieval.conflict.stance import Modality, excepted, is_vague, only, stance, timing_of, without_reasons
from retrieval.conflict.wording import Token, terms_by_token


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """A part of a sentence that states a quantity, or yes or no. Its words are terms (``wording``)."""

    quantity: Quantity | None
    when: tuple[Quantity, ...]
    conditional: bool
    said: tuple[Quantity, ...]
    """All quantities of the sentence."""
    order: tuple[str, ...]
    words: tuple[tuple[str, str], ...]
    """Terms with the words they stand for."""
    conditions: frozenset[str]
    names: frozenset[str]
    choices: tuple[frozenset[str], ...]
    only: frozenset[str]
    excepted: frozenset[str]
    """What the sentence makes an exception of."""
    exists: bool
    """Whether it says that something is there or not: "We don't sell leather"."""
    negative: bool
    modality: Modality
    universal: bool
    also: bool
    partial: bool
    """It says so of some only."""
    payer: str
    """``we`` or ``you``, whoever the clause is about."""
    having: frozenset[str]
    """Terms behind "with"."""
    lacking: frozenset[str]
    """Terms behind "without"."""
    timing: str
    """``before`` or ``after`` when it holds before or after something, which is ``event``."""
    event: frozenset[str]
    vague: bool
    """Whether it names what it is about by "them" or "there", or leaves its verb out."""


def clauses_of(tokens: Sequence[Token], quantities: Sequence[Quantity], *, lead: int = 0) -> list[Clause]:
    """One clause for each quantity, then one for each part of the sentence that says yes or no.

    The first ``lead`` tokens are those of a heading or a line that introduces a list; they say whether it is denied.
    """
    terms = terms_by_token(tokens)
    conditional = _in_conditions(tokens)
    taken = [False] * len(tokens)
    for quantity in quantities:
        for index in range(quantity.start, min(quantity.end, len(tokens))):
            taken[index] = True
    excepting = any(token.text in EXCEPTING for token in tokens)
    shared = _opening_condition(tokens)
    found: list[Clause] = []
    spans = _spans(tokens, quantities)
    thresholds = [
        _is_threshold(
            tokens, quantity, conditional, [q for q, other in zip(quantities, spans, strict=True) if other == span]
        )
        for quantity, span in zip(quantities, spans, strict=True)
    ]
    conditions = [quantity for quantity, is_one in zip(quantities, thresholds, strict=True) if is_one]
    for (start, end), quantity, threshold in zip(spans, quantities, thresholds, strict=True):
        when = tuple(q for q in conditions if start <= q.start < end or q.start < shared)
        if quantity.kind == "amount":
            # "Five adverts cost 1,199 EUR" says nothing about one.
            when += tuple(q for q in quantities if start <= q.start < quantity.start and _is_number_of(q))
        inside = [i for i in range(start, end) if not taken[i] and tokens[i].kind == "word"]
        if start:
            opening = range(shared) if shared else _unnamed(tokens, terms, inside, quantity, taken)
            inside = [i for i in opening if not taken[i] and tokens[i].kind == "word"] + inside
        found.append(
            _clause(
                tokens, terms, inside, conditional, quantity=quantity, threshold=threshold,
                when=() if threshold else when, choices=choices_of(tokens[start:end], terms[start:end]),
                said=tuple(quantities), excepting=excepting,
            )
        )  # fmt: skip
    return [*found, *_claims(tokens, terms, conditional, quantities, taken, excepting=excepting, lead=lead)]


def _claims(
    tokens: Sequence[Token],
    terms: Sequence[str],
    conditional: Sequence[bool],
    quantities: Sequence[Quantity],
    taken: Sequence[bool],
    *,
    excepting: bool,
    lead: int,
) -> Iterator[Clause]:
    """The parts of the sentence that say yes or no."""
    shared = _opening_condition(tokens)
    cuts = [0, *(index for index in range(lead + 1, len(tokens)) if _opens_clause(tokens, index)), len(tokens)]
    before: list[int] = []
    for start, end in pairwise(cuts):
        said = [quantity for quantity in quantities if start <= quantity.start < end]
        inside = [
            i for i in range(start, end) if tokens[i].kind == "word" and not (taken[i] and _is_measure(tokens[i]))
        ]
        inside = without_reasons(tokens, inside)
        stated = [index for index in inside if index < lead or not (lead or conditional[index])]
        if not stated:
            continue
        if tokens[stated[0]].text in _REFERRING and before:
            whole = before + inside  # "; it isn't free" is about what the clause before is about
        elif tokens[stated[0]].text in _MODALS and before:
            whole = _subject(tokens, before) + inside
        else:
            whole = [i for i in range(min(shared, start)) if tokens[i].kind == "word"] + inside
        before = inside
        if any(q.kind == "amount" and not q.high and tokens[q.start].text != "free" for q in said):
            continue  # "no fee" is an amount
        if unneeded := _unneeded(tokens, terms, stated):
            yield _clause(
                tokens, terms, unneeded, conditional, quantity=None, threshold=False, when=(), choices=(),
                said=tuple(quantities), excepting=excepting, stated=unneeded, unneeded=True,
            )  # fmt: skip
        yield _clause(
            tokens, terms, whole, conditional, quantity=None, threshold=False,
            when=tuple(quantity for quantity in said if quantity.high or quantity.weekdays),
            choices=choices_of(tokens[min(whole) : end], terms[min(whole) : end]),
            said=tuple(quantities), excepting=excepting, stated=stated,
        )  # fmt: skip


def _unneeded(tokens: Sequence[Token], terms: Sequence[str], stated: Sequence[int]) -> list[int]:
    """What a clause says can be missing: "you can order without an account"."""
    place = next((place for place, index in enumerate(stated) if tokens[index].text == "without"), -1)
    if place < 0 or any(tokens[index].text in NEGATORS for index in stated):
        return []
    behind = [index for index in stated[place + 1 : place + 5] if terms[index]]
    acting = any(tokens[index].text.endswith("ing") for index in stated[place + 1 : place + 3])
    return [] if acting else behind


_REFERRING = frozenset({"it", "they", "this"})


def _clause(
    tokens: Sequence[Token],
    terms: Sequence[str],
    inside: Sequence[int],
    conditional: Sequence[bool],
    *,
    quantity: Quantity | None,
    threshold: bool,
    when: tuple[Quantity, ...],
    choices: tuple[frozenset[str], ...],
    said: tuple[Quantity, ...],
    excepting: bool,
    stated: Sequence[int] | None = None,
    unneeded: bool = False,
) -> Clause:
    """``stated`` are the words that say whether it is denied, when ``inside`` holds those of a condition as well."""
    exists = quantity is None and any(tokens[index].text in _EXISTING for index in inside)
    negative, modality, spoken = stance(
        tokens,
        inside if stated is None else stated,
        measured=any(q.kind == "period" for q in (*when, *((quantity,) if quantity else ()))),
    )
    if unneeded:
        negative, modality = True, "need not"
    timing, event = timing_of(tokens, terms, inside)
    if negative and timing == "before" and modality != "need not":
        negative, timing = False, "after"  # "not charged before it ships"
    words_stated = [tokens[index].text for index in (inside if stated is None else stated)]
    payer = next((word for word in words_stated if word in ("we", "you")), "")
    words = {tokens[index].text for index in inside}
    if "like" in words:
        words -= {"everybody", "everyone", "all"}  # "like everybody else"
    if quantity is None:
        spoken |= {index for index in inside if tokens[index].text in _EXISTING}
    kept = [index for index in inside if terms[index] and index not in spoken]
    return Clause(
        quantity=quantity,
        when=when,
        conditional=threshold,
        said=said,
        order=tuple(terms[index] for index in kept),
        words=tuple((terms[index], tokens[index].text) for index in kept),
        conditions=frozenset(terms[index] for index in kept if conditional[index]) | _referring(tokens),
        names=frozenset(terms[index] for index in kept if tokens[index].capital),
        choices=choices,
        only=only(tokens, terms, inside),
        excepted=excepted(tokens, terms),
        exists=exists,
        negative=negative,
        modality=modality,
        universal=not excepting
        and (bool(words & UNIVERSAL - {"any"}) or ("any" in words and ("time" not in words or modality == "may"))),
        also=bool(words & _ALSO) or ("as" in words and "well" in words),
        partial=bool(words & _PARTIAL),
        payer=payer,
        having=_behind(tokens, terms, inside, "with"),
        lacking=_behind(tokens, terms, inside, "without"),
        timing=timing,
        event=event,
        vague=bool(inside) and is_vague(tokens, inside if stated is None else stated),
    )


_OPENERS = words_in("""
    we you it they there but he she this that
""")


def _spans(tokens: Sequence[Token], quantities: Sequence[Quantity]) -> list[tuple[int, int]]:
    """For each quantity the part of the sentence that is about it."""
    cuts = [0]
    for one, other in pairwise(quantities):
        cuts.append(_cut(tokens, one.end, other.start, default=cuts[-1]))
    cuts.append(len(tokens))
    return [
        (cuts[number], next((cut for cut in cuts[number + 1 :] if cut > cuts[number]), len(tokens)))
        for number in range(len(quantities))
    ]


def _cut(tokens: Sequence[Token], start: int, end: int, *, default: int) -> int:
    """Where the clause of a quantity ends and that of the next begins; ``default`` when both share one."""
    for signs in ((";", "."), (",", "("), ("and", "but", "or", "while", "then")):
        for index in range(end - 1, start - 1, -1):
            if tokens[index].text in signs:
                return index
    return default


def _opens_clause(tokens: Sequence[Token], index: int) -> bool:
    if tokens[index].text in (";", "but"):
        return True
    before = tokens[index - 1].text
    if tokens[index].text == "so" and before == ",":
        return True
    if before in ("and", "but") and tokens[index].text in _MODALS and index > 3:
        return True
    return before in (",", "and", "but", ";") and tokens[index].text in _OPENERS and index > 2


_MODALS = words_in("""
    can must will may does do is are has have need needs
""")


def _is_number_of(quantity: Quantity) -> bool:
    return quantity.kind == "count" and bool(quantity.counted) and quantity.bound == "exact" and quantity.high > 1


def _unnamed(
    tokens: Sequence[Token], terms: Sequence[str], inside: Sequence[int], quantity: Quantity, taken: Sequence[bool]
) -> list[int]:
    """The subject of the sentence for a part that names none: "it takes 45 minutes and is free of charge"."""
    if any(terms[index] for index in inside if index < quantity.start):
        return []
    return _subject(tokens, [i for i in range(quantity.start) if tokens[i].kind == "word" and not taken[i]])


def _subject(tokens: Sequence[Token], inside: Sequence[int]) -> list[int]:
    """The words before the first verb."""
    verb = next((place for place, index in enumerate(inside) if tokens[index].text in FINITE), 0)
    if not verb:
        colon = next((index for index, token in enumerate(tokens[:8]) if token.text == ":"), 0)
        return [index for index in inside if index < colon]
    return list(inside[:verb])


def _opening_condition(tokens: Sequence[Token]) -> int:
    """Where the condition ends that opens the sentence and so holds for all of it; 0 without one."""
    if not tokens or tokens[0].text not in OPEN_ENDED | {"for", "with", "in", "on", "from", "within"}:
        return 0
    return next((index for index, token in enumerate(tokens) if token.text == ","), 0)


_CONDITIONAL = OPEN_ENDED | {"during", "outside", "for", "with", "without", "via", "by"}
_ENDS_CONDITION = frozenset({"is", "are", "can", "must", "will", "in", "and"})


def _in_conditions(tokens: Sequence[Token]) -> list[bool]:
    """For each token whether it stands in a condition."""
    inside = [False] * len(tokens)
    index = 0
    while index < len(tokens):
        word = tokens[index].text
        if tokens[index].kind == "word" and word in _CONDITIONAL:
            limit = len(tokens) if word in OPEN_ENDED else min(len(tokens), index + 5)
            index += 1
            while index < limit and tokens[index].text not in (",", ";", ":", ")"):
                if word not in OPEN_ENDED and tokens[index].text in _ENDS_CONDITION:
                    break
                inside[index] = word in OPEN_ENDED
                index += 1
        else:
            index += 1
    return inside


_OF_SOMETHING = words_in("""
    order orders purchase purchases refund refunds payment payments deposit deposits transfers transfer amounts
    baskets flights
""")


def _is_threshold(
    tokens: Sequence[Token], quantity: Quantity, conditional: Sequence[bool], quantities: Sequence[Quantity]
) -> bool:
    """Whether a quantity is the condition of another statement: "orders above 75.00 USD ship free"."""
    start = quantity.start
    if start >= len(tokens) or quantity.unit in ("clock", "hours", "weekdays"):
        return False
    if quantity.kind == "date" and any(other.kind not in ("date", "count") for other in quantities):
        return True  # "On December 24 we close at 13:00"
    if conditional[start] and _opens_with_condition(tokens, start):
        return True
    if quantity.bound not in ("cap", "floor") or (quantity.kind == "count" and quantity.counted):
        return False
    if any(other.end == start and other.high == 0 for other in quantities):
        return True  # "free from 75.00 USD"
    before = [token.text for token in tokens[max(0, start - 2) : start]]
    if any(word in _OF_SOMETHING for word in before):
        return True
    verbs = [index for index, token in enumerate(tokens) if token.text in FINITE]
    return bool(verbs) and verbs[0] > start


def _opens_with_condition(tokens: Sequence[Token], start: int) -> bool:
    for index in range(start - 1, -1, -1):
        if tokens[index].text in OPEN_ENDED:
            return True
        if tokens[index].text in (",", ";", ":"):
            return False
    return False


def _is_measure(token: Token) -> bool:
    return token.text in UNIT_WORDS or token.text in NUMBER_WORDS


_PARTIAL = frozenset({"some", "most", "sometimes", "many", "few", "certain"})
_ALSO = frozenset({"also", "too", "additionally"})
_EXISTING = words_in("""
    accept accepts accepted offer offers offered available there provide provides provided sell sells sold exist
    exists have has had
""")


def _referring(tokens: Sequence[Token]) -> frozenset[str]:
    """A condition that stands in the sentence before: "After that", "Otherwise"."""
    words = [token.text for token in tokens[:2]]
    return frozenset({"<that>"}) if words[:1] in (["otherwise"], ["then"]) or words[1:] == ["that"] else frozenset()


def _behind(tokens: Sequence[Token], terms: Sequence[str], inside: Sequence[int], word: str) -> frozenset[str]:
    """The first terms behind a word."""
    found: set[str] = set()
    for index in inside:
        if tokens[index].text == word:
            found.update([name for name in terms[index + 1 : index + 5] if name][:2])
    return frozenset(found)
