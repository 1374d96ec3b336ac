"""Texts as sparse vectors: words, character n-grams and concepts, weighted by TF-IDF.

Three blocks are scaled to fixed lengths and joined, so that the dot product of two texts is a similarity from 0
(nothing in common) to 1 (the same words).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from desk.language.concepts import concepts
from desk.language.normalise import normalise
from desk.language.stems import stem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Vector = NDArray[np.float32]

_CHARS = range(2, 6)
_PAIR_DISTANCE = 4
_PAIR_SIGN = "|"
_START, _END = "<", ">"
"""How a text begins and ends tells a question from an order."""


def word_terms(words: Sequence[str]) -> Iterator[str]:
    """Single words, and pairs in their order with at most one word between, cut to their stems; the ends count too."""
    stems = [_START, *(stem(word) for word in words), _END]
    yield from stems[1:-1]
    for place, first in enumerate(stems):
        for second in stems[place + 1 : place + 3]:
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


def concept_terms(words: Sequence[str]) -> Iterator[str]:
    """Concepts, and pairs of concepts near each other, whichever comes first: "cancel … order" is "order … cancel"."""
    found = concepts(words)
    yield from found
    for place, one in enumerate(found):
        for other in found[place + 1 : place + 1 + _PAIR_DISTANCE]:
            yield f"{one}{_PAIR_SIGN}{other}" if one < other else f"{other}{_PAIR_SIGN}{one}"


Terms = Callable[[Sequence[str]], Iterator[str]]

_SHARES: tuple[tuple[Terms, float], ...] = ((word_terms, 0.3), (character_terms, 0.35), (concept_terms, 0.35))
"""What a text is taken apart into, and how much of the similarity each part makes; they add up to 1.

Measured in docs/decisions/0002-offline-classifier.md.
"""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One vocabulary: the column of each term, and its weight."""

    terms: Terms
    first_column: int
    columns: dict[str, int]
    weights: Vector
    share: float
    """Squared length of a text's vector in this block."""

    def entries(self, words: Sequence[str]) -> tuple[NDArray[np.int32], Vector]:
        """Columns and values of one text; empty for a text without a known term."""
        columns, counts = [], []
        for term, count in Counter(self.terms(words)).items():
            if (column := self.columns.get(term)) is not None:
                columns.append(column)
                counts.append(count)
        values = (1.0 + np.log(np.asarray(counts, dtype=np.float32))) * self.weights[columns]
        length = float(np.sqrt(values @ values)) or 1.0
        shifted = np.asarray(columns, dtype=np.int32) + np.int32(self.first_column)
        return shifted, (values * (self.share**0.5 / length)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class TextFeatures:
    """Vectors of ``width`` columns for any text, learned from the terms of the training texts."""

    blocks: tuple[Block, ...]
    width: int

    @classmethod
    def learn(cls, texts: Sequence[str]) -> "TextFeatures":
        """The vocabulary of these texts with inverse document frequencies."""
        split = [normalise(text).split() for text in texts]
        blocks: list[Block] = []
        width = 0
        for terms, share in _SHARES:
            blocks.append(_learn_block(split, terms=terms, share=share, first_column=width))
            width += len(blocks[-1].columns)
        return cls(blocks=tuple(blocks), width=width)

    def vector(self, text: str) -> Vector:
        """One text as a dense vector of shape ``(width,)`` and length at most 1."""
        words = normalise(text).split()
        dense = np.zeros(self.width, dtype=np.float32)
        for block in self.blocks:
            columns, values = block.entries(words)
            dense[columns] = values
        return dense

    def coverage(self, text: str) -> float:
        """Share (0..1) of a text that is said in words of the training texts or synonyms; rare words count more."""
        block = self.blocks[-1]
        rarest = float(block.weights.max(initial=1.0))
        known = unknown = 0.0
        for term in set(concepts(normalise(text).split())):
            if (column := block.columns.get(term)) is None:
                unknown += rarest
            else:
                known += float(block.weights[column])
        return known / (known + unknown) if known else 0.0

    def columns_of(self, rows: "csr_array[np.float32]") -> NDArray[np.bool_]:
        """Shape ``(width,)``: which columns any of the rows has."""
        seen = np.zeros(self.width, dtype=np.bool_)
        seen[rows.indices] = True
        return seen

    def forgetting(self, rows: "csr_array[np.float32]", *, seen: NDArray[np.bool_]) -> "csr_array[np.float32]":
        """The rows as they would be had only the columns ``seen`` been learned."""
        from scipy.sparse import csr_array

        starts = [block.first_column for block in self.blocks]
        shares = np.asarray([block.share for block in self.blocks])
        row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        block = np.searchsorted(starts, rows.indices, side="right") - 1
        values = np.where(seen[rows.indices], rows.data, 0)
        cell = row * len(starts) + block
        squares = np.bincount(cell, weights=values**2, minlength=rows.shape[0] * len(starts))
        factors = np.sqrt(shares[block] / np.maximum(squares[cell], 1e-12))
        return csr_array(((values * factors).astype(np.float32), rows.indices, rows.indptr), shape=rows.shape)

    def coverage_of_rows(self, rows: "csr_array[np.float32]", *, seen: NDArray[np.bool_]) -> Vector:
        """Shape ``(rows,)``: their ``coverage`` had only the columns ``seen`` been learned."""
        block = self.blocks[-1]
        weights = np.zeros(self.width)
        for term, column in block.columns.items():
            if _PAIR_SIGN not in term:
                weights[block.first_column + column] = block.weights[column]
        row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        total = np.bincount(row, weights=weights[rows.indices], minlength=rows.shape[0])
        known = np.bincount(row, weights=(weights * seen)[rows.indices], minlength=rows.shape[0])
        return (known / np.maximum(total, 1e-9)).astype(np.float32)

    def matrix(self, texts: Sequence[str]) -> "csr_array[np.float32]":
        """The texts as rows of a sparse matrix of shape ``(len(texts), width)``."""
        from scipy.sparse import csr_array

        starts = [0]
        columns: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
        values: list[Vector] = [np.zeros(0, dtype=np.float32)]
        for text in texts:
            words = normalise(text).split()
            entries = [block.entries(words) for block in self.blocks]
            columns += [found for found, _ in entries]
            values += [weights for _, weights in entries]
            starts.append(starts[-1] + sum(len(found) for found, _ in entries))
        return csr_array(
            (np.concatenate(values), np.concatenate(columns), np.asarray(starts, dtype=np.int32)),
            shape=(len(texts), self.width),
        )


def _learn_block(documents: Sequence[Sequence[str]], *, terms: Terms, share: float, first_column: int) -> Block:
    frequency: Counter[str] = Counter()
    for words in documents:
        frequency.update(set(terms(words)))
    ordered = sorted(frequency)  # Sets have no order of their own; equal data must give equal columns.
    counts = np.asarray([frequency[term] for term in ordered], dtype=np.float32)
    weights = (np.log((1 + len(documents)) / (1 + counts)) + 1).astype(np.float32)
    columns = {term: column for column, term in enumerate(ordered)}
    return Block(terms=terms, first_column=first_column, columns=columns, weights=weights, share=share)
