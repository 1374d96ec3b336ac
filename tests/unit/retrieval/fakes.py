"""In-memory partners of the retriever."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from desk.policies.models import Article
from retrieval.chunking import Chunk, chunk_article
from retrieval.embeddings import LocalEmbedding, Vectors
from retrieval.errors import DenseSearchUnavailable
from retrieval.index import Eligibility, in_context, surroundings
from retrieval.search import Retriever
from tests.unit.retrieval.articles import SHOP

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class MemoryIndex:
    """Exact nearest neighbours. ``broken`` makes every call fail; ``seen`` keeps the filters that were asked."""

    def __init__(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        self.chunks = chunks
        self.vectors = in_context(vectors, around=surroundings(chunks))
        self.broken = False
        self.seen: list[Eligibility] = []

    async def open(self, chunks: Sequence[Chunk], *, patience: float | None = None) -> bool:
        return not self.broken

    async def nearest(self, vectors: Vectors, *, where: Eligibility, limit: int) -> list[dict[str, float]]:
        if self.broken:
            raise DenseSearchUnavailable("broken")
        self.seen.append(where)
        return [
            {self.chunks[n].id: float(row[n]) for n in np.argsort(-row)[:limit]} for row in vectors @ self.vectors.T
        ]

    async def count(self) -> int:
        if self.broken:
            raise DenseSearchUnavailable("broken")
        return len(self.chunks)

    async def sweep(self) -> int:
        return 0

    async def close(self) -> None:
        return None


async def retriever_of(*articles: Article, threshold: float = 0.4) -> tuple[Retriever, MemoryIndex]:
    """A retriever over these articles (by default the small shop) and its index."""
    chunks = [chunk for article in articles or SHOP for chunk in chunk_article(article)]
    texts = [chunk.headed for chunk in chunks]
    embedding = LocalEmbedding.fitted(texts)
    index = MemoryIndex(chunks, await embedding.embed_documents(texts))
    retriever = Retriever.over(
        chunks,
        embedding=embedding,
        index=index,
        threshold=threshold,
        default_locale="en",
        timezone=ZoneInfo("America/New_York"),
    )
    return retriever, index
