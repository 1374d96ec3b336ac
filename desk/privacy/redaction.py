"""Masks what must not be stored, logged or sent to a model: cards, bank accounts, government ids, secrets (R6.4).

Used on every message before anything keeps it, and on every log record. Masking what is masked changes nothing.
"""

import base64
import binascii
import logging
import re
import traceback
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from desk.privacy.cards import find_cards
from desk.privacy.credentials import find_credentials
from desk.privacy.folding import fold
from desk.privacy.found import SHOWN, Found, Kind
from desk.privacy.identifiers import find_contacts, find_identifiers

__all__ = ["ALL", "SENSITIVE", "Found", "Kind", "Redacted", "RedactingFilter", "redact"]

ALL: frozenset[Kind] = frozenset(SHOWN)
SENSITIVE: frozenset[Kind] = ALL - {"email", "phone"}
"""What is masked in a customer's words: addresses and telephone numbers stay, because workflows need them."""

_MASKED_CARD = re.compile(r"\[card(?: ending \d{4})?\]")
_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}={0,2}")

_BLANK = "¤"
_ROUNDS = 8


@dataclass(frozen=True, kw_only=True)
class Redacted:
    """The text as it may be kept, and what was found; spans count characters of the original."""

    text: str
    found: tuple[Found, ...]


def redact(text: str, previous: str = "", *, kinds: Collection[Kind] = SENSITIVE) -> Redacted:
    """The text with every finding of ``kinds`` masked.

    ``previous`` is the customer's earlier message (or several, joined by line breaks): the rest of a card number that
    began there is masked as well.
    """
    found = _found(text, previous, kinds=kinds)
    return Redacted(text="".join(_masked(text, found)), found=found)


def _found(text: str, previous: str, *, kinds: Collection[Kind]) -> tuple[Found, ...]:
    """Everything of these kinds. What was found is blanked and the rest searched again: a finding can be the edge of
    another ("4111111111111111password is x9"), and masking the masked text must find nothing new."""
    found: tuple[Found, ...] = ()
    for _ in range(_ROUNDS):
        more = _without_overlaps(item for item in _all(text, previous) if item.type in kinds)
        if not more:
            break
        found += more
        text = "".join(_masked(text, more, blank=True))
    # A label may be found late, in front of what was found before ("…1111password is :4111…"): it takes that in.
    return _without_overlaps(found)


def _masked(text: str, found: Iterable[Found], *, blank: bool = False) -> Iterator[str]:
    """The pieces of the text with what stands for the findings; ``blank``: brackets as long as the finding was."""
    end = 0
    for item in found:
        yield text[end : item.start]
        length = item.end - item.start
        yield f"[{_BLANK * (length - 2)}]"[:length] if blank else item.shown
        end = item.end
    yield text[end:]


def mentions_masked_card(text: str) -> bool:
    """Whether a card number was masked in this text, which is stored masked and read again later."""
    return _MASKED_CARD.search(text) is not None


def _all(text: str, previous: str) -> Iterator[Found]:
    folded = fold(text)
    yield from _plain(text, folded, previous)
    yield from _encoded(text)
    yield from find_contacts(folded)


def _plain(text: str, folded: str, previous: str = "") -> Iterator[Found]:
    yield from find_credentials(text)
    yield from find_cards(folded, previous=fold(previous[-400:]))
    yield from find_identifiers(folded)


def _encoded(text: str) -> Iterator[Found]:
    """Base64 with something of the above inside: the whole of it goes."""
    for match in _ENCODED.finditer(text):
        inner = _decoded(match[0])
        if inner and (within := next(_plain(inner, fold(inner)), None)):
            yield Found(type=within.type, start=match.start(), end=match.end(), last_digits=within.last_digits)


def _decoded(run: str) -> str | None:
    run = run.rstrip("=").replace("-", "+").replace("_", "/")
    run = run[: len(run) - 1] if len(run) % 4 == 1 else run
    try:
        inner = base64.b64decode(run + "=" * (-len(run) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return inner if inner.isprintable() or "".join(inner.split()).isprintable() else None


def _without_overlaps(found: Iterable[Found]) -> tuple[Found, ...]:
    """In order; of two that overlap the second keeps what the first does not cover, so nothing shows through."""
    kept: list[Found] = []
    for item in sorted(found, key=lambda item: (item.start, -item.end)):
        start = max(item.start, kept[-1].end) if kept else item.start
        if start == item.start:
            kept.append(item)
        elif start < item.end:
            last = kept.pop()
            kept.append(Found(type=last.type, start=last.start, end=item.end, last_digits=last.last_digits))
    return tuple(kept)


class RedactingFilter(logging.Filter):
    """Masks message, arguments, extra values and traceback of every record of the handler it is added to."""

    kinds: frozenset[Kind] = ALL - {"phone"}

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._clean(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if record.exc_text:
            record.exc_text = self._clean(record.exc_text)
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                record.__dict__[name] = self._cleaned(value)
        return True

    def _cleaned(self, value: Any) -> Any:
        match value:
            case str():
                return self._clean(value)
            case dict():
                return {self._cleaned(key): self._cleaned(item) for key, item in value.items()}
            case list() | tuple():
                return [self._cleaned(item) for item in value]
            case _:
                return value

    def _clean(self, text: str) -> str:
        return redact(text, kinds=self.kinds).text


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__)
