"""Results of business systems are foreign data: checked against their shape, made plain, reduced to what is needed."""

from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

from desk.integrations.records import MAX_NUMBER as MAX_NUMBER
from desk.integrations.records import ResultMalformed as ResultMalformed
from desk.integrations.records import plain as plain


def reduced(record: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """Only the named fields; ``items.name`` keeps that field of every item. Money stays whole under its own name."""
    kept: dict[str, Any] = {}
    for field in fields:
        name, _, rest = field.partition(".")
        kept[name] = _merged(kept.get(name), _below(record[name], rest)) if rest else record[name]
    return kept


def has_field(shape: Any, field: str) -> bool:
    """Whether a dotted path names a field of the shape."""
    name, _, rest = field.partition(".")
    if get_origin(shape) is list:
        return has_field(get_args(shape)[0], field)
    if not is_typeddict(shape):
        return False
    hints = get_type_hints(shape)
    return name in hints and (not rest or has_field(hints[name], rest))


def _below(value: Any, field: str) -> Any:
    if isinstance(value, list):
        return [_below(item, field) for item in value]
    return None if value is None else reduced(value, (field,))


def _merged(known: Any, more: Any) -> Any:
    if isinstance(known, list) and isinstance(more, list):
        return [_merged(*pair) for pair in zip(known, more, strict=True)]
    if isinstance(known, dict) and isinstance(more, dict):
        return known | {name: _merged(known.get(name), value) for name, value in more.items()}
    return more
