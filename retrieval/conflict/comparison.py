"""Whether two quantities of the same thing can both be true."""

from retrieval.conflict.measures import ANY_CURRENCY, Quantity
from retrieval.conflict.wording import PERSONS


def same_unit(a: Quantity, b: Quantity) -> bool:
    """Whether two quantities of one kind can be compared at all."""
    if a.kind == "period":
        return (a.unit == "age") == (b.unit == "age")
    if a.kind == "amount":
        any_unit = {"any", ANY_CURRENCY} & {a.unit, b.unit}
        return (a.unit == b.unit or bool(any_unit)) and (a.per == b.per or not a.per or not b.per)
    if a.kind == "count" and a.unit == b.unit == "":
        counted, other = _whom(a.counted), _whom(b.counted)
        return a.per == b.per and (bool(counted & other) or not (counted or other))
    if a.kind == "time":
        return a.unit == b.unit or "weekdays" not in (a.unit, b.unit) or bool(a.weekdays and b.weekdays)
    return a.unit == b.unit


def differ(a: Quantity, b: Quantity) -> bool:
    """Whether both cannot be true of the same thing."""
    if a.kind != b.kind:
        return a.high != b.high  # nothing against a share
    if a.kind == "contact":
        return a.counted != b.counted
    if a.unit == "date":
        return (a.low, a.high) != (b.low, b.high) or (bool(a.year and b.year) and a.year != b.year)
    if a.kind == "time":
        if a.weekdays and b.weekdays:
            if a.unit == "weekdays" or b.unit == "weekdays":
                return _days_differ(a.weekdays, b.weekdays)
            if not a.weekdays & b.weekdays:
                return False
        return (a.low, a.high) != (b.low, b.high)
    if a.unit != b.unit and {a.unit, b.unit} == {"days", "business"}:
        business, calendar = (a, b) if a.unit == "business" else (b, a)
        return not (business.low * 0.95 <= calendar.high and calendar.low <= business.high * 1.6)
    if "within" in (a.bound, b.bound) and {a.bound, b.bound} <= {"within", "exact", "cap"}:
        return not _close(a.high, b.high, a, b)
    if a.bound == b.bound:
        return not (_close(a.low, b.low, a, b) and _close(a.high, b.high, a, b))
    exact, bounded = (a, b) if a.bound in ("exact", "within", "range") else (b, a)
    match bounded.bound:
        case "cap":
            return exact.bound != "floor" and exact.high > bounded.high
        case "floor":
            return exact.bound != "cap" and exact.low < bounded.low
        case _:
            low, high = (bounded, exact) if bounded.bound == "range" else (exact, bounded)
            return not low.low <= high.low <= low.high


def _whom(counted: frozenset[str]) -> frozenset[str]:
    """The terms with one for whoever is counted: holders, users, people."""
    return counted | {"<person>"} if counted & PERSONS else counted


def _days_differ(a: int, b: int) -> bool:
    """Two spans of days must be the same; a single day must lie in the span."""
    if a.bit_count() > 1 and b.bit_count() > 1:
        return a != b
    return not a & b


def _close(a: float, b: float, one: Quantity, other: Quantity) -> bool:
    if one.months != other.months:
        return abs(a - b) <= 0.05 * max(a, b)  # one month, 30 days
    return abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1)
