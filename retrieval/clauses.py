"""Cuts a sentence into clauses and reads how each states what it states: denied, bound, limited, conditional."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from retrieval.meanings import EXCEPTING, NEGATORS, OPPOSITES, UNIVERSAL, words_in
from retrieval.measures import NUMBER_WORDS, UNIT_WORDS, Quantity
from retrieval.wording import Token, terms_by_token

Modality = Literal["is", "may", "must", "need not"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """A part of a sentence that states a quantity, or yes or no. Its words as terms (``retrieval.wording``)."""

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
        inside = _without_reasons(tokens, inside)
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
        yield _clause(
            tokens, terms, whole, conditional, quantity=None, threshold=False,
            when=tuple(quantity for quantity in said if quantity.high or quantity.weekdays),
            choices=choices_of(tokens[min(whole) : end], terms[min(whole) : end]),
            said=tuple(quantities), excepting=excepting, stated=stated,
        )  # fmt: skip


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
) -> Clause:
    """``stated`` are the words that say whether it is denied, when ``inside`` holds those of a condition as well."""
    exists = quantity is None and any(tokens[index].text in _EXISTING for index in inside)
    negative, modality, spoken = _stance(
        tokens,
        inside if stated is None else stated,
        measured=any(q.kind == "period" for q in (*when, *((quantity,) if quantity else ()))),
    )
    timing, event = _timing(tokens, terms, inside)
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
        only=_only(tokens, terms, inside),
        excepted=_excepted(tokens, terms),
        exists=exists,
        negative=negative,
        modality=modality,
        universal=not excepting
        and (bool(words & UNIVERSAL - {"any"}) or ("any" in words and ("time" not in words or modality == "may"))),
        also=bool(words & _ALSO) or ("as" in words and "well" in words),
        partial=bool(words & _PARTIAL),
        payer=payer,
        timing=timing,
        event=event,
        vague=bool(inside) and _is_vague(tokens, inside if stated is None else stated),
    )


# -- parts of a sentence -------------------------------------------------------------------------------------------

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


def _unnamed(
    tokens: Sequence[Token], terms: Sequence[str], inside: Sequence[int], quantity: Quantity, taken: Sequence[bool]
) -> list[int]:
    """The subject of the sentence for a part that names none: "it takes 45 minutes and is free of charge"."""
    if any(terms[index] for index in inside if index < quantity.start):
        return []
    return _subject(tokens, [i for i in range(quantity.start) if tokens[i].kind == "word" and not taken[i]])


def _subject(tokens: Sequence[Token], inside: Sequence[int]) -> list[int]:
    """The words before the first verb."""
    verb = next((place for place, index in enumerate(inside) if tokens[index].text in _FINITE), 0)
    if not verb:
        colon = next((index for index, token in enumerate(tokens[:8]) if token.text == ":"), 0)
        return [index for index in inside if index < colon]
    return list(inside[:verb])


def _opening_condition(tokens: Sequence[Token]) -> int:
    """Where the condition ends that opens the sentence and so holds for all of it; 0 without one."""
    if not tokens or tokens[0].text not in _OPEN_ENDED | {"for", "with", "in", "on", "from", "within"}:
        return 0
    return next((index for index, token in enumerate(tokens) if token.text == ","), 0)


_OPEN_ENDED = words_in("""
    if when whenever unless except excluding once provided while until because
""")
_CONDITIONAL = _OPEN_ENDED | {"during", "outside", "for", "with", "without", "via", "by"}
_ENDS_CONDITION = frozenset({"is", "are", "can", "must", "will", "in", "and"})


def _in_conditions(tokens: Sequence[Token]) -> list[bool]:
    """For each token whether it stands in a condition."""
    inside = [False] * len(tokens)
    index = 0
    while index < len(tokens):
        word = tokens[index].text
        if tokens[index].kind == "word" and word in _CONDITIONAL:
            limit = len(tokens) if word in _OPEN_ENDED else min(len(tokens), index + 5)
            index += 1
            while index < limit and tokens[index].text not in (",", ";", ":", ")"):
                if word not in _OPEN_ENDED and tokens[index].text in _ENDS_CONDITION:
                    break
                inside[index] = word in _OPEN_ENDED
                index += 1
        else:
            index += 1
    return inside


_FINITE = words_in("""
    is are was were be can may must will shall should need needs cost costs get gets have has take takes ship
    ships come comes do does apply applies end ends travel travels stay stays pay pays receive receives expire
    expires
""")
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
    verbs = [index for index, token in enumerate(tokens) if token.text in _FINITE]
    return bool(verbs) and verbs[0] > start


def _opens_with_condition(tokens: Sequence[Token], start: int) -> bool:
    for index in range(start - 1, -1, -1):
        if tokens[index].text in _OPEN_ENDED:
            return True
        if tokens[index].text in (",", ";", ":"):
            return False
    return False


def _is_measure(token: Token) -> bool:
    return token.text in UNIT_WORDS or token.text in NUMBER_WORDS


def choices_of(tokens: Sequence[Token], terms: Sequence[str], *, listed: bool = False) -> tuple[frozenset[str], ...]:
    """The members of an enumeration: "Spain, Italy and Portugal". In a label (``listed``) commas are enough."""
    best: list[frozenset[str]] = []
    members: list[list[int]] = [[]]
    joints: list[str] = []
    for index in range(len(tokens) + 1):
        text = tokens[index].text if index < len(tokens) else "."
        if text in _JOINTS and index < len(tokens):
            if members[-1]:
                members.append([])
                joints.append(text)
            elif joints:
                joints[-1] = text  # ", and"
        elif index == len(tokens) or (tokens[index].kind == "sign" and text != "-"):
            found = _members(tokens, terms, members, joints, listed=listed)
            best = found if len(found) > len(best) else best
            members, joints = [[]], []
        else:
            members[-1].append(index)
    return tuple(best)


_JOINTS = frozenset({",", "and", "or"})


def _members(
    tokens: Sequence[Token], terms: Sequence[str], members: list[list[int]], joints: list[str], *, listed: bool
) -> list[frozenset[str]]:
    last = next((place for place in range(len(joints) - 1, -1, -1) if joints[place] != ","), -1)
    for place in range(last - 1, -1, -1):
        if joints[place] not in (",", joints[last]):  # "click and collect, or cash on delivery"
            members[place : place + 2] = [members[place] + members[place + 1]]
            del joints[place]
            last -= 1
    if last < 0:
        if not listed or len(joints) < 1:
            return []
        last = len(joints) - 1
    if last < 1 and not listed:
        return []
    inner = members[1 : last + 1]
    if any(len(member) > 5 for member in inner) or last + 1 >= len(members):
        return []
    opening = _after_last(tokens, terms, members[0])
    closing = _before_first(tokens, terms, members[last + 1])
    found = [frozenset(terms[index] for index in member) - {""} for member in (opening, *inner, closing)]
    return [] if any(not member or len(member) > 3 for member in found) else found


def _after_last(tokens: Sequence[Token], terms: Sequence[str], member: list[int]) -> list[int]:
    """The words after the last that is mere grammar: of "we ship to Spain" the last."""
    cut = next((place for place in range(len(member) - 1, -1, -1) if not terms[member[place]]), -1)
    return member[cut + 1 :][-3:]


def _goes_on(tokens: Sequence[Token], terms: Sequence[str], member: list[int], place: int) -> bool:
    """Whether a small word joins two of a name: "cash on delivery"."""
    return (
        tokens[member[place]].text in ("on", "of", "in") and place + 1 < len(member) and bool(terms[member[place + 1]])
    )


def _before_first(tokens: Sequence[Token], terms: Sequence[str], member: list[int]) -> list[int]:
    start = next((place for place, index in enumerate(member) if terms[index]), 0)
    end = next(
        (
            place
            for place in range(start + 1, len(member))
            if tokens[member[place]].text in _FINITE
            or not (terms[member[place]] or _goes_on(tokens, terms, member, place))
        ),
        len(member),
    )
    return member[start:end]


# -- how a clause states what it states ----------------------------------------------------------------------------

_MUST = words_in("""
    must require requires required mandatory compulsory obligatory necessary optional unnecessary voluntary
""")
_CHECKED = frozenset({"approved", "checked", "reviewed", "verified", "confirmed", "inspected"})
_PASSIVE = frozenset({"is", "are", "be", "always", "then", "being"})
_MUST_PAIRS = frozenset({("have", "to"), ("has", "to")})
_NEED = frozenset({"need", "needs", "needed"})
_MAY = words_in("""
    can may could allowed able possible permitted forbidden prohibited unable welcome impossible banned
    disallowed
""")
_PARTIAL = frozenset({"some", "most", "sometimes", "many", "few", "certain"})
_ALSO = frozenset({"also", "too", "additionally"})


def _stance(tokens: Sequence[Token], inside: Sequence[int], *, measured: bool) -> tuple[bool, Modality, set[int]]:
    """Whether a clause denies what it says, how binding it is, and which words said so."""
    negations = 0
    modality: Modality = "is"
    needed = prohibits = without = acting = False
    spoken: set[int] = set()
    for index in inside:
        word = tokens[index].text
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        contrast = word == "not" and (
            following in ("only", "before", "later") or _text_before(tokens, index) in (",", "or")
        )
        answer = word == "no" and following in (".", ",", "") and not index
        if word in NEGATORS and not (contrast or answer) and following != "longer":
            negations += 1
        if word in OPPOSITES:
            negations += 1
        if word == "longer" and index and tokens[index - 1].text == "no":
            negations += 1
        if word == "without":
            without = True
            acting = any(tokens[after].text.endswith("ing") for after in inside if index < after <= index + 2)
        asks = word in ("ask", "asks") and following == "for" and any(tokens[i].text == "we" for i in inside)
        if word in _CHECKED and _text_before(tokens, index) in _PASSIVE:
            needed = True
        if asks or word in _MUST or word in _NEED or (word, following) in _MUST_PAIRS:
            needed = True
            prohibits = prohibits or (word == "must" and following == "not")
            spoken.add(index)
        elif word in _MAY:
            modality = "may"
            spoken.add(index)
        elif word in ("ask", "asks") and following == "you":
            spoken.add(index)
    negative = negations % 2 == 1
    if needed and prohibits:
        modality = "may"
    elif needed:
        modality = "need not" if negative else "must"
    elif without and acting:
        negative = not negative
    elif without and negative:
        # "We don't accept parcels without a number": the number is a must.
        negative, modality = False, "must"
    elif without and not measured:
        negative, modality = True, "need not"
    return negative, modality, spoken


_EXISTING = words_in("""
    accept accepts accepted offer offers offered available provide provides provided sell sells sold exist
    exists have has had
""")


def _excepted(tokens: Sequence[Token], terms: Sequence[str]) -> frozenset[str]:
    start = next((index for index, token in enumerate(tokens) if token.text in _EXCEPTIONS), len(tokens))
    return frozenset(terms[start + 1 : start + 9]) - frozenset(terms[:start]) - {""}


_EXCEPTIONS = frozenset({"except", "unless", "excluding", "apart"})


def _referring(tokens: Sequence[Token]) -> frozenset[str]:
    """A condition that stands in the sentence before: "After that", "Otherwise"."""
    words = [token.text for token in tokens[:2]]
    return frozenset({"<that>"}) if words[:1] in (["otherwise"], ["then"]) or words[1:] == ["that"] else frozenset()


def _text_before(tokens: Sequence[Token], index: int) -> str:
    return tokens[index - 1].text if index else ""


_ONLY_IN = words_in("""
    in at to for on from with by within available deliver ship accept sell open through via
""")
_NOT_ONLY = words_in("""
    not our the your a an can may must will
""")


def _only(tokens: Sequence[Token], terms: Sequence[str], inside: Sequence[int]) -> frozenset[str]:
    """Terms of what a clause says it holds for alone."""
    for index in inside:
        if tokens[index].text != "only" or _text_before(tokens, index) in _NOT_ONLY:
            continue
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        opens = index == inside[0] and following not in _OPEN_ENDED and following != "the"
        if not (opens or following in _ONLY_IN or index == inside[-1] or not following.isalpha()):
            continue
        if opens and not any(token.text in _FINITE for token in tokens[index + 2 : index + 9]):
            continue
        members: list[str] = []
        for after in range(index + 1, min(len(tokens), index + 8)):
            if tokens[after].kind == "sign" or (tokens[after].text in _FINITE and members):
                break
            if terms[after]:
                members.append(terms[after])
        if not members:
            members = [found for found in terms[max(0, index - 2) : index] if found]
        return frozenset(members)
    return frozenset()


def _timing(tokens: Sequence[Token], terms: Sequence[str], inside: Sequence[int]) -> tuple[str, frozenset[str]]:
    """Whether a clause holds before or after something, and what that is."""
    for place, index in enumerate(inside):
        timing = _TIMINGS.get(tokens[index].text)
        if timing:
            return timing, frozenset(terms[after] for after in inside[place + 1 : place + 7]) - {""}
    return "", frozenset()


_TIMINGS = {"before": "before", "until": "before", "after": "after", "once": "after", "later": "after"}
_VAGUE = frozenset({"them", "it", "so"})
_PASSIVE_WORDS = 5


def _is_vague(tokens: Sequence[Token], inside: Sequence[int]) -> bool:
    """Whether what a clause is about stands in another sentence: "We don't exchange them", "Large ones can't"."""
    last = tokens[inside[-1]].text
    if last in ("not", "there", "either") or (last == "do" and len(inside) < 4):
        return True
    return len(inside) <= _PASSIVE_WORDS and any(tokens[index].text in _VAGUE for index in inside[1:])


def _without_reasons(tokens: Sequence[Token], inside: list[int]) -> list[int]:
    """The words up to "because" or "for reasons of": why something is so changes nothing."""
    for place, index in enumerate(inside):
        if place and (tokens[index].text in ("because", "reasons") or (tokens[index].text == "due" and place > 1)):
            return inside[:place]
    return inside
