"""Typed values in a customer's words: order and invoice numbers, e-mail addresses, dates, choices.

Every value comes back in one canonical form. A value that could be something else (a card number, a telephone
number) is left alone: asking again is cheaper than acting on the wrong record.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from desk.policies.models import FieldSpec

MAX_CHARS = 8192

# Every pattern is a sequence of bounded pieces, so that matching is linear on any input.
_ORDER = re.compile(r"(?<![\w-])HP[\s_:#-]{0,3}(\d{5})(?![\d-]{1,2}\d|\w)", re.IGNORECASE)
_DENIED = re.compile(
    rf"\b(?:not|instead\s{{1,2}}of|rather\s{{1,2}}than)\s{{1,2}}(?:order\s{{1,2}})?{_ORDER.pattern}", re.IGNORECASE
)
_BARE_ORDER = re.compile(
    r"(?:(?<![\w#])#|\border(?:\s{1,2}(?:number|no\.?|nr\.?|id))?(?:\s{1,2}is)?\s{0,2}[:#]?\s{0,2})(\d{5})(?![\w-]|[.,/\s]\d)",
    re.IGNORECASE,
)
_ONLY_FIVE_DIGITS = re.compile(r"\s{0,5}(?:it'?s|it\s+is|number)?\s{0,3}#?(\d{5})\s{0,3}[.!]?\s{0,5}", re.IGNORECASE)
_INVOICE = re.compile(r"(?<![\w-])INV[\s_:#-]{0,3}HP[\s_:#-]{0,3}(\d{5})(?![\d-]{1,2}\d|\w)", re.IGNORECASE)
_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9_%+-]{1,64}(?:\.[A-Za-z0-9_%+-]{1,64}){0,8}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![\w@-])"
)
_ISO_DATE = re.compile(r"(?<![\d-])(\d{4})-(\d{1,2})-(\d{1,2})(?![\d-])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY_MONTH = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?\s{{1,2}}(?:of\s{{1,2}})?{_MONTH}\b(?:,?\s{{1,2}}(\d{{4}})\b)?", re.IGNORECASE
)
_MONTH_DAY = re.compile(
    rf"\b{_MONTH}\s{{1,2}}(\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?\s{{1,2}}(\d{{4}})\b)?", re.IGNORECASE
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_RELATIVE = re.compile(
    r"\b(day after tomorrow|tomorrow|today|yesterday|in (\d{1,3}) (day|week)s?"
    rf"|(next |on |this )?({'|'.join(_WEEKDAYS)}))\b",
    re.IGNORECASE,
)


def extract(text: str, specs: Sequence[FieldSpec], *, now: datetime) -> dict[str, str]:
    """The values of these fields that the text holds, by field name, in canonical form.

    ``text`` fields are never guessed here: any text would do, so only the engine that knows what was asked sets them.
    """
    text = text[:MAX_CHARS]
    found: dict[str, str] = {}
    for spec in specs:
        match spec.type:
            case "choice":
                value = _choice(text, spec.choices)
            case "text" | "option" | "money":
                value = None
            case known:
                value = _EXTRACTORS[known](text, now)
        if value is not None:
            found[spec.name] = value
    return found


def extract_known(text: str, *, now: datetime) -> dict[str, str]:
    """Every value found, by the name of its type: ``order_number``, ``invoice_number``, ``email``, ``date``."""
    text = text[:MAX_CHARS]
    found = {name: extractor(text, now) for name, extractor in _EXTRACTORS.items()}
    return {name: value for name, value in found.items() if value is not None}


def order_number(text: str) -> str | None:
    """``HP-10001``; None when the text names no order or several different ones."""
    # An invoice number ends in its order's number; the invoice is what was meant.
    rest = _INVOICE.sub(" ", text)
    # "HP-10002, not HP-10001" names one order: a correction says which one is not meant.
    numbers = dict.fromkeys(match.group(1) for match in _ORDER.finditer(_DENIED.sub(" ", rest)))
    if not numbers:
        numbers = dict.fromkeys(match.group(1) for match in _BARE_ORDER.finditer(rest))
    if not numbers and (alone := _ONLY_FIVE_DIGITS.fullmatch(rest)):
        numbers = {alone.group(1): None}
    return f"HP-{next(iter(numbers))}" if len(numbers) == 1 else None


def invoice_number(text: str) -> str | None:
    """``INV-HP-10001``; None when the text names no invoice or several different ones."""
    numbers = {match.group(1) for match in _INVOICE.finditer(text)}
    return f"INV-HP-{numbers.pop()}" if len(numbers) == 1 else None


def email(text: str) -> str | None:
    """The lower-cased address; None when the text holds none or several different ones."""
    addresses = {match.group(0).lower() for match in _EMAIL.finditer(text)}
    return addresses.pop() if len(addresses) == 1 else None


def day(text: str, *, now: datetime) -> str | None:
    """The first date named, as ``2026-03-12``. A day and month without a year is the nearest one from ``now`` on."""
    if iso := _ISO_DATE.search(text):
        return _date(int(iso.group(1)), int(iso.group(2)), int(iso.group(3)))
    if written := _DAY_MONTH.search(text):
        number, month, year = written.groups()
        return _written_date(int(number), month, year, now=now)
    if written := _MONTH_DAY.search(text):
        month, number, year = written.groups()
        return _written_date(int(number), month, year, now=now)
    if relative := _RELATIVE.search(text):
        return _relative_date(relative, now=now)
    return None


_EXTRACTORS: dict[str, Callable[[str, datetime], str | None]] = {
    "order_number": lambda text, now: order_number(text),
    "invoice_number": lambda text, now: invoice_number(text),
    "email": lambda text, now: email(text),
    "date": lambda text, now: day(text, now=now),
}


def _choice(text: str, choices: Sequence[str]) -> str | None:
    named = [
        choice
        for choice in choices
        if re.search(rf"(?<!\w){re.escape(choice.replace('_', ' '))}(?!\w)", text.replace("_", " "), re.IGNORECASE)
    ]
    # "express" lies within "express delivery": the longest choice named stands for those inside it.
    longest = [one for one in named if not any(one != other and one.lower() in other.lower() for other in named)]
    return longest[0] if len(longest) == 1 else None


def _date(year: int, month: int, number: int) -> str | None:
    try:
        return date(year, month, number).isoformat()
    except ValueError:
        return None


def _written_date(number: int, month: str, year: str | None, *, now: datetime) -> str | None:
    month_number = _MONTHS.index(month[:3].lower()) + 1
    if year is not None:
        return _date(int(year), month_number, number)
    this_year = _date(now.year, month_number, number)
    if this_year is not None and this_year >= now.date().isoformat():
        return this_year
    return _date(now.year + 1, month_number, number)


def _relative_date(match: re.Match[str], *, now: datetime) -> str:
    phrase, amount, unit, _, weekday = match.groups()
    if amount is not None:
        days = int(amount) * (7 if unit.lower() == "week" else 1)
    elif weekday is not None:
        days = (_WEEKDAYS.index(weekday.lower()) - now.weekday()) % 7 or 7
    else:
        days = {"yesterday": -1, "today": 0, "tomorrow": 1, "day after tomorrow": 2}[phrase.lower()]
    return (now.date() + timedelta(days=days)).isoformat()
