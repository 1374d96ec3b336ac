"""Folds disguises away, character by character, so that a span of the folded text is the same span of the original.

Digits of every script become 0-9, full-width letters become ASCII, every space a space, every dash a dash, and
characters nobody sees (zero-width, combining, soft hyphen) become ``INVISIBLE``. Letters are lower-cased.
"""

import unicodedata
from functools import lru_cache

INVISIBLE = "\u200b"
_DOTS = "·•∙⋅‧・"


def fold(text: str) -> str:
    """As long as ``text``, one character for each."""
    return text.lower() if text.isascii() else "".join(map(_folded, text))


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    if character.isascii():
        return character.lower()
    digit = unicodedata.digit(character, -1)
    if digit >= 0:
        return str(digit)
    if character in _DOTS:
        return "."
    match unicodedata.category(character):
        case "Cf" | "Mn" | "Me":
            return INVISIBLE
        case "Zs" | "Zl" | "Zp":
            return " "
        case "Pd":
            return "-"
    plain = unicodedata.normalize("NFKC", character)
    return plain.lower() if len(plain) == 1 and plain.isascii() else character
