"""How a customer feels: sentiment, and frustration from 0 (calm) to 1 (furious), from words and typing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from desk.language.engine import Sentiment

MAX_CHARS = 4000

_NEGATIVE = {
    1: """bad late slow wrong broken damaged missing lost problem issue issues error fail fails failed failing
    unhappy sad disappointed disappointing confused confusing annoyed annoying worse poor faulty defective stuck
    delay delayed unfortunately complaint complain unclear difficult cracked dirty worn hate sorry upset trouble
    wasted mess mistake unacceptable unhelpful rude lie lied lying liars excuse excuses ignored ignoring nobody
    nonsense""",
    2: """awful terrible horrible ridiculous useless worst pathetic disgusting disgrace disgraceful outrageous
    angry furious livid infuriating appalled appalling atrocious garbage rubbish trash joke scam scammers
    fraudsters thieves incompetent incompetence idiot idiots stupid moron clowns fed frustrated frustrating
    frustration insane absurd insulting shameful unbelievable""",
    3: """fuck fucking fucked fuckin shit shitty bullshit crap crappy damn damned bloody asshole bastard bastards
    bitch wtf piss pissed arse hell bollocks""",
}  # fmt: skip
_POSITIVE_WORDS = """thanks thank great good perfect excellent love lovely wonderful awesome amazing happy glad
    helpful nice brilliant fantastic appreciate appreciated cheers super pleased best cool kind friendly quick"""
_POSITIVE = frozenset(_POSITIVE_WORDS.split())
_WEIGHTS = {word: weight for weight, words in _NEGATIVE.items() for word in words.split()}
_NEGATIONS = frozenset(
    ("not", "no", "never", "isnt", "wasnt", "dont", "didnt", "doesnt", "cant", "cannot", "wont", "hardly", "without")
)

_PHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), weight)
    for pattern, weight in (
        (r"\b(?:second|third|fourth|fifth|sixth|tenth|2nd|3rd|4th|5th|hundredth|nth) time\b", 2.0),
        (r"\b(?:for|over) (?:the|a) (?:\w{1,12} )?(?:day|week|month|year)s? (?:now|already)\b", 1.0),
        (r"\b(?:weeks?|months?) (?:later|now|already|and still)\b", 1.0),
        (r"\b(?:still|yet) (?:no|not|nothing|waiting|have ?n.?t|has ?n.?t|did ?n.?t|does ?n.?t)\b", 1.0),
        (r"\b(?:again and again|over and over|how many times|keep (?:asking|telling|saying|getting|sending))\b", 2.0),
        (r"\b(?:already|just) (?:told|said|asked|explained|gave|sent)\b", 1.5),
        (r"\bnever (?:again|ordering|buying|shopping)\b", 2.0),
        (r"\b(?:waste of (?:time|money)|what a joke|sick of|tired of|fed up|had enough|enough is enough)\b", 2.0),
        (r"\b(?:no ?(?:body|one)) (?:answers?|replie[ds]|responds?|helps?|cares?|listens?)\b", 2.0),
        (r"\b(?:last chance|right now|immediately|asap)\b", 0.5),
        (r"\b(?:lawyer|sue you|trading standards|small claims|report you|bad review|one star)\b", 1.5),
        (r"\b(?:n.?t|not|never) (?:\w{1,10} )?(?:understand(?:ing)?|listening|answer(?:ing)? (?:my|the))\b", 1.0),
        (r"\b(?:can ?not|can.?t) (?:believe|stand|take)\b", 1.5),
        (r"\b(?:not (?:good|happy|helpful|great|acceptable|amused|impressed|funny|ok|okay)|unhappy)\b", 1.5),
    )
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z']+")
_SHOUTED_MARKS = re.compile(r"!{2,}|\?{2,}|[!?]{3,}")
_STRETCHED = re.compile(r"([a-z])\1{3,}", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Mood:
    """What a message says about its writer."""

    sentiment: Sentiment
    frustration: float
    """0 calm … 1 furious."""


def mood(text: str) -> Mood:
    """Sentiment and frustration of one message. Linear in its length."""
    text = text[:MAX_CHARS]
    words = _WORD.findall(text)
    plain = [word.lower().replace("'", "") for word in words]
    bad, good = _weigh(plain)
    bad += sum(weight for pattern, weight in _PHRASES if pattern.search(text))
    typing = _typing(text, words)
    # Shouting alone may be joy; with anything to complain about it is anger.
    heat = bad + typing * (1.0 if bad else 0.4) - 0.7 * good
    frustration = round(1 - 2.0 ** (-max(heat, 0.0) / 2.2), 3)
    if bad > good:
        return Mood(sentiment="negative", frustration=frustration)
    return Mood(sentiment="positive" if good else "neutral", frustration=frustration)


def _weigh(words: Sequence[str]) -> tuple[float, float]:
    """Summed weights of negative and of positive words; a negation up to two words before turns a word round."""
    bad = good = 0.0
    for place, word in enumerate(words):
        negated = any(before in _NEGATIONS for before in words[max(0, place - 2) : place])
        if word in _WEIGHTS:
            weight = _WEIGHTS[word]
            # "no problem" calms, but nobody swears calmly.
            bad += weight if not negated or weight == 3 else -0.3 if place and words[place - 1] == "no" else 0.3
        elif word in _POSITIVE:
            if negated:
                bad += 1.0
            else:
                good += 1.0
    return max(bad, 0.0), good


def _typing(text: str, words: Sequence[str]) -> float:
    letters = sum(len(word) for word in words)
    shouted = sum(len(word) for word in words if len(word) > 2 and word.isupper())
    share = shouted / letters if letters >= 8 else 0.0
    caps = 2.0 if share > 0.6 else 1.0 if share > 0.25 else 0.0
    marks = min(len(_SHOUTED_MARKS.findall(text)), 2) * 0.8
    return caps + marks + (0.5 if _STRETCHED.search(text) else 0.0)
