"""Characters nobody sees, and encoded texts nobody reads: found, decoded for the report, and taken out of a text.

Invisible characters have honest uses, which stay: joiners within emoji and within Arabic, Persian and Indic words,
direction marks in texts that are written from right to left, selectors after an emoji, the tags of a flag.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

SOFT_HYPHEN = "\u00ad"
_JOINERS = "\u200c\u200d"
_DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_BLANKS = "\u115f\u1160\u3164\uffa0\u2800\u180e\u034f\u17b4\u17b5"
"""No format characters, and yet nothing is seen of them."""
_TAGS = range(0xE0000, 0xE0080)
_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_FLAG = "\U0001f3f4"

_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{24,}+(?:\n[A-Za-z0-9+/_-]{4,}+)*+={0,2}")
_MIN_DECODED = 20
_LETTERS = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """A stretch of a text that a reader does not see or cannot read. ``means`` is what a machine reads in it."""

    start: int
    end: int
    what: str
    means: str


def unseen(text: str) -> list[Unseen]:
    """Everything of the kind, in reading order, without overlaps."""
    if text.isascii() and not _CONTROLS.search(text):
        return sorted(_encoded(text), key=lambda found: found.start)
    hidden = list(_characters(text))
    taken = [(found.start, found.end) for found in hidden]
    encoded = [found for found in _encoded(text) if not any(s < found.end and found.start < e for s, e in taken)]
    return sorted(hidden + encoded, key=lambda found: found.start)


def without(text: str, found: list[Unseen]) -> str:
    """The text without these; its lines stay."""
    if not found:
        return text
    kept, position = [], 0
    for part in found:
        kept += [text[position : part.start], "\n" * text.count("\n", part.start, part.end)]
        position = part.end
    return "".join([*kept, text[position:]])


_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _characters(text: str) -> Iterator[Unseen]:
    """Runs of invisible characters; those further apart than a few letters are told apart."""
    from_right = any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)
    position, size = 0, len(text)
    while position < size:
        if not _is_unseen(text, position, from_right):
            position += 1
            continue
        start = position
        while position < size and _is_unseen(text, position, from_right):
            position += 1
        run = text[start:position]
        yield Unseen(start=start, end=position, what=_name(run), means=_spelt(run))


def _is_unseen(text: str, position: int, from_right: bool) -> bool:
    char = text[position]
    if not _may_be_unseen(char):
        return False
    before, after = text[position - 1 : position], text[position + 1 : position + 2]
    if char in _JOINERS:
        return not (_joins(before) and _joins(after))
    if char in _DIRECTIONS:
        return not from_right
    if ord(char) in _SELECTORS:
        # One selector after a sign that has variants; a second one in a row says something else.
        return (
            not before
            or before.isspace()
            or (before.isascii() and before not in "#*0123456789")
            or _may_be_unseen(before)
        )
    if ord(char) in _TAGS:
        return not _ends_flag(text, position)
    return True


@lru_cache(maxsize=4096)
def _may_be_unseen(char: str) -> bool:
    if char in "\n\t\r" or char == SOFT_HYPHEN:
        return False
    return (
        unicodedata.category(char) in ("Cf", "Cc") or char in _BLANKS or ord(char) in _SELECTORS or ord(char) in _TAGS
    ) and not 0x600 <= ord(char) <= 0x605  # signs of Arabic numbers, which are seen


def _joins(char: str) -> bool:
    """Whether a joiner beside this character has work to do."""
    if not char:
        return False
    return (
        unicodedata.category(char) in ("So", "Sk", "Mn", "Mc") or ord(char) in _SELECTORS or 0x600 <= ord(char) < 0x1900
    )


def _ends_flag(text: str, position: int) -> bool:
    """Whether these tags name a region after a black flag (England, Scotland, Wales)."""
    start = position
    while start > 0 and position - start < 8 and ord(text[start - 1]) in _TAGS:
        start -= 1
    return text[start - 1 : start] == _FLAG


def _name(run: str) -> str:
    if any(ord(char) in _TAGS for char in run):
        return "tag characters"
    if any(char in "\u202d\u202e" or char in _DIRECTIONS for char in run):
        return "characters that turn the direction of writing"
    if any(unicodedata.category(char) == "Cc" for char in run):
        return "control characters"
    return "zero-width characters"


def _spelt(run: str) -> str:
    """What the run says to a program: tag characters are letters, selectors are bytes."""
    letters = "".join(chr(ord(char) - 0xE0000) for char in run if 0xE0020 <= ord(char) < 0xE007F)
    if letters:
        return letters
    codes = [ord(char) for char in run if ord(char) in _SELECTORS]
    spelt = bytes(code - 0xFE00 if code < 0xFE10 else code - 0xE0100 + 16 for code in codes)
    return spelt.decode("utf-8", "ignore") if len(spelt) > 3 else ""


def _encoded(text: str) -> Iterator[Unseen]:
    for match in _ENCODED.finditer(text):
        means = decoded(match[0])
        if means:
            yield Unseen(start=match.start(), end=match.end(), what="an encoded text", means=means)


def decoded(blob: str) -> str:
    """The text a run of base64 or hexadecimal digits stands for, or nothing when it stands for none."""
    plain = blob.replace("\n", "")
    candidates: list[bytes] = []
    if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", plain):
        candidates.append(bytes.fromhex(plain))
    core = plain.rstrip("=").replace("-", "+").replace("_", "/")
    with suppress(binascii.Error, ValueError):
        candidates.append(base64.b64decode(core + "=" * (-len(core) % 4), validate=True))
    return next((said for raw in candidates if (said := _as_text(raw))), "")


def _as_text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    letters = sum(len(word) for word in _LETTERS.findall(text))
    printable = all(char.isprintable() or char in "\n\t\r" for char in text)
    return text if printable and len(text) >= _MIN_DECODED and letters >= 0.6 * len(text) else ""
