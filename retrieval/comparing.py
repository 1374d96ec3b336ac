"""Many versions compared at once, with everything in use and with each other: one index for all of them.

One by one, each would be compared with what is published alone, and articles that contradict each other would be found
out only while they are published one after the other.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from desk.knowledge.conflicts import FoundConflict
from desk.knowledge.versions import ArticleVersion
from desk.policies.models import Article
from retrieval.chunking import Chunk, chunk_article
from retrieval.knowledge import NEIGHBOURS, KnowledgeDesk
from retrieval.lexical import LexicalIndex
from retrieval.search import Retriever

AT_A_TIME = 50


async def compared_together(
    desk: KnowledgeDesk, versions: Sequence[tuple[str, str]], *, on_progress: Callable[[int], None] = lambda _: None
) -> list[FoundConflict]:
    """Open conflicts of these versions, worst first; each is stored, with its ticket."""
    found: dict[str, FoundConflict] = {}
    loaded = await desk.store.load(versions)
    if not loaded:
        return []
    field = await asyncio.to_thread(_Field.over, desk.live.retriever, loaded, published=desk.live.articles)
    for start in range(0, len(loaded), AT_A_TIME):
        batch = loaded[start : start + AT_A_TIME]
        for one, near in await asyncio.to_thread(field.near, [version.article for version in batch]):
            for conflict in await desk.check.against([one], near):
                if conflict.status == "open":
                    found[conflict.id] = conflict
        on_progress(len(batch))
    return sorted(found.values(), key=lambda conflict: -conflict.confidence)


@dataclass(frozen=True, kw_only=True)
class _Field:
    """The sections in use and those that come, in one index of words."""

    chunks: Sequence[Chunk]
    lexical: LexicalIndex
    of_article: Mapping[str, Sequence[int]]
    """Numbers of an article's sections, old and new."""
    above: Mapping[str, set[str]]
    """Article to those that replace it."""

    @classmethod
    def over(
        cls, retriever: Retriever, versions: Sequence[ArticleVersion], *, published: Mapping[str, Article]
    ) -> "_Field":
        coming = [chunk for version in versions for chunk in chunk_article(version.article)]
        chunks = [*retriever.chunks, *coming]
        carried = np.concatenate([np.arange(len(retriever.chunks)), np.full(len(coming), -1)]).astype(np.int32)
        of_article: defaultdict[str, list[int]] = defaultdict(list)
        for number, chunk in enumerate(chunks):
            of_article[chunk.article].append(number)
        above: defaultdict[str, set[str]] = defaultdict(set)
        for article in (*published.values(), *(version.article for version in versions)):
            for replaced in article.supersedes:
                above[replaced].add(article.id)
        lexical = LexicalIndex(chunks, before=retriever.lexical, carried=carried)
        return cls(chunks=chunks, lexical=lexical, of_article=of_article, above=above)

    def near(self, articles: Sequence[Article]) -> list[tuple[Chunk, list[Chunk]]]:
        """Each section of these, and the nearest of other articles that are in use with it at the same time."""
        spoken = np.array([chunk.locale for chunk in self.chunks])
        of_locale = {locale: spoken == locale for locale in {article.locale for article in articles}}
        found = []
        for article in articles:
            among = of_locale[article.locale].copy()
            aside = {article.id, *article.supersedes, *self.above.get(article.id, ())}
            among[[number for name in aside for number in self.of_article.get(name, ())]] = False
            for chunk in chunk_article(article):
                near = self.lexical.sharing(chunk.headed, among=among, limit=NEIGHBOURS)
                found.append((chunk, [self.chunks[number] for number in near.tolist()]))
        return found
