"""Records of business systems as JSON carries them: to plain values, and back to what ``protocols`` promises.

Only times differ. What is missing or of another kind stays as it is; the executor checks every result's shape.
"""

from datetime import datetime
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict


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


def from_json(value: Any, shape: Any) -> Any:
    """The record with a ``datetime`` wherever ``shape`` has one. What is written there and is no time stays text."""
    if is_typeddict(shape):
        if not isinstance(value, dict):
            return value
        hints = get_type_hints(shape)
        return {name: from_json(item, hints.get(name)) for name, item in value.items()}
    if get_origin(shape) is list:
        return [from_json(item, get_args(shape)[0]) for item in value] if isinstance(value, list) else value
    if isinstance(value, str) and (shape is datetime or datetime in get_args(shape)):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value
