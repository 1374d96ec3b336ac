"""Whether one claim denies another, or says of more what the other says of something only."""

from collections.abc import Iterator

from retrieval.conflict.alignment import TITLE, compatible, overlap, weight, whens_meet
from retrieval.conflict.facts import Fact
from retrieval.conflict.wording import LIGHT, PERSONS

_CLAIM_CROSS, _CLAIM_FRAME, _CLAIM_DOUBT, _CLAIMED, _DENIED = 0.6, 0.3, 0.3, 0.35, 0.25


def opposition(one: Fact, other: Fact) -> float:
    """Of two claims, one of which denies: how likely the one denies what the other claims."""
    claim, denial = (other, one) if one.negative else (one, other)
    if "free" in denial.own - claim.own:
        return 0.0
    payers = {claim.clause.payer, denial.clause.payer} - {""}
    if "pay" in claim.own & denial.own and len(payers) > 1:
        return 0.0  # "you don't pay", "we pay"
    excepted = (claim.clause.excepted & denial.own, denial.clause.excepted & claim.own)
    if denial.clause.partial or denial.clause.only or max(weight(terms) for terms in excepted) >= 1:
        return 0.0
    if denial.clause.vague or not compatible(one, other) or not _same_case(claim, denial):
        return 0.0
    shared, _, frame = overlap(claim, denial)
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
    topical = denial.clause.exists or weight(denial.title - claim.everything) == 0  # about nothing else
    if shared < 0.6 or together < (0.6 if alike and not claimed else 1.0 if alike or topical or frame >= 1 else 1.3):
        return 0.0
    together += _CLAIM_FRAME * frame
    if denied <= _DENIED:
        # What is denied in general is claimed here of something, or of the very same thing.
        beside = claimed * (0.5 * _CLAIMED if denial.clause.exists else _CLAIMED)
        if not denial.clause.exists:
            elsewhere = min(weight(claim.title - denial.everything), weight(denial.title - claim.everything), 2.0)
            beside += 0.5 * TITLE * elsewhere
        return together / (together + _CLAIM_DOUBT + beside + denied)
    if claimed <= 0.35 and claim.clause.universal and beyond - denial.narrow <= LIGHT:
        return together / (together + 0.4 + 0.35 * denied)
    if claimed + denied <= 0.5:
        return together / (together + 0.3 + claimed + denied)
    return 0.0


def exclusion(one: Fact, other: Fact) -> float:
    """Of a claim that it holds for something only, and another: how likely the other says it of something else."""
    if not one.clause.only or one.negative or other.negative or one.clause.modality == "must":
        return 0.0
    if other.clause.only or not _same_case(other, one):
        return 0.0
    rest = one.own - one.clause.only
    if (one.limits - one.clause.only - other.everything) or weight(rest - other.everything) > 0.5:
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
    if other.clause.also:
        beyond |= other.own - one.everything
    if not (other.clause.universal or beyond):
        return 0.0
    return together / (together + 0.3 + 0.1 * weight(other.own - one.everything))


def _same_case(claim: Fact, denial: Fact) -> bool:
    """Whether what is denied is denied for the case in which it is claimed."""
    mine, theirs = claim.clause, denial.clause
    if mine.timing and theirs.timing and mine.timing != theirs.timing and mine.event & theirs.event:
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
