"""Words of a text as retrieval compares them: folded, stop words dropped, endings cut."""

import re
import unicodedata
from functools import lru_cache

from retrieval.synonyms import SYNONYMS

_WORD = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")

_STOP_WORDS = """
a about after again all am an and any are as at be been before being but by can cannot could did do does doing
don for from further get got had has have having he hello her here hers hey hi him his how i if in into is it its
just let like may me might more most my myself need no nor not now of off oh ok okay on once only or other our ours
out over own please s same shall she should so some such t than thank thanks that the their theirs them then there
these they this those to too under until up us very want wants was we were what when where which while who whom
why will with would yes you your yours anything everything something take takes taking use uses using
"""
STOP_WORDS = frozenset(re.findall(r"\w+", _STOP_WORDS))
"""English words that say nothing about the subject; in another language they are simply rare and harmless."""


def words(text: str) -> list[str]:
    """The content words of a text, in order, folded and stemmed, synonyms as one; numbers stay whole."""
    return [_meaning(word) for word in plain_words(text) if word not in STOP_WORDS]


def plain_words(text: str) -> list[str]:
    """Every word of a text, lower case, without accents and apostrophes."""
    folded = text.casefold().replace("e-mail", "email")
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded)
        folded = "".join(c for c in folded if not unicodedata.combining(c)).replace("’", "'")
    return [match.partition("'")[0] for match in _WORD.findall(folded)]


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, without empty ones."""
    return [part for raw in _SENTENCE_END.split(text) if (part := raw.strip())]


@lru_cache(maxsize=50_000)
def _meaning(word: str) -> str:
    root = stem(word)
    return _STANDS_FOR.get(root, root)


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A light English stem: plural, -ing, -ed and -ly are cut, so that "refunded" meets "refunds"."""
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed", "ly"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= 3 and any(vowel in root for vowel in "aeiouy"):
            word = root[:-1] if root[-1] == root[-2] and root[-1] not in "lsz" else root
            break
    return word.removesuffix("e") if len(word) > 4 else word


_STANDS_FOR = {stem(word): stem(first) for word, first in SYNONYMS.items()}
