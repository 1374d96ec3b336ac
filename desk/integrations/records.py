"""Records of business systems as JSON carries them: to plain values, and back to what ``protocols`` promises.

A record is a TypedDict of strings, integers, booleans, times, literals, lists and other TypedDicts. Keys the shape does
not know are dropped, so nothing a system adds gets any further.

from_json   only times differ; what is missing or of another kind stays as it is
plain       the whole check, which every result goes through before it is used
"""

import functools
import re
import types
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from desk.domain.clock import rfc3339

RECORD_NAMES = frozenset({"number", "order_number", "reference", "method_id", "slot_id"})
"""Arguments of the protocols that name a record: one that cannot exist is ``RecordNotFound``, not a wrong value."""

MAX_TEXT = 2000
MAX_ITEMS = 200
MAX_NUMBER = 2**53
"""The largest whole number every JSON reader keeps; a checkpoint refuses those above 64 bits."""
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")  # neither PostgreSQL nor a checkpoint can store these


class ResultMalformed(Exception):
    """The system answered something that is not the record it promises. The message names the field, not the value."""


def to_json(value: Any) -> Any:
    """The same record with its times written as RFC 3339."""
    match value:
        case dict():
            return {name: to_json(item) for name, item in value.items()}
        case list():
            return [to_json(item) for item in value]
        case datetime():
            return value.isoformat()
        case _:
            return value


@functools.cache
def _hints(shape: Any) -> dict[str, Any]:
    """Found once: looking the names up takes longer than checking the values."""
    return get_type_hints(shape)


def from_json(value: Any, shape: Any) -> Any:
    """The record with a ``datetime`` wherever ``shape`` has one. What is written there and is no time stays text."""
    if is_typeddict(shape):
        if not isinstance(value, dict):
            return value
        hints = _hints(shape)
        return {name: from_json(item, hints[name]) for name, item in value.items() if name in hints}
    if get_origin(shape) is list:
        return [from_json(item, get_args(shape)[0]) for item in value] if isinstance(value, list) else value
    if isinstance(value, str) and (shape is datetime or datetime in get_args(shape)):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


def plain(value: Any, shape: Any, *, at: str = "result") -> Any:
    """The value as JSON has it: times as RFC 3339. Raises ``ResultMalformed`` where it does not fit ``shape``."""
    origin = get_origin(shape)
    if is_typeddict(shape):
        if not isinstance(value, dict):
            raise ResultMalformed(f"{at} is not a record")
        fields = _hints(shape)
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
    # bool is an int to Python, and never meant as one.
    if type(value) is not shape or (type(value) is int and abs(value) > MAX_NUMBER):
        raise ResultMalformed(f"{at} is not a {shape.__name__}")
    if type(value) is str and (len(value) > MAX_TEXT or not is_text(value)):
        raise ResultMalformed(f"{at} is not a {shape.__name__}")
    return value


def is_text(value: str) -> bool:
    """Neither a NUL nor half a surrogate pair in it."""
    return _NO_TEXT.search(value) is None
