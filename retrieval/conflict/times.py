"""Dates, months, times of day and weekdays in a sentence."""

from collections.abc import Sequence

from retrieval.conflict.meanings import words_in
from retrieval.conflict.measures import Bound, Quantity, kind_at, sign_at, text_at, word_at, words_at
from retrieval.conflict.wording import Token, term

_ALL_WEEK = 0b1111111
_MINUTES_A_DAY = 1440
MONTHS = {
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


def date_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """``January 15``, ``15 January 2026``, ``the 1st of May``, ``2026-10-01``."""
    token = tokens[place]
    if token.kind == "number":
        if iso := _iso_date(tokens, place):
            return iso
        after = place + 1
        if word_at(tokens, after) in ("st", "nd", "rd", "th"):
            after += 1
        if word_at(tokens, after) == "of":
            after += 1
        month = MONTHS.get(word_at(tokens, after), 0)
        day = _day(token.text)
        if not month or not day or (word_at(tokens, after) == "may" and not tokens[after].capital):
            return None
        end = after + 1
    else:
        month = MONTHS[token.text]
        first = place + 2 if sign_at(tokens, place + 1) == "." and len(token.text) < 5 else place + 1
        day = _day(text_at(tokens, first)) if kind_at(tokens, first) == "number" else 0
        if not day:
            return _months_at(tokens, place)
        end = first + 1
        if word_at(tokens, end) in ("st", "nd", "rd", "th"):
            end += 1
    year = 0
    after = end + 1 if sign_at(tokens, end) == "," else end
    if kind_at(tokens, after) == "number" and len(tokens[after].text) == 4 and tokens[after].text.isdigit():
        year, end = int(tokens[after].text), after + 1
    value = float(100 * month + day)
    last, end = _last_day(tokens, place, end, month)
    bound: Bound = "range" if last else "exact"
    return Quantity(
        kind="date", unit="date", low=value, high=last or value, bound=bound, year=year, start=place, end=end
    )


def _last_day(tokens: Sequence[Token], place: int, end: int, month: int) -> tuple[float, int]:
    """The day to which a date runs, and where that is said: ``November 20 to December 24``, ``December 24 and 31``."""
    joint = text_at(tokens, end)
    ranged = joint in ("to", "-", "until", "through", "till") or (
        joint == "and" and word_at(tokens, place - 1) == "between"
    )
    if word_at(tokens, end + 1) in MONTHS and kind_at(tokens, end + 2) == "number" and ranged:
        day = _day(tokens[end + 2].text)
        return (float(100 * MONTHS[tokens[end + 1].text] + day), end + 3) if day else (0.0, end)
    if joint in ("to", "-", "and") and kind_at(tokens, end + 1) == "number" and kind_at(tokens, place) == "word":
        day = _day(tokens[end + 1].text)
        if day and not word_at(tokens, end + 2) and text_at(tokens, end + 2) not in ("%", "$", ":"):
            return float(100 * month + day), end + 2
        if day and word_at(tokens, end + 2) and not term(word_at(tokens, end + 2)):
            return float(100 * month + day), end + 2
        if day and kind_at(tokens, end + 2) == "word" and tokens[end + 2].capital:
            return float(100 * month + day), end + 2
    return 0.0, end


def _months_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """``in April``, ``from October to April``."""
    if word_at(tokens, place - 1) not in _BEFORE_MONTH or not tokens[place].capital:
        return None
    first = last = MONTHS[tokens[place].text]
    end = place + 1
    if text_at(tokens, end) in ("to", "-", "until", "through") and word_at(tokens, end + 1) in MONTHS:
        last, end = MONTHS[word_at(tokens, end + 1)], end + 2
    bound: Bound = "exact" if first == last else "range"
    return Quantity(kind="date", unit="month", low=first, high=last, bound=bound, start=place, end=end)


_BEFORE_MONTH = words_in("""
    in during of until from by through till every each
""")


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


def clock_at(tokens: Sequence[Token], place: int) -> Quantity | None:
    """A time of day, or from one to another: ``9:00 to 17:00``, ``5 pm``, ``noon``."""
    first = _clock(tokens, place)
    if first is None:
        # "9 to 5 pm": the first takes its half of the day from the second.
        number = tokens[place]
        if number.kind != "number" or text_at(tokens, place + 1) not in ("-", "to") or not number.text.isdigit():
            return None
        second = _clock(tokens, place + 2)
        if second is None or int(number.text) > 24:
            return None
        low = int(number.text) % 24 * 60
        return Quantity(kind="time", unit="hours", low=low, high=second[0], bound="range", start=place, end=second[1])
    minutes, end = first
    joined = end + 1 if text_at(tokens, end) in ("-", "to", "and", "until", "till") else 0
    second = _clock(tokens, joined) if joined else None
    if second is not None and (text_at(tokens, end) != "and" or word_at(tokens, place - 1) == "between"):
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
    if token.kind == "number" and token.text == "12" and word_at(tokens, place + 1) in ("noon", "midnight"):
        place += 1
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
    if not dot and sign_at(tokens, end) == ":" and kind_at(tokens, end + 1) == "number":
        minutes, end, explicit = tokens[end + 1].text, end + 2, True
    half = word_at(tokens, end)
    if half in ("a", "p") and text_at(tokens, end + 1) == "." and word_at(tokens, end + 2) == "m":
        half, after = half + "m", end + (4 if sign_at(tokens, end + 3) == "." else 3)
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
    zone = _ZONES.get(word_at(tokens, end), "")
    if not zone:
        return "", end
    if words_at(tokens, end + 1, 2) == ["standard", "time"]:
        return zone, end + 3
    return zone, end + (2 if word_at(tokens, end + 1) == "time" else 1)


def round_the_clock(start: int, end: int) -> Quantity:
    return Quantity(kind="time", unit="hours", low=0, high=_MINUTES_A_DAY, bound="range", start=start, end=end)


def with_weekdays(tokens: Sequence[Token], found: list[Quantity]) -> list[Quantity]:
    """Hours with the days they are for, and days that stand alone."""
    spans = _day_spans(tokens)
    if not spans:
        return found
    placed: list[Quantity] = []
    used: set[int] = set()
    hours = [quantity for quantity in found if quantity.unit in ("hours", "clock")]
    for quantity in found:
        if quantity.unit not in ("hours", "clock"):
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
                kind="time", unit=quantity.unit, low=quantity.low, high=quantity.high, bound="range",
                zone=quantity.zone, weekdays=mask, start=min(quantity.start, span[0]), end=max(quantity.end, span[1]),
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
            last = _WEEKDAYS.get(word_at(tokens, place + 2), -1)
            if last >= 0 and text_at(tokens, place + 1) in ("to", "-", "through", "until", "till"):
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
        elif word == "every" and word_at(tokens, place + 1) == "day":
            spans.append((place, place + 2, _ALL_WEEK))
        elif word == "daily" and (kind_at(tokens, place + 1) == "number" or word_at(tokens, place + 1) == "from"):
            spans.append((place, place + 1, _ALL_WEEK))
        place += 1
    return spans
