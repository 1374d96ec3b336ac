"""The output guard: no character reaches the customer unless it passed here.

Three checks. ``clean`` makes text harmless to show: no foreign links or images, no HTML, no card numbers or secrets.
``is_supported`` asks whether a sentence stands on its evidence: every number, address and name in it, and most of its
words, must occur there. ``is_claim`` asks whether a sentence says that something was done: that follows from a result,
and results are told by templates. A sentence that fails is not said.
"""

import re
from collections.abc import Collection, Iterable
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
_ADDRESS = re.compile(r"[^\s<>()\[\]\"'“”‘’,;]*(?:@|\w\.(?=[^\W\d_]{2}))[^\s<>()\[\]\"'“”‘’,;]*")
_NAME = re.compile(r"(?<=[^\s.!?:*_#>•-][\s\"'“”‘(])[^\W\d_]{2,}(?:-[^\W\d_]+)*")
_WORD = re.compile(r"[^\W\d_]{3,}")
_LATIN = "\u024f"
_EMPHASIS = re.compile(r"[*_`~]+")
_MIN_SHARE = 0.5  # of a sentence's words; paraphrases keep about two thirds, inventions about a fifth

_DEED = (
    r"(?:refunded|reimbursed|credited|paid(?:\s+back)?|charged|waived|cancelled|canceled|changed|updated|switched|closed"
    r"|reopened|reinstated|booked|rebooked|moved|rescheduled|deleted|removed|erased|subscribed|unsubscribed|verified"
    r"|identified|authenticated|approved|authori[sz]ed|confirmed|granted|processed|issued|initiated|started|submitted"
    r"|transferred|completed|arranged|applied|placed|sent|recorded|registered|opened|escalated|forwarded|done|made)"
)
_STRESS = r"(?:(?:just|now|already|also|hereby|both|all|[a-z]+ly)\s+){0,3}"
_CLAIM = re.compile(
    rf"\b(?:i|we|(?:a|our|my|the)\s+(?:team|manager|colleague|supervisor|system))(?:['’]ve|['’]s|\s+have|\s+has)?\s+"
    rf"{_STRESS}{_DEED}\b"
    rf"|\b(?:was|were|been|got)\s+{_STRESS}{_DEED}\b"
    rf"|(?:['’](?:s|re)|\bis|\bare)\s+(?:now|already|successfully|hereby)\s+{_STRESS}{_DEED}\b"
    rf"|\b(?:your|you|it|everything|hp-\w+)\b[^,;:]*?(?:['’](?:s|re)|\bis|\bare)\s+{_STRESS}{_DEED}\s*(?:[.!?*_)]|$)"
    r"|\b(?:is|are)\s+on\s+(?:its|the|their)\s+way\b"
    rf"|^\W*{_DEED}\W*$"
    r"|^\W*(?:all\s+|consider\s+it\s+)?(?:done|set|approved|confirmed|verified|completed)\b"
    rf"|\b(?:refund|cancellation|request|change|payment|address|account|order|code|identity)\s+{_STRESS}{_DEED}\W*$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:–—]\s|\bbut\b")
_CONDITION = re.compile(
    r"\b(?:if|when(?:ever)?|once|after|before|until|unless|whether|as soon as|as long as|in case)\s+"
    # Right before its own subject: "if you like it was refunded" is no condition of the refund.
    r"(?:you\s+)?(?:(?!you\b)[\w'’-]+\s+){0,4}$",
    re.IGNORECASE,
)
_AT_ONCE = re.compile(r"\b(?:if|when(?:ever)?|once|after|before|until|unless|whether|as soon as)\s+$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\s*\n\s*|\s+\|\s+")


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


def is_supported(sentence: str, *, evidence: Iterable[str], unspoken: Collection[str] = ()) -> bool:
    """Whether every number, address and name, and at least half of the words of the sentence occur in the evidence.

    ``unspoken``: words that only our instructions use. The sentence holds none of them, unless the evidence does too.
    """
    known = " ".join(evidence).casefold()
    if any(char.isalpha() and char > _LATIN and char not in known for char in sentence.casefold()):
        return False  # letters that look like others: the checks below would not know the word
    known_numbers = {_canonical(number) for number in _NUMBER.findall(known)}
    if any(_canonical(number) not in known_numbers for number in _NUMBER.findall(sentence)):
        return False
    if any(address.strip(".!?:*_").casefold() not in known for address in _ADDRESS.findall(sentence)):
        return False
    known_words = words_in(known)
    # A capital letter within a sentence: a person, a place, a company. German, which has them everywhere, is spoken
    # from German evidence.
    names = (word for name in _NAME.findall(sentence) if name[0].isupper() for word in words_in(name))
    if any(name not in known_words for name in names):
        return False
    words = _WORD.findall(sentence.casefold())
    if any(word in unspoken and word not in known_words for word in words):
        return False
    return not words or sum(word in known_words for word in words) / len(words) >= _MIN_SHARE


def words_in(text: str) -> frozenset[str]:
    """The words of a text, as the checks compare them."""
    return frozenset(_WORD.findall(text.casefold()))


def is_claim(sentence: str, *, evidence: Iterable[str]) -> bool:
    """Whether the sentence says that something was done, proved or agreed to, in other words than the evidence does.

    Knowledge knows the rules, not what happened a moment ago: "I have refunded your order" can only be a result. What
    an article says itself ("We have updated our prices.") is its own sentence, and what hangs on a condition ("once
    your refund was approved") is a rule.
    """
    known = {_plain(said) for text in evidence for said in _SENTENCE.split(text)}
    said = [part for part in _SENTENCE.split(_EMPHASIS.sub("", sentence)) if _plain(part) not in known]
    return any(_claims(clause) for part in said for clause in _CLAUSE.split(part))


def _claims(clause: str) -> bool:
    return any(not _is_conditional(clause[: found.start()], found.group()) for found in _CLAIM.finditer(clause))


def _is_conditional(before: str, claim: str) -> bool:
    who = claim.split()[0].casefold()
    condition = _CONDITION if who in ("was", "were", "been", "got", "is", "are") else _AT_ONCE
    if found := condition.search(before):
        words = found.group().casefold().split()
        return "you" not in words or not set(words[words.index("you") + 1 :]) - {"have", "had", "has"}
    return False


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


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
