"""Texts as sparse vectors: words, word pairs and character n-grams, weighted by TF-IDF.

Two blocks (words; characters within words) are scaled to unit length each and joined, so that the dot product of two
texts is a similarity from 0 (nothing in common) to 1 (the same words).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from desk.language.normalise import normalise
from desk.language.stems import stem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Vector = NDArray[np.float32]

_WORD_SHARE = 0.35  # Of the similarity; measured in docs/decisions/0002-offline-classifier.md.
_CHARS = range(2, 6)


def word_terms(words: Sequence[str]) -> Iterator[str]:
    """Single words and neighbouring pairs, cut to their stems."""
    stems = [stem(word) for word in words]
    yield from stems
    for first, second in pairwise(stems):
        yield f"{first} {second}"


def character_terms(words: Sequence[str]) -> Iterator[str]:
    """Runs of 2 to 5 characters within one word, its borders included; a short word gives itself."""
    for word in words:
        padded = f" {word} "
        for size in _CHARS:
            if len(padded) <= size:
                yield padded
                break
            for start in range(len(padded) - size + 1):
                yield padded[start : start + size]


@dataclass(frozen=True, kw_only=True)
class Block:
    """One vocabulary: the column of each term, and its weight."""

    columns: dict[str, int]
    weights: Vector
    share: float
    """Squared length of a text's vector in this block."""

    def entries(self, terms: Iterator[str]) -> tuple[list[int], Vector]:
        """Columns and values of one text; empty for a text without a known term."""
        columns, counts = [], []
        for term, count in Counter(terms).items():
            if (column := self.columns.get(term)) is not None:
                columns.append(column)
                counts.append(count)
        values = (1.0 + np.log(np.asarray(counts, dtype=np.float32))) * self.weights[columns]
        length = float(np.sqrt(values @ values)) or 1.0
        return columns, (values * (self.share**0.5 / length)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class TextFeatures:
    """Vectors of ``width`` columns for any text, learned from the terms of the training texts."""

    words: Block
    characters: Block

    @classmethod
    def learn(cls, texts: Sequence[str]) -> "TextFeatures":
        """The vocabulary of these texts with inverse document frequencies."""
        split = [normalise(text).split() for text in texts]
        words = _learn_block([set(word_terms(one)) for one in split], share=_WORD_SHARE)
        characters = _learn_block([set(character_terms(one)) for one in split], share=1 - _WORD_SHARE)
        return cls(words=words, characters=characters)

    @property
    def width(self) -> int:
        return len(self.words.weights) + len(self.characters.weights)

    def vector(self, text: str) -> Vector:
        """One text as a dense vector of shape ``(width,)`` and length at most 1."""
        words = normalise(text).split()
        dense = np.zeros(self.width, dtype=np.float32)
        columns, values = self.words.entries(word_terms(words))
        dense[columns] = values
        columns, values = self.characters.entries(character_terms(words))
        dense[np.asarray(columns, dtype=np.intp) + len(self.words.weights)] = values
        return dense

    def matrix(self, texts: Sequence[str]) -> "csr_array[np.float32]":
        """The texts as rows of a sparse matrix of shape ``(len(texts), width)``."""
        from scipy.sparse import csr_array

        offset, starts = len(self.words.weights), [0]
        columns: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
        values: list[Vector] = [np.zeros(0, dtype=np.float32)]
        for text in texts:
            words = normalise(text).split()
            for block, terms, shift in (
                (self.words, word_terms(words), 0),
                (self.characters, character_terms(words), offset),
            ):
                found, weights = block.entries(terms)
                columns.append(np.asarray(found, dtype=np.int32) + np.int32(shift))
                values.append(weights)
            starts.append(starts[-1] + len(columns[-1]) + len(columns[-2]))
        return csr_array(
            (np.concatenate(values), np.concatenate(columns), np.asarray(starts, dtype=np.int32)),
            shape=(len(texts), self.width),
        )


def _learn_block(documents: Sequence[set[str]], *, share: float) -> Block:
    frequency: Counter[str] = Counter()
    for terms in documents:
        frequency.update(terms)
    ordered = sorted(frequency)  # Sets have no order of their own; equal data must give equal columns.
    counts = np.asarray([frequency[term] for term in ordered], dtype=np.float32)
    weights = (np.log((1 + len(documents)) / (1 + counts)) + 1).astype(np.float32)
    return Block(columns={term: column for column, term in enumerate(ordered)}, weights=weights, share=share)
