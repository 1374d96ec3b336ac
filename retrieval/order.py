"""The order of passages: which section of an article a question is about, beyond being near to it.

The sections of an article share their subject, so a short section about a detail ("What we don't do") can be nearest
to a question about the whole. What tells them apart: the words of the question that the title does not hold, the kind
of fact it asks for, and that a section of exclusions needs evidence of its own.
"""

import re
from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from desk.language.asked import Kind, asked_kinds, is_negative, is_open, stated_kinds
from retrieval.chunking import Chunk
from retrieval.lexical import Floats, LexicalScores, Numbers

SPECIFIC = 0.3
"""Added for a section that holds all words of the question that the title lacks."""
SHARED = 0.3
"""Share of that taken off all sections of the article: a side remark says more about its section than its article."""
KIND = 0.15
"""Added for a section that states the kind of fact asked for."""
HEADING = 0.2
"""Added for a section whose heading holds all words of the question."""
LEAD = 0.06
"""Added for the opening of an article whose title alone holds the question."""
LIMITING = 0.25
"""Taken off a section of exclusions nobody asked for."""
TITLE_KIND = 0.1
"""Added for an article whose title asks the same kind of question ("How to return an item")."""
TITLE = 0.18
"""Added for an article whose title holds the question."""
EVIDENCE = 0.25
"""Share of the question that a section of exclusions must hold beyond the title to count in full."""

_LISTED = re.compile(r"^(?: {0,3}\||[-*+] |\d{1,2}[.)] )", re.MULTILINE)


class SectionOrder:
    """What is known of each chunk before any question comes.

    An order made from the one ``before`` looks only at chunks that were not in it (``carried``, see ``LexicalIndex``).
    """

    def __init__(
        self, chunks: Sequence[Chunk], *, before: "SectionOrder | None" = None, carried: Numbers | None = None
    ) -> None:
        self._marks = np.zeros(len(chunks), dtype=np.uint32)
        fresh = np.ones(len(chunks), dtype=bool)
        if before is not None and carried is not None:
            fresh = carried < 0
            self._marks[~fresh] = before._marks[carried[~fresh]]
        self._marks[fresh] = [_marks(chunks[number]) for number in np.flatnonzero(fresh).tolist()]
        articles: dict[tuple[str, str], int] = {}
        of_article = [articles.setdefault((chunk.article, chunk.version), len(articles)) for chunk in chunks]
        self._article = np.array(of_article, dtype=np.int32)

    def gains(self, query: str, shared: LexicalScores) -> Floats:
        """What is added to the rank of each chunk that was scored, as cosine."""
        kinds = sum(_STATES[kind] for kind in asked_kinds(query))
        marks = self._marks[shared.of]
        lead, limiting, states, titles = (
            ((marks & mark) > 0).astype(float) for mark in (_LEAD, _LIMITING, kinds, kinds << _TITLE_SHIFT)
        )
        # The chunks of an article follow one another.
        begins = np.diff(self._article[shared.of], prepend=-1) != 0
        owner = np.cumsum(begins) - 1
        top = np.maximum.reduceat(shared.specific, np.flatnonzero(begins)) if len(owner) else shared.specific
        return np.asarray(
            SPECIFIC * (shared.specific - SHARED * top[owner])
            + KIND * states
            + TITLE_KIND * titles * (shared.titled > 0)
            + HEADING * shared.headed
            + LEAD * lead * shared.titled
            + TITLE * shared.titled
            - LIMITING * limiting * (1 - _excuse(query, shared))
        )


def _excuse(query: str, shared: LexicalScores) -> Floats | float:
    """How far (0..1) a section of exclusions may count: "Do you …?" can be answered by one, "how long …?" cannot."""
    if is_negative(query):
        return 1.0
    return 0.0 if is_open(query) else np.minimum(1.0, shared.specific / EVIDENCE)


_STATES: Mapping[Kind, int] = {kind: 1 << bit for bit, kind in enumerate(get_args(Kind))}
"""One bit for each kind of fact a chunk states; ``_TITLE_SHIFT`` further on, those its article's title asks for."""
_TITLE_SHIFT = 8
_LEAD = 1 << 16
_LIMITING = 1 << 17


def _marks(chunk: Chunk) -> int:
    listed: frozenset[Kind] = frozenset({"choice"}) if _LISTED.search(chunk.text) else frozenset()
    states = stated_kinds(chunk.text) | listed
    return (
        sum(_STATES[kind] for kind in states)
        | sum(_STATES[kind] for kind in asked_kinds(chunk.title)) << _TITLE_SHIFT
        | (0 if chunk.heading else _LEAD)
        | (_LIMITING if is_negative(chunk.heading) else 0)
    )
