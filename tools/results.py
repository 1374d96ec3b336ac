"""Results of business systems are foreign data: checked against their shape, made plain, reduced to what is needed.

A record is a TypedDict of strings, integers, times, literals, lists and other TypedDicts. Keys the shape does not
know are dropped, so nothing a system adds gets any further.
"""

import re
import types
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from desk.domain.clock import rfc3339

MAX_TEXT = 2000
MAX_ITEMS = 200
MAX_NUMBER = 2**53
"""The largest whole number every JSON reader keeps; a checkpoint refuses those above 64 bits."""
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")  # neither PostgreSQL nor a checkpoint can store these


class ResultMalformed(Exception):
    """The system answered something that is not the record it promises. The message names the field, not the value."""


def plain(value: Any, shape: Any, *, at: str = "result") -> Any:
    """The value as JSON has it: times as RFC 3339. Raises ``ResultMalformed`` where it does not fit ``shape``."""
    origin = get_origin(shape)
    if is_typeddict(shape):
        if not isinstance(value, dict):
            raise ResultMalformed(f"{at} is not a record")
        fields = get_type_hints(shape)
        if missing := fields.keys() - value.keys():
            raise ResultMalformed(f"{at} has no {min(missing)}")
        return {name: plain(value[name], kind, at=f"{at}.{name}") for name, kind in fields.items()}
    if origin is list:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise ResultMalformed(f"{at} is not a list of at most {MAX_ITEMS}")
        return [plain(item, get_args(shape)[0], at=at) for item in value]
    if origin in (Union, types.UnionType):
        if value is None and type(None) in get_args(shape):
            return None
        return plain(value, next(kind for kind in get_args(shape) if kind is not type(None)), at=at)
    if origin is Literal:
        if value not in get_args(shape):
            raise ResultMalformed(f"{at} is none of {', '.join(get_args(shape))}")
        return value
    if shape is datetime:
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise ResultMalformed(f"{at} is not a time with a zone")
        return rfc3339(value)
    # bool is an int to Python; no record here has a bool.
    if type(value) is not shape or (type(value) is int and abs(value) > MAX_NUMBER):
        raise ResultMalformed(f"{at} is not a {shape.__name__}")
    if type(value) is str and (len(value) > MAX_TEXT or _NO_TEXT.search(value)):
        raise ResultMalformed(f"{at} is not a {shape.__name__}")
    return value


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
