"""Lexical search: BM25 over the chunks' text, plus BM25 over their titles.

The titles are a field of their own, because a title names the subject while a body mentions much else. A word the
query repeats counts each time: in a long message the repeated words are the subject.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import Chunk
from retrieval.text import words

K1 = 1.2
B = 0.75
TITLE_WEIGHT = 0.5
"""Share of a title match in a chunk's score; measured, see docs/decisions/0003-retrieval.md."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LexicalScores:
    """One value for each chunk, in the order the index was given them."""

    relevance: Floats
    """BM25 as a share (0..1) of the highest score any text could reach for this query."""
    coverage: Floats
    """Share (0..1) of the query's words, weighted by rarity, that the chunk or its title contains."""
    titled: Floats
    """Share that the title of the article contains: what all its sections have in common."""
    specific: Floats
    """Share that the section contains, each word counting the less the more other sections of the article hold it."""
    headed: Floats
    """The same of the section's own heading."""


class LexicalIndex:
    """All chunks in memory; a query reads only the postings of its own words."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        titles = [Counter(words(f"{chunk.title} {chunk.heading}")) for chunk in chunks]
        bodies = [Counter(words(f"{chunk.heading}\n{chunk.text}")) for chunk in chunks]
        self._size = len(chunks)
        self._bodies = _postings(bodies)
        self._titles = _postings(titles)
        self._subjects = _holding([set(words(chunk.title)) for chunk in chunks])
        self._headings = _holding([set(words(chunk.heading)) for chunk in chunks])
        self._apart = _apart(chunks, [set(body) for body in bodies])
        found_in = Counter(word for title, body in zip(titles, bodies, strict=True) for word in title | body)
        self._idf = {word: _idf(count, of=self._size) for word, count in found_in.items()}

    @property
    def vocabulary(self) -> Mapping[str, float]:
        """Every word of the corpus with its rarity (inverse document frequency)."""
        return self._idf

    def score(self, query: str) -> LexicalScores:
        """Relevance and coverage of every chunk for this query."""
        body, title, covered, titled, specific, headed = (np.zeros(self._size) for _ in range(6))
        unknown = _idf(0, of=self._size)
        highest = rarity = 0.0
        for word, times in Counter(words(query)).items():
            idf = self._idf.get(word, unknown)
            highest += times * idf * (K1 + 1) * (1 + TITLE_WEIGHT)
            rarity += idf
            holds = np.zeros(self._size, dtype=bool)
            for postings, scores in ((self._bodies, body), (self._titles, title)):
                if word in postings:
                    where, values = postings[word]
                    scores[where] += times * idf * values
                    holds[where] = True
            covered += idf * holds
            if word in self._subjects:
                titled[self._subjects[word]] += idf
            if word in self._apart:
                apart = idf * self._apart[word]
                specific += apart
                if word in self._headings:
                    where = self._headings[word]
                    headed[where] += apart[where]
        share = 1 / rarity if rarity else 0.0
        return LexicalScores(
            relevance=(body + TITLE_WEIGHT * title) / highest if highest else body,
            coverage=covered * share,
            titled=titled * share,
            specific=specific * share,
            headed=headed * share,
        )


def _holding(texts: Sequence[set[str]]) -> dict[str, NDArray[np.int64]]:
    """For each word the numbers of the texts that hold it."""
    found: dict[str, list[int]] = {}
    for number, text in enumerate(texts):
        for word in text:
            found.setdefault(word, []).append(number)
    return {word: np.array(where) for word, where in found.items()}


def _apart(chunks: Sequence[Chunk], texts: Sequence[set[str]]) -> dict[str, Floats]:
    """For each word how much it sets a chunk apart: 1 in the only section of several that holds it, 0 where all do."""
    articles: dict[tuple[str, str], list[int]] = {}
    for number, chunk in enumerate(chunks):
        articles.setdefault((chunk.article, chunk.version), []).append(number)
    found: dict[str, Floats] = {}
    for numbers in articles.values():
        if len(numbers) == 1:
            continue
        holders = Counter(word for number in numbers for word in texts[number])
        for number in numbers:
            for word in texts[number]:
                others = (holders[word] - 1) / (len(numbers) - 1)
                found.setdefault(word, np.zeros(len(chunks)))[number] = 1 - others
    return found


def _postings(texts: Sequence[Counter[str]]) -> dict[str, tuple[NDArray[np.int64], Floats]]:
    """For each word the texts that hold it and its saturated, length-normalised frequency there."""
    lengths = [text.total() for text in texts]
    average = max(1.0, sum(lengths) / max(1, len(lengths)))
    found: dict[str, tuple[list[int], list[float]]] = {}
    for number, (text, length) in enumerate(zip(texts, lengths, strict=True)):
        for word, times in text.items():
            where, values = found.setdefault(word, ([], []))
            where.append(number)
            values.append(times * (K1 + 1) / (times + K1 * (1 - B + B * length / average)))
    return {word: (np.array(where), np.array(values)) for word, (where, values) in found.items()}


def _idf(count: int, *, of: int) -> float:
    return float(np.log(1 + (of - count + 0.5) / (count + 0.5)))
