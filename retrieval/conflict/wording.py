"""Words of a statement as conflict detection compares them: tokens with their places, and the term each stands for.

Terms are wider than those of the search (``synonyms``): a fee and a price are one term here, because two articles that
name both for the same thing are to be compared. What they must never blur is a kind of thing from another: "express"
and "standard", "Visa" and "Mastercard" stay apart.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from retrieval.conflict import meanings
from retrieval.conflict.meanings import STOP
from retrieval.text import stem

MAX_TOKENS = 160
"""Of one sentence; what comes after is not read. Keeps the work bounded whatever an article holds."""
_MAX_LETTERS = 40
_MAX_DIGITS = 18

_TOKEN = re.compile(
    r"[^\W\d_]+(?:['’][^\W\d_]+)*"  # a word
    r"|\d+(?:[.,]\d+)*"  # a number; its sign and unit are tokens of their own
    r"|\S"
)
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))

_NEGATED = {"cannot": ("can", "not"), "can't": ("can", "not"), "won't": ("will", "not"), "shan't": ("shall", "not")}


class Token(NamedTuple):
    text: str
    """Lower case, without accents; ``not`` for every n't."""
    kind: Literal["word", "number", "sign"]
    start: int
    end: int
    capital: bool
    """Whether it is written with a capital although no sentence begins here."""
    shouts: bool = False
    """Whether it has a capital after its first letter."""
    big: bool = False
    """Whether it is written with a capital, for whatever reason."""


def tokens_of(sentence: str) -> list[Token]:
    """The tokens of a sentence, in order. Linear in its length and never more than ``MAX_TOKENS``."""
    text = sentence.translate(_DASHES)
    found: list[Token] = []
    opens = True
    for match in _TOKEN.finditer(text):
        raw = match.group()
        start, end = match.span()
        first = raw[0]
        if first.isalpha():
            word = _folded(raw[:_MAX_LETTERS])
            shouts = first.isupper() and len(raw) > 2 and not raw[1:].islower() and "'" not in word
            capital = first.isupper() and (not opens or shouts)
            parts = _NEGATED.get(word) or ((word[:-3], "not") if word.endswith("n't") else (word.partition("'")[0],))
            found.extend(Token(part, "word", start, end, capital, shouts, first.isupper()) for part in parts if part)
            opens = False
        elif first.isdigit() and first.isascii():
            found.append(Token(raw, "number" if len(raw) <= _MAX_DIGITS else "sign", start, end, False))
            opens = False
        else:
            found.append(Token(raw, "sign", start, end, False))
            opens = opens or raw in ".!?:"
        if len(found) >= MAX_TOKENS:
            break
    return found


@lru_cache(maxsize=50_000)
def term(word: str) -> str:
    """What a lower-case word stands for; empty for a word that says nothing about a subject."""
    if word in STOP or (len(word) == 1 and word.isascii()):
        return ""
    root = _root(word)
    return _STANDS_FOR.get(word) or _STANDS_FOR.get(root, root)


def _root(word: str) -> str:
    """The stem, without the last e: "guarantee" and "guaranteed" have one."""
    root = stem(word)
    for ending in ("ation", "ion", "ment"):
        if root.endswith(ending) and len(root) - len(ending) >= 5:
            root = root.removesuffix(ending)
            break
    return root.rstrip("e") if len(root) > 4 else root


def terms_by_token(tokens: Sequence[Token]) -> list[str]:
    """For each token the term it stands for, or nothing. Words that mean something together stand at the first."""
    found = [term(meanings.OPPOSITES.get(token.text, token.text)) if token.kind == "word" else "" for token in tokens]
    for index, token in enumerate(tokens):
        if token.text in meanings.NEGATORS:
            found[index] = ""
        elif token.text in meanings.PARTICLES:
            _join(tokens, found, index)
    return found


def _join(tokens: Sequence[Token], found: list[str], index: int) -> None:
    """Puts a verb and its particle into one term: "send it back", "sign in"."""
    together = meanings.PARTICLES[tokens[index].text]
    for before in range(index - 1, max(-1, index - 5), -1):
        joined = together.get(tokens[before].text)
        if joined:
            found[before], found[index] = term(joined), ""
            return
        if tokens[index].text not in ("back", "up") and tokens[before].text != "-":
            return


def terms_of(text: str) -> list[str]:
    """The terms of a text, numbers left out."""
    return [found for found in terms_by_token(tokens_of(text)) if found]


def is_title_case(tokens: Sequence[Token]) -> bool:
    """Whether nearly every longer word is written with a capital, so that a capital says nothing."""
    long = [token for token in tokens if token.kind == "word" and len(token.text) > 3][1:]
    return bool(long) and 3 * sum(token.capital for token in long) >= 2 * len(long)


@lru_cache(maxsize=50_000)
def _folded(word: str) -> str:
    word = word.replace("’", "'").casefold()
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


_STANDS_FOR: dict[str, str] = {}
for _first, *_others in meanings.SAME:
    for _word in (_first, *_others):
        _STANDS_FOR.setdefault(_word, _root(_first))
        _STANDS_FOR.setdefault(_root(_word), _root(_first))

LIMITING = frozenset(term(word) for word in meanings.LIMITING_WORDS) - {""}
VERBS = frozenset(term(word) for word in meanings.VERB_WORDS) - {""}
PERSONS = frozenset(term(word) for word in meanings.PERSON_WORDS) - {""}
LIGHT = frozenset(term(word) for word in meanings.LIGHT_WORDS) - {""}
CONTRASTS: dict[str, frozenset[str]] = {}
for _words in meanings.CONTRASTS:
    _line = frozenset(term(word) for word in _words) - {""}
    for _one in _line:
        CONTRASTS[_one] = CONTRASTS.get(_one, frozenset()) | (_line - {_one})
