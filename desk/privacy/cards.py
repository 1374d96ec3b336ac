"""Finds payment card numbers, however they are written, and the security code and expiry date beside them.

A number is a card when its length and first digits are a scheme's and the Luhn check holds; a 15-digit order number
that happens to pass Luhn is none. Digits may be grouped, in words, of any script, or spread over lines.
Every text is read a fixed number of times: the work grows with its length, whatever is in it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from desk.privacy.folding import INVISIBLE
from desk.privacy.found import Found, Kind

LONGEST = 19
SHORTEST = 12

_WORDS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14",
    "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19", "twenty": "2",
    "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8", "ninety": "9",
}  # fmt: skip
_TENS = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
_NUMBER_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_ATOM = re.compile(
    rf"\d(?:{INVISIBLE}*\d)*"
    rf"|(?<![a-z])(?:(?P<times>double|triple|treble)[ -]{{1,2}})?(?P<word>{_NUMBER_WORD})(?![a-z])"
)
_GAP = re.compile(rf"{INVISIBLE}*(?:[\s.,\-_/|*]{INVISIBLE}*){{0,6}}")

# Brackets are ours: what an earlier redaction wrote must not change what a later one finds.
_CONTEXT = re.compile(
    r"(?<!\[)\b(?:card|cards|credit|debit|visa|master ?card|amex|american express|discover|maestro|diners|jcb|cc|pan"
    r"|cvv|cvc|carte|tarjeta|karte|kreditkarte|creditcard)\b"
)

_MONTHS = {
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "january", "february",
    "march", "april", "june", "july", "august", "september", "october", "november", "december",
}  # fmt: skip
_EXPIRY = r"(?:0?[1-9]|1[0-2])\s?[/.\-]\s?(?:20)?\d\d(?!\d)"
_TAIL = re.compile(rf"(?P<date>{_EXPIRY})|(?P<digits>\d+)|(?P<word>[a-z]+2?)|(?P<gap>[^a-z0-9]+)")
_TAIL_WORDS = {
    "exp", "expiry", "expires", "expire", "expiration", "expiring", "date", "valid", "thru", "through", "until", "till",
    "and", "with", "the", "my", "is", "on", "in", "code", "security", "number", "no",
}  # fmt: skip
_CODE_WORDS = {"cvv", "cvv2", "cvc", "cvc2", "cvn", "csc", "cvs"}
_TAIL_TOKENS = 24

_LABELLED_CODE = re.compile(
    r"\b(?:cvv2?|cvc2?|cvn|csc|security (?:code|number)|card (?:code|verification)|verification (?:value|number))\b"
    r"(?:[\s:=#-]{0,3}(?:is|code|number|no\.?|value)){0,2}[\s:=#(-]{0,3}"
    rf"(?P<code>\d{{3,4}}(?!\d)|(?:(?:{_NUMBER_WORD})[ ,-]{{0,2}}){{2,3}}(?:{_NUMBER_WORD}))(?![a-z])"
)
_LABELLED_EXPIRY = re.compile(
    rf"\b(?:exp(?:iry|ires|iration|\.)?|valid (?:thru|until))[\s:]{{0,3}}(?:date|is|on)?[\s:]{{0,3}}(?P<date>{_EXPIRY})"
)


@dataclass(frozen=True)
class _Atom:
    start: int
    end: int
    digits: str


@dataclass(frozen=True)
class _Window:
    """Consecutive atoms that are one card number."""

    first: int
    last: int
    digits: str


def find_cards(folded: str, *, previous: str = "") -> Iterator[Found]:
    """Cards, and the codes and dates that belong to them, in a folded text.

    ``previous`` is the folded earlier message: a number begun there and ended here is found as well.
    """
    context = _CONTEXT.search(folded) is not None
    cards = [card for run in _runs(folded) for card in _cards_of(run, folded, context=context)]
    if previous:
        cards += _continued(previous, folded)
        if "[card ending" in previous[-200:]:
            yield from _beside(folded, 0)
    yield from cards
    for card in cards:
        yield from _beside(folded, card.end)
    if cards:
        yield from _labelled("expiry", _LABELLED_EXPIRY, folded, "date")
    yield from _labelled("cvv", _LABELLED_CODE, folded, "code")


def _labelled(kind: Kind, pattern: re.Pattern[str], folded: str, group: str) -> Iterator[Found]:
    for match in pattern.finditer(folded):
        yield Found(type=kind, start=match.start(group), end=match.end(group))


def _runs(folded: str) -> Iterator[list[_Atom]]:
    """Runs of digits and number words with nothing but separators between them."""
    run: list[_Atom] = []
    for match in _ATOM.finditer(folded):
        if run and not _GAP.fullmatch(folded, run[-1].end, match.start()):
            yield run
            run = []
        run.append(_Atom(match.start(), match.end(), _digits(match)))
    if run:
        yield run


def _digits(match: re.Match[str]) -> str:
    word = match["word"]
    if word is None:
        return match[0].replace(INVISIBLE, "")
    times = {None: 1, "double": 2}.get(match["times"], 3)
    return _WORDS[word] * times


def _cards_of(run: list[_Atom], folded: str, *, context: bool) -> Iterator[Found]:
    run = _joined_tens(run, folded)
    windows = [window for first in range(len(run)) if (window := _window(run, first, folded, context=context))]
    end = 0
    for position, window in enumerate(windows):
        start, stop = run[window.first].start, run[window.last].end
        if position and start < end:
            # Two readings overlap: the rest of the second is covered as well.
            start = end
        if start < stop:
            yield Found(type="card", start=start, end=stop, last_digits=window.digits[-4:])
            end = stop


def _joined_tens(run: list[_Atom], folded: str) -> list[_Atom]:
    """ "forty" before "one" is 4, alone it is 40."""
    joined = []
    for position, atom in enumerate(run):
        if folded[atom.start : atom.end] in _TENS:
            following = run[position + 1].digits if position + 1 < len(run) else ""
            if len(following) != 1 or following == "0":
                atom = _Atom(atom.start, atom.end, atom.digits + "0")
        joined.append(atom)
    return joined


def _window(run: Sequence[_Atom], first: int, folded: str, *, context: bool) -> _Window | None:
    """The card that begins at an atom: the usual grouping before any other, the longer before the shorter."""
    if len(run[first].digits) > LONGEST or (context and len(run[first].digits) > 16):
        return _glued(run, first) or (_single(run, first, context=context))
    best: _Window | None = None
    digits = ""
    for last in range(first, len(run)):
        digits += run[last].digits
        if len(digits) > LONGEST:
            break
        atoms = run[first : last + 1]
        certain = _certainty(digits)
        if certain and luhn(digits) and (context or (certain == 2 and _plausible(atoms, folded))):
            best = _Window(first, last, digits)
            if _usual([len(atom.digits) for atom in atoms]):
                break
    return best


def _single(run: Sequence[_Atom], first: int, *, context: bool) -> _Window | None:
    digits = run[first].digits
    certain = _certainty(digits)
    return _Window(first, first, digits) if certain and luhn(digits) and (context or certain == 2) else None


def _glued(run: Sequence[_Atom], first: int) -> _Window | None:
    """A card with its date or code glued to it."""
    digits = run[first].digits
    for length in (16, 15):
        for part in (digits[:length], digits[-length:]):
            if _certainty(part) == 2 and luhn(part):
                return _Window(first, first, part)
    return None


def _continued(previous: str, folded: str) -> list[Found]:
    """The end of a number that began in the earlier message."""
    before = list(_runs(previous[-120:]))
    here = next(_runs(folded[:120]), [])
    if not before or not here:
        return []
    digits_before = [atom.digits for atom in before[-1]]
    found: list[Found] = []
    for first in range(max(0, len(digits_before) - LONGEST), len(digits_before)):
        head = "".join(digits_before[first:])
        tail = ""
        for atom in here[:LONGEST]:
            tail += atom.digits
            number = head + tail
            if len(head) >= 3 and len(tail) >= 3 and _certainty(number) == 2 and luhn(number):
                found.append(Found(type="card", start=here[0].start, end=atom.end, last_digits=number[-4:]))
    return sorted(found, key=lambda card: card.end)[-1:]


def _beside(folded: str, position: int) -> Iterator[Found]:
    """Expiry date and security code written right after a card number."""
    labelled, sentence_ended, month = False, False, -1
    for count, token in enumerate(_TAIL.finditer(folded, position)):
        if count == _TAIL_TOKENS:
            return
        text = token[0]
        if token.lastgroup == "gap":
            sentence_ended |= any(mark in text for mark in ".?!") and not labelled
        elif token.lastgroup == "date":
            yield Found(type="expiry", start=token.start(), end=token.end())
            labelled = True
        elif text in _MONTHS:
            month = token.start()
        elif token.lastgroup == "word" and text in _TAIL_WORDS | _CODE_WORDS:
            labelled |= text in _CODE_WORDS or text.startswith("exp")
        elif token.lastgroup == "digits" and month >= 0 and len(text) in (2, 4):
            yield Found(type="expiry", start=month, end=token.end())
            labelled, month = True, -1
        elif token.lastgroup == "digits" and len(text) in (3, 4):
            if not labelled and (sentence_ended or re.match(r"[ \t]*[a-z$€£]", folded[token.end() : token.end() + 4])):
                return
            date = len(text) == 4 and "01" <= text[:2] <= "12" and not labelled
            yield Found(type="expiry" if date else "cvv", start=token.start(), end=token.end())
            labelled = True
        else:
            return


def _certainty(digits: str) -> int:
    """2: a scheme's usual length · 1: a rare one, believed only where the text speaks of cards · 0: no card."""
    length = len(digits)
    if not SHORTEST <= length <= LONGEST:
        return 0
    four, two = int(digits[:4]), int(digits[:2])
    match two:
        case _ if digits[0] == "4":
            return {16: 2, 19: 2, 13: 1}.get(length, 0)
        case 51 | 52 | 53 | 54 | 55:
            return 2 if length == 16 else 0
        case 34 | 37:
            return 2 if length == 15 else 0
        case 35:
            return (2 if 3528 <= four <= 3589 else 1) if length in (16, 19) else 0
        case 36 | 38 | 39:
            return 2 if length == 14 else int(length in (16, 19))
        case 30 if 3000 <= four <= 3059 or four == 3095:
            return 2 if length == 14 else int(length in (16, 19))
        case 62 | 65:
            return 2 if length == 16 else int(length > 16)
        case 60 | 64 if four == 6011 or 6440 <= four <= 6499:
            return 2 if length == 16 else int(length > 16)
        case 50 | 56 | 57 | 58 | 63 | 67 | 6:
            return 1
    if 2221 <= four <= 2720 and length == 16:
        return 2
    return 2 if four in (1800, 2131) and length == 15 else 0


def luhn(digits: str) -> bool:
    """The check digit of every card scheme. A number of nothing but zeros is none."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit)
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0 and total > 0


def _plausible(atoms: Sequence[_Atom], folded: str) -> bool:
    """Whether the grouping is how people write one number, rather than a row of prices, phones or dates."""
    if any(folded[atom.start].isalpha() for atom in atoms):
        return True
    gaps = [folded[left.end : right.start].replace(INVISIBLE, "") for left, right in pairwise(atoms)]
    sizes = [len(atom.digits) for atom in atoms]
    if _usual(sizes) or _usual(_unwrapped(sizes, gaps)):
        return True
    if len({gap.strip() for gap in gaps}) != 1:
        return False
    return len({*sizes[:-1]}) == 1 or min(sizes[:-1]) >= 3


def _unwrapped(sizes: Sequence[int], gaps: Sequence[str]) -> list[int]:
    """The sizes of the groups when a line break inside a group is taken back."""
    whole = [sizes[0]]
    for size, gap in zip(sizes[1:], gaps, strict=True):
        if "\n" in gap:
            whole[-1] += size
        else:
            whole.append(size)
    return whole


def _usual(sizes: Sequence[int]) -> bool:
    """One block, fours, or the 4-6-5 and 4-6-4 of American Express and Diners."""
    fours = set(sizes[:-1]) == {4} and sizes[-1] <= 4
    return len(sizes) == 1 or fours or tuple(sizes) in {(4, 6, 5), (4, 6, 4), (8, 8)}
