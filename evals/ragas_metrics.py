"""RAGAS metrics that need no model: context precision and recall, string and semantic similarity (R10.1, R10.2).

The metrics for contexts are asked below ragas' own wrapper, because that one writes a user id into the home folder and
hands every text to whatever traces LangChain.
"""

from collections.abc import Sequence

import numpy as np
from langchain_core.callbacks import Callbacks

from evals.ragas_library import (
    BaseRagasEmbedding,
    ContextSimilarity,
    NonLLMContextPrecisionWithReference,
    NonLLMContextRecall,
    NonLLMStringSimilarity,
    SemanticSimilarity,
    SingleTurnSample,
)
from retrieval.embeddings import Embedding


class _PlainSimilarity(ContextSimilarity):
    """The similarity of two contexts, without ragas' event and trace for each pair."""

    async def single_turn_ascore(
        self,
        sample: SingleTurnSample,
        callbacks: Callbacks = None,
        timeout: float | None = None,  # noqa: ASYNC109  the signature is ragas'
    ) -> float:
        return float(await self._single_turn_ascore(sample, callbacks))


class ContextMetrics:
    """Whether what was retrieved is what the answer stands in, by the similarity of the texts.

    Two texts are the same context when at most half of their characters have to be changed (ragas' default).
    """

    def __init__(self) -> None:
        self._precision = NonLLMContextPrecisionWithReference(distance_measure=_PlainSimilarity())
        self._recall = NonLLMContextRecall(_distance_measure=_PlainSimilarity())

    async def precision(self, retrieved: Sequence[str], *, reference: Sequence[str]) -> float:
        """Average precision: 1 when the contexts of the reference come first."""
        return await _scored(self._precision, retrieved, reference)

    async def recall(self, retrieved: Sequence[str], *, reference: Sequence[str]) -> float:
        """Share of the reference's contexts among the retrieved ones."""
        return await _scored(self._recall, retrieved, reference)


async def _scored(
    metric: NonLLMContextPrecisionWithReference | NonLLMContextRecall,
    retrieved: Sequence[str],
    reference: Sequence[str],
) -> float:
    if not retrieved:
        return 0.0
    sample = SingleTurnSample(retrieved_contexts=list(retrieved), reference_contexts=list(reference))
    return min(1.0, float(await metric._single_turn_ascore(sample, [])))


class AnswerMetrics:
    """How near an answer is to the reference: by its letters, and by what it means to the product's own embedding."""

    def __init__(self, embeddings: "ProductEmbeddings") -> None:
        self._string = NonLLMStringSimilarity()
        self._semantic = SemanticSimilarity(embeddings=embeddings)

    async def string_similarity(self, answer: str, *, reference: str) -> float:
        """1 minus the normalised Levenshtein distance."""
        return float((await self._string.ascore(reference=reference, response=answer)).value)

    async def semantic_similarity(self, answer: str, *, reference: str) -> float:
        """The cosine of the two embeddings, at least 0."""
        return max(0.0, float((await self._semantic.ascore(reference=reference, response=answer)).value))


class ProductEmbeddings(BaseRagasEmbedding):
    """The product's embedding as ragas wants one. Texts that ragas embeds synchronously are prepared before."""

    def __init__(self, embedding: Embedding) -> None:
        super().__init__()
        self._embedding = embedding
        self._known: dict[str, list[float]] = {}

    async def prepare(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for text, vector in zip(new, await self._embedding.embed_documents(new), strict=True):
            if not vector.any():
                # No word of it is known: unlike anything, and not a division by zero.
                vector = np.eye(1, len(vector), len(vector) - 1, dtype=np.float32)[0]
            self._known[text] = vector.tolist()

    def embed_text(self, text: str, **kwargs: object) -> list[float]:
        return self._known[text]

    async def aembed_text(self, text: str, **kwargs: object) -> list[float]:
        await self.prepare([text])
        return self._known[text]
