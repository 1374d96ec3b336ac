"""Finds bank accounts, government ids, e-mail addresses and telephone numbers in a folded text."""

import re
from collections.abc import Iterator

from desk.privacy.folding import INVISIBLE
from desk.privacy.found import Found

# Length of an IBAN by country (ISO 13616 registry).
_IBAN_LENGTHS = {
    "ad": 24, "ae": 23, "al": 28, "at": 20, "az": 28, "ba": 20, "be": 16, "bg": 22, "bh": 22, "bi": 27, "br": 29,
    "by": 28, "ch": 21, "cr": 22, "cy": 28, "cz": 24, "de": 22, "dj": 27, "dk": 18, "do": 28, "ee": 20, "eg": 29,
    "es": 24, "fi": 18, "fk": 18, "fo": 18, "fr": 27, "gb": 22, "ge": 22, "gi": 23, "gl": 18, "gr": 27, "gt": 28,
    "hr": 21, "hu": 28, "ie": 22, "il": 23, "iq": 23, "is": 26, "it": 27, "jo": 30, "kw": 30, "kz": 20, "lb": 28,
    "lc": 32, "li": 21, "lt": 20, "lu": 20, "lv": 21, "ly": 25, "mc": 27, "md": 24, "me": 22, "mk": 19, "mn": 20,
    "mr": 27, "mt": 31, "mu": 30, "ni": 28, "nl": 18, "no": 15, "om": 23, "pk": 24, "pl": 28, "ps": 29, "pt": 25,
    "qa": 29, "ro": 24, "rs": 22, "ru": 33, "sa": 24, "sc": 31, "sd": 18, "se": 24, "si": 19, "sk": 24, "sm": 27,
    "so": 23, "st": 25, "sv": 28, "tl": 23, "tn": 24, "tr": 26, "ua": 29, "va": 22, "vg": 24, "xk": 20, "ye": 30,
}  # fmt: skip
_IBAN_START = re.compile(rf"(?<![a-z0-9])[a-z]{INVISIBLE}{{0,2}}[a-z][ {INVISIBLE}]{{0,2}}\d{INVISIBLE}{{0,2}}\d")
_IBAN_LABEL = re.compile(r"\biban[\s:.#-]{0,3}(?:(?:number|no|code|is)[\s:.#-]{0,3}){0,2}$")
_IBAN_GAP = f" -\t\n\r{INVISIBLE}"
_IBAN_GAPS = 2

_SEP = rf"[\s.\-{INVISIBLE}]"
_LABEL_END = r"(?:[\s:.#=-]{0,3}(?:number|no|num|nr|code|is|was)\b){0,3}[\s:.#=-]{0,3}"
_SSN = re.compile(rf"(?<![\w-])(?!000|666|9)\d{{3}}(?P<sep>{_SEP})(?!00)\d\d(?P=sep)(?!0000)\d{{4}}(?![\w-])")
_LABELLED_SSN = re.compile(
    rf"\b(?:ssn|social security|itin|tax ?id|national id|identity (?:card|number)){_LABEL_END}"
    rf"(?P<value>\d{{3}}{_SEP}{{0,2}}\d{{2}}{_SEP}{{0,2}}\d{{4}})(?![\w])"
)
_NINO = re.compile(
    rf"(?<![a-z0-9])(?!bg|gb|nk|kn|tn|nt|zz)[a-ceghj-prstw-z][a-ceghj-nprstw-z]{_SEP}?\d\d{_SEP}?\d\d{_SEP}?\d\d{_SEP}?[a-d]"
    r"(?![a-z0-9])"
)
_PASSPORT = re.compile(rf"\bpassport{_LABEL_END}(?P<value>(?=[a-z0-9]{{0,4}}\d{{4}})[a-z0-9]{{6,10}})(?![a-z0-9])")
_LICENCE = re.compile(
    rf"\bdriv(?:er'?s?|ing) licen[sc]e{_LABEL_END}(?P<value>(?=[a-z0-9-]{{0,6}}\d{{3}})[a-z0-9-]{{6,18}})(?![a-z0-9])"
)
_BANK = re.compile(
    rf"\b(?:sort code{_LABEL_END}(?P<sort>\d\d{_SEP}?\d\d{_SEP}?\d\d)"
    rf"|(?:routing|aba){_LABEL_END}(?P<routing>\d{{9}})"
    rf"|bank account{_LABEL_END}(?P<account>\d[\d -]{{4,20}}\d))(?!\d)"
)
_EMAIL = re.compile(r"(?<![\w.%+'-])[\w.%+'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}(?![\w-])")
_PHONE = re.compile(r"(?<![\w@.#/+\-])\+?\(?\d[\d ().\-/]{5,22}\d(?![\w@])")
_NO_PHONE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ .].*)?|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,3}(?:\.\d{1,3}){3}|\d+\.\d{2}|\d{5}-\d{4}|.*\(\d*"
    r"|\d{3}-\d\d-\d{4}"
)
_STREET = re.compile(r"[ \t]+[^\W\d_]")


def find_identifiers(folded: str) -> Iterator[Found]:
    """Bank accounts and government ids."""
    yield from _ibans(folded)
    for match in _SSN.finditer(folded):
        yield Found(type="us_ssn", start=match.start(), end=match.end())
    for match in _LABELLED_SSN.finditer(folded):
        yield Found(type="us_ssn", start=match.start("value"), end=match.end("value"))
    for match in _NINO.finditer(folded):
        yield Found(type="uk_nino", start=match.start(), end=match.end())
    for match in _PASSPORT.finditer(folded):
        yield Found(type="passport", start=match.start("value"), end=match.end("value"))
    for match in _LICENCE.finditer(folded):
        yield Found(type="driving_licence", start=match.start("value"), end=match.end("value"))
    for match in _BANK.finditer(folded):
        group = str(match.lastgroup)
        yield Found(type="bank_account", start=match.start(group), end=match.end(group))


def find_contacts(folded: str) -> Iterator[Found]:
    """E-mail addresses and telephone numbers. Workflows need them, so nothing masks them unless it is asked to."""
    for match in _EMAIL.finditer(folded):
        yield Found(type="email", start=match.start(), end=match.end())
    for match in _PHONE.finditer(folded):
        # "17151 2450 Crown Street" is a house, not a telephone.
        street = match[0].count(" ") == 1 and match[0][0] not in "+0(" and _STREET.match(folded, match.end())
        if not street and _is_phone(match[0]):
            yield Found(type="phone", start=match.start(), end=match.end())


def _ibans(folded: str) -> Iterator[Found]:
    for match in _IBAN_START.finditer(folded):
        country = match[0].replace(INVISIBLE, "")[:2]
        length = _IBAN_LENGTHS.get(country)
        if length is None:
            continue
        characters, end = _collected(folded, match.start(), length)
        labelled = _IBAN_LABEL.search(folded[max(0, match.start() - 30) : match.start()])
        # A mistyped account number is still one, where the customer says so.
        if len(characters) == length and (_mod_97(characters) or labelled):
            yield Found(type="iban", start=match.start(), end=end)


def _collected(folded: str, start: int, length: int) -> tuple[str, int]:
    """The next ``length`` letters and digits, with at most two gap characters in a row, and where they end."""
    characters: list[str] = []
    gaps, position = 0, start
    while position < len(folded) and len(characters) < length:
        character = folded[position]
        if character.isascii() and character.isalnum():
            characters.append(character)
            gaps = 0
        elif character in _IBAN_GAP and gaps < _IBAN_GAPS:
            gaps += character != INVISIBLE
        else:
            break
        position += 1
    return "".join(characters), position


def _mod_97(iban: str) -> bool:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    if not 7 <= digits <= 15 or _NO_PHONE.fullmatch(text):
        return False
    return text.startswith(("+", "0", "(")) or not text.isdigit() or digits in (10, 11)
