"""Numbers, their units and bounds, and the form every quantity has: what ``quantities`` and ``times`` are read with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from retrieval.conflict.meanings import words_in
from retrieval.conflict.wording import Token

QuantityKind = Literal["amount", "period", "date", "time", "percentage", "count", "contact"]
Bound = Literal["exact", "within", "cap", "floor", "range"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    kind: QuantityKind
    unit: str
    """What makes two numbers comparable: a currency, ``days``, ``business`` days, ``g``, ``clock``."""
    low: float
    high: float
    bound: Bound = "exact"
    per: str = ""
    """What an amount is for one of: ``item``, ``order``; periods are folded into the number."""
    weekdays: int = 0
    """One bit for each day from Monday, for opening hours and days."""
    months: bool = False
    """Whether a period is counted in months or years, whose days are not always the same."""
    zone: str = ""
    year: int = 0
    counted: frozenset[str] = frozenset()
    """Terms of what is counted."""
    start: int = 0
    """First token that belongs to it, its words of bound included."""
    end: int = 0


ONES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "dozen": 12,
}  # fmt: skip
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALES = {"hundred": 100, "thousand": 1_000, "k": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
TIMES_WORDS = {"once": 1, "twice": 2, "thrice": 3}
SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
CURRENCIES = {
    "usd": "USD", "dollar": "USD", "dollars": "USD", "bucks": "USD", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "gbp": "GBP", "pound": "GBP", "pounds": "GBP", "sterling": "GBP", "chf": "CHF", "cad": "CAD", "aud": "AUD",
    "jpy": "JPY", "yen": "JPY", "inr": "INR", "rupees": "INR", "sek": "SEK", "nok": "NOK", "dkk": "DKK", "pln": "PLN",
}  # fmt: skip
ANY_CURRENCY = "currency"
CENTS = {"cent": ANY_CURRENCY, "cents": ANY_CURRENCY, "pence": "GBP"}
_SECOND = 1 / 86_400
_PERIODS = {
    "second": _SECOND, "sec": _SECOND, "minute": 60 * _SECOND, "min": 60 * _SECOND, "hour": 1 / 24, "hr": 1 / 24,
    "day": 1, "night": 1, "week": 7, "fortnight": 14, "month": 365 / 12, "quarter": 365 / 4, "year": 365, "yr": 365,
    "annum": 365, "decade": 3_650,
}  # fmt: skip
DAYS_IN = {word + ending: days for word, days in _PERIODS.items() for ending in ("", "s")} | {"mins": 60 * _SECOND}
BUSINESS = frozenset({"business", "working", "banking", "bank", "work"})
_CALENDAR = frozenset({"calendar", "consecutive", "full", "whole", "further", "more", "additional", "extra"})
_MEASURES: dict[str, tuple[str, float]] = {
    "kg": ("g", 1000), "kilogram": ("g", 1000), "kilograms": ("g", 1000), "kilos": ("g", 1000), "g": ("g", 1),
    "gram": ("g", 1), "grams": ("g", 1), "lb": ("g", 453.592), "lbs": ("g", 453.592), "oz": ("g", 28.3495),
    "mm": ("mm", 1), "cm": ("mm", 10), "m": ("mm", 1000), "metre": ("mm", 1000), "metres": ("mm", 1000),
    "meter": ("mm", 1000), "meters": ("mm", 1000), "km": ("mm", 1e6), "kilometres": ("mm", 1e6),
    "kilometers": ("mm", 1e6), "mile": ("mm", 1_609_344), "miles": ("mm", 1_609_344), "inch": ("mm", 25.4),
    "inches": ("mm", 25.4), "foot": ("mm", 304.8), "feet": ("mm", 304.8), "ft": ("mm", 304.8),
    "l": ("ml", 1000), "litre": ("ml", 1000), "litres": ("ml", 1000), "liter": ("ml", 1000), "liters": ("ml", 1000),
    "ml": ("ml", 1), "kb": ("byte", 1e3), "mb": ("byte", 1e6), "gb": ("byte", 1e9), "tb": ("byte", 1e12),
    "w": ("watt", 1), "kw": ("watt", 1000), "watt": ("watt", 1), "watts": ("watt", 1), "mbps": ("mbps", 1),
    "gbps": ("mbps", 1000),
}  # fmt: skip
UNIT_WORDS = frozenset({*DAYS_IN, *CURRENCIES, *BUSINESS, *_MEASURES, "percent", "cent", "cents", "times"})
NUMBER_WORDS = frozenset({*ONES, *TENS, *_SCALES, *TIMES_WORDS})
_CAP_BEFORE = (
    "up to", "at most", "no more than", "not more than", "not be more than", "maximum", "maximum of", "maximum is",
    "max", "max of", "not exceed", "not to exceed", "limited to", "limit of", "limit is", "limit to", "cap of",
    "cap is", "capped at", "as many as", "as much as", "no longer than", "not longer than", "under", "below",
    "less than", "fewer than", "younger than", "not over", "not above", "not exceeding",
)  # fmt: skip
_FLOOR_BEFORE = (
    "at least", "minimum", "minimum of", "minimum is", "min", "no less than", "not less than", "no fewer than",
    "not fewer than", "starting at", "starts at", "starting from", "starts from", "as little as", "more than", "over",
    "above", "exceeding", "exceed", "exceeds", "older than", "longer than", "greater than", "beyond", "from",
    "not below", "not under", "not be below", "not be under", "or over", "later than",
)  # fmt: skip
_NOT_A_BOUND = ("no later than", "not later than")
_CAP_AFTER = (
    "or less", "or fewer", "or below", "or under", "or younger", "at most", "maximum", "max", "or shorter",
    "and under", "and below", "and less",
)  # fmt: skip
_FLOOR_AFTER = (
    "or more", "or above", "or over", "or longer", "or older", "or higher", "or greater", "or earlier", "or later",
    "and above", "and more",
    "and over", "and up", "and older", "at least", "minimum", "plus",
)  # fmt: skip
_BEFORE: tuple[tuple[Bound, tuple[str, ...]], ...] = (("cap", _CAP_BEFORE), ("floor", _FLOOR_BEFORE))
_AFTER: tuple[tuple[Bound, tuple[str, ...]], ...] = (("cap", _CAP_AFTER), ("floor", _FLOOR_AFTER))
_CUE_WORDS = 4
_RANGE_SIGNS = frozenset({"to", "-", "and", "or", "through", "till", "until"})
_IDENTIFIERS = words_in("""
    step section no number code page version option article chapter figure table level tier box line type
""")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?\Z")
_DECIMAL_COMMA = re.compile(r"\d+,\d{1,2}\Z")
_PLAIN = re.compile(r"\d+(?:\.\d+)?\Z")


class Number(NamedTuple):
    value: float
    end: int
    digits: bool
    """Written in digits, not in words."""


def number_at(tokens: Sequence[Token], place: int) -> Number | None:
    if place >= len(tokens):
        return None
    token = tokens[place]
    if token.kind == "number":
        value = value_of(token.text)
        if value is None:
            return None
        following = word_at(tokens, place + 1)
        if following in _SCALES and (following != "k" or tokens[place + 1].start == token.end):
            return Number(value * _SCALES[following], place + 2, True)
        return Number(value, place + 1, True)
    if token.kind != "word":
        return None
    return _number_in_words(tokens, place)


def _number_in_words(tokens: Sequence[Token], place: int) -> Number | None:
    word = tokens[place].text
    if word in TENS:
        after = place + 2 if sign_at(tokens, place + 1) == "-" else place + 1
        ones = ONES.get(word_at(tokens, after), 0)
        if 0 < ones < 10:
            return Number(float(TENS[word] + ones), after + 1, False)
        return _scaled(tokens, float(TENS[word]), place + 1)
    if word in ONES:
        return _scaled(tokens, float(ONES[word]), place + 1)
    if word == "hundred":
        return Number(100.0, place + 1, False)
    if word == "half" and word_at(tokens, place + 1) in ("a", "an"):
        return Number(0.5, place + 2, False)
    if word in ("a", "an"):
        following = word_at(tokens, place + 1)
        if following == "half":
            return Number(0.5, place + 2, False)
        if following == "dozen":
            return Number(12.0, place + 2, False)
        if following == "couple" and word_at(tokens, place + 2) == "of":
            return Number(2.0, place + 3, False)
        if following in _SCALES and following != "k":
            return Number(float(_SCALES[following]), place + 2, False)
        # "an hour" is one hour; any other "a" counts nothing. "a day" is mostly a rate and read there.
        if following in DAYS_IN or following in BUSINESS:
            return Number(1.0, place + 1, False)
    return None


def _scaled(tokens: Sequence[Token], value: float, end: int) -> Number:
    following = word_at(tokens, end)
    if following in _SCALES and following != "k":
        return Number(value * _SCALES[following], end + 1, False)
    return Number(value, end, False)


def value_of(text: str) -> float | None:
    if _PLAIN.match(text):
        return float(text)
    if _THOUSANDS.match(text):
        return float(text.replace(",", ""))
    if _DECIMAL_COMMA.match(text):
        return float(text.replace(",", "."))
    return None


def is_identifier(tokens: Sequence[Token], place: int) -> bool:
    """A number that names something: ``HP-10001``, ``step 2``, a telephone number."""
    token = tokens[place]
    before = tokens[place - 1] if place else None
    if before is not None and before.end == token.start:
        if before.text in ("_", "#", "@", "/", "=", ".") or before.kind == "word":
            return True
        if before.text == "-" and place > 1 and tokens[place - 2].end == before.start:
            return tokens[place - 2].kind == "word" and tokens[place - 2].text not in ONES
    if before is not None and before.text == "+" and len(token.text) < 4 and kind_at(tokens, place + 1) == "number":
        return True
    if place + 1 < len(tokens) and tokens[place + 1].text == "_" and tokens[place + 1].start == token.end:
        return True
    if kind_at(tokens, place + 1) == "number" or kind_at(tokens, place - 1) == "number":
        return True
    return before is not None and before.text in _IDENTIFIERS and word_at(tokens, place + 1) not in DAYS_IN


def joined_at(tokens: Sequence[Token], place: int, end: int) -> int:
    """Where the second number of a range begins, or 0: ``5 to 10``, ``5-10``, ``between 5 and 10``, ``4 or 5``."""
    sign = text_at(tokens, end)
    if sign not in _RANGE_SIGNS:
        return 0
    if sign == "and" and word_at(tokens, place - 1) != "between":
        return 0
    if sign == "/" or (sign == "or" and kind_at(tokens, end + 1) == ""):
        return 0
    return end + 1


def unit_at(tokens: Sequence[Token], place: int) -> tuple[str, float, int] | None:
    """Unit of a period or a measure, how many of it, and where it ends."""
    if text_at(tokens, place) == "-":
        place += 1
    business = False
    for _ in range(2):
        word = word_at(tokens, place)
        if word in BUSINESS and word_at(tokens, place + 1) in ("day", "days", "hour", "hours", "week", "weeks"):
            business, place = True, place + 1
        elif word in _CALENDAR or sign_at(tokens, place) == "-":
            place += 1
        else:
            break
    word = word_at(tokens, place)
    if word in DAYS_IN:
        if sign_at(tokens, place + 1) == "(" and word_at(tokens, place + 2) == "s":
            return "business" if business else "days", DAYS_IN[word], place + 4
        return "business" if business else "days", DAYS_IN[word], place + 1
    if word in _MEASURES:
        name, factor = _MEASURES[word]
        return name, factor, place + 1
    if text_at(tokens, place) == "°" and word_at(tokens, place + 1) in ("c", "f"):
        return "°" + word_at(tokens, place + 1), 1.0, place + 2
    return None


def bounded(tokens: Sequence[Token], place: int, end: int, *, ranged: bool) -> tuple[int, int, Bound]:
    """Where the quantity begins and ends with its words of bound, and which bound they make."""
    if ranged:
        start = place - 1 if word_at(tokens, place - 1) in ("between", "from") else place
        return start, end, "range"
    before: list[str] = []
    back = place - 1
    while back >= 0 and len(before) < _CUE_WORDS and tokens[back].kind == "word":
        before.insert(0, tokens[back].text)
        back -= 1
    said = " ".join(before)
    after = " ".join(words_at(tokens, end, 2))
    if sign_at(tokens, end) == "+":
        return place, end + 1, "floor"
    if not said.endswith(_NOT_A_BOUND):
        for bound, cues in _BEFORE:
            for filler in ("", " of", " a", " the", " just", " only"):
                for cue in cues:
                    ending = cue + filler
                    if said == ending or said.endswith(" " + ending):
                        if bound == "floor" and cue == "from" and filler:
                            continue
                        return place - len(ending.split()), end, bound
    for bound, cues in _AFTER:
        for cue in cues:
            if after == cue or after.startswith(cue + " "):
                return place, end + len(cue.split()), bound
    bound = _named_bound(tokens, place)
    return place, end, "within" if bound == "exact" and word_at(tokens, place - 1) in _DEADLINES else bound


_DEADLINES = frozenset({"within", "in", "have", "for"})
_NAMED_BOUNDS: dict[str, Bound] = {
    "minimum": "floor", "smallest": "floor", "lowest": "floor", "min": "floor", "shortest": "floor",
    "maximum": "cap", "max": "cap", "largest": "cap", "highest": "cap", "limit": "cap", "limits": "cap", "cap": "cap",
    "longest": "cap", "biggest": "cap", "limited": "cap",
}  # fmt: skip


def _named_bound(tokens: Sequence[Token], place: int) -> Bound:
    """The bound a noun gives: "the minimum order value is 20 EUR", "the daily limit for cash: 500 EUR"."""
    for back in range(place - 1, max(-1, place - 10), -1):
        token = tokens[back]
        if token.kind == "number" or token.text in (",", ";", "."):
            return "exact"
        if token.text in _NAMED_BOUNDS:
            return _NAMED_BOUNDS[token.text]
    return "exact"


def text_at(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].text if 0 <= place < len(tokens) else ""


def kind_at(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].kind if 0 <= place < len(tokens) else ""


def word_at(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].text if 0 <= place < len(tokens) and tokens[place].kind == "word" else ""


def sign_at(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].text if 0 <= place < len(tokens) and tokens[place].kind == "sign" else ""


def words_at(tokens: Sequence[Token], place: int, count: int) -> list[str]:
    return [token.text for token in tokens[place : place + count]]
