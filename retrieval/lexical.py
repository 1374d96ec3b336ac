"""Lexical search: BM25 over the chunks' text, plus BM25 over their titles.

The titles are a field of their own, because a title names the subject while a body mentions much else. A word the
query repeats counts each time: in a long message the repeated words are the subject.
"""

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from retrieval.chunking import Chunk
from retrieval.text import words

K1 = 1.2
B = 0.75
TITLE_WEIGHT = 0.5
"""Share of a title match in a chunk's score; measured, see docs/decisions/0003-retrieval.md."""
READ = 50_000
"""Postings read to find the chunks that share a word, rarest words first. The commonest words of a large corpus name
no subject and are in every second chunk; they count for the chunks that the rarer ones found."""
COMMON = 8
"""Postings of a word for each chunk that is compared, above which it is looked up chunk by chunk."""

Floats = NDArray[np.float64]
Numbers = NDArray[np.int32]
"""Places in the list of chunks the index was given."""
Flags = NDArray[np.bool_]
Entries = NDArray[np.uint32]
Places = NDArray[np.int64]
"""In a list of another kind: postings, or some of the chunks."""


@dataclass(frozen=True, kw_only=True)
class LexicalScores:
    """One value for each of some chunks."""

    of: Numbers
    """Which chunks."""
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


class _Entry:
    """One word in one chunk, packed: how often body and title hold it, and whether the heading or the title do."""

    BODY = 0x3FFF
    TITLE_SHIFT, TITLE = 14, 0xFF
    HEADING = 1 << 30
    SUBJECT = 1 << 31


class _Asked(NamedTuple):
    """A word of a query."""

    times: int
    rarity: float
    postings: range


class _Texts(NamedTuple):
    """A row for each chunk, a column for each word."""

    entries: sparse.csr_array
    lengths: NDArray[np.int64]
    """Words of body and of title with heading."""


class LexicalIndex:
    """All chunks in memory; a query reads only the postings of its own words.

    The chunks of one article version must follow one another. An index made from the one ``before`` reads only the
    chunks that were not in it: ``carried`` holds for each chunk its number there, or -1.
    """

    def __init__(
        self, chunks: Sequence[Chunk], *, before: "LexicalIndex | None" = None, carried: Numbers | None = None
    ) -> None:
        self._size = len(chunks)
        self._words: dict[str, int] = dict(before._words) if before else {}
        texts = _read([chunk for n, chunk in enumerate(chunks) if carried is None or carried[n] < 0], self._words)
        if before is not None and carried is not None:
            texts = _joined(before._texts(of=len(self._words)), texts, carried=carried)
        postings = sparse.csc_array(texts.entries)
        self._starts = postings.indptr
        self._chunks = postings.indices
        self._entries = postings.data
        self._lengths = texts.lengths
        self._norms = [_norms(lengths) for lengths in texts.lengths.T]
        articles = _articles(chunks)
        self._sections = np.bincount(articles, minlength=1)[articles]
        self._holders = self._sections_holding(articles)

    def sharing(self, query: str, *, among: Flags, limit: int) -> Numbers:
        """The chunks that share a word with the query, ascending: at most ``limit``, then the most relevant ones."""
        asked = sorted(self._asked(query), key=lambda word: len(word.postings))
        read = np.cumsum([len(word.postings) for word in asked])
        rarest = asked[: max(1, int(np.searchsorted(read, READ, side="right")))]
        which, where = _together([word.postings for word in rarest])
        chunks = self._chunks[where]
        weights = np.array([word.times * word.rarity for word in rarest])[which]
        relevance = np.bincount(
            chunks, weights=weights * self._saturated(self._entries[where], chunks), minlength=self._size
        )
        found = np.flatnonzero((relevance > 0) & among).astype(np.int32)
        if len(found) > limit:
            found = np.sort(found[np.argpartition(-relevance[found], limit)[:limit]])
        return found

    def score(self, query: str, *, of: Numbers | None = None) -> LexicalScores:
        """Relevance and coverage of these chunks (ascending numbers; by default all) for this query."""
        numbers = np.arange(self._size, dtype=np.int32) if of is None else of
        asked = self._asked(query)
        at, which, where = self._meeting(asked, numbers)
        entries, chunks = self._entries[where], numbers[at]
        rarity = np.array([word.rarity for word in asked])
        times = np.array([word.times for word in asked])
        weight = rarity[which]
        apart = weight * self._apart(entries, chunks, self._holders[where])

        def of_chunks(values: Floats) -> Floats:
            return np.bincount(at, weights=values, minlength=len(numbers)).astype(np.float64, copy=False)

        highest = float((times * rarity).sum()) * (K1 + 1) * (1 + TITLE_WEIGHT) or 1.0
        share = 1 / (float(rarity.sum()) or 1.0)
        return LexicalScores(
            of=numbers,
            relevance=of_chunks((times * rarity)[which] * self._saturated(entries, chunks)) / highest,
            coverage=of_chunks(weight) * share,
            titled=of_chunks(weight * ((entries & _Entry.SUBJECT) > 0)) * share,
            specific=of_chunks(apart) * share,
            headed=of_chunks(apart * ((entries & _Entry.HEADING) > 0)) * share,
        )

    def _asked(self, query: str) -> list["_Asked"]:
        """The words of a query; one that no chunk holds has no postings and the greatest rarity."""
        found = []
        for word, times in Counter(words(query)).items():
            number = self._words.get(word)
            start, stop = (0, 0) if number is None else (int(self._starts[number]), int(self._starts[number + 1]))
            rarity = math.log(1 + (self._size - (stop - start) + 0.5) / (stop - start + 0.5))
            found.append(_Asked(times, rarity, range(start, stop)))
        return found

    def _meeting(self, asked: Sequence["_Asked"], numbers: Numbers) -> tuple[Numbers, Places, Places]:
        """Which of the numbers hold which word: places among the numbers, the words and the postings."""
        slots = np.full(self._size, -1, dtype=np.int32)
        slots[numbers] = np.arange(len(numbers))
        # Of a word that far more chunks hold than are compared, most postings are not even looked at.
        common = [len(word.postings) > COMMON * len(numbers) for word in asked]
        which, where = _together(
            [self._held(word, numbers) if far else word.postings for word, far in zip(asked, common, strict=True)]
        )
        at = slots[self._chunks[where]]
        known = np.flatnonzero(at >= 0)
        return at[known], which[known], where[known]

    def _held(self, word: "_Asked", numbers: Numbers) -> Places:
        """The word's postings for these chunks."""
        holders = self._chunks[word.postings.start : word.postings.stop]
        where = np.minimum(np.searchsorted(holders, numbers), len(holders) - 1)
        return np.asarray(word.postings.start + where[holders[where] == numbers])

    def _saturated(self, entries: Entries, chunks: Numbers) -> Floats:
        """BM25 of these postings without the word's rarity, body and title together."""
        body = entries & _Entry.BODY
        title = (entries >> _Entry.TITLE_SHIFT) & _Entry.TITLE
        in_body, in_title = (
            times * (K1 + 1) / (times + norms[chunks]) for times, norms in zip((body, title), self._norms, strict=True)
        )
        return np.asarray(in_body + TITLE_WEIGHT * in_title)

    def _apart(self, entries: Entries, chunks: Numbers, holders: NDArray[np.uint16]) -> Floats:
        """How much a word sets its chunk apart: 1 in the only section of several that holds it, 0 where all do."""
        others = self._sections[chunks] - 1
        apart = 1 - (holders - 1.0) / np.maximum(1, others)
        return np.where((others > 0) & ((entries & _Entry.BODY) > 0), apart, 0.0)

    def _sections_holding(self, articles: Numbers) -> NDArray[np.uint16]:
        """For each posting, how many sections of its article hold the word in their body."""
        if not len(self._chunks):
            return np.zeros(0, dtype=np.uint16)
        article = articles[self._chunks]
        first = np.empty(len(article), dtype=bool)
        first[0], first[1:] = True, article[1:] != article[:-1]
        first[self._starts[:-1][np.diff(self._starts) > 0]] = True
        run = np.cumsum(first) - 1
        holders = np.bincount(run, weights=(self._entries & _Entry.BODY) > 0)
        return np.asarray(np.minimum(holders, np.iinfo(np.uint16).max)[run], dtype=np.uint16)

    def _texts(self, *, of: int) -> _Texts:
        """A row for each chunk, with room for so many words."""
        starts = np.pad(self._starts, (0, of + 1 - len(self._starts)), mode="edge")
        postings = sparse.csc_array((self._entries, self._chunks, starts), shape=(self._size, of))
        return _Texts(sparse.csr_array(postings), self._lengths)


def _together(postings: Sequence[range | Places]) -> tuple[Places, Places]:
    """All postings one after the other, and for each the number of its list."""
    which = np.repeat(np.arange(len(postings)), [len(one) for one in postings])
    where = [np.arange(one.start, one.stop) if isinstance(one, range) else one for one in postings]
    return which, np.concatenate([np.zeros(0, dtype=np.int64), *where])


def _read(chunks: Sequence[Chunk], known: dict[str, int]) -> _Texts:
    """The words of the chunks; new ones are added to the known."""
    columns, entries, ends = array("i"), array("I"), array("i", [0])
    lengths = np.zeros((len(chunks), 2), dtype=np.int64)
    for number, chunk in enumerate(chunks):
        subject, heading = words(chunk.title), words(chunk.heading)
        body, title = Counter(heading + words(chunk.text)), Counter(subject + heading)
        lengths[number] = body.total(), title.total()
        for word in body.keys() | title.keys():
            columns.append(known.setdefault(word, len(known)))
            entries.append(
                min(body[word], _Entry.BODY)
                | min(title[word], _Entry.TITLE) << _Entry.TITLE_SHIFT
                | (_Entry.HEADING if word in heading else 0)
                | (_Entry.SUBJECT if word in subject else 0)
            )
        ends.append(len(columns))
    matrix = sparse.csr_array(
        (np.array(entries, dtype=np.uint32), np.array(columns, dtype=np.int32), np.array(ends)),
        shape=(len(chunks), len(known)),
    )
    return _Texts(matrix, lengths)


def _joined(before: _Texts, added: _Texts, *, carried: Numbers) -> _Texts:
    """The rows of the chunks that were there before, and of the added ones, in the order of ``carried``."""
    fresh = carried < 0
    rows = np.where(fresh, len(before.lengths) + np.cumsum(fresh) - 1, carried)
    return _Texts(
        sparse.csr_array(sparse.vstack([before.entries, added.entries], format="csr")[rows]),
        np.concatenate([before.lengths, added.lengths])[rows],
    )


def _articles(chunks: Sequence[Chunk]) -> Numbers:
    """For each chunk the number of its article version. Raises ``ValueError`` when an article is not in one piece."""
    numbers: dict[tuple[str, str], int] = {}
    of_chunk = [numbers.setdefault((chunk.article, chunk.version), len(numbers)) for chunk in chunks]
    if of_chunk != sorted(of_chunk):
        raise ValueError("the chunks of an article version must follow one another")
    return np.array(of_chunk, dtype=np.int32)


def _norms(lengths: NDArray[np.int64]) -> Floats:
    """What the length of each text adds below the fraction of BM25."""
    average = max(1.0, int(lengths.sum()) / max(1, len(lengths)))
    return np.asarray(K1 * (1 - B + B * lengths / average))
