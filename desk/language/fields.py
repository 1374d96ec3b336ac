"""Typed values in a customer's words: order and invoice numbers, e-mail addresses, telephone numbers, dates, amounts,
choices.

Every value comes back in one canonical form. A value that could be something else (a card number, a telephone
number) is left alone: asking again is cheaper than acting on the wrong record.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

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
_MARKS = {"$": "USD", "us$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "buck": "USD", "bucks": "USD",
          "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "gbp": "GBP", "pound": "GBP",
          "pounds": "GBP", "quid": "GBP"}  # fmt: skip
_MARK = r"us\$|[$€£]|(?<![a-z])(?:usd|eur|gbp|dollars?|bucks?|euros?|pounds?|quid)\b"
_NUMBER = r"\d{1,7}(?:[.,]\d{1,3}){0,3}"
_NUMBER_ENDS = r"(?![.,]?[\w%])"
_AMOUNT = re.compile(
    rf"({_MARK})\s{{0,2}}(-?)\s?({_NUMBER}){_NUMBER_ENDS}|(?<![\w.,+])(-\s?)?(?<![\w.,+-])({_NUMBER})\s{{0,2}}({_MARK})",
    re.IGNORECASE,
)
_ONLY_A_NUMBER = re.compile(rf"\s{{0,5}}(?:just|only)?\s{{0,3}}({_NUMBER})\s{{0,3}}[.!]?\s{{0,5}}", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d{1,3}(?:\.\d{3})+,\d{1,2}")
_PLAIN_NUMBER = re.compile(r"\d{1,7}(?:[.,]\d{1,2})?")
MAX_AMOUNT = Decimal(100_000)
"""More than anything a shop sells; the business system's own bound is narrower."""
_PHONE = re.compile(r"(?<![\w.,+@/-])(\+|00)?(?:\(?\d{1,4}\)?[\s./-]{0,2}){2,7}(?![\w@-])")
MAX_TEXT = 500
"""Characters of a text: what the gate lets through, and more than an address or a complaint in a few sentences."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
MAX_LEAD_IN_WORDS = 6
_LEAD_IN = re.compile(
    r"(?:(?:please|yes|sure|ok|okay)[\s,]{1,3}){0,2}"
    r"(?:(?:it|that)(?:'?s| is| should be| would be| will be)(?: now)?"
    r"|(?:the|my) (?:new )?(?:delivery |shipping |home |postal |e-?mail |phone |mobile |last |first )?"
    r"(?:address|name|number|phone|mobile|e-?mail|surname)(?: is| should be| will be|:)(?: now)?"
    r"|(?:change|set|update|make|send|ship|deliver) (?:it|this|that|the order|my order)(?: to|:)"
    r"|(?:use|to:))[\s:,]{1,3}",
    re.IGNORECASE,
)


def extract(
    text: str, specs: Sequence[FieldSpec], *, now: datetime, currency: str, asked: str | None = None
) -> dict[str, str]:
    """The values of these fields that the text holds, by field name, in canonical form.

    ``asked`` names the field whose question the text answers: there a bare number is an amount, and any text is a
    text. Without it ``text`` and ``contact`` fields are left alone, since any text would do. ``option`` fields are
    chosen from what a system offers, never read from a text.
    """
    text = text[:MAX_CHARS]
    found: dict[str, str] = {}
    for spec in specs:
        is_asked = spec.name == asked
        match spec.type:
            case "choice":
                value = _choice(text, spec)
            case "text":
                value = _without_lead_in(text) if is_asked else None
            case "contact":
                value = contact(text) if is_asked else None
            case "money":
                value = money(text, currency=currency, bare=is_asked)
            case "option":
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


def money(text: str, *, currency: str, bare: bool = False) -> str | None:
    """The one amount named, with two decimals: ``20.50``; None when there is none, several, or one in another currency.

    An amount has a currency mark; with ``bare`` a text that is nothing but a number is one as well.
    """
    amounts: set[str | None] = set()
    for match in _AMOUNT.finditer(text):
        mark_before, sign_inside, number_behind, sign, number_before, mark_behind = match.groups()
        before = text[max(0, match.start() - 2) : match.start()].strip()
        negative = bool((sign_inside or sign or "").strip()) or before.endswith("-")
        known = _MARKS[(mark_before or mark_behind).lower()] == currency
        amounts.add(_amount(number_behind or number_before) if known and not negative else None)
    if not amounts and bare and (alone := _ONLY_A_NUMBER.fullmatch(text)):
        amounts.add(_amount(alone.group(1)))
    return amounts.pop() if len(amounts) == 1 else None


def phone(text: str) -> str | None:
    """``+12025550101``; None when the text holds no telephone number or several different ones.

    Without a country code ten digits are a number of the United States. Fewer are no telephone number here: an order,
    a ZIP code and a house number have less.
    """
    numbers = {_phone(match.group(0)) for match in _PHONE.finditer(text)} - {None}
    return numbers.pop() if len(numbers) == 1 else None


def contact(text: str) -> str | None:
    """A new contact value: the e-mail address or telephone number when little else was said, otherwise the words."""
    for found, pattern in ((email(text), _EMAIL), (phone(text), _PHONE)):
        if found is not None and len(pattern.sub(" ", text).split()) <= MAX_LEAD_IN_WORDS:
            return found
    return _without_lead_in(text)


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


def _choice(text: str, spec: FieldSpec) -> str | None:
    """The one choice named by its own word or by a synonym."""
    text = text.replace("_", " ")
    spans = [
        (*match.span(), choice)
        for choice in spec.choices
        for word in (choice, *spec.synonyms.get(choice, ()))
        for match in re.finditer(rf"(?<!\w){re.escape(word.replace('_', ' '))}(?!\w)", text, re.IGNORECASE)
    ]
    # "address" lies within "e-mail address": the longest words at a place stand for those inside them.
    named = {
        choice
        for start, end, choice in spans
        if not any(first <= start and end <= last and last - first > end - start for first, last, _ in spans)
    }
    return named.pop() if len(named) == 1 else None


def _amount(number: str) -> str | None:
    if _THOUSANDS.fullmatch(number):
        mark = "." if number.rfind(".") > number.rfind(",") else ","
        whole, _, cents = number.rpartition(mark) if re.search(r"[.,]\d{1,2}$", number) else (number, "", "0")
        value = Decimal(f"{re.sub(r'[.,]', '', whole)}.{cents}")
    elif _PLAIN_NUMBER.fullmatch(number):
        value = Decimal(number.replace(",", "."))
    else:
        return None
    return f"{value:.2f}" if 0 < value <= MAX_AMOUNT else None


def _phone(written: str) -> str | None:
    digits = re.sub(r"\D", "", written)
    if written.startswith("00"):
        written, digits = f"+{digits[2:]}", digits[2:]
    if written.startswith("+"):
        # E.164: at most 15 digits; the shortest numbers in use have 8 with their country code.
        return f"+{digits}" if 8 <= len(digits) <= 15 and not digits.startswith("0") else None
    digits = digits.removeprefix("1") if len(digits) == 11 else digits
    return f"+1{digits}" if len(digits) == 10 and digits[0] not in "01" else None


def _without_lead_in(text: str) -> str | None:
    """One line without "it's", "please change it to" and the like in front of it; None when it is too long for one."""
    text = " ".join(_UNPRINTABLE.sub(" ", text).split())
    lead_in = _LEAD_IN.match(text)
    value = (text[lead_in.end() :] if lead_in else text).strip() or text
    return value if 0 < len(value) <= MAX_TEXT else None


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
