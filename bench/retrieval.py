"""``make bench``: what a search costs at several sizes of the knowledge, beside bare queries in the same run.

The corpus is generated (``bench/corpus.py``). Beside the product's whole search: a bare query of the same Chroma
collection, the question embedded with the same model, without a filter; a bare BM25 of numpy and scipy; and a bare
full text query of PostgreSQL. Each asks for fifty. Chroma is embedded, in a folder of its own. Memory is what the
process gained. ``--embedding language`` takes the small model instead of the embedding learned from the corpus: about
20 ms for each chunk.

Prints a table and, with ``--json FILE``, writes the figures.
"""

import argparse
import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from bench.bare_search import BareBm25, BareFullText, full_text
from bench.corpus import MANUAL, HelpCentre, contradicting, help_centre, next_version
from desk.config.settings import Settings
from desk.domain.clock import now
from retrieval.chroma import Chroma, embedded
from retrieval.chunking import Chunk
from retrieval.conflict.conflicts import conflicts_among, conflicts_between
from retrieval.conflict.facts import Statement, facts_of
from retrieval.conflict_check import USED
from retrieval.embeddings import LOCAL, Embedding, Learned, choose_embedding
from retrieval.index import ChromaIndex
from retrieval.knowledge import NEIGHBOURS
from retrieval.search import CANDIDATES, Retriever

WARM_UP = 20


@dataclass(kw_only=True)
class Figures:
    """By name: seconds or megabytes once, or milliseconds of many."""

    values: dict[str, float] = field(default_factory=dict)

    def many(self, name: str, ms: Sequence[float]) -> None:
        ordered = sorted(ms)
        self.values[f"{name}_p50_ms"] = statistics.median(ordered)
        self.values[f"{name}_p95_ms"] = ordered[int(len(ordered) * 0.95)]

    @contextmanager
    def once(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.values[f"{name}_s"] = time.perf_counter() - started


async def measure(centre: HelpCentre, *, embedded_by: Learned) -> Figures:
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        chroma = Chroma(connect=embedded(Path(folder)))
        chroma.join()
        before = _memory()
        with figures.once("fit"):
            embedding = await choose_embedding(
                Settings(embedding_model=None if embedded_by == "language" else LOCAL),
                corpus=[chunk.headed for chunk in centre.chunks],
            )
        retriever = await _snapshot(centre.chunks, embedding, chroma, figures=figures, name="build")
        figures.values["memory_mb"] = _memory() - before
        figures.values["disk_mb"] = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
        async with full_text(Path(folder) / "postgres", centre.chunks) as in_postgres:
            await _queries(centre, retriever, chroma, BareBm25(centre.chunks), in_postgres, figures)
        await _conflicts(centre, retriever, figures)
        for kind, article, sections in (("article", "article-7", 10), ("manual", MANUAL, 1)):
            changed = next_version(centre.chunks, article=article, sections=sections)
            after = await _snapshot(
                changed, embedding, chroma, figures=figures, name=f"publish_{kind}", before=retriever
            )
            await after.close()
        with figures.once("reopen"):
            again = ChromaIndex(chroma=chroma, embedding=embedding)
            assert await again.open(centre.chunks)
        for index in (again, retriever):
            await index.close()
        await chroma.leave()
    return figures


async def _snapshot(
    chunks: Sequence[Chunk],
    embedding: Embedding,
    chroma: Chroma,
    *,
    figures: Figures,
    name: str,
    before: Retriever | None = None,
) -> Retriever:
    """As ``build_retriever`` makes it, in two parts."""
    index = ChromaIndex(chroma=chroma, embedding=embedding)
    with figures.once(f"{name}_vectors"):
        assert await index.open(chunks)
    with figures.once(f"{name}_words"):
        return Retriever.over(
            chunks,
            embedding=embedding,
            index=index,
            threshold=0.45,
            default_locale="en",
            timezone=ZoneInfo("UTC"),
            before=before,
        )


async def _queries(
    centre: HelpCentre,
    retriever: Retriever,
    chroma: Chroma,
    bm25: BareBm25,
    in_postgres: BareFullText,
    figures: Figures,
) -> None:
    """All kinds in turns, so that what disturbs one disturbs all."""
    collection = await chroma.ask(
        lambda client: next(
            client.get_collection(one.name, embedding_function=None)
            for one in client.list_collections()
            if one.count() == len(centre.chunks)
        )
    )

    async def in_chroma(question: str) -> object:
        vector = await retriever.embedding.embed_queries([question])
        return collection.query(query_embeddings=vector, n_results=CANDIDATES, include=["distances"])

    kinds: dict[str, Callable[[str], Awaitable[object]]] = {
        "hybrid": lambda question: retriever.search(question, channel="web", now=now()),
        "chroma": in_chroma,
        "bm25": lambda question: bm25.best(question, limit=CANDIDATES),
        "full_text": lambda question: in_postgres.best(question, limit=CANDIDATES),
    }
    took: dict[str, list[float]] = {name: [] for name in kinds}
    # Each kind has questions of its own: an embedding remembers what it was asked.
    share = len(centre.questions) // len(kinds)
    for number in range(share):
        for place, (name, call) in enumerate(kinds.items()):
            started = time.perf_counter()
            await call(centre.questions[place * share + number])
            if number >= WARM_UP:
                took[name].append(1000 * (time.perf_counter() - started))
    for name, ms in took.items():
        figures.many(name, ms)
    hybrid, *bare = (figures.values[f"{name}_p50_ms"] for name in ("hybrid", "chroma", "bm25", "full_text"))
    figures.values["hybrid_to_chroma"] = hybrid / bare[0]
    figures.values["hybrid_to_slowest_bare"] = hybrid / max(bare)


async def _conflicts(centre: HelpCentre, retriever: Retriever, figures: Figures) -> None:
    """At answer time with facts that are new and that are known, and of a submission of ten sections."""
    new, known = [], []
    for question in centre.questions[:100]:
        found = await retriever.search(question, channel="web", now=now())
        used = [one for one in found.passages if one["score"] >= USED * found.best]
        statements = [
            Statement(id=one["chunk_id"], title=one["title"], heading=one["heading"], text=one["text"]) for one in used
        ]
        started = time.perf_counter()
        facts = [facts_of(statement) for statement in statements]
        extracted = time.perf_counter()
        conflicts_among(facts, question=question)
        ended = time.perf_counter()
        new.append(1000 * (ended - started))
        known.append(1000 * (ended - extracted))
    figures.many("conflicts_at_answer_new", new)
    figures.many("conflicts_at_answer_known", known)
    took = []
    compared = 0
    for start in range(0, 100, 10):
        submitted = contradicting(centre.chunks[start : start + 10])
        started = time.perf_counter()
        near = await retriever.neighbours(submitted, limit=NEIGHBOURS, without={"new"})
        one, other = ([facts_of(_statement(chunk)) for chunk in chunks] for chunks in (submitted, near))
        for mine in one:
            for theirs in other:
                conflicts_between(mine, theirs)
        took.append(1000 * (time.perf_counter() - started))
        compared += len(near)
    figures.many("submission", took)
    figures.values["submission_compared_with"] = compared / 10


def _statement(chunk: Chunk) -> Statement:
    return Statement(id=chunk.id, title=chunk.title, heading=chunk.heading, text=chunk.text)


def _memory() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--questions", type=int, default=880)
    parser.add_argument("--embedding", choices=["corpus", "language"], default="corpus")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    every: dict[int, dict[str, float]] = {}
    for size in options.chunks:
        centre = help_centre(size, questions=options.questions)
        figures = asyncio.run(measure(centre, embedded_by=options.embedding))
        every[size] = {"words": float(centre.words)} | figures.values
        for name, value in every[size].items():
            sys.stdout.write(f"{size:>7} {name:<32} {value:>10.2f}\n")
        sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps(every, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
