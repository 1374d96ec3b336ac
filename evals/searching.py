"""The product's own search for a suite: in a folder of its own, with the areas a turn would give it."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from desk.config.settings import Settings
from desk.language.classifier import IntentClassifier
from desk.language.offline import OfflineEngine
from desk.policies.models import PolicySet
from retrieval.chroma import Chroma, embedded
from retrieval.chunking import Chunk
from retrieval.embeddings import choose_embedding
from retrieval.index import ChromaIndex
from retrieval.search import Retriever, build_retriever

Build = Callable[[Settings, PolicySet], Awaitable[Retriever]]
"""``build_retriever``, or in a test one that builds something worse."""


@asynccontextmanager
async def pack_search(policies: PolicySet, *, build: Build = build_retriever) -> AsyncIterator[Retriever]:
    """The search over a pack's articles."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-eval-") as folder:
        retriever = await build(Settings(data_dir=Path(folder), chroma_url=None, embedding_model=None), policies)
        try:
            yield retriever
        finally:
            await retriever.close()


@asynccontextmanager
async def corpus_search(chunks: Sequence[Chunk]) -> AsyncIterator[Retriever]:
    """The search over any chunks, as the product starts without settings."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-eval-") as folder:
        settings = Settings(data_dir=Path(folder), chroma_url=None, embedding_model=None)
        embedding = await choose_embedding(settings, corpus=[chunk.headed for chunk in chunks])
        index = ChromaIndex(chroma=Chroma(connect=embedded(Path(folder))), embedding=embedding)
        await index.open(chunks)
        retriever = Retriever.over(
            chunks,
            phrases=(),
            embedding=embedding,
            index=index,
            threshold=0.5,
            default_locale="en",
            timezone=ZoneInfo("UTC"),
        )
        try:
            yield retriever
        finally:
            await retriever.close()


class Routing:
    """Which areas a turn would search first: those of the intent the offline engine understands."""

    def __init__(self, policies: PolicySet) -> None:
        self._policies = policies

    def areas(self, text: str) -> tuple[str, ...]:
        predicted = self._classifier.predict(text)
        intent = self._policies.intents.get(predicted.label) if predicted.in_scope else None
        return tuple(intent.areas) if intent else ()

    @cached_property
    def _classifier(self) -> IntentClassifier:
        return OfflineEngine.from_policies(self._policies).classifier
