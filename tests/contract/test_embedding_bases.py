"""The axes of a large corpus, shared through the database: PostgreSQL, for real."""

from desk.db.pool import Pool
from desk.knowledge.bases import KEPT, EmbeddingBases
from retrieval.embeddings import LocalEmbedding


async def test_the_axes_kept_last_are_the_newest(pool: Pool) -> None:
    bases = EmbeddingBases(pool)

    await bases.keep("local-one", b"1")
    await bases.keep("local-two", b"2")
    assert await bases.newest() == "local-two"

    await bases.keep("local-one", b"1")
    assert await bases.newest() == "local-one"
    assert (await bases.load("local-two"), await bases.load("local-three")) == (b"2", None)


async def test_only_a_few_are_kept(pool: Pool) -> None:
    bases = EmbeddingBases(pool)

    for number in range(KEPT + 3):
        await bases.keep(f"local-{number}", bytes([number]))

    kept = [number for number in range(KEPT + 3) if await bases.load(f"local-{number}")]
    assert kept == list(range(3, KEPT + 3))


async def test_what_another_process_reads_makes_the_same_vectors(pool: Pool) -> None:
    """R12.2"""
    texts = ["Returns within 30 days.", "Delivery takes a week.", "Wash linen cold."]
    embedding = LocalEmbedding.from_bytes(LocalEmbedding.fitted(texts).to_bytes())
    await EmbeddingBases(pool).keep(embedding.name, embedding.to_bytes())

    content = await EmbeddingBases(pool).load(embedding.name)

    assert content == embedding.to_bytes()
    assert LocalEmbedding.from_bytes(content).name == embedding.name
