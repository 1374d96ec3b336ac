"""The order of passages: which section of an article a question is about, beyond being near to it.

The sections of an article share their subject, so a short section about a detail ("What we don't do") can be nearest
to a question about the whole. What tells them apart: the words of the question that the title does not hold, the kind
of fact it asks for, and that a section of exclusions needs evidence of its own.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from desk.language.asked import Kind, asked_kinds, is_negative, is_open, stated_kinds
from retrieval.chunking import Chunk
from retrieval.lexical import Floats, LexicalScores

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
    """What is known of each chunk before any question comes."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        kinds = [_kinds(chunk) for chunk in chunks]
        self._states = {
            kind: np.array([kind in stated for stated in kinds], dtype=float)
            for kind in sorted(frozenset[Kind]().union(*kinds))
        }
        self._lead = np.array([not chunk.heading for chunk in chunks], dtype=float)
        self._limiting = np.array([is_negative(chunk.heading) for chunk in chunks], dtype=float)
        self._titles = {
            kind: np.array([kind in asked_kinds(chunk.title) for chunk in chunks], dtype=float) for kind in self._states
        }
        articles: dict[tuple[str, str], int] = {}
        of_article = [articles.setdefault((chunk.article, chunk.version), len(articles)) for chunk in chunks]
        self._article = np.array(of_article, dtype=np.intp)
        self._articles = len(articles)

    def gains(self, query: str, shared: LexicalScores) -> Floats:
        """What is added to the rank of each chunk, as cosine."""
        kinds = asked_kinds(query)
        top = np.zeros(self._articles)
        np.maximum.at(top, self._article, shared.specific)
        return (
            SPECIFIC * (shared.specific - SHARED * top[self._article])
            + KIND * self._any(self._states, kinds)
            + TITLE_KIND * self._any(self._titles, kinds) * (shared.titled > 0)
            + HEADING * shared.headed
            + LEAD * self._lead * shared.titled
            + TITLE * shared.titled
            - LIMITING * self._limiting * (1 - _excuse(query, shared))
        )

    def _any(self, holders: Mapping[Kind, Floats], kinds: frozenset[Kind]) -> Floats:
        """1 for each chunk that is marked for any of the kinds."""
        found = np.zeros(len(self._lead))
        for kind in kinds & holders.keys():
            found = np.maximum(found, holders[kind])
        return found


def _excuse(query: str, shared: LexicalScores) -> Floats | float:
    """How far (0..1) a section of exclusions may count: "Do you …?" can be answered by one, "how long …?" cannot."""
    if is_negative(query):
        return 1.0
    return 0.0 if is_open(query) else np.minimum(1.0, shared.specific / EVIDENCE)


@lru_cache(maxsize=10_000)
def _kinds(chunk: Chunk) -> frozenset[Kind]:
    listed: frozenset[Kind] = frozenset({"choice"}) if _LISTED.search(chunk.text) else frozenset()
    return stated_kinds(chunk.text) | listed
