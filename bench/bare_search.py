"""What our search is measured against: one query of one index, nothing around it."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from psycopg import AsyncConnection
from scipy import sparse

from desk.config.settings import Settings
from graph.database import open_database
from retrieval.chunking import Chunk
from retrieval.text import words

_TABLE = "CREATE TABLE bare_chunks (id text PRIMARY KEY, words tsvector)"
_INDEX = "CREATE INDEX bare_words ON bare_chunks USING gin (words)"
_COPY = "COPY bare_chunks (id, words) FROM STDIN"
_BEST = """
SELECT id FROM bare_chunks, to_tsquery('simple', %(query)s) AS query
WHERE words @@ query ORDER BY ts_rank(words, query) DESC LIMIT %(limit)s
"""


class BareBm25:
    """The fewest operations that rank all chunks for some words: weights ready in a sparse matrix."""

    def __init__(self, chunks: Sequence[Chunk], *, k1: float = 1.2, b: float = 0.75) -> None:
        texts = [Counter(words(chunk.headed)) for chunk in chunks]
        lengths = np.array([text.total() for text in texts])
        self._numbers: dict[str, int] = {}
        columns = [self._numbers.setdefault(word, len(self._numbers)) for text in texts for word in text]
        rows = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        times = np.array([count for text in texts for count in text.values()])
        held = np.bincount(columns)[columns]
        rarity = np.log(1 + (len(texts) - held + 0.5) / (held + 0.5))
        weights = rarity * times * (k1 + 1) / (times + k1 * (1 - b + b * lengths[rows] / lengths.mean()))
        shape = len(texts), len(self._numbers)
        self._matrix = sparse.csc_array((weights.astype(np.float32), (rows, columns)), shape=shape)

    async def best(self, question: str, *, limit: int) -> Any:
        scores = np.zeros(self._matrix.shape[0], dtype=np.float32)
        for word in words(question):
            if (number := self._numbers.get(word)) is not None:
                where = slice(self._matrix.indptr[number], self._matrix.indptr[number + 1])
                scores[self._matrix.indices[where]] += self._matrix.data[where]
        return np.argpartition(-scores, limit)[:limit]


class BareFullText:
    """PostgreSQL's full text search: the chunks that hold any of the words, the best of them by ``ts_rank``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def best(self, question: str, *, limit: int) -> Any:
        query = " | ".join(f"'{word}'" for word in dict.fromkeys(words(question)))
        return await (await self._connection.execute(_BEST, {"query": query, "limit": limit})).fetchall()


@asynccontextmanager
async def full_text(folder: Path, chunks: Sequence[Chunk]) -> AsyncIterator[BareFullText]:
    """The chunks in an embedded PostgreSQL, indexed."""
    async with AsyncExitStack() as stack:
        url = await open_database(Settings(data_dir=folder, database_url=None), stack)
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(_TABLE)
            async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                for chunk in chunks:
                    await copy.write_row((chunk.id, " ".join(f"'{word}'" for word in words(chunk.headed))))
            await connection.execute(_INDEX)
            await connection.execute("ANALYZE bare_chunks")
            yield BareFullText(connection)
