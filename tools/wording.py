"""Puts a tool's result into words: the values a reply template may use."""

from datetime import datetime
from typing import Any

from desk.domain.money import format_money

UNKNOWN = "not known yet"


def reply_values(record: str, data: dict[str, Any]) -> dict[str, str]:
    """``{"order.total": "84.50 USD", "order.placed_at": "13 November 2026", …}`` for a result's fields."""
    return {f"{record}.{name}": _worded(value) for name, value in data.items()}


def _worded(value: Any) -> str:
    match value:
        case None:
            return UNKNOWN
        case {"amount": int(), "currency": str()}:
            return format_money({"amount": value["amount"], "currency": value["currency"]})
        case list():
            return ", ".join(_worded(item) for item in value)
        case {"name": str(name), "quantity": int(quantity)}:
            return name if quantity == 1 else f"{quantity} × {name}"
        case str():
            return _date(value) or value
        case _:
            return str(value)


def _date(value: str) -> str | None:
    """``13 November 2026`` for an ISO timestamp, None for any other text."""
    if len(value) < 19 or value[4:5] != "-" or value[10:11] != "T":
        return None
    moment = datetime.fromisoformat(value)
    return f"{moment.day} {moment:%B %Y}"
