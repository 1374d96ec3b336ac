"""A snapshot without vectors: made in a moment, for what compares texts and answers nobody."""

import asyncio
from collections.abc import Sequence

from desk.policies.models import PolicySet
from retrieval.chunking import Chunk
from retrieval.embeddings import Learned, Vectors
from retrieval.errors import DenseSearchUnavailable
from retrieval.index import Eligibility
from retrieval.live import Build
from retrieval.search import Retriever


class NoEmbedding:
    """Search by words goes on without it, as in an outage."""

    name = "none"
    dimensions: int | None = None
    kind: Learned = "language"

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        raise DenseSearchUnavailable("there are no vectors here")

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        raise DenseSearchUnavailable("there are no vectors here")


class NoIndex:
    async def open(self, chunks: Sequence[Chunk], *, patience: float | None = None) -> bool:
        return False

    async def nearest(self, vectors: Vectors, *, where: Eligibility, limit: int) -> list[dict[str, float]]:
        raise DenseSearchUnavailable("there are no vectors here")

    async def count(self) -> int:
        raise DenseSearchUnavailable("there are no vectors here")

    async def sweep(self) -> int:
        return 0

    async def close(self) -> None: ...


def builder_of_words(policies: PolicySet) -> Build:
    """For ``LiveKnowledge``."""

    async def build(chunks: Sequence[Chunk], before: Retriever | None) -> Retriever:
        return await asyncio.to_thread(
            Retriever.over,
            chunks,
            embedding=NoEmbedding(),
            index=NoIndex(),
            threshold=policies.thresholds.passage_confidence,
            default_locale=policies.locale,
            timezone=policies.zone,
            before=before,
        )

    return build
