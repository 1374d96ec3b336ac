"""Rows of JSONL files, each with the place it stands at: a bad row is named by file and line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from desk.domain.errors import InvalidRequest


def rows_of(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs of ``file:line`` and the row."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"{path}: cannot be read: {exc}") from exc
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise InvalidRequest(f"{where}: is not JSON: {exc}") from exc
        if not isinstance(values, dict):
            raise InvalidRequest(f"{where}: must be a JSON object")
        yield where, values


def text_of(values: dict[str, Any], key: str, *, where: str) -> str:
    """A text that is not empty."""
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(f"{where}: {key!r} must be a text that is not empty")
    return value


def texts_of(values: dict[str, Any], key: str, *, where: str) -> tuple[str, ...]:
    """A list of texts; an absent one is empty."""
    value = values.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidRequest(f"{where}: {key!r} must be a list of texts")
    return tuple(value)


def patterns_of(values: dict[str, Any], key: str, *, where: str) -> tuple[re.Pattern[str], ...]:
    """A list of regular expressions; an absent one is empty."""
    try:
        return tuple(re.compile(text) for text in texts_of(values, key, where=where))
    except re.error as exc:
        raise InvalidRequest(f"{where}: {key!r} holds no regular expression: {exc}") from exc
