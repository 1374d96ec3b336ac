"""Whether two passages contradict each other (R4.5): their facts are compared, similarity alone says nothing.

Two facts conflict when they speak of the same thing under conditions that can hold together and cannot both be true.
A fact is only compared with the one of the other passage that is closest to it, and an agreement ends the matter: a
passage that states a rule and its exception is not contradicted by one that repeats either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from retrieval.facts import Fact, Facts, Reading
from retrieval.quantities import Quantity
from retrieval.wording import terms_of

ConflictKind = Literal[
    "amount", "period", "date", "time", "percentage", "count", "polarity", "permission", "exclusivity"
]


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
    """The conflicts of two statements, worst first."""
    if one.id == other.id:
        return []
    found = [*_by_reading(one, other), *_by_fact(one, other)]
    best: dict[tuple[str, str], Conflict] = {}
    for conflict in sorted(found, key=lambda c: -c.confidence):
        best.setdefault((conflict.quote, conflict.other_quote), conflict)
    return list(best.values())


def conflicts_among(facts: Sequence[Facts], *, question: str | None) -> list[Conflict]:
    """The conflicts among the passages an answer would use; with a question only those that bear on it."""
    found = [conflict for one, other in combinations(facts, 2) for conflict in conflicts_between(one, other)]
    if question is not None:
        asked = frozenset(terms_of(question))
        found = [c for c in found if not asked or asked & frozenset(terms_of(f"{c.quote} {c.other_quote}"))]
    return sorted(found, key=lambda c: -c.confidence)


def _by_reading(one: Facts, other: Facts) -> Iterator[Conflict]:
    """Sentences that are the same word for word except for a quantity or a "not"."""
    theirs: dict[tuple[str, ...], list[Reading]] = {}
    for reading in other.readings:
        theirs.setdefault(reading.words, []).append(reading)
    for mine in one.readings:
        for reading in theirs.get(mine.words, ()):
            if len(mine.words) < 2 or not _same_title(mine.title, reading.title):
                continue
            differing = [(a, b) for a, b in zip(mine.quantities, reading.quantities, strict=False) if _differ(a, b)]
            if differing:
                a, _ = differing[0]
                yield _conflict(one, other, mine.unit, reading.unit, kind=a.kind, confidence=0.97)
            elif (mine.negations + reading.negations) % 2 or mine.yes * reading.yes < 0:
                yield _conflict(one, other, mine.unit, reading.unit, kind="polarity", confidence=0.95)


def _by_fact(one: Facts, other: Facts) -> Iterator[Conflict]:
    for mine in one.facts:
        best: tuple[float, Fact] | None = None
        for fact in other.facts:
            if not _comparable(mine, fact):
                continue
            score = _alignment(mine, fact)
            if best is None or score > best[0]:
                best = (score, fact)
        if best is None or best[0] < 0.5:
            continue
        score, fact = best
        if mine.quantity is not None and fact.quantity is not None:
            if _differ(mine.quantity, fact.quantity):
                yield _conflict(one, other, mine.unit, fact.unit, kind=mine.quantity.kind, confidence=score)
        elif mine.quantity is None and fact.quantity is None and _contradict(mine, fact):
            kind: ConflictKind = "permission" if mine.modality != "is" and fact.modality != "is" else "polarity"
            yield _conflict(one, other, mine.unit, fact.unit, kind=kind, confidence=score)


def _comparable(mine: Fact, fact: Fact) -> bool:
    if mine.quantity is None or fact.quantity is None:
        return mine.quantity is None and fact.quantity is None and mine.negative != fact.negative
    a, b = mine.quantity, fact.quantity
    return a.kind == b.kind and _same_unit(a, b) and mine.conditional == fact.conditional


def _same_unit(a: Quantity, b: Quantity) -> bool:
    if a.kind == "period":
        return True
    if a.kind == "amount":
        return (a.unit == b.unit or "any" in (a.unit, b.unit)) and (a.per == b.per or not a.per or not b.per)
    if a.kind == "count" and a.unit == b.unit == "":
        return bool(a.counted & b.counted) or not (a.counted or b.counted)
    return a.unit == b.unit


def _alignment(mine: Fact, fact: Fact) -> float:
    """How likely both speak of the same thing under the same conditions."""
    if (mine.limits - fact.everything) or (fact.limits - mine.everything):
        return 0.0
    if (mine.names - fact.everything) and (fact.names - mine.everything):
        return 0.0
    if (mine.conditions - fact.everything) and (fact.conditions - mine.everything):
        return 0.0
    shared = len(mine.own & fact.own)
    if not shared:
        return 0.0
    left = len(mine.own - fact.everything)
    right = len(fact.own - mine.everything)
    if mine.quantity is None and left + right > 0.25 * shared:
        return 0.0
    return shared / (shared + 0.6 * (left + right) + 0.4)


def _contradict(mine: Fact, fact: Fact) -> bool:
    if "need not" in (mine.modality, fact.modality):
        return "must" in (mine.modality, fact.modality)
    return True


def _differ(a: Quantity, b: Quantity) -> bool:
    """Whether both cannot be true of the same thing."""
    if a.kind != b.kind:
        return False
    if a.unit == "date":
        return a.low != b.low or (bool(a.year and b.year) and a.year != b.year)
    if a.kind == "time":
        if a.weekdays and b.weekdays:
            if a.unit == "weekdays" or b.unit == "weekdays":
                return a.unit == b.unit and a.weekdays != b.weekdays
            if not a.weekdays & b.weekdays:
                return False
        return (a.low, a.high) != (b.low, b.high)
    if a.unit != b.unit and {a.unit, b.unit} == {"days", "business"}:
        business, calendar = (a, b) if a.unit == "business" else (b, a)
        return not (business.low * 0.95 <= calendar.high and calendar.low <= business.high * 1.6)
    if a.bound == b.bound:
        return not (_close(a.low, b.low, a) and _close(a.high, b.high, a))
    exact, bounded = (a, b) if a.bound in ("exact", "range") else (b, a)
    match bounded.bound:
        case "cap":
            return exact.bound != "floor" and exact.high > bounded.high
        case "floor":
            return exact.bound != "cap" and exact.low < bounded.low
        case _:
            low, high = (bounded, exact) if bounded.bound == "range" else (exact, bounded)
            return not low.low <= high.low <= low.high


def _close(a: float, b: float, quantity: Quantity) -> bool:
    if quantity.kind == "period" and max(a, b) >= 28:
        return abs(a - b) <= 0.05 * max(a, b)
    return abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1)


def _same_title(one: frozenset[str], other: frozenset[str]) -> bool:
    return one <= other or other <= one


def _conflict(
    one: Facts, other: Facts, unit: int, other_unit: int, *, kind: ConflictKind, confidence: float
) -> Conflict:
    return Conflict(
        one=one.id,
        other=other.id,
        quote=one.quotes[unit],
        other_quote=other.quotes[other_unit],
        kind=kind,
        reason=f"They disagree about a {kind}.",
        confidence=round(confidence, 3),
    )
