"""Quantities a sentence states, in one form each: "two weeks" is 14 days, "$500" is 500.00 USD, "ten percent" is 10 %.

Money, shares, periods and how often, dates and years, times of day with their weekdays, and counts with what is
counted. A quantity knows how it is bounded: "up to 10" is met by 5, "10" is not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from retrieval.wording import Token, term

QuantityKind = Literal["amount", "period", "date", "time", "percentage", "count"]
Bound = Literal["exact", "cap", "floor", "range"]

MAX_QUANTITIES = 24
"""Of one sentence."""
_ALL_WEEK = 0b1111111
_MINUTES_A_DAY = 1440


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
    zone: str = ""
    year: int = 0
    counted: frozenset[str] = frozenset()
    """Terms of what is counted."""
    start: int = 0
    """First token that belongs to it, its words of bound included."""
    end: int = 0


_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "dozen": 12,
}  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALES = {"hundred": 100, "thousand": 1_000, "k": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_TIMES_WORDS = {"once": 1, "twice": 2, "thrice": 3}

_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_CURRENCIES = {
    "usd": "USD", "dollar": "USD", "dollars": "USD", "bucks": "USD", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "gbp": "GBP", "pound": "GBP", "pounds": "GBP", "sterling": "GBP", "chf": "CHF", "cad": "CAD", "aud": "AUD",
    "jpy": "JPY", "yen": "JPY", "inr": "INR", "rupees": "INR", "sek": "SEK", "nok": "NOK", "dkk": "DKK", "pln": "PLN",
}  # fmt: skip
_CENTS = {"cent": "USD", "cents": "USD", "pence": "GBP"}

_SECOND = 1 / 86_400
_DAYS_IN = {
    "second": _SECOND, "sec": _SECOND, "minute": 60 * _SECOND, "min": 60 * _SECOND, "hour": 1 / 24, "hr": 1 / 24,
    "day": 1, "night": 1, "week": 7, "fortnight": 14, "month": 365 / 12, "quarter": 365 / 4, "year": 365, "yr": 365,
    "annum": 365, "decade": 3_650,
}  # fmt: skip
_PERIOD_WORDS = {word + ending: days for word, days in _DAYS_IN.items() for ending in ("", "s")} | {
    "mins": 60 * _SECOND
}
_BUSINESS = frozenset({"business", "working", "banking", "bank", "work"})
_CALENDAR = frozenset({"calendar", "consecutive", "full", "whole", "further", "more", "additional", "extra"})
_AT_ONCE = frozenset({"immediately", "instantly"})

_MEASURES = {
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

_MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sept sep", "october oct", "november nov", "december dec"), start=1
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        ("monday mondays mon", "tuesday tuesdays tue tues", "wednesday wednesdays wed", "thursday thursdays thu thurs",
         "friday fridays fri", "saturday saturdays sat", "sunday sundays sun")
    )
    for name in names.split()
}  # fmt: skip
_DAY_SETS = {"weekday": 0b0011111, "weekdays": 0b0011111, "weekend": 0b1100000, "weekends": 0b1100000}
_ZONES = {
    "eastern": "eastern", "et": "eastern", "est": "eastern", "edt": "eastern", "central": "central", "ct": "central",
    "cst": "central", "mountain": "mountain", "mst": "mountain", "pacific": "pacific", "pt": "pacific",
    "pst": "pacific", "pdt": "pacific", "utc": "utc", "gmt": "utc", "cet": "cet", "cest": "cet", "bst": "bst",
}  # fmt: skip

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
    "or more", "or above", "or over", "or longer", "or older", "or higher", "or greater", "and above", "and more",
    "and over", "and up", "and older", "at least", "minimum", "plus",
)  # fmt: skip
_BEFORE: tuple[tuple[Bound, tuple[str, ...]], ...] = (("cap", _CAP_BEFORE), ("floor", _FLOOR_BEFORE))
_AFTER: tuple[tuple[Bound, tuple[str, ...]], ...] = (("cap", _CAP_AFTER), ("floor", _FLOOR_AFTER))
_CUE_WORDS = 4
_AMOUNT_FILLERS = frozenset({"of", "is", "a", "an", "the", "be", "just", "only", "about", "around", "approximately"})
_RANGE_SIGNS = frozenset({"to", "-", "and", "or", "through", "till", "until"})
_PER = frozenset({"per", "each", "a", "an", "every", "/"})
_IDENTIFIERS = frozenset({"step", "section", "no", "number", "code", "page", "version", "option", "article", "chapter",
                          "figure", "table", "level", "tier", "box", "line", "type"})  # fmt: skip
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?\Z")
_DECIMAL_COMMA = re.compile(r"\d+,\d{1,2}\Z")
_PLAIN = re.compile(r"\d+(?:\.\d+)?\Z")


class _Number(NamedTuple):
    value: float
    end: int
    digits: bool
    """Written in digits, not in words."""


def quantities_of(tokens: Sequence[Token]) -> list[Quantity]:
    """What the sentence states, in order. Every token is looked at a bounded number of times."""
    found: list[Quantity] = []
    place = 0
    while place < len(tokens) and len(found) < MAX_QUANTITIES:
        quantity = _quantity_at(tokens, place)
        if quantity is None:
            place += 1
        else:
            found.append(quantity)
            place = max(quantity.end, place + 1)
    return _with_weekdays(tokens, found)


def _quantity_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    token = tokens[place]
    if token.kind == "sign":
        return _amount_at(tokens, place) if token.text in _SYMBOLS else None
    if token.kind == "number":
        if _is_identifier(tokens, place):
            return None
        return (
            _date_at(tokens, place)
            or _clock_at(tokens, place)
            or _amount_at(tokens, place)
            or _measured_at(tokens, place)
        )
    word = token.text
    if word in _MONTHS:
        return _date_at(tokens, place)
    if word in ("noon", "midnight", "midday"):
        return _clock_at(tokens, place)
    if word in ("around", "round") and _words(tokens, place, 3) == [word, "the", "clock"]:
        return _round_the_clock(place, place + 3)
    if word in _TIMES_WORDS:
        return _often_at(tokens, place, float(_TIMES_WORDS[word]), place + 1)
    if word == "every":
        return _every_at(tokens, place)
    if word in _AT_ONCE or (word == "at" and _word(tokens, place + 1) == "once"):
        end = place + (1 if word in _AT_ONCE else 2)
        return Quantity(kind="period", unit="days", low=0, high=0, start=place, end=end)
    if word in ("free", "complimentary", "gratis"):
        return _free_at(tokens, place)
    if word in _CURRENCIES or word in ("us", "about"):
        return _amount_at(tokens, place) if word in _CURRENCIES else None
    if word in _UNITS or word in _TENS or word in ("a", "an", "half", "hundred"):
        return _amount_at(tokens, place) or _measured_at(tokens, place)
    return None


# -- numbers -------------------------------------------------------------------------------------------------------


def _number_at(tokens: Sequence[Token], place: int) -> _Number | None:
    if place >= len(tokens):
        return None
    token = tokens[place]
    if token.kind == "number":
        value = _value(token.text)
        if value is None:
            return None
        following = _word(tokens, place + 1)
        if following in _SCALES and (following != "k" or tokens[place + 1].start == token.end):
            return _Number(value * _SCALES[following], place + 2, True)
        return _Number(value, place + 1, True)
    if token.kind != "word":
        return None
    return _number_in_words(tokens, place)


def _number_in_words(tokens: Sequence[Token], place: int) -> _Number | None:
    word = tokens[place].text
    if word in _TENS:
        after = place + 2 if _sign(tokens, place + 1) == "-" else place + 1
        ones = _UNITS.get(_word(tokens, after), 0)
        if 0 < ones < 10:
            return _Number(float(_TENS[word] + ones), after + 1, False)
        return _scaled(tokens, float(_TENS[word]), place + 1)
    if word in _UNITS:
        return _scaled(tokens, float(_UNITS[word]), place + 1)
    if word == "hundred":
        return _Number(100.0, place + 1, False)
    if word == "half" and _word(tokens, place + 1) in ("a", "an"):
        return _Number(0.5, place + 2, False)
    if word in ("a", "an"):
        following = _word(tokens, place + 1)
        if following == "half":
            return _Number(0.5, place + 2, False)
        if following == "dozen":
            return _Number(12.0, place + 2, False)
        if following == "couple" and _word(tokens, place + 2) == "of":
            return _Number(2.0, place + 3, False)
        if following in _SCALES and following != "k":
            return _Number(float(_SCALES[following]), place + 2, False)
        # "an hour" is one hour; any other "a" counts nothing. "a day" is mostly a rate and read there.
        if following in _PERIOD_WORDS or following in _BUSINESS:
            return _Number(1.0, place + 1, False)
    return None


def _scaled(tokens: Sequence[Token], value: float, end: int) -> _Number:
    following = _word(tokens, end)
    if following in _SCALES and following != "k":
        return _Number(value * _SCALES[following], end + 1, False)
    return _Number(value, end, False)


def _value(text: str) -> float | None:
    if _PLAIN.match(text):
        return float(text)
    if _THOUSANDS.match(text):
        return float(text.replace(",", ""))
    if _DECIMAL_COMMA.match(text):
        return float(text.replace(",", "."))
    return None


def _is_identifier(tokens: Sequence[Token], place: int) -> bool:
    """A number that names something: ``HP-10001``, ``step 2``, a telephone number."""
    token = tokens[place]
    before = tokens[place - 1] if place else None
    if before is not None and before.end == token.start:
        if before.text in ("_", "#", "@", "/", "=", ".") or before.kind == "word":
            return True
        if before.text == "-" and place > 1 and tokens[place - 2].end == before.start:
            return tokens[place - 2].kind == "word" and tokens[place - 2].text not in _UNITS
    if before is not None and before.text == "+" and len(token.text) < 4 and _kind(tokens, place + 1) == "number":
        return True
    if place + 1 < len(tokens) and tokens[place + 1].text == "_" and tokens[place + 1].start == token.end:
        return True
    if _kind(tokens, place + 1) == "number" or _kind(tokens, place - 1) == "number":
        return True
    return before is not None and before.text in _IDENTIFIERS and _word(tokens, place + 1) not in _PERIOD_WORDS


# -- amounts, shares -----------------------------------------------------------------------------------------------


def _amount_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """Money, or a share, at this token: ``$5``, ``USD 5``, ``5.00 USD``, ``5 to 10 %``, ``ten percent``."""
    first = _priced(tokens, place)
    if first is None:
        return None
    value, end, unit = first
    high = value
    joined = _joined(tokens, place, end)
    if joined:
        second = _priced(tokens, joined)
        if second is not None and (second[2] or unit) and (not unit or not second[2] or second[2] == unit):
            # "10.00 to 500.00 USD", "$75-$150", "4 or 5 %"
            high, end, unit = second[0], second[1], unit or second[2]
    if not unit:
        return None
    kind: QuantityKind = "percentage" if unit == "%" else "amount"
    low, high = min(value, high), max(value, high)
    start, bound = place, "exact"
    per, after = _per(tokens, end)
    if per in _PERIOD_WORDS and kind == "amount":
        low, high, per = low / _PERIOD_WORDS[per], high / _PERIOD_WORDS[per], "time"
    start, after, bound = _bounded(tokens, place, after if per else end, ranged=low != high)
    return Quantity(kind=kind, unit=unit, low=low, high=high, bound=bound, per=per, start=start, end=max(after, end))


def _priced(tokens: Sequence[Token], place: int) -> tuple[float, int, str] | None:
    """Value, where it ends, and its unit if it has one."""
    unit = _SYMBOLS.get(_text(tokens, place)) or _CURRENCIES.get(_word(tokens, place), "")
    if unit:
        place += 1
    number = _number_at(tokens, place)
    if number is None:
        return None
    value, end = number.value, number.end
    following = _text(tokens, end)
    if following == "-" and _word(tokens, end + 1) in ("dollar", "euro", "pound", "percent", "cent"):
        end, following = end + 1, _text(tokens, end + 1)
    if following in _CURRENCIES:
        return value, end + 1, unit or _CURRENCIES[following]
    if following in _SYMBOLS and not unit:
        return value, end + 1, _SYMBOLS[following]
    if unit:
        return value, end, unit
    if following in _CENTS:
        return value / 100, end + 1, _CENTS[following]
    if following == "%":
        return value, end + (2 if _word(tokens, end + 1) in ("percent",) else 1), "%"
    if following == "percent":
        return value, end + 1, "%"
    if following == "per" and _word(tokens, end + 1) == "cent":
        return value, end + 2, "%"
    return value, end, ""


def _joined(tokens: Sequence[Token], place: int, end: int) -> int:
    """Where the second number of a range begins, or 0: ``5 to 10``, ``5-10``, ``between 5 and 10``, ``4 or 5``."""
    sign = _text(tokens, end)
    if sign not in _RANGE_SIGNS:
        return 0
    if sign == "and" and _word(tokens, place - 1) != "between":
        return 0
    return end + 1


def _free_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """``free`` is an amount of nothing, unless it is free of something else (``free time``, ``feel free``)."""
    following = _words(tokens, place + 1, 2)
    if _word(tokens, place - 1) in ("feel", "are") and following[:1] == ["to"]:
        return None
    if _sign(tokens, place - 1) == "-" and _word(tokens, place - 2) not in ("fee", "charge", "cost"):
        return None
    if following[:1] == ["from"] and _number_at(tokens, place + 2) is None and _text(tokens, place + 2) not in _SYMBOLS:
        return None
    if following[:1] in (["time"], ["times"], ["space"], ["slot"], ["slots"], ["spot"], ["up"]):
        return None
    end = place + 3 if following in (["of", "charge"], ["of", "cost"]) else place + 1
    return Quantity(kind="amount", unit="any", low=0, high=0, start=place, end=end)


def _per(tokens: Sequence[Token], end: int) -> tuple[str, int]:
    """What an amount is for one of, and where that is said: ``per month``, ``/year``, ``for each item``."""
    place = end + 1 if _word(tokens, end) == "for" and _word(tokens, end + 1) in ("each", "every") else end
    if _text(tokens, place) not in _PER:
        return "", end
    for skipped in range(3):
        word = _word(tokens, place + 1 + skipped)
        if not word:
            break
        if word in _PERIOD_WORDS:
            return word.removesuffix("s"), place + 2 + skipped
        if word not in ("calendar", "full", "single", "further", "additional", "started", "business"):
            return (term(word), place + 2 + skipped) if term(word) else ("", end)
    return "", end


# -- periods and counts --------------------------------------------------------------------------------------------


def _measured_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """A period, a measure, or a count at this token."""
    number = _number_at(tokens, place)
    if number is None:
        return None
    low = high = number.value
    end = number.end
    unit = _unit(tokens, end)
    if joined := _joined(tokens, place, end):
        second = _number_at(tokens, joined)
        if second is not None:
            high, end = second.value, second.end
            unit = _unit(tokens, end)
    elif unit is not None and (joined := _joined(tokens, place, unit[2])):
        second = _number_at(tokens, joined)
        after = _unit(tokens, second.end) if second is not None else None
        if second is not None and after is not None and after[0] == unit[0]:
            # "24 hours to 2 days", "one day or two days"
            low, high, end, unit = low * unit[1], second.value * after[1], second.end, (after[0], 1.0, after[2])
    if unit is None:
        return _count(tokens, place, number, low=min(low, high), high=max(low, high), end=end)
    name, factor, unit_end = unit
    low, high = sorted((low * factor, high * factor))
    kind: QuantityKind = "period" if name in ("days", "business") else "count"
    start, stop, bound = _bounded(tokens, place, unit_end, ranged=low != high)
    if kind == "period" and _word(tokens, place - 1) == "every" and bound == "exact":
        return Quantity(kind="count", unit="often", low=1 / high if high else 0, high=1 / high if high else 0,
                        start=place - 1, end=stop)  # fmt: skip
    if kind == "period" and bound == "exact" and low == 1 and _words(tokens, place + 1, 3)[1:] == ["a", "day"]:
        return None
    if kind == "period" and high == 1 and _words(tokens, place, 4) == ["24", "hours", "a", "day"]:
        return _round_the_clock(place, unit_end + 2)
    if _word(tokens, place) in ("a", "an") and _word(tokens, place - 1) in _TIMES_WORDS:
        return None
    return Quantity(kind=kind, unit=name, low=low, high=high, bound=bound, start=start, end=stop)


def _unit(tokens: Sequence[Token], place: int) -> tuple[str, float, int] | None:
    """Unit of a period or a measure, how many of it, and where it ends."""
    if _text(tokens, place) == "-":
        place += 1
    business = False
    for _ in range(2):
        word = _word(tokens, place)
        if word in _BUSINESS and _word(tokens, place + 1) in ("day", "days", "hour", "hours", "week", "weeks"):
            business, place = True, place + 1
        elif word in _CALENDAR or _sign(tokens, place) == "-":
            place += 1
        else:
            break
    word = _word(tokens, place)
    if word in _PERIOD_WORDS:
        if _sign(tokens, place + 1) == "(" and _word(tokens, place + 2) == "s":
            return "business" if business else "days", _PERIOD_WORDS[word], place + 4
        return "business" if business else "days", _PERIOD_WORDS[word], place + 1
    if word in _MEASURES:
        name, factor = _MEASURES[word]
        return name, factor, place + 1
    if _text(tokens, place) == "°" and _word(tokens, place + 1) in ("c", "f"):
        return "°" + _word(tokens, place + 1), 1.0, place + 2
    return None


def _count(
    tokens: Sequence[Token], place: int, number: _Number, *, low: float, high: float, end: int
) -> Quantity | None:
    counted: list[str] = []
    after = end
    if _sign(tokens, after) == "-":
        after += 1
    while len(counted) < 3 and (word := _word(tokens, after)):
        if not (found := term(word)):
            if counted or word not in ("of", "more", "other", "different"):
                break
        else:
            counted.append(found)
        after += 1
    if not number.digits and not counted:
        return None
    if not number.digits and number.value == 1:
        return None  # "one person", "the one": rarely a count
    if number.digits and not counted and 1000 <= low <= 2100 and low == high and "," not in tokens[place].text:
        before = _word(tokens, place - 1)
        if before in ("in", "since", "of", "year", "from", "until", "by", "before", "after", "during", *_MONTHS):
            return Quantity(kind="date", unit="year", low=low, high=high, year=int(low), start=place, end=end)
    if counted[:1] == ["tim"] or _word(tokens, end) in ("time", "times"):
        often = _often_at(tokens, place, low, end + 1)
        if often is not None:
            return often
    start, stop, bound = _bounded(tokens, place, end, ranged=low != high)
    return Quantity(
        kind="count", unit="", low=low, high=high, bound=bound, counted=frozenset(counted), start=start, end=stop
    )


def _often_at(tokens: Sequence[Token], place: int, times: float, end: int) -> Quantity | None:
    """``once a week``, ``3 times per month``."""
    if _word(tokens, end) in ("a", "an", "per", "every", "each"):
        word = _word(tokens, end + 1)
        if word in _PERIOD_WORDS:
            often = times / _PERIOD_WORDS[word]
            start, _, bound = _bounded(tokens, place, end + 2, ranged=False)
            return Quantity(kind="count", unit="often", low=often, high=often, bound=bound, start=start, end=end + 2)
    return None


def _every_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """``every two weeks``, ``every other day``; ``every day`` is a set of weekdays and read with the hours."""
    if _word(tokens, place + 1) == "other" and (days := _PERIOD_WORDS.get(_word(tokens, place + 2))):
        return Quantity(kind="count", unit="often", low=1 / (2 * days), high=1 / (2 * days), start=place, end=place + 3)
    number = _number_at(tokens, place + 1)
    if number is None or not number.value:
        return None
    unit = _unit(tokens, number.end)
    if unit is None or unit[0] not in ("days", "business"):
        return None
    often = 1 / (number.value * unit[1])
    return Quantity(kind="count", unit="often", low=often, high=often, start=place, end=unit[2])


def _bounded(tokens: Sequence[Token], place: int, end: int, *, ranged: bool) -> tuple[int, int, Bound]:
    """Where the quantity begins and ends with its words of bound, and which bound they make."""
    if ranged:
        start = place - 1 if _word(tokens, place - 1) in ("between", "from") else place
        return start, end, "range"
    before: list[str] = []
    back = place - 1
    while back >= 0 and len(before) < _CUE_WORDS and tokens[back].kind == "word":
        before.insert(0, tokens[back].text)
        back -= 1
    said = " ".join(before)
    after = " ".join(_words(tokens, end, 2))
    if _sign(tokens, end) == "+":
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
    return place, end, "exact"


# -- dates, times of day, weekdays ---------------------------------------------------------------------------------


def _date_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """``January 15``, ``15 January 2026``, ``the 1st of May``, ``2026-10-01``."""
    token = tokens[place]
    if token.kind == "number":
        if iso := _iso_date(tokens, place):
            return iso
        after = place + 1
        if _word(tokens, after) in ("st", "nd", "rd", "th"):
            after += 1
        if _word(tokens, after) == "of":
            after += 1
        month = _MONTHS.get(_word(tokens, after), 0)
        day = _day(token.text)
        if not month or not day or (_word(tokens, after) == "may" and not tokens[after].capital):
            return None
        end = after + 1
    else:
        month = _MONTHS[token.text]
        day = _day(_text(tokens, place + 1)) if _kind(tokens, place + 1) == "number" else 0
        if not day:
            return None
        end = place + 2
        if _word(tokens, end) in ("st", "nd", "rd", "th"):
            end += 1
    year = 0
    after = end + 1 if _sign(tokens, end) == "," else end
    if _kind(tokens, after) == "number" and len(tokens[after].text) == 4 and tokens[after].text.isdigit():
        year, end = int(tokens[after].text), after + 1
    value = float(100 * month + day)
    return Quantity(kind="date", unit="date", low=value, high=value, year=year, start=place, end=end)


def _iso_date(tokens: Sequence[Token], place: int) -> Quantity | None:
    parts = tokens[place : place + 5]
    if len(parts) < 5 or [part.text for part in parts[1:4:2]] != ["-", "-"] or len(parts[0].text) != 4:
        return None
    year, month, day = (part.text for part in parts[::2])
    if not (year + month + day).isdigit() or not 1 <= int(month) <= 12 or not 1 <= int(day) <= 31:
        return None
    value = float(100 * int(month) + int(day))
    return Quantity(kind="date", unit="date", low=value, high=value, year=int(year), start=place, end=place + 5)


def _day(text: str) -> int:
    return int(text) if text.isdigit() and len(text) <= 2 and 1 <= int(text) <= 31 else 0


def _clock_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """A time of day, or from one to another: ``9:00 to 17:00``, ``5 pm``, ``noon``."""
    first = _clock(tokens, place)
    if first is None:
        # "9 to 5 pm": the first takes its half of the day from the second.
        number = tokens[place]
        if number.kind != "number" or _text(tokens, place + 1) not in ("-", "to") or not number.text.isdigit():
            return None
        second = _clock(tokens, place + 2)
        if second is None or int(number.text) > 24:
            return None
        low = int(number.text) % 24 * 60
        return Quantity(kind="time", unit="hours", low=low, high=second[0], bound="range", start=place, end=second[1])
    minutes, end = first
    joined = end + 1 if _text(tokens, end) in ("-", "to", "and", "until", "till") else 0
    second = _clock(tokens, joined) if joined else None
    if second is not None and (_text(tokens, end) != "and" or _word(tokens, place - 1) == "between"):
        zone, end = _zone(tokens, second[1])
        return Quantity(kind="time", unit="hours", low=minutes, high=second[0], bound="range", zone=zone,
                        start=place, end=end)  # fmt: skip
    zone, end = _zone(tokens, end)
    return Quantity(kind="time", unit="clock", low=minutes, high=minutes, zone=zone, start=place, end=end)


def _clock(tokens: Sequence[Token], place: int) -> tuple[int, int] | None:
    """Minutes after midnight, and where the time ends."""
    if place >= len(tokens):
        return None
    token = tokens[place]
    if token.text in ("noon", "midday"):
        return 720, place + 1
    if token.text == "midnight":
        return _MINUTES_A_DAY, place + 1
    if token.kind != "number":
        return None
    hours, dot, minutes = token.text.partition(".")
    end = place + 1
    explicit = False
    if not dot and _sign(tokens, end) == ":" and _kind(tokens, end + 1) == "number":
        minutes, end, explicit = tokens[end + 1].text, end + 2, True
    half = _word(tokens, end)
    if half in ("a", "p") and _text(tokens, end + 1) == "." and _word(tokens, end + 2) == "m":
        half, after = half + "m", end + (4 if _sign(tokens, end + 3) == "." else 3)
    else:
        after = end + 1
    if not hours.isdigit() or len(hours) > 2 or int(hours) > 24:
        return None
    if (minutes or explicit) and not (minutes.isdigit() and len(minutes) == 2 and int(minutes) < 60):
        return None
    value = int(hours) * 60 + int(minutes or 0)
    if half in ("am", "pm") and 1 <= int(hours) <= 12:
        value = (int(hours) % 12 + (12 if half == "pm" else 0)) * 60 + int(minutes or 0)
        return value, after
    if half in ("h", "hrs") and explicit:
        return value, end + 1
    return (value, end) if explicit else None


def _zone(tokens: Sequence[Token], end: int) -> tuple[str, int]:
    zone = _ZONES.get(_word(tokens, end), "")
    if not zone:
        return "", end
    if _words(tokens, end + 1, 2) == ["standard", "time"]:
        return zone, end + 3
    return zone, end + (2 if _word(tokens, end + 1) == "time" else 1)


def _round_the_clock(start: int, end: int) -> Quantity:
    return Quantity(kind="time", unit="hours", low=0, high=_MINUTES_A_DAY, bound="range", start=start, end=end)


def _with_weekdays(tokens: Sequence[Token], found: list[Quantity]) -> list[Quantity]:
    """Hours with the days they are for, and days that stand alone."""
    spans = _day_spans(tokens)
    if not spans:
        return found
    placed: list[Quantity] = []
    used: set[int] = set()
    hours = [quantity for quantity in found if quantity.unit == "hours"]
    for quantity in found:
        if quantity.unit != "hours":
            placed.append(quantity)
            continue
        # The days said last before the hours, or, when the hours come first, the next after them.
        before = [span for span in spans if span[1] <= quantity.start + 1]
        after = [span for span in spans if span[0] >= quantity.end]
        span = before[-1] if before else after[0] if after else None
        if span is None:
            placed.append(quantity)
            continue
        used.add(span[0])
        mask = span[2]
        # "Monday, Wednesday and Friday 9:00 to 12:00": days listed one after the other count together.
        for other in reversed(before[:-1]):
            between = tokens[other[1] : span[0]]
            if any(t.kind != "sign" and t.text not in ("and", "or") for t in between) or other[0] in used:
                break
            mask, span = mask | other[2], (other[0], span[1], mask | other[2])
            used.add(other[0])
        placed.append(
            Quantity(
                kind="time", unit="hours", low=quantity.low, high=quantity.high, bound="range", zone=quantity.zone,
                weekdays=mask, start=min(quantity.start, span[0]), end=max(quantity.end, span[1]),
            )
        )  # fmt: skip
    if hours and not used:
        return placed
    closed = any(token.text in ("closed", "close") for token in tokens)
    mask, start, end, ranged = 0, -1, -1, False
    for span in spans:
        if span[0] in used:
            continue
        mask, end = mask | span[2], span[1]
        start = span[0] if start < 0 else start
        ranged = ranged or span[2].bit_count() > 1
    if mask and not (hours and not closed):
        placed.append(
            Quantity(kind="time", unit="weekdays", low=0, high=0, bound="range" if ranged else "exact", weekdays=mask,
                     start=start, end=start + 1 if end < start else end)
        )  # fmt: skip
    placed.sort(key=lambda quantity: quantity.start)
    return placed


def _day_spans(tokens: Sequence[Token]) -> list[tuple[int, int, int]]:
    """Start, end and set of days of each mention of weekdays."""
    spans: list[tuple[int, int, int]] = []
    place = 0
    while place < len(tokens):
        word = tokens[place].text if tokens[place].kind == "word" else ""
        first = _WEEKDAYS.get(word, -1)
        if word in ("sat", "sun", "mon", "wed") and not tokens[place].capital and place:
            first = -1
        if first >= 0:
            last = _WEEKDAYS.get(_word(tokens, place + 2), -1)
            if last >= 0 and _text(tokens, place + 1) in ("to", "-", "through", "until", "till"):
                mask = 0
                day = first
                while True:
                    mask |= 1 << day
                    if day == last:
                        break
                    day = (day + 1) % 7
                spans.append((place, place + 3, mask))
                place += 3
                continue
            spans.append((place, place + 1, 1 << first))
        elif word in _DAY_SETS:
            spans.append((place, place + 1, _DAY_SETS[word]))
        elif word == "every" and _word(tokens, place + 1) == "day":
            spans.append((place, place + 2, _ALL_WEEK))
        elif word == "daily" and _kind(tokens, place + 1) == "number":
            spans.append((place, place + 1, _ALL_WEEK))
        place += 1
    return spans


# -- reading tokens ------------------------------------------------------------------------------------------------


def _text(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].text if 0 <= place < len(tokens) else ""


def _kind(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].kind if 0 <= place < len(tokens) else ""


def _word(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].text if 0 <= place < len(tokens) and tokens[place].kind == "word" else ""


def _sign(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].text if 0 <= place < len(tokens) and tokens[place].kind == "sign" else ""


def _words(tokens: Sequence[Token], place: int, count: int) -> list[str]:
    return [token.text for token in tokens[place : place + count]]
