"""From the pack's words to a request, and from an answer to a record: pure functions over JSON values."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from desk.integrations.records import MAX_ITEMS, ResultMalformed
from desk.policies.systems import FieldSource

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_.]*)\}")
_WHOLE = re.compile(r"^\{([a-z_][a-z0-9_.]*)\}$")
_MISSING: Any = object()


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its placeholders replaced; a text that is one placeholder becomes the value itself."""
    match template:
        case str() if whole := _WHOLE.match(template):
            return lookup(values, whole.group(1))
        case str():
            return _PLACEHOLDER.sub(lambda match: str(lookup(values, match.group(1))), template)
        case dict():
            return {name: fill(item, values) for name, item in template.items()}
        case list():
            return [fill(item, values) for item in template]
        case _:
            return template


def lookup(values: Any, path: str) -> Any:
    """The value at a path of the arguments: ``amount.currency``."""
    for part in path.split("."):
        values = values[part]
    return values


def at(value: Any, path: str) -> Any:
    """The value at a path of an answer. Raises ``ResultMalformed`` when there is none."""
    found = _find(value, path)
    if found is _MISSING:
        raise ResultMalformed(f"the answer has no {path}")
    return found


def text_at(value: Any, path: str) -> str | None:
    """The short text at a path, or None."""
    found = _find(value, path)
    return found if isinstance(found, str) and len(found) <= 100 else None


def mapped(answer: Any, fields: Mapping[str, FieldSource], *, given: Mapping[str, Any]) -> Any:
    """The record, with the named fields taken from where the pack says they are, and the others as they are.

    ``given``: what was asked with.
    """
    if not fields:
        return answer
    if not isinstance(answer, dict):
        raise ResultMalformed("the answer is not a record")
    return answer | {name: _field(answer, source, name=name, given=given) for name, source in fields.items()}


def _field(answer: Any, source: FieldSource, *, name: str, given: Mapping[str, Any]) -> Any:
    if source.given is not None:
        return given[source.given]
    found = _find(answer, source.path)
    if found is None or found is _MISSING:
        if source.optional:
            return None
        raise ResultMalformed(f"the answer has no {source.path or name}")
    if source.values:
        if not isinstance(found, str) or found not in source.values:
            raise ResultMalformed(f"the value of {name} is not one the pack knows")
        return source.values[found]
    if source.money is not None and source.currency is not None:
        amount = _minor(found, source.money, name=name)
        return {"amount": amount, "currency": _currency(answer, source.currency)}
    if source.each:
        if not isinstance(found, list) or len(found) > MAX_ITEMS:
            raise ResultMalformed(f"{name} is not a list of at most {MAX_ITEMS}")
        return [mapped(item, source.each, given=given) for item in found]
    return mapped(found, source.fields, given=given)


def _minor(value: Any, kind: str, *, name: str) -> int:
    """The amount in minor units, exactly or not at all."""
    if kind == "minor" and type(value) is int:
        return value
    if kind == "decimal" and isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
        try:
            cents = Decimal(str(value)) * 100
            if len(str(value)) <= 20 and cents == cents.to_integral_value():
                return int(cents)
        except (InvalidOperation, OverflowError):
            pass
    raise ResultMalformed(f"the amount of {name} is none")


def _currency(answer: Any, source: str) -> Any:
    """A currency is written out, or found at a path."""
    return source if re.fullmatch(r"[A-Z]{3}", source) else at(answer, source)


def _find(value: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _MISSING
    return value
