"""Whether two passages contradict each other (R4.5): their facts are compared, similarity alone says nothing.

Two facts conflict when they speak of the same thing under conditions that can hold together and cannot both be true.
A quantity that the other passage states as well is not in question: a passage with a rule and its exception is not
contradicted by one that repeats either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from retrieval.conflict.alignment import alignment
from retrieval.conflict.bearing import bears_on
from retrieval.conflict.comparison import differ, same_unit
from retrieval.conflict.facts import Fact, Facts, Measured, Reading
from retrieval.conflict.measures import Quantity
from retrieval.conflict.opposition import exclusion, opposition
from retrieval.conflict.wording import terms_of

ConflictKind = Literal[
    "amount", "period", "date", "time", "percentage", "count", "contact", "polarity", "permission", "exclusivity"
]

LEAST = 0.5
"""Confidence below which nothing is said."""
_WORD_FOR_WORD, _SHUT = 0.97, 0.8


@dataclass(frozen=True, kw_only=True)
class Conflict:
    one: str
    """Id of a statement."""
    other: str
    quote: str
    """What the one says, as a reader sees it."""
    other_quote: str
    kind: ConflictKind
    reason: str
    """For the owner of the content: what disagrees."""
    confidence: float
    """Estimated probability that a careful reader calls it a conflict."""


def conflicts_between(one: Facts, other: Facts) -> list[Conflict]:
    """The conflicts of two statements, worst first. Chunks of one version of an article have none."""
    if _source(one) == _source(other):
        return []
    return [_conflict(one, other, found) for found in _findings(one, other)]


def conflicts_among(facts: Sequence[Facts], *, question: str | None) -> list[Conflict]:
    """The conflicts among the passages an answer would use, worst first; with a question those that bear on it."""
    found = []
    for one, other in combinations(facts, 2):
        if _source(one) == _source(other):
            continue
        for finding in _findings(one, other):
            units = (finding.mine.unit, finding.theirs.unit)
            if question is None or bears_on(question, one, other, units=units, kind=finding.kind):
                found.append(_conflict(one, other, finding))
    return sorted(found, key=lambda conflict: -conflict.confidence)


def conflicts_with_title(facts: Facts) -> list[Conflict]:
    """Where the text of a statement disagrees with its own title: a slip of the pen that no other article shows."""
    if not facts.titled:
        return []
    title = replace(
        facts,
        quantities=tuple(fact for fact in facts.quantities if fact.unit == 0),
        claims=(),
        readings=facts.readings[:1],
    )
    body = replace(
        facts,
        quantities=tuple(fact for fact in facts.quantities if fact.unit),
        claims=(),
        readings=facts.readings[1:],
    )
    return [_conflict(title, body, found) for found in _findings(title, body)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Finding:
    mine: Fact | Reading
    theirs: Fact | Reading
    kind: ConflictKind
    confidence: float
    reason: str


def _source(facts: Facts) -> str:
    """Article and version of a chunk id, ``<article>@<version>#<slug>``."""
    return facts.id.partition("#")[0]


def _conflict(one: Facts, other: Facts, found: _Finding) -> Conflict:
    return Conflict(
        one=one.id,
        other=other.id,
        quote=one.quotes[found.mine.unit],
        other_quote=other.quotes[found.theirs.unit],
        kind=found.kind,
        reason=found.reason,
        confidence=round(found.confidence, 3),
    )


def _findings(one: Facts, other: Facts) -> list[_Finding]:
    """At most one for each pair of units, the surest first."""
    repeated = _repeated(one, other)
    found = [*_by_reading(one, other, repeated), *_by_quantity(one, other, repeated), *_by_claim(one, other, repeated)]
    best: dict[tuple[int, int], _Finding] = {}
    for finding in sorted(found, key=lambda finding: -finding.confidence):
        best.setdefault((finding.mine.unit, finding.theirs.unit), finding)
    return list(best.values())


# -- word for word -------------------------------------------------------------------------------------------------


def _same_words(one: Facts, other: Facts) -> Iterator[tuple[Reading, Reading]]:
    theirs: dict[tuple[str, ...], list[Reading]] = {}
    for reading in other.readings:
        theirs.setdefault(reading.words, []).append(reading)
    for mine in one.readings:
        for reading in theirs.get(mine.words, ()):
            yield mine, reading


def _by_reading(one: Facts, other: Facts, repeated: "_Repeated") -> Iterator[_Finding]:
    """Sentences that are the same word for word except for a quantity or a "not"."""
    for mine, theirs in _same_words(one, other):
        if len(mine.words) < 2 or repeated.either(mine, theirs) or not _same_title(mine, theirs):
            continue
        differing = _differing(mine, theirs)
        kind: ConflictKind
        if differing >= 0:
            kind = mine.quantities[differing].kind
            said = mine.said[differing], theirs.said[differing]
            reason = f"The same sentence says {said[0]} here and {said[1]} there."
            yield _Finding(mine=mine, theirs=theirs, kind=kind, confidence=_WORD_FOR_WORD, reason=reason)
        elif _denies(mine, theirs):
            kind = "permission" if _BINDING & set(mine.words) else "polarity"
            reason = "One says of something what the other denies of it in the same words."
            yield _Finding(mine=mine, theirs=theirs, kind=kind, confidence=_WORD_FOR_WORD, reason=reason)


_BINDING = frozenset({"can", "could", "may", "must", "need", "needs", *terms_of("allowed required permitted possible")})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Repeated:
    """Units of each that the other states as well: it is not contradicted by what it says itself."""

    here: frozenset[int]
    there: frozenset[int]

    def either(self, mine: Fact | Reading, theirs: Fact | Reading) -> bool:
        return mine.unit in self.here or theirs.unit in self.there


def _repeated(one: Facts, other: Facts) -> _Repeated:
    pairs = [
        (mine.unit, theirs.unit)
        for mine, theirs in _same_words(one, other)
        if _differing(mine, theirs) < 0 and not _denies(mine, theirs)
    ]
    return _Repeated(here=frozenset(unit for unit, _ in pairs), there=frozenset(unit for _, unit in pairs))


def _differing(mine: Reading, theirs: Reading) -> int:
    """Which of their quantities differ first, or -1."""
    pairs = zip(mine.quantities, theirs.quantities, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if differ(a, b)), -1)


def _denies(mine: Reading, theirs: Reading) -> bool:
    if mine.yes * theirs.yes < 0 or (mine.negations + theirs.negations) % 2:
        return True
    pairs = zip(mine.quantities, theirs.quantities, strict=False)
    return any({a.bound, b.bound} == {"cap", "floor"} and a.low == b.low for a, b in pairs)


def _same_title(mine: Reading, theirs: Reading) -> bool:
    if mine.product and theirs.product and mine.product != theirs.product:
        return False
    return mine.title <= theirs.title or theirs.title <= mine.title


# -- quantities ----------------------------------------------------------------------------------------------------


def _by_quantity(one: Facts, other: Facts, repeated: _Repeated) -> Iterator[_Finding]:
    """Quantities of the same thing that differ, unless one of the two is stated by the other passage as well."""
    disputed: list[tuple[float, Measured, Measured]] = []
    agreed: dict[int, float] = {}
    for mine in one.quantities:
        for theirs in other.quantities:
            if _is_shut_then(mine, theirs) or _is_shut_then(theirs, mine):
                reason = "One says that it is closed on a day for which the other gives hours."
                yield _Finding(mine=mine, theirs=theirs, kind="time", confidence=_SHUT, reason=reason)
            score = alignment(mine, theirs) if _comparable(mine, theirs) else 0.0
            if score and not _in_dispute(mine, theirs):
                for fact in (mine, theirs):
                    agreed[id(fact)] = max(agreed.get(id(fact), 0.0), score)
            elif score >= LEAST and not repeated.either(mine, theirs):
                disputed.append((score, mine, theirs))
    for score, mine, theirs in disputed:
        if score > max(agreed.get(id(mine), 0.0), agreed.get(id(theirs), 0.0)):
            reason = f"One says {mine.said}, the other {theirs.said}{_for_what(mine, theirs)}."
            yield _Finding(mine=mine, theirs=theirs, kind=mine.quantity.kind, confidence=score, reason=reason)


def _comparable(mine: Measured, theirs: Measured) -> bool:
    a, b = mine.quantity, theirs.quantity
    if a.kind != b.kind:
        return "any" in (a.unit, b.unit) and "percentage" in (a.kind, b.kind)  # "no fee" against one of 10 percent
    if "weekdays" not in (a.unit, b.unit) and a.weekdays and b.weekdays and not a.weekdays & b.weekdays:
        return False  # hours of other days
    if mine.negative != theirs.negative and a.kind in ("period", "count"):
        return False  # "can't be used twice", "can't be cancelled after two days": no statement of the quantity
    if mine.clause.conditional != theirs.clause.conditional and not (a.bound == b.bound and _may_be_either(a)):
        return False
    return same_unit(a, b)


def _may_be_either(quantity: Quantity) -> bool:
    """Whether a condition in one sentence may be the statement of another: "trips of up to 56 days are covered"."""
    return quantity.kind in ("period", "count")


def _in_dispute(mine: Measured, theirs: Measured) -> bool:
    if mine.quantity.kind == "time" and mine.negative != theirs.negative:
        return bool(mine.quantity.weekdays & theirs.quantity.weekdays)  # closed on a day on which it is open
    return differ(mine.quantity, theirs.quantity)


def _is_shut_then(mine: Measured, theirs: Measured) -> bool:
    """Whether one says that it is closed on a date for which the other gives hours."""
    if not mine.negative or theirs.negative or mine.quantity.unit != "date" or theirs.quantity.unit != "hours":
        return False
    shut = mine.quantity
    dates = [quantity for quantity in theirs.clause.when if quantity.unit == "date"]
    if not any(date.low <= shut.low and shut.high <= date.high for date in dates):
        return False
    return not (mine.narrow - theirs.everything or theirs.narrow - mine.everything)


# -- yes and no ----------------------------------------------------------------------------------------------------


def _by_claim(one: Facts, other: Facts, repeated: _Repeated) -> Iterator[_Finding]:
    """What one passage claims and the other denies, or claims of more than the first allows."""
    for mine in one.claims:
        for theirs in other.claims:
            if repeated.either(mine, theirs):
                continue
            if mine.clause.only or theirs.clause.only:
                score = max(exclusion(mine, theirs), exclusion(theirs, mine))
                if score >= LEAST:
                    reason = f"One says it of this only, the other of more{_for_what(mine, theirs)}."
                    yield _Finding(mine=mine, theirs=theirs, kind="exclusivity", confidence=score, reason=reason)
            if not _opposed(mine, theirs):
                continue
            score = opposition(mine, theirs)
            if score >= LEAST:
                binding = "is" not in (mine.clause.modality, theirs.clause.modality)
                kind: ConflictKind = "permission" if binding else "polarity"
                reason = f"One says yes, the other no{_for_what(mine, theirs)}."
                yield _Finding(mine=mine, theirs=theirs, kind=kind, confidence=score, reason=reason)


def _opposed(mine: Fact, theirs: Fact) -> bool:
    """Whether two claims of the same thing could not both be true by the way they are made."""
    if mine.negative == theirs.negative:
        return False
    modalities = (mine.clause.modality, theirs.clause.modality)
    return "need not" not in modalities or "must" in modalities


def _for_what(mine: Fact, theirs: Fact) -> str:
    """``, for "return window"``: the words of the one that the other has as well."""
    shared = [word for term, word in mine.words if term in theirs.everything][:5]
    return f', for "{" ".join(shared)}"' if shared else ""
