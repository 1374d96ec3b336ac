"""The kind of fact a question asks for ("how long" a time, "how much" a price), and the kinds a text states."""

import re
from typing import Literal

Kind = Literal["duration", "date", "hours", "amount", "choice", "steps", "place"]

MAX_CHARS = 4_000

_ASKED: tuple[tuple[str, frozenset[Kind]], ...] = (
    (
        r"\bhow (?:long|soon|fast|quick|quickly|many (?:business )?(?:days|weeks|months|years))\b"
        r"|\b(?:deadline|turnaround|time ?frame|delivery times?|waiting time)\b",
        frozenset({"duration"}),
    ),
    (r"\b(?:when|how late|which days?|what days?)\b", frozenset({"duration", "date", "hours"})),
    (r"\b(?:opening|open|hours|what time|close at|closing time)\b", frozenset({"hours"})),
    (
        r"\b(?:how much|how expensive|costs?|prices?|fees?|charge for|who pays)\b",
        frozenset({"amount"}),
    ),
    (
        r"\b(?:which|what (?:are|can|kinds?|sorts?|types?)|list of)\b|\b(?:options|methods|countries)\b",
        frozenset({"choice"}),
    ),
    (r"\b(?:where|address|located|location)\b", frozenset({"place"})),
    (
        r"\b(?:how (?:do|can|could|should|would) (?:i|we|you)|how to|steps?|what do i (?:have|need) to do)\b",
        frozenset({"steps"}),
    ),
)
_STATED: tuple[tuple[str, Kind], ...] = (
    (
        r"(?i:\b(?:\d+|one|two|three|four|five|ten|twelve)(?: business)? (?:minute|hour|day|week|month|year)s?\b"
        r"|\bat once\b|\bthe same day\b)",
        "duration",
    ),
    (
        r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b|\bwhen\b",
        "date",
    ),
    (r"\b\d{1,2}[:.]\d{2}\b(?! [A-Z]{3}\b)|\b\d{1,2} ?[ap]m\b|\baround the clock\b", "hours"),
    (r"\b\d+(?:[.,]\d+)* ?(?:[A-Z]{3}|percent)\b|[$€£] ?\d|\bfree\b", "amount"),
    (
        r"\b\d+ [A-Z][a-z]+ (?:Street|Road|Avenue|Lane)\b|\bin your account\b|\bunder \"|\bat the foot\b",
        "place",
    ),
    # An instruction opens a sentence with its verb.
    (
        r"(?:^|[.!?:;\"] )\"?(?:Add|Ask|Bring|Call|Check|Choose|Clean|Click|Contact|Dab|Drop|Enter|Go|Hand|Log in|Look"
        r"|Open|Pack|Press|Print|Put|Rub|Send|Tell|Use|Wash|Wipe|Wrap|Write)\b",
        "steps",
    ),
)
_ASKED_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), kinds) for pattern, kinds in _ASKED)
_STATED_PATTERNS = tuple((re.compile(pattern), kind) for pattern, kind in _STATED)
_OPEN = re.compile(r"\b(?:how|what|when|where|which|who|whom|whose|why)\b", re.IGNORECASE)
_HOW = re.compile(
    r"\bhow (?:long|soon|fast|quick|quickly|much|many|late|often|expensive)\b|\b(?:some|any|every)(?:thing|one|body)\b"
    r"|\b(?:tak|us)(?:e|es|ing)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:not|never|no|nor|none|nothing|without|cannot|except|excluded)\b|n['’]t\b", re.IGNORECASE)


def asked_kinds(question: str) -> frozenset[Kind]:
    """The kinds of fact any of which would answer; empty when the question names none."""
    text = question[:MAX_CHARS]
    return frozenset[Kind]().union(*(kinds for pattern, kinds in _ASKED_PATTERNS if pattern.search(text)))


def is_open(question: str) -> bool:
    """Whether it asks for what is the case (how, when, which), not for yes or no."""
    return bool(_OPEN.search(question[:MAX_CHARS]))


def without_question_words(question: str) -> str:
    """The question without "how fast", "take", "something" and the like, which name no subject."""
    return _HOW.sub(" ", question[:MAX_CHARS])


def stated_kinds(text: str) -> frozenset[Kind]:
    """The kinds of fact a text states. Whether it is a list (``choice``) shows in its form, not here."""
    return frozenset(kind for pattern, kind in _STATED_PATTERNS if pattern.search(text[:MAX_CHARS]))


def is_negative(text: str) -> bool:
    """Whether the text denies or excludes something."""
    return bool(_NEGATION.search(text[:MAX_CHARS]))
