"""What a search for personal data finds: a kind, a span of the original text, and what is shown instead."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "card", "cvv", "expiry", "iban", "bank_account", "us_ssn", "uk_nino", "passport", "driving_licence", "secret",
    "email", "phone",
]  # fmt: skip

SHOWN: dict[Kind, str] = {
    "card": "[card]",
    "cvv": "[security code]",
    "expiry": "[expiry date]",
    "iban": "[iban]",
    "us_ssn": "[national id]",
    "uk_nino": "[national id]",
    "passport": "[passport number]",
    "driving_licence": "[driving licence]",
    "bank_account": "[bank account]",
    "secret": "[secret]",
    "email": "[email]",
    "phone": "[phone]",
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """One finding; ``start`` and ``end`` count characters of the original text."""

    type: Kind
    start: int
    end: int
    last_digits: str = ""
    """Last four digits of a card."""

    @property
    def shown(self) -> str:
        """What stands in its place."""
        return f"[card ending {self.last_digits}]" if self.last_digits else SHOWN[self.type]
