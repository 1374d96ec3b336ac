"""Whether the chunks hold what belongs together: a table that is cut in two says something else (R4.3)."""

import re
from collections import defaultdict
from collections.abc import Sequence

from desk.policies.models import PolicySet
from evals.result import Scores
from retrieval.chunking import Chunk

_TABLE = re.compile(r"(?:^[ ]{0,3}\|.*\n?)+", re.MULTILINE)


def table_scores(policies: PolicySet, chunks: Sequence[Chunk]) -> Scores:
    """``tables_whole``: every row is in a chunk that says what the columns are."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for chunk in chunks:
        texts[chunk.article].append(chunk.text)
    return {
        "tables_whole": {
            f"{article.id}/{number}": float(_is_whole(table.group().strip().splitlines(), texts[article.id]))
            for article in policies.articles.values()
            for number, table in enumerate(_TABLE.finditer(article.body), start=1)
        }
    }


def _is_whole(lines: Sequence[str], texts: Sequence[str]) -> bool:
    """A table longer than a screen may be in several chunks, each with the header."""
    header, *rows = lines
    return all(any(header in text and row in text for text in texts) for row in rows)
