"""Questions that lean on the ones before ("and for sale items?", "how long does that take?", "why?") made whole.

Decided by the form of the question alone. One that has a subject of its own is left as it is: the old subject would
lead its search astray. The customer's new words stay as they are and in order; of the earlier questions only the words
that carry the subject follow, so that the new ones weigh more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from desk.language.asked import is_open, without_question_words
from retrieval.text import STOP_WORDS, plain_words

MAX_BEFORE = 2
"""Earlier questions of the same subject that are looked at."""
MAX_CARRIED = 12
"""Words taken from them."""
NAMED = 2
"""Words of a subject before a pronoun that the pronoun may stand for."""
POINTED_AT = 4
"""The same for "and … that": it points back further."""
MAX_WORDS = 40
"""A longer message says itself what it is about."""

_COURTESY = re.compile(
    r"^(?:(?:ok(?:ay)?|thanks?(?: you)?(?: so much| a lot)?|great|good|cool|perfect|fine|alright|all right|right|nice"
    r"|i see|got it|understood|ah|oh|hm+|well|hi|hello|hey|yes|no|sorry)\b[\s,.!;:–-]*)+",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"^(?:by the way|btw|one more (?:thing|question)|and one more|another (?:thing|question)|something else"
    r"|different (?:question|topic|subject)|new question|next question|now (?:something|for|about|to)|also,"
    r"|i(?:'d| would) also like|i also (?:want|need|have)|besides)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"^(?:and|or|but|so|then|also|even|only|not|what about|how about|what if|same (?:for|with|thing|goes)|the same"
    r"|is (?:that|it) the same|does (?:that|it|this) (?:also )?(?:apply|go|hold|count)|for|in|to|with|without|on|at"
    r"|from|if|because|until|before|after)\b[\s,]*",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"\b(?:too|as well|either|then|instead|though|at once)\W*$", re.IGNORECASE)
_POINTING = re.compile(
    r"\b(?:it|its|that|this|they|them|their|theirs|those|these|ones?|he|him|his|she|her|there|so|same)\b(?!')"
    r"|\b(?:it|that|they|there|he|she)'(?:s|ll|d|re)\b|\b(?:before|afterwards?)\W*$",
    re.IGNORECASE,
)
_POINTING_NOWHERE = re.compile(
    r"\bit(?:'s| is| was|) (?:possible|ok|okay|allowed|true|safe|better|best|normal|necessary|worth|enough|too late)\b"
    r"|\b(?:is|was|would|will) it (?:be )?(?:possible|ok|okay|allowed|true|safe|better|best|normal|necessary|worth"
    r"|enough|too late)\b"
    r"|\b(?:does|do|did|will|would) it (?:take|cost)\b[^?]* (?:to|for|when|if|until|before)\b"
    r"|\b(?:is|are|was|were) there\b|\bthere(?:'s| is| are)\b"
    r"|\b(?:this|that|these) (?:week|month|year|morning|evening|afternoon|summer|winter|spring|autumn|weekend)s?\b"
    r"|\bso (?:that|much|many|long|far|i|we)\b|\bone of (?:your|the|my|our)\b|\bin one\b|\bone (?:thing|day|night)\b"
    r"|\b(?:this|that) (?:is|means)\b(?= that)|\bthat way\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"^(?:how|what|when|where|which|who|whom|whose|why|do|does|did|can|could|will|would|should|may|is|are|was|were|have"
    r"|has|am|i|we|my|our|you|please|tell|show)\b",
    re.IGNORECASE,
)
_LIGHT_WORDS = """pay pays paid paying cost costs come comes coming arrive arrives happen happens work works going go
    goes want wants buy bought order ordered send sent give gave given keep long much many fast quick quickly soon late
    often far high low big old new time times day days week weeks month months year years part bit thing things
    problem rather different possible exactly actually really also still even ever never always maybe perhaps
    later earlier first last next back down around along mean means say says said ask know think like right sure
    way number reason else every many money able one two three four five six seven eight nine ten"""
_LIGHT = frozenset(_LIGHT_WORDS.split())
"""Words that name no subject: a question of nothing else is about what was said before."""
_DEMONSTRATIVE = frozenset({"that", "this", "those", "these"})
_JOINT = re.compile(r"(?:and|or|but|so|then)\b", re.IGNORECASE)
_COMMAND = re.compile(
    r"^(?:please )?(?:cancel|track|change|update|close|book|move|refund|return|delete|unsubscribe|subscribe|show|send"
    r"|order|stop|connect|call)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Standalone:
    """A question as it can be understood without the conversation."""

    text: str
    is_follow_up: bool
    """Words of earlier questions were added."""


def standalone(question: str, before: Sequence[str]) -> Standalone:
    """The question made whole by the subject of the customer's ``before`` questions, oldest first."""
    earlier = before[-MAX_BEFORE:]
    if not earlier or not leans(question):
        return Standalone(text=question, is_follow_up=False)
    own = set(plain_words(question))
    subject = [
        word
        for said in earlier
        for word in plain_words(without_question_words(said))
        if word not in STOP_WORDS and word not in own
    ]
    carried = list(dict.fromkeys(subject))[-MAX_CARRIED:]
    if not carried:
        return Standalone(text=question, is_follow_up=False)
    # One sentence: search looks at each sentence of a message by itself, and these are nothing by themselves.
    whole = " ".join(re.sub(r"[?!;\n]|\.(?=\s|$)", " ", question).split())
    return Standalone(text=f"{whole} {' '.join(carried)}?", is_follow_up=True)


def leans(question: str) -> bool:
    """Whether a question has no subject of its own, by its form."""
    said = _COURTESY.sub("", " ".join(question.split()))
    words = said.split()
    if not plain_words(said) or len(words) > MAX_WORDS or _CHANGE.match(said) or re.search(r"\w*\d{4,}", said):
        return False
    opening = _OPENING.match(said)
    rest = said[opening.end() :] if opening else said
    if _CHANGE.match(rest) or _COMMAND.match(rest):
        return False
    # "That was helpful" leans as well, and asks nothing.
    asks = opening or "?" in said or is_open(said) or _CLAUSE.match(said)
    if asks and (not _subject(said) or _points_back(said)):
        return True
    if opening and (not _CLAUSE.match(rest) or re.match(r"(?:is|are) there\b", rest, re.IGNORECASE)):
        return True
    return bool(_CLOSING.search(said)) and len(words) <= 6 and not _CLAUSE.match(said)


def _points_back(said: str) -> bool:
    """Whether its first pronoun stands for something that the question itself did not name before."""
    joined = _JOINT.match(said)
    plain = _POINTING_NOWHERE.sub(lambda match: " " * len(match[0]), said)
    for found in _POINTING.finditer(plain):
        ahead = plain_words(plain[: found.start()])
        word = found[0].casefold()
        if word in ("that", "so") and ahead and ahead[-1] not in STOP_WORDS:
            continue  # "the lamp that …", "I know that …"
        return len(_subject(plain[: found.start()])) < (POINTED_AT if word in _DEMONSTRATIVE and joined else NAMED)
    return False


def _subject(said: str) -> list[str]:
    """The words that name what a question is about."""
    return [word for word in plain_words(said) if word not in STOP_WORDS and word not in _LIGHT and not word.isdigit()]
