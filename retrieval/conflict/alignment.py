"""How likely two facts speak of the same thing under the same conditions: the question before they are compared."""

import math
from collections.abc import Iterable

from retrieval.conflict.facts import Fact, Measured
from retrieval.conflict.measures import Quantity
from retrieval.conflict.wording import CONTRASTS, LIGHT, PERSONS, VERBS

# Fitted on the rows of docs/decisions/0006-conflicts.md: what a term weighs, what speaks for one subject and against.
_LIGHT_WEIGHT, _VERB_WEIGHT = 0.45, 0.75
_CROSS, _FRAME, _COUNTED, _BY_ITSELF = 0.45, 0.35, 0.3, 0.8
_LIMIT, _NAME, _CONDITION, _FAR, TITLE = 2.0, 0.4, 0.8, 1.0, 0.25
_APART, _DOUBT, _NO_DOUBT, _LEAST_SHARED = 0.5, 0.5, 0.3, 0.6
IMPLIED = frozenset({"hours", "weekdays", "email", "phone", "age"})
"""Units that say by themselves what they are of: opening hours, an address."""


def weight(terms: Iterable[str]) -> float:
    """How much terms say about which fact is meant."""
    return sum(_LIGHT_WEIGHT if term in LIGHT else _VERB_WEIGHT if term in VERBS else 1.0 for term in terms)


def alignment(one: Measured, other: Measured) -> float:
    """Of two quantities: 0 when they cannot be of the same thing, up to 1."""
    if (one.clause.excepted & other.own and one.negative) or (other.clause.excepted & one.own and other.negative):
        return 0.0
    if not _whens_meet(one, other) or not compatible(one, other):
        return 0.0
    shared, cross, frame = overlap(one, other)
    implied = bool({one.quantity.unit, other.quantity.unit} & IMPLIED)
    if shared + cross < _LEAST_SHARED and not implied and one.own - PERSONS != other.own - PERSONS:
        return 0.0
    apart = weight(one.own - other.everything - PERSONS) + weight(other.own - one.everything - PERSONS)
    for narrow in ((one.limits - other.everything), (other.limits - one.everything)):
        loose = narrow if not (one.title and other.title) else narrow & (one.title | other.title)
        apart += _LIMIT * len(narrow - loose) + _NAME * len(loose)
    apart += _NAME * (len(one.names - other.everything) + len(other.names - one.everything))
    apart += TITLE * min(weight(one.title - other.everything), weight(other.title - one.everything), 2.0)
    apart += _distance(one.quantity, other.quantity)
    apart += _CONDITION * (bool(one.conditions - other.everything) + bool(other.conditions - one.everything))
    if implied:
        apart *= 2
    if one.quantity.counted & other.quantity.counted:
        shared += _COUNTED
    if implied:
        shared += _BY_ITSELF
    together = shared + _CROSS * cross + _FRAME * frame
    return together / (together + _APART * apart + (_DOUBT if apart else _NO_DOUBT))


def _distance(one: Quantity, other: Quantity) -> float:
    """Numbers of quite another size are hardly of the same thing."""
    if one.kind not in ("amount", "period", "count"):
        return 0.0
    small, large = sorted((one.high, other.high))
    return _FAR if small > 0 and large > 30 * small else 0.0


def overlap(one: Fact, other: Fact) -> tuple[float, float, float]:
    """Weight of what both clauses say, of what one clause and the other's frame say, and of what both frames say."""
    both = one.own & other.own
    crossing = ((one.own & other.everything) | (other.own & one.everything)) - both
    return weight(both), weight(crossing), min(2.0, weight(one.frame & other.frame))


def compatible(one: Fact, other: Fact) -> bool:
    mine, theirs = one.narrow - other.everything, other.narrow - one.everything
    if (one.compound or other.compound) and weight(one.title & other.title) >= 1:
        mine, theirs = mine - one.title, theirs - other.title
    if mine and theirs:
        return False
    if one.product and other.product and ((one.product ^ other.product) - (one.everything & other.everything)):
        return False
    if (one.clause.lacking & other.clause.having) or (one.clause.having & other.clause.lacking):
        return False  # "without ads", "with ads"
    if one.choices and not any(2 * len(choice & other.everything) > len(choice) for choice in one.choices):
        return False
    if other.choices and not any(2 * len(choice & one.everything) > len(choice) for choice in other.choices):
        return False
    left, right = one.own - other.everything, other.own - one.everything
    if left and right:
        for term in left:
            if (against := CONTRASTS.get(term)) and against & right:
                return False
        if _is_substitution(one, other):
            return False
    return True


def _is_substitution(fact: Fact, against: Fact) -> bool:
    """Whether the same words are said of something else: "a single room costs", "a double room costs"."""
    one, other = fact.order, against.order
    size = min(len(one), len(other))
    start = 0
    while start < size and one[start] == other[start]:
        start += 1
    end = 0
    while end < size - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = set(one[start : len(one) - end]), set(other[start : len(other) - end])
    left, right = left - against.everything, right - fact.everything
    if not (0 < len(left) <= 2 and 0 < len(right) <= 2) or left <= VERBS or right <= VERBS:
        return False
    return weight(one[:start]) + weight(one[len(one) - end :]) >= 0.6


def _whens_meet(one: Measured, other: Measured) -> bool:
    mine = tuple(q for q in one.clause.when if q in other.clause.when or not _is_said(q, other))
    theirs = tuple(q for q in other.clause.when if q in one.clause.when or not _is_said(q, one))
    return whens_meet(mine, theirs)


def _is_said(quantity: Quantity, fact: Measured) -> bool:
    """Whether the sentence of a fact states the same quantity, be it as its condition or not."""
    return any(
        (q.kind, q.unit, q.low, q.high) == (quantity.kind, quantity.unit, quantity.low, quantity.high)
        and (q.bound == quantity.bound or {q.bound, quantity.bound} <= {"within", "exact"})
        for q in fact.clause.said
        if q != fact.quantity
    )


def whens_meet(one: tuple[Quantity, ...], other: tuple[Quantity, ...]) -> bool:
    """Whether two conditions in numbers can hold together; a condition on one side alone is another case."""
    if not one and not other:
        return True
    mine = {quantity.kind: quantity for quantity in one}
    theirs = {quantity.kind: quantity for quantity in other}
    if mine.keys() != theirs.keys():
        return False
    return all(_meet(mine[kind], theirs[kind]) for kind in mine)


def _meet(one: Quantity, other: Quantity) -> bool:
    if "within" in (one.bound, other.bound) and "floor" in (one.bound, other.bound):
        within, floor = (one, other) if one.bound == "within" else (other, one)
        return within.high > floor.low
    if one.bound == other.bound:
        return math.isclose(one.low, other.low) and math.isclose(one.high, other.high)
    if {one.bound, other.bound} == {"cap", "floor"}:
        cap, floor = (one, other) if one.bound == "cap" else (other, one)
        return cap.high > floor.low
    return one.low == other.low or one.high == other.high
