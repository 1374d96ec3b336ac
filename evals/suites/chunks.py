"""Whether the chunks hold what belongs together: a table that is cut in two says something else (R4.3)."""

import re
from collections import defaultdict
from collections.abc import Sequence

from desk.policies.models import PolicySet
from evals.result import Scores
from retrieval.chunking import Chunk

_TABLE = re.compile(r"(?:^[ ]{0,3}\|.*\n?)+", re.MULTILINE)


def table_scores(policies: PolicySet, chunks: Sequence[Chunk]) -> Scores:
    """``tables_whole``: every line of the table is in one chunk."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for chunk in chunks:
        texts[chunk.article].append(chunk.text)
    return {
        "tables_whole": {
            f"{article.id}/{number}": float(any(table.group().strip() in text for text in texts[article.id]))
            for article in policies.articles.values()
            for number, table in enumerate(_TABLE.finditer(article.body), start=1)
        }
    }
