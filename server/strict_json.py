"""Strict JSON: what parsers read differently, or what no store can keep, is refused before anybody acts on it.

A duplicate key, NaN, a lone surrogate or a NUL is not a customer's request; it is a mistake or an attack.
"""

import json
import math
from typing import Any, NoReturn

from server.errors import MalformedBody

MAX_DEPTH = 32
MAX_DIGITS = 20  # more than any 64-bit number has


def check_json(body: bytes) -> None:
    """Raises ``MalformedBody``, whose code says what is wrong, unless ``body`` is strict JSON in UTF-8."""
    if body.startswith(b"\xef\xbb\xbf"):
        raise MalformedBody("The body must be UTF-8 without a byte order mark.", code="not_utf8")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not valid UTF-8.", code="not_utf8") from None
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise MalformedBody("The body is not valid JSON.") from None
    _check_values(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedBody("The body names a key twice.", code="duplicate_key")
    return members


def _constant(_: str) -> NoReturn:
    raise MalformedBody("NaN and Infinity are not JSON.", code="not_a_number")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise MalformedBody("The body holds a number that is too large.", code="not_a_number")
    return value


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise MalformedBody(f"The body holds a number of more than {MAX_DIGITS} digits.", code="number_too_long")
    return int(digits)


def _check_values(value: Any) -> None:
    """Walks level by level, so that no nesting can exhaust the stack."""
    level, depth = [value], 0
    while level:
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _check_text(item)
            elif isinstance(item, dict | list):
                if depth == MAX_DEPTH:
                    raise _too_deep()
                deeper.extend(item)
                deeper.extend(item.values() if isinstance(item, dict) else ())
        level, depth = deeper, depth + 1


def _check_text(text: str) -> None:
    if "\0" in text:
        raise MalformedBody("The body holds a NUL character.", code="nul_character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedBody("The body holds half of a surrogate pair.", code="lone_surrogate") from None


def _too_deep() -> MalformedBody:
    return MalformedBody(f"The body is nested deeper than {MAX_DEPTH} levels.", code="nested_too_deep")
