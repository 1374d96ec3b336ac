"""Mends typing mistakes: an unknown word becomes a known one when a single slip lies between them.

Words are found by what is left when one letter is deleted, so a look-up costs a few dictionary reads however large
the vocabulary is.
"""

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from retrieval.synonyms import SYNONYMS
from retrieval.text import STOP_WORDS, plain_words, stem

SHORTEST = 5
"""Shorter words have too many neighbours: "card", "care", "cart"."""
MENDED_TO = 20_000
"""The commonest words of the corpus: nobody means one that a large corpus holds twice, and each costs a kilobyte."""
_WORD = re.compile(r"[^\W\d_]+")


class Spelling:
    """The words of a corpus, as they are written there.

    One made from the one ``before`` reads only the texts that were added and those that are ``gone``.
    """

    def __init__(self, texts: Iterable[str], *, before: "Spelling | None" = None, gone: Iterable[str] = ()) -> None:
        self._counts: Counter[str] = Counter(before._counts if before else ())
        self._counts.update(_spelled(texts))
        self._counts.subtract(_spelled(gone))
        self._counts = +self._counts
        self._stems: Counter[str] = Counter(before._stems if before else ())
        known = before._counts.keys() if before else set[str]()
        self._stems.update(stem(word) for word in self._counts.keys() - known)
        self._stems.subtract(stem(word) for word in known - self._counts.keys())
        self._near: defaultdict[str, set[str]] = defaultdict(set)
        long = [word for word in self._counts if len(word) >= SHORTEST]
        for word in heapq.nlargest(MENDED_TO, long, key=lambda word: (self._counts[word], word)):
            for shorter in _deletions(word):
                self._near[shorter].add(word)

    def mended(self, text: str) -> str:
        """The text with each unknown word that is one slip away from a known one replaced by the commonest such."""
        return _WORD.sub(lambda match: self._word(match[0]), text)

    def _word(self, written: str) -> str:
        word = written.casefold()
        if len(word) < SHORTEST or word in self._counts or word in STOP_WORDS or word in SYNONYMS:
            return written
        if self._stems[stem(word)]:
            return written
        close = {near for shorter in _deletions(word) for near in self._near.get(shorter, ()) if _one_slip(word, near)}
        return max(close, key=lambda near: (self._counts[near], near), default=written)


def _spelled(texts: Iterable[str]) -> Iterator[str]:
    return (word for text in texts for word in plain_words(text) if word.isalpha())


def _deletions(word: str) -> Iterator[str]:
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]


def _one_slip(one: str, other: str) -> bool:
    """One letter missing, added, wrong, or two neighbours swapped; seldom the first, and "garden" is not "harden"."""
    if one[0] != other[0]:
        return False
    start = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or (a[:2] == b[:2][::-1] and a[2:] == b[2:])
