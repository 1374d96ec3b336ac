"""How likely two facts speak of the same thing under the same conditions: the question before they are compared."""

from collections.abc import Iterable, Iterator

from retrieval.facts import Fact, Measured
from retrieval.measures import Quantity
from retrieval.wording import CONTRASTS, LIGHT, PERSONS, VERBS

# Fitted on the rows of docs/decisions/0006-conflicts.md: what a term weighs, what speaks for one subject and against.
_LIGHT_WEIGHT, _VERB_WEIGHT = 0.45, 0.75
_CROSS, _FRAME, _COUNTED, _BY_ITSELF = 0.45, 0.35, 0.3, 0.8
_LIMIT, _NAME, _CONDITION, _FAR, _TITLE = 2.0, 0.4, 0.8, 1.0, 0.25
_APART, _DOUBT, _LEAST_SHARED = 0.5, 0.5, 0.6
_CLAIM_CROSS, _CLAIM_FRAME, _CLAIM_DOUBT, _CLAIMED, _DENIED = 0.6, 0.3, 0.3, 0.35, 0.25

IMPLIED = frozenset({"hours", "weekdays", "email", "phone"})
"""Units that say by themselves what they are of: opening hours, an address."""


def weight(terms: Iterable[str]) -> float:
    """How much terms say about which fact is meant."""
    return sum(_LIGHT_WEIGHT if term in LIGHT else _VERB_WEIGHT if term in VERBS else 1.0 for term in terms)


def alignment(one: Measured, other: Measured) -> float:
    """Of two quantities: 0 when they cannot be of the same thing, up to 1."""
    if (one.clause.excepted & other.own and one.negative) or (other.clause.excepted & one.own and other.negative):
        return 0.0
    if not _whens_meet(one, other) or not _compatible(one, other):
        return 0.0
    shared, cross, frame = _overlap(one, other)
    implied = one.quantity.unit in IMPLIED
    if shared + cross < _LEAST_SHARED and not implied:
        return 0.0
    apart = weight(one.own - other.everything - PERSONS) + weight(other.own - one.everything - PERSONS)
    for narrow in ((one.limits - other.everything), (other.limits - one.everything)):
        loose = narrow if not (one.title and other.title) else narrow & (one.title | other.title)
        apart += _LIMIT * len(narrow - loose) + _NAME * len(loose)
    apart += _NAME * (len(one.names - other.everything) + len(other.names - one.everything))
    apart += _TITLE * min(weight(one.title - other.everything), weight(other.title - one.everything), 2.0)
    apart += _distance(one.quantity, other.quantity)
    apart += _CONDITION * (bool(one.conditions - other.everything) + bool(other.conditions - one.everything))
    if implied:
        apart *= 2
    if one.quantity.counted & other.quantity.counted:
        shared += _COUNTED
    if implied:
        shared += _BY_ITSELF
    together = shared + _CROSS * cross + _FRAME * frame
    return together / (together + _APART * apart + _DOUBT)


def _distance(one: Quantity, other: Quantity) -> float:
    """Numbers of quite another size are hardly of the same thing."""
    if one.kind not in ("amount", "period", "count"):
        return 0.0
    small, large = sorted((one.high, other.high))
    return _FAR if small > 0 and large > 30 * small else 0.0


def opposition(one: Fact, other: Fact) -> float:
    """Of two claims, one of which denies: how likely the one denies what the other claims."""
    claim, denial = (other, one) if one.negative else (one, other)
    if "free" in denial.own - claim.own:
        return 0.0
    if (
        "pay" in claim.own & denial.own
        and claim.clause.payer
        and denial.clause.payer
        and claim.clause.payer != denial.clause.payer
    ):
        return 0.0
    excepted = (claim.clause.excepted & denial.own, denial.clause.excepted & claim.own)
    if denial.clause.partial or denial.clause.only or max(weight(terms) for terms in excepted) >= 1:
        return 0.0
    if denial.clause.vague or not _compatible(one, other) or not _same_case(claim, denial):
        return 0.0
    shared, _, frame = _overlap(claim, denial)
    if denial.choices and not any(choice in denial.choices for choice in _met(claim, denial)):
        return 0.0
    for choice in _met(claim, denial):
        shared += weight(choice & (denial.own | claim.own))
    cross = weight((denial.own & claim.everything) - claim.own) + sum(
        weight(choice - denial.own - claim.own) for choice in _met(claim, denial)
    )
    together = shared + _CLAIM_CROSS * cross
    claimed = weight(claim.own - denial.everything - PERSONS)
    beyond = denial.own - claim.everything - PERSONS - (denial.clause.event & LIGHT)
    denied = weight(beyond)
    alike = claimed <= 0.6 and not denied
    if together < (1.0 if alike or frame >= 1 or denial.clause.exists else 1.3) or shared < 0.6:
        return 0.0
    together += _CLAIM_FRAME * frame
    if denied <= _DENIED:
        # What is denied in general is claimed here of something, or of the very same thing.
        beside = claimed * (0.5 * _CLAIMED if denial.clause.exists else _CLAIMED)
        if not denial.clause.exists:
            elsewhere = min(weight(claim.title - denial.everything), weight(denial.title - claim.everything), 2.0)
            beside += 0.5 * _TITLE * elsewhere
        return together / (together + _CLAIM_DOUBT + beside + denied)
    if claimed <= 0.35 and claim.clause.universal and beyond - denial.narrow <= LIGHT:
        return together / (together + 0.4 + 0.35 * denied)
    if claimed + denied <= 0.5:
        return together / (together + 0.3 + claimed + denied)
    return 0.0


def exclusion(one: Fact, other: Fact) -> float:
    """Of a claim that it holds for something only, and another: how likely the other says it of something else."""
    if (
        not one.clause.only
        or one.negative
        or other.negative
        or one.clause.modality == "must"
        or not _same_case(other, one)
    ):
        return 0.0
    rest = one.own - one.clause.only
    if (one.limits - one.clause.only - other.everything) or weight(rest - other.everything) > 0.35:
        return 0.0
    if weight(rest & other.own) < (0.0 if other.clause.universal and weight(rest) < 1 else 0.5):
        return 0.0
    topic = (one.frame | one.clause.only) & other.everything
    together = weight(rest & other.everything) + 0.4 * min(2.0, weight(topic))
    if together < 0.6:
        return 0.0
    beyond = (other.names | (other.limits & other.own)) - one.everything
    if weight(rest & other.own) < 1:
        beyond = frozenset()
    if any(choice & one.clause.only for choice in other.choices):
        beyond |= frozenset().union(*other.choices) - one.everything
    if other.clause.only or not (
        other.clause.universal or (other.clause.also and other.own - one.everything) or beyond
    ):
        return 0.0
    return together / (together + 0.3 + 0.1 * weight(other.own - one.everything))


def _same_case(claim: Fact, denial: Fact) -> bool:
    """Whether what is denied is denied for the case in which it is claimed."""
    if (
        claim.clause.timing
        and denial.clause.timing
        and claim.clause.timing != denial.clause.timing
        and claim.clause.event & denial.clause.event
    ):
        return False
    said = {(quantity.kind, quantity.unit): quantity for quantity in claim.clause.when}
    for quantity in denial.clause.when:
        against = said.get((quantity.kind, quantity.unit))
        if against is None or not whens_meet((quantity,), (against,)):
            return False  # "later than 30 days": another case than "within 30 days", and than all
    return True


def _met(one: Fact, other: Fact) -> Iterator[frozenset[str]]:
    """The members of an enumeration that the other fact speaks of."""
    for mine, theirs in ((one, other), (other, one)):
        for choice in mine.choices:
            if weight(choice) < 1 or (len(choice) == 1 and weight(mine.frame & theirs.frame) < 1):
                continue
            if _together(choice, theirs.order) or choice <= theirs.title:
                yield choice


def _together(terms: frozenset[str], order: tuple[str, ...]) -> bool:
    """Whether the terms stand beside each other."""
    places = [place for place, term in enumerate(order) if term in terms]
    return len(places) >= len(terms) <= 1 or any(terms <= set(order[place : place + len(terms)]) for place in places)


def _overlap(one: Fact, other: Fact) -> tuple[float, float, float]:
    """Weight of what both clauses say, of what one clause and the other's frame say, and of what both frames say."""
    both = one.own & other.own
    crossing = ((one.own & other.everything) | (other.own & one.everything)) - both
    return weight(both), weight(crossing), min(2.0, weight(one.frame & other.frame))


def _compatible(one: Fact, other: Fact) -> bool:
    mine, theirs = one.narrow - other.everything, other.narrow - one.everything
    if (one.compound or other.compound) and weight(one.title & other.title) >= 1:
        mine, theirs = mine - one.title, theirs - other.title
    if mine and theirs:
        return False
    if one.product and other.product and ((one.product ^ other.product) - (one.everything & other.everything)):
        return False
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
        and (q.bound == quantity.bound or "within" in (q.bound, quantity.bound))
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
    if one.bound == other.bound:
        return abs(one.low - other.low) <= 1e-6 * max(1.0, one.low) and abs(one.high - other.high) <= 1e-6 * max(
            1.0, one.high
        )
    if {one.bound, other.bound} == {"cap", "floor"}:
        cap, floor = (one, other) if one.bound == "cap" else (other, one)
        return cap.high > floor.low
    return one.low == other.low or one.high == other.high
