"""A one-time code typed into the chat: recognised before anything is stored, because its digits never are."""

import re
import unicodedata

from desk.identity.step_up import CODE_DIGITS

MAX_CHARS = 80
_CODE = re.compile(r"(?<!\d)\d(?:[\s-]?\d){5}(?!\d)")
_BARE = re.compile(r"[\s.]*\d(?:[\s-]?\d){5}[\s.!]*")


def typed_code(text: str) -> str | None:
    """The six digits of a message that is a code, in any script and with a few words around: "it's 123 456"."""
    folded = unicodedata.normalize("NFKC", text)
    digits = "".join(str(unicodedata.decimal(char)) for char in folded if char.isdecimal())
    if len(text) > MAX_CHARS or len(digits) != CODE_DIGITS:
        return None
    plain = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in folded)
    return digits if _CODE.search(plain) else None


def without_digits(text: str) -> str:
    """The message as it is stored: ``it's ••• •••``."""
    return "".join("•" if char.isdigit() or char.isdecimal() else char for char in text)


def without_code(text: str) -> str:
    """Masks a message that is nothing but six digits: a code whose time is over is still nobody's to read."""
    return without_digits(text) if _BARE.fullmatch(unicodedata.normalize("NFKC", text)) else text
