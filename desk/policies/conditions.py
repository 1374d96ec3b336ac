"""Conditions of the pack, decided over what is known about an action. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from desk.policies.models import Condition

_MISSING = object()


def holds(condition: Condition, values: Mapping[str, Any]) -> bool | None:
    """Whether the condition is fulfilled; None when its value is not known, or is no number where one is compared.

    ``values`` are nested mappings: ``{"amount": 12900, "fact": {"refundable": {"amount": 12900, …}}, …}``. A value
    that is known to be nothing (``None``) fulfils no comparison.
    """
    value = _at(condition.value, values)
    if value is _MISSING:
        return None
    if isinstance(value, Mapping) and "amount" in value:
        value = value["amount"]
    if value is None:
        return False
    number = value if type(value) is int else None
    if number is None and not (condition.above is condition.at_most is None):
        return None
    return all(
        (
            condition.above is None or (number is not None and number > condition.above),
            condition.at_most is None or (number is not None and number <= condition.at_most),
            # True is 1 to Python, and is not to anybody who writes a pack.
            condition.equals is None or (value == condition.equals and type(value) is type(condition.equals)),
            not condition.one_of or value in condition.one_of,
            not condition.none_of or value not in condition.none_of,
        )
    )


def all_hold(conditions: Sequence[Condition], values: Mapping[str, Any], *, unknown: bool) -> bool:
    """Whether all are fulfilled, where one that cannot be decided counts as ``unknown``."""
    return all(unknown if (held := holds(condition, values)) is None else held for condition in conditions)


def _at(path: str, values: Mapping[str, Any]) -> Any:
    here: Any = values
    for name in path.split("."):
        if not isinstance(here, Mapping) or name not in here:
            return _MISSING
        here = here[name]
    return here
