"""Money in minor units, as it travels everywhere: ``{"amount": 12900, "currency": "USD"}``."""

from typing import TypedDict


class Money(TypedDict):
    """``amount`` counts the currency's minor unit (cents)."""

    amount: int
    currency: str


def format_money(money: Money) -> str:
    """``129.00 USD``: the way replies and staff see an amount."""
    return f"{money['amount'] // 100}.{money['amount'] % 100:02d} {money['currency']}"
