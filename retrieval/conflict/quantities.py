"""Quantities a sentence states, in one form each: "two weeks" is 14 days, "$500" is 500.00 USD, "ten percent" is 10 %.

Money, shares, periods and how often, dates and years, times of day with their weekdays, and counts with what is
counted. A quantity knows how it is bounded: "up to 10" is met by 5, "10" is not.
"""

import re
from collections.abc import Sequence

from retrieval.conflict.meanings import words_in
from retrieval.conflict.measures import (
    BUSINESS,
    CENTS,
    CURRENCIES,
    DAYS_IN,
    ONES,
    SYMBOLS,
    TENS,
    TIMES_WORDS,
    Number,
    Quantity,
    QuantityKind,
    bounded,
    is_identifier,
    joined_at,
    number_at,
    sign_at,
    text_at,
    unit_at,
    value_of,
    word_at,
    words_at,
)
from retrieval.conflict.times import MONTHS, clock_at, date_at, round_the_clock, with_weekdays
from retrieval.conflict.wording import Token, term

MAX_QUANTITIES = 24
"""Of one sentence."""
_AT_ONCE = frozenset({"immediately", "instantly"})
_PER = frozenset({"per", "each", "a", "an", "every", "/"})


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
    return with_weekdays(tokens, found)


def _quantity_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    token = tokens[place]
    if token.kind == "sign":
        return _amount_at(tokens, place) if token.text in SYMBOLS else None
    if token.kind == "number":
        if token.text == "24" and [t.text for t in tokens[place + 1 : place + 3]] == ["/", "7"]:
            return round_the_clock(place, place + 3)
        if is_identifier(tokens, place):
            return None
        return (
            date_at(tokens, place)
            or clock_at(tokens, place)
            or _amount_at(tokens, place)
            or _measured_at(tokens, place)
        )
    word = token.text
    if word in MONTHS:
        return date_at(tokens, place)
    if word in ("noon", "midnight", "midday"):
        return clock_at(tokens, place)
    if word in ("around", "round") and words_at(tokens, place, 3) == [word, "the", "clock"]:
        return round_the_clock(place, place + 3)
    if word in TIMES_WORDS:
        return _times_at(tokens, place)
    if word in ("same", "next") and _day_word(tokens, place + 1):
        return _period(place, _day_word(tokens, place + 1), days=0 if word == "same" else 1)
    if word in ("no", "nothing", "included", "without"):
        return _nothing_at(tokens, place)
    if word == "every":
        return _every_at(tokens, place)
    if word in _AT_ONCE or (word == "at" and word_at(tokens, place + 1) == "once"):
        return _period(place, place + (1 if word in _AT_ONCE else 2), days=0)
    if word in ("free", "complimentary", "gratis"):
        return _free_at(tokens, place)
    if word in CURRENCIES:
        return _amount_at(tokens, place)
    if word in ONES or word in TENS or word in ("a", "an", "half", "hundred"):
        return _amount_at(tokens, place) or _measured_at(tokens, place)
    return None


def _amount_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """Money, or a share, at this token: ``$5``, ``USD 5``, ``5.00 USD``, ``5 to 10 %``, ``ten percent``."""
    first = _priced(tokens, place)
    if first is None:
        return None
    value, end, unit = first
    high = value
    joined = joined_at(tokens, place, end)
    if joined:
        second = _priced(tokens, joined)
        bare = text_at(tokens, end) == "or" and second is not None and not second[2]  # "$500 or 3 attempts"
        if second is not None and (second[2] or unit) and not bare and second[2] in ("", unit or second[2]):
            # "10.00 to 500.00 USD", "$75-$150", "4 or 5 %"
            high, end, unit = second[0], second[1], unit or second[2]
    if not unit:
        return None
    kind: QuantityKind = "percentage" if unit == "%" else "amount"
    low, high = min(value, high), max(value, high)
    start, bound = place, "exact"
    per, after = _per(tokens, end)
    if not per and kind == "amount":
        per, after = _recurring(tokens, place), end
    if per in DAYS_IN and kind == "amount":
        low, high, per = low / DAYS_IN[per], high / DAYS_IN[per], "time"
    start, after, bound = bounded(tokens, place, after if per else end, ranged=low != high)
    bound = "exact" if bound == "within" else bound
    return Quantity(kind=kind, unit=unit, low=low, high=high, bound=bound, per=per, start=start, end=max(after, end))


def _priced(tokens: Sequence[Token], place: int) -> tuple[float, int, str] | None:
    """Value, where it ends, and its unit if it has one."""
    unit = SYMBOLS.get(text_at(tokens, place)) or CURRENCIES.get(word_at(tokens, place), "")
    if unit:
        place += 1
    number = number_at(tokens, place)
    if number is None:
        return None
    value, end = number.value, number.end
    following = text_at(tokens, end)
    if following == "-" and word_at(tokens, end + 1) in ("dollar", "euro", "pound", "percent", "cent"):
        end, following = end + 1, text_at(tokens, end + 1)
    if following in CURRENCIES:
        return value, end + 1, unit or CURRENCIES[following]
    if following in SYMBOLS and not unit:
        return value, end + 1, SYMBOLS[following]
    if unit:
        return value, end, unit
    if following in CENTS:
        return value / 100, end + 1, CENTS[following]
    if following == "%":
        return value, end + (2 if word_at(tokens, end + 1) in ("percent",) else 1), "%"
    if following == "percent":
        return value, end + 1, "%"
    if following == "per" and word_at(tokens, end + 1) == "cent":
        return value, end + 2, "%"
    return value, end, ""


def _free_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """``free`` is an amount of nothing, unless it is free of something else (``free time``, ``feel free``)."""
    following = words_at(tokens, place + 1, 2)
    if {"no", "not", "never"} & {word_at(tokens, place - 1), word_at(tokens, place - 2)}:
        return None
    if word_at(tokens, place - 1) in ("feel", "are") and following[:1] == ["to"]:
        return None
    if sign_at(tokens, place - 1) == "-" and word_at(tokens, place - 2) not in ("fee", "charge", "cost"):
        return None
    if following[:1] == ["from"] and number_at(tokens, place + 2) is None and text_at(tokens, place + 2) not in SYMBOLS:
        return None
    if following[:1] in (["time"], ["times"], ["space"], ["slot"], ["slots"], ["spot"], ["up"]):
        return None
    end = place + 3 if following in (["of", "charge"], ["of", "cost"]) else place + 1
    return Quantity(kind="amount", unit="any", low=0, high=0, start=place, end=end)


_COSTS = words_in("""
    fee fees charge charges cost costs surcharge surcharges price charged
""")
_PRICES = words_in("""
    price prices rate fare fares fee cost subscription plan rent
""")


def _nothing_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """An amount of nothing in words: ``no fee``, ``costs you nothing``, ``included in the price``."""
    word = word_at(tokens, place)
    if word == "nothing":
        before = {word_at(tokens, place - 1), word_at(tokens, place - 2)}
        if not before & (_COSTS | {"pay", "add"}):
            return None
        return Quantity(kind="amount", unit="any", low=0, high=0, start=place, end=place + 1)
    if word == "included":
        following = words_at(tokens, place + 1, 4)
        price = next((number for number, said in enumerate(following) if said in _PRICES), -1)
        if word_at(tokens, place - 1) in ("not", "n't") or price < 0:
            return None
        return Quantity(kind="amount", unit="any", low=0, high=0, start=place, end=place + 2 + price)
    # The words between belong to the subject: "no monthly fee".
    for after in range(place + 1, place + (4 if word == "no" else 2)):
        priced = word_at(tokens, after)
        if priced in _COSTS:
            return Quantity(kind="amount", unit="any", low=0, high=0, start=place, end=place + 1)
        if not term(priced) and priced not in ("extra", "additional", "any"):
            return None
    return None


def _period(start: int, end: int, *, days: float) -> Quantity:
    return Quantity(kind="period", unit="days", low=days, high=days, start=start, end=end)


def _day_word(tokens: Sequence[Token], place: int) -> int:
    """Where "day" or "business day" ends, or 0."""
    if sign_at(tokens, place) == "-":
        place += 1
    if word_at(tokens, place) in BUSINESS:
        place += 1
    return place + 1 if word_at(tokens, place) in ("day", "days") else 0


def _times_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """``once a week`` is how often; ``twice``, and ``once`` at the end of a clause, are how many times."""
    word = word_at(tokens, place)
    often = _often_at(tokens, place, float(TIMES_WORDS[word]), place + 1)
    if often is not None or (word == "once" and word_at(tokens, place + 1) not in ("", "free", "for", "only")):
        return often
    start, end, bound = bounded(tokens, place, place + 1, ranged=False)
    times = float(TIMES_WORDS[word])
    if bound == "exact":
        bound = "cap"  # "can be renewed twice": not more often
    return Quantity(kind="count", unit="", low=times, high=times, bound=bound, counted=_TIMES, start=start, end=end)


_TIMES = frozenset({"<times>"})


def _recurring(tokens: Sequence[Token], place: int) -> str:
    """``month`` for "the monthly fee is 44.90 EUR"."""
    for back in range(max(1, place - 9), place):
        if tokens[back].text in _COSTS or tokens[back].text in _PRICES or tokens[back].text in _LIMITS:
            adverb = _RECURRING.get(tokens[back - 1].text)
            if adverb:
                return adverb
    return ""


_LIMITS = frozenset({"limit", "cap", "maximum", "allowance", "budget"})
_RECURRING = {"monthly": "month", "yearly": "year", "annual": "year", "weekly": "week", "daily": "day"}


def _per(tokens: Sequence[Token], end: int) -> tuple[str, int]:
    """What an amount is for one of, and where that is said: ``per month``, ``/year``, ``for each item``."""
    place = end + 1 if word_at(tokens, end) == "for" and word_at(tokens, end + 1) in ("each", "every") else end
    if text_at(tokens, place) not in _PER:
        return "", end
    for skipped in range(3):
        word = word_at(tokens, place + 1 + skipped)
        if not word:
            break
        if word in DAYS_IN:
            return word.removesuffix("s"), place + 2 + skipped
        if word not in ("calendar", "full", "single", "further", "additional", "started", "business"):
            return (term(word), place + 2 + skipped) if term(word) else ("", end)
    return "", end


def _measured_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """A period, a measure, or a count at this token."""
    number = number_at(tokens, place)
    if number is None:
        return None
    low = high = number.value
    end = number.end
    unit = unit_at(tokens, end)
    if joined := joined_at(tokens, place, end):
        second = number_at(tokens, joined)
        if second is not None:
            high, end = second.value, second.end
            unit = unit_at(tokens, end)
    elif unit is not None and (joined := joined_at(tokens, place, unit[2])):
        second = number_at(tokens, joined)
        after = unit_at(tokens, second.end) if second is not None else None
        if second is not None and after is not None and after[0] == unit[0]:
            # "24 hours to 2 days", "one day or two days"
            low, high, end, unit = low * unit[1], second.value * after[1], second.end, (after[0], 1.0, after[2])
    if unit is None:
        return _count(tokens, place, number, low=min(low, high), high=max(low, high), end=end)
    name, factor, unit_end = unit
    low, high = sorted((low * factor, high * factor))
    kind: QuantityKind = "period" if name in ("days", "business") else "count"
    start, stop, bound = bounded(tokens, place, unit_end, ranged=low != high)
    if kind == "period" and word_at(tokens, place - 1) == "every" and bound == "exact":
        return Quantity(kind="count", unit="often", low=1 / high if high else 0, high=1 / high if high else 0,
                        start=place - 1, end=stop)  # fmt: skip
    if words_at(tokens, place, 4) == ["24", "hours", "a", "day"]:
        return round_the_clock(place, unit_end + 2)
    if word_at(tokens, place) in ("a", "an") and not _opens_period(tokens, place):
        return None  # "10 points a day": a rate
    if kind == "period" and _is_deadline(tokens, place, stop) and word_at(tokens, place - 1) != "than":
        bound = "within"  # "at least", "until", "up to" 24 hours before: one and the same limit
    if kind == "period" and factor == 365 and (aged := _is_age(tokens, place, stop)):
        name, stop = "age", max(stop, aged)
    return Quantity(
        kind=kind, unit=name, low=low, high=high, bound=bound, months=factor >= DAYS_IN["month"], start=start, end=stop
    )


def _is_deadline(tokens: Sequence[Token], place: int, end: int) -> bool:
    """Whether a period is how long before something: "24 hours before", "two days in advance"."""
    following = words_at(tokens, end, 2)
    return following[:1] in (["before"], ["ahead"], ["beforehand"], ["earlier"], ["prior"]) or following == [
        "in",
        "advance",
    ]


def _is_age(tokens: Sequence[Token], place: int, end: int) -> int:
    """Where an age in years ends: "21 years old", "from 16 years" of people; 0 when it is none."""
    if word_at(tokens, end) in ("old", "age"):
        return end + 1
    if words_at(tokens, end, 2) == ["of", "age"]:
        return end + 2
    before = words_at(tokens, place - 2, 2)
    if before[1:] == ["from"] or before[1:] in (["under"], ["over"], ["below"], ["above"]):
        return end
    return end if before == ["up", "to"] and any(token.text in _AGED for token in tokens) else 0


def _opens_period(tokens: Sequence[Token], place: int) -> bool:
    """Whether "a day", "an hour" is a period here, and not what something is counted for."""
    return place == 0 or word_at(tokens, place - 1) in _BEFORE_A_PERIOD


_BEFORE_A_PERIOD = words_in("""
    in within after for about takes take lasts last than of half is least most until only or
""")


def _count(
    tokens: Sequence[Token], place: int, number: Number, *, low: float, high: float, end: int
) -> Quantity | None:
    counted: list[str] = []
    after = end
    if number.digits and low == high and (age := _age(tokens, place, end)):
        return age
    if sign_at(tokens, after) == "-":
        after += 1
    while len(counted) < 3 and (word := word_at(tokens, after)):
        if not (found := term(word)):
            if counted or word not in ("of", "more", "other", "different"):
                break
        else:
            counted.append(found)
        after += 1
    if not counted and (left_out := _left_out(tokens, place, low=low, high=high, end=end)):
        return left_out
    if not number.digits and not counted:
        return None
    if not number.digits and high == 1:
        return None  # "one person", "the one": rarely a count
    if number.digits and not counted and 1000 <= low <= 2100 and low == high and "," not in tokens[place].text:
        before = word_at(tokens, place - 1)
        if before in ("in", "since", "of", "year", "from", "until", "by", "before", "after", "during", *MONTHS):
            return Quantity(kind="date", unit="year", low=low, high=high, year=int(low), start=place, end=end)
    if word_at(tokens, end) in ("time", "times"):
        often = _often_at(tokens, place, low, end + 1)
        if often is not None:
            return often
        counted = list(_TIMES)
        end += 1
    start, stop, bound = bounded(tokens, place, end, ranged=low != high)
    if bound == "within":
        bound = "exact"
    if bound == "exact" and after > end:
        bound = bounded(tokens, place, after, ranged=low != high)[2]
    per, _ = _per(tokens, after)
    if per in DAYS_IN:
        low, high = low / DAYS_IN[per], high / DAYS_IN[per]
        return Quantity(
            kind="count", unit="", low=low, high=high, bound=bound, per="time", counted=frozenset(counted),
            start=start, end=stop,
        )  # fmt: skip
    return Quantity(
        kind="count", unit="", low=low, high=high, bound=bound, counted=frozenset(counted), start=start, end=stop
    )


def _left_out(tokens: Sequence[Token], place: int, *, low: float, high: float, end: int) -> Quantity | None:
    """A period whose unit stands before: "e-mails within one business day, products within two"."""
    if word_at(tokens, place - 1) not in ("within", "in", "after"):
        return None
    back = next((back for back in range(place - 1, 0, -1) if word_at(tokens, back) in DAYS_IN), 0)
    if not back:
        return None
    days = DAYS_IN[word_at(tokens, back)]
    return Quantity(
        kind="period",
        unit="business" if word_at(tokens, back - 1) in BUSINESS else "days",
        low=low * days,
        high=high * days,
        bound="within" if low == high else "range",
        start=place,
        end=end,
    )


def _age(tokens: Sequence[Token], place: int, end: int) -> Quantity | None:
    """``under 12`` of children, ``14 or older``, ``from the age of 16``: years without the word."""
    number = 365 * (value_of(tokens[place].text) or 0)
    if words_at(tokens, place - 2, 2) == ["age", "of"]:
        return Quantity(kind="period", unit="age", low=number, high=number, bound="floor", start=place - 2, end=end)
    start, stop, bound = bounded(tokens, place, end, ranged=False)
    older = word_at(tokens, end + 1) in ("older", "younger", "over", "above", "under")
    if bound not in ("cap", "floor") or _CURRENCY_NEAR & {text_at(tokens, end), text_at(tokens, place - 1)}:
        return None
    if word_at(tokens, end) and not older and term(word_at(tokens, end)) and word_at(tokens, end) not in _GO_ON:
        return None
    if not older and not any(token.text in _AGED for token in tokens):
        return None
    return Quantity(kind="period", unit="age", low=number, high=number, bound=bound, start=start, end=stop)


_AGED = words_in("""
    child driver drivers passenger passengers guest guests persons visitor visitors traveller travellers participants
    players children kid kids infant infants baby babies age aged old minor minors everybody everyone people
    persons anybody anyone students those adult adults teenager teenagers
""")
_GO_ON = words_in("""
    travel stay pay must can are is get need may cannot eat enter
""")
_CURRENCY_NEAR = frozenset(SYMBOLS)


def _often_at(tokens: Sequence[Token], place: int, times: float, end: int) -> Quantity | None:
    """``once a week``, ``3 times per month``."""
    if word_at(tokens, end) in ("a", "an", "per", "every", "each"):
        word = word_at(tokens, end + 1)
        if word in DAYS_IN:
            often = times / DAYS_IN[word]
            start, _, bound = bounded(tokens, place, end + 2, ranged=False)
            return Quantity(kind="count", unit="often", low=often, high=often, bound=bound, start=start, end=end + 2)
    return None


def _every_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """``every two weeks``, ``every other day``; ``every day`` is a set of weekdays and read with the hours."""
    if word_at(tokens, place + 1) == "other" and (days := DAYS_IN.get(word_at(tokens, place + 2))):
        return Quantity(kind="count", unit="often", low=1 / (2 * days), high=1 / (2 * days), start=place, end=place + 3)
    number = number_at(tokens, place + 1)
    if number is None or not number.value:
        return None
    unit = unit_at(tokens, number.end)
    if unit is None or unit[0] not in ("days", "business"):
        return None
    often = 1 / (number.value * unit[1])
    return Quantity(kind="count", unit="often", low=often, high=often, start=place, end=unit[2])


_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_PHONE = re.compile(r"(?<![\w-])\+?\d[\d ()/-]{6,22}\d(?![\w-])")


def contacts_of(text: str) -> list[Quantity]:
    """E-mail addresses and telephone numbers, which have no token of their own."""
    found = [_contact("email", match.group().lower()) for match in _EMAIL.finditer(text[:2_000])]
    for match in _PHONE.finditer(text[:2_000]):
        digits = "".join(character for character in match.group() if character.isdigit())
        if 8 <= len(digits) <= 15 and (" " in match.group() or "+" in match.group()):
            found.append(_contact("phone", digits[-9:]))
    return found[:4]


def _contact(unit: str, value: str) -> Quantity:
    return Quantity(kind="contact", unit=unit, low=0, high=0, counted=frozenset({value}))
