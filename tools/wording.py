"""Puts calls and results into words: the values a reply template may use."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from desk.approvals.amounts import as_money
from desk.domain.money import format_money
from desk.policies.models import PolicySet, ToolSpec
from tools.calls import ToolCall

UNKNOWN = "not known yet"
_WITH_TIME = frozenset({"starts_at"})
"""Moments a customer has to keep; of all others the day is enough."""


def reply_values(record: str, data: Mapping[str, Any], *, zone: ZoneInfo | None = None) -> dict[str, str]:
    """``{"order.total": "84.50 USD", "order.placed_at": "13 November 2026", …}`` for a result's fields."""
    return {f"{record}.{name}": _worded(value, name=name, zone=zone) for name, value in data.items()}


def action_values(
    call: ToolCall, *, tool: ToolSpec, policies: PolicySet, facts: Mapping[str, Any], labels: Mapping[str, str]
) -> dict[str, str]:
    """Values for a template about a planned action: its arguments, the facts of its quote, its title."""
    values = {"title": tool.title}
    for argument in tool.arguments:
        if (value := call["arguments"].get(argument.name)) is None:
            continue
        if argument.type == "money":
            value = format_money(as_money(value, currency=policies.currency))
        values[argument.name] = labels.get(argument.name, value)
    quote = policies.tools.get(tool.quote or "")
    return values | (reply_values(quote.record, facts, zone=policies.zone) if quote else {})


def item_label(pattern: str, item: Mapping[str, Any], *, zone: ZoneInfo) -> str:
    """A choice as the customer sees it. Raises ``KeyError`` for a field the item does not have."""
    return re.sub(
        r"\{([a-z_]+)\}", lambda match: _worded(item[match.group(1)], name=match.group(1), zone=zone), pattern
    )


def in_words(data: Mapping[str, Any]) -> dict[str, str]:
    """Every field of a result in words, for people of the staff."""
    return {name: _worded(value, name=name, zone=None) for name, value in data.items()}


def _worded(value: Any, *, name: str, zone: ZoneInfo | None) -> str:
    match value:
        case None:
            return UNKNOWN
        case {"amount": int(), "currency": str()}:
            return format_money({"amount": value["amount"], "currency": value["currency"]})
        case list():
            return ", ".join(_worded(item, name=name, zone=zone) for item in value)
        case {"name": str(thing), "quantity": int(quantity)}:
            return thing if quantity == 1 else f"{quantity} × {thing}"
        case {"label": str(label)}:
            return label
        case {"number": str(number), "status": str(status), "total": dict(total)}:
            return f"{number} ({status}, {_worded(total, name='total', zone=zone)})"
        case dict():
            return ", ".join(_worded(part, name=key, zone=zone) for key, part in value.items())
        case bool():
            return "yes" if value else "no"
        case str():
            return _moment(value, with_time=name in _WITH_TIME, zone=zone) or value
        case _:
            return str(value)


def _moment(value: str, *, with_time: bool, zone: ZoneInfo | None) -> str | None:
    """``13 November 2026`` for an ISO timestamp, with the time of day where it matters; None for any other text."""
    if len(value) < 19 or value[4:5] != "-" or value[10:11] != "T":
        return None
    moment = datetime.fromisoformat(value)
    if with_time:
        local = moment.astimezone(zone) if zone else moment
        return f"{local:%A} {local.day} {local:%B %Y} at {local:%H:%M}"
    return f"{moment.day} {moment:%B %Y}"
