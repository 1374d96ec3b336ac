"""The retriever of a real pack, as the server builds it at its start."""

from pathlib import Path

import pytest

from desk.config.settings import Settings
from desk.domain import clock
from desk.policies.loader import load_pack
from retrieval.search import build_retriever

PACK = Path(__file__).parents[3] / "packs" / "retail"

pytestmark = pytest.mark.heavy


async def test_the_sample_pack_answers_its_first_question(tmp_path: Path) -> None:
    """R4.4, R12.1"""
    retriever = await build_retriever(
        Settings(data_dir=tmp_path, chroma_url=None, embedding_model=None), load_pack(PACK)
    )

    result = await retriever.search("what is your returns policy?", areas=["returns"], channel="web", now=clock.now())

    assert (result.confident, result.degraded) == (True, False)
    assert result.passages[0]["article"] == "returns-policy"
    assert (await retriever.health())["ready"]
    await retriever.close()


async def test_a_server_that_is_away_does_not_keep_the_product_from_starting(tmp_path: Path) -> None:
    """R12.4"""
    settings = Settings(data_dir=tmp_path, chroma_url="http://127.0.0.1:9", embedding_model=None)

    retriever = await build_retriever(settings, load_pack(PACK))

    result = await retriever.search("what is your returns policy?", channel="web", now=clock.now())
    assert (result.confident, result.degraded) == (True, True)
    assert result.passages[0]["area"] == "returns"
    assert not (await retriever.health())["ready"]
    await retriever.close()
