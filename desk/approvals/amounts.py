"""Amounts as arguments carry them: ``35.00``, in the pack's currency. Nothing else is an amount."""

import re

from desk.domain.money import Money

AMOUNT = re.compile(r"[0-9]{1,7}\.[0-9]{2}")
"""Not negative, two decimals; below ten million. That nothing is moved with ``0.00`` is the gate's to say."""


def minor_units(text: str) -> int | None:
    """``3500`` for ``35.00``; None for anything that is no amount."""
    if not AMOUNT.fullmatch(text):
        return None
    whole, cents = text.split(".")
    return int(whole) * 100 + int(cents)


def as_argument(amount: int) -> str:
    """``35.00`` for 3500 minor units."""
    return f"{amount // 100}.{amount % 100:02d}"


def as_money(text: str, *, currency: str) -> Money:
    """Raises ``ValueError`` for anything that is no amount."""
    amount = minor_units(text)
    if amount is None:
        raise ValueError("not an amount")
    return {"amount": amount, "currency": currency}
