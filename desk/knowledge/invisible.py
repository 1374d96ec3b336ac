"""Characters nobody sees, and encoded texts nobody reads: found, decoded for the report, and taken out of a text.

Invisible characters have honest uses, which stay: joiners within emoji and within Arabic, Persian and Indic words,
direction marks in texts that are written from right to left, selectors after an emoji, the tags of a flag.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

SOFT_HYPHEN = "\u00ad"
_JOINERS = "\u200c\u200d"
_DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_TAGS = range(0xE0000, 0xE0080)
_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_FLAG = "\U0001f3f4"
_KEYCAPS = "#*0123456789"
_SUSPECTS = re.compile(
    # Controls, joiners and marks of direction, fillers that look like a space or like nothing, selectors, tags.
    "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)

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


def without(text: str, found: Sequence[Unseen]) -> str:
    """The text without these; its lines stay."""
    if not found:
        return text
    kept, position = [], 0
    for part in found:
        kept += [text[position : part.start], "\n" * text.count("\n", part.start, part.end)]
        position = part.end
    return "".join([*kept, text[position:]])


def invisible_characters(text: str) -> Iterator[Unseen]:
    """Runs of characters nobody sees."""
    from_right: bool | None = None
    start = end = -1
    for match in _SUSPECTS.finditer(text):
        position, char = match.start(), match[0]
        if from_right is None and char in _DIRECTIONS:
            from_right = any(unicodedata.bidirectional(each) in ("R", "AL") for each in text)
        if _is_honest(text, position, char, from_right=bool(from_right)):
            continue
        if position != end:
            if end > 0:
                yield _run(text, start, end)
            start = position
        end = position + 1
    if end > 0:
        yield _run(text, start, end)


def _run(text: str, start: int, end: int) -> Unseen:
    run = text[start:end]
    return Unseen(start=start, end=end, what=_name(run), means=_spelt(run))


def _is_honest(text: str, position: int, char: str, *, from_right: bool) -> bool:
    before, after = text[position - 1 : position], text[position + 1 : position + 2]
    if char in _JOINERS:
        return _joins(before) and _joins(after)
    if char in _DIRECTIONS:
        return from_right
    if ord(char) in _SELECTORS:
        # One selector after a sign that has variants; a second one in a row says something else.
        has_variants = before in _KEYCAPS if before.isascii() else not before.isspace()
        return bool(before) and has_variants and not _SUSPECTS.match(before)
    return ord(char) in _TAGS and _ends_flag(text, position)


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


def encoded_texts(text: str) -> Iterator[Unseen]:
    """Runs of base64 or hexadecimal digits that stand for a text; look for them when nothing invisible is between."""
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
