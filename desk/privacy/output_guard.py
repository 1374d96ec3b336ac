"""The output guard: no character reaches the customer unless it passed here.

Two checks. ``clean`` makes text harmless to show: no foreign links or images, no HTML, no card numbers or secrets.
``is_supported`` asks whether a sentence stands on its evidence: every number in it, and most of its words, must occur
there. A sentence that does not is not said.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from desk.privacy.redaction import redact

_IMAGE = re.compile(r"!\[([^\]\n]{0,300})\]\([^)\n]{0,2000}\)")
_LINK = re.compile(r"\[([^\]\n]{0,300})\]\(([^)\n]{0,2000})\)")
_BARE_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}:(?://)?[^\s<>()\"']{1,2000}", re.IGNORECASE)
_WWW = re.compile(r"\bwww\.[^\s<>()\"']{1,300}", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,500}>?")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_URI_SCHEMES = ("http", "https", "ftp", "javascript", "data", "vbscript", "file", "mailto", "tel")

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]{3,}")
_MIN_SHARE = 0.5  # of a sentence's words; paraphrases keep about two thirds, inventions about a fifth


def hosts_in(texts: Iterable[str]) -> frozenset[str]:
    """The hosts a pack's own articles and templates link to: the only ones a reply may link to."""
    urls = (match.group(0) for text in texts for match in _BARE_URL.finditer(text))
    return frozenset(host for url in urls if (host := _host(url)))


def clean(text: str, *, allowed_hosts: frozenset[str]) -> str:
    """The text without anything that could act in the customer's browser or show what must not be shown."""
    text = _CONTROL.sub("", _INVISIBLE.sub("", text))
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(lambda match: match.group(0) if _host(match.group(2)) in allowed_hosts else match.group(1), text)
    text = _TAG.sub("", text)
    text = _BARE_URL.sub(lambda match: _kept_url(match.group(0), allowed_hosts), text)
    text = _WWW.sub(lambda match: match.group(0) if _host(f"http://{match.group(0)}") in allowed_hosts else "", text)
    return redact(text).text


def is_supported(sentence: str, *, evidence: Iterable[str]) -> bool:
    """Whether every number and at least half of the words of the sentence occur in the evidence."""
    known = " ".join(evidence).casefold()
    known_numbers = {_canonical(number) for number in _NUMBER.findall(known)}
    if any(_canonical(number) not in known_numbers for number in _NUMBER.findall(sentence)):
        return False
    words = _WORD.findall(sentence.casefold())
    known_words = set(_WORD.findall(known))
    return not words or sum(word in known_words for word in words) / len(words) >= _MIN_SHARE


def _canonical(number: str) -> str:
    """``1,000.00``, ``1000.00`` and ``1000`` are one number."""
    plain = number.rstrip(".,").replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _kept_url(url: str, allowed_hosts: frozenset[str]) -> str:
    scheme = url.partition(":")[0].casefold()
    if scheme not in _URI_SCHEMES and "//" not in url[:24]:
        return url  # "Note:this" is no link
    return url if _host(url) in allowed_hosts else ""


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None
