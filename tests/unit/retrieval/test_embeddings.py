"""Vectors: local without any download, from an OpenAI-compatible server, from a sentence-transformers folder."""

import asyncio
import builtins
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desk.config.settings import Settings
from desk.domain.errors import ConfigurationError
from retrieval.embeddings import LocalEmbedding, OpenAIEmbedding, choose_embedding, local_embedding
from retrieval.errors import DenseSearchUnavailable

TEXTS = [
    "Returns: send items back within 30 days.",
    "Delivery takes 3 to 5 business days.",
    "Wash linen at 30 degrees.",
    "Send linen back in its box.",
]
ACROSS_PROCESSES = f"""
import asyncio
from retrieval.embeddings import LocalEmbedding
embedding = LocalEmbedding.fitted({TEXTS!r})
vector = asyncio.run(embedding.embed_queries(["linen returns"]))[0]
print(embedding.name, [round(float(value), 5) for value in vector])
"""


async def cosines(query: str) -> list[float]:
    embedding = LocalEmbedding.fitted(TEXTS)
    return [
        float(value) for value in await embedding.embed_documents(TEXTS) @ (await embedding.embed_queries([query]))[0]
    ]


async def test_the_local_embedding_puts_a_question_next_to_its_text() -> None:
    assert int(np.argmax(await cosines("how long is delivery"))) == 1


async def test_vectors_have_length_one() -> None:
    embedding = LocalEmbedding.fitted(TEXTS)
    vectors = [*await embedding.embed_documents(TEXTS), (await embedding.embed_queries(["delivery of zebras"]))[0]]

    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert {len(vector) for vector in vectors} == {embedding.dimensions}


async def test_words_the_corpus_does_not_know_move_a_question_away() -> None:
    """R4.4: sharing one word with an article is not being about it."""
    assert max(await cosines("delivery")) > 2 * max(await cosines("delivery of quantum zebras on mars"))


@pytest.mark.parametrize("query", ["", "the", "zebra", "😀"])
async def test_a_question_without_known_words_is_near_nothing(query: str) -> None:
    assert max(abs(value) for value in await cosines(query)) < 1e-6


async def test_nothing_to_embed_gives_no_rows() -> None:
    embedding = LocalEmbedding.fitted(TEXTS)

    assert (await embedding.embed_documents([])).shape == (0, embedding.dimensions)


@pytest.mark.heavy
def test_two_processes_agree_on_every_vector() -> None:
    """R12.2: hash randomisation or the order of a set must not change the embedding."""
    root = Path(__file__).parents[3]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", ACROSS_PROCESSES], cwd=root, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            check=True, capture_output=True, text=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip

    assert len(outputs) == 1


@pytest.mark.parametrize("texts", [[], ["the"], ["???", "of it"]], ids=str)
async def test_a_corpus_without_words_is_near_to_nothing(texts: list[str]) -> None:
    embedding = LocalEmbedding.fitted(texts)

    assert not (await embedding.embed_documents(texts) @ (await embedding.embed_queries(["delivery"]))[0]).any()


class MemoryBases:
    """As the table: the newest is the one kept last. ``loads`` counts how often one was read."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.loads = 0

    async def newest(self) -> str | None:
        return next(reversed(self.contents), None)

    async def load(self, name: str) -> bytes | None:
        self.loads += 1
        return self.contents.get(name)

    async def keep(self, name: str, content: bytes) -> None:
        self.contents[name] = content


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A corpus above the limit, which is lowered."""
    monkeypatch.setattr("retrieval.embeddings.REFITTED", 20)
    monkeypatch.setattr("retrieval.embeddings.FITTED_ON", 15)
    monkeypatch.setattr("retrieval.embeddings.VOCABULARY", 30)
    return [f"{text} Number {number}." for number in range(8) for text in TEXTS]


async def test_a_large_corpus_keeps_its_axes_while_little_changes(large: list[str]) -> None:
    """R4.7: otherwise one changed article would change every vector."""
    bases = MemoryBases()
    first = await local_embedding(large, bases=bases)

    changed = await local_embedding([*large[2:], "Zebras are new.", "Unicorns too."], bases=bases, before=first)
    other_process = await local_embedding(large, bases=bases)

    assert changed is first
    assert (other_process.name, other_process is first) == (first.name, False)
    assert bases.loads == 1
    for texts in (large, ["linen returns"]):
        assert np.array_equal(await first.embed_documents(texts), await other_process.embed_documents(texts))
        assert np.array_equal(await first.embed_queries(texts), await other_process.embed_queries(texts))


async def test_a_large_corpus_that_became_another_is_fitted_again(large: list[str]) -> None:
    bases = MemoryBases()
    first = await local_embedding(large, bases=bases)

    second = await local_embedding([*large[:20], *(f"Zebra {n} eats." for n in range(10))], bases=bases, before=first)

    assert second.name != first.name
    assert await bases.newest() == second.name


async def test_a_small_corpus_is_fitted_anew_and_knows_new_words_at_once(large: list[str]) -> None:
    bases = MemoryBases()
    small = [*large[:10], "Zebras eat grass."]

    embedding = await local_embedding(small, bases=bases, before=await local_embedding(large[:10], bases=bases))

    assert not bases.contents
    cosines = await embedding.embed_documents(small) @ (await embedding.embed_queries(["zebras"]))[0]
    assert int(np.argmax(cosines)) == 10


async def test_of_a_large_corpus_a_sample_is_fitted_that_depends_on_the_texts_alone(large: list[str]) -> None:
    one, other = LocalEmbedding.fitted(large), LocalEmbedding.fitted([*reversed(large)])

    sizes = {len(np.load(io.BytesIO(e.to_bytes()))["rarity"]) for e in (one, other)}
    assert sizes == {30}
    assert int(np.argmax(await one.embed_documents(TEXTS) @ (await one.embed_queries(["delivery days"]))[0])) == 1
    assert one.unseen(large) == other.unseen(large) == 0
    assert one.unseen([*large, *(f"New {n}" for n in range(len(large)))]) == 0.5


class EmbeddingServer(BaseHTTPRequestHandler):
    """``POST /v1/embeddings`` of the OpenAI protocol; answers what the test put into ``reply``."""

    reply: Any = None
    asked: list[dict[str, Any]]
    hang: threading.Event | None = None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append(body)
        if self.hang:
            self.hang.wait()
        vectors = self.reply or [[1.0, float(len(text)), 0.0] for text in body["input"]]
        data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
        answer = json.dumps(
            {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_: Any) -> None:
        return None


@pytest.fixture
def server() -> Iterator[tuple[type[EmbeddingServer], str]]:
    """The handler, to be told what to answer, and the base URL."""

    class Handler(EmbeddingServer):
        asked: list[dict[str, Any]] = []  # noqa: RUF012 - one list for each test's own class

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield Handler, f"http://127.0.0.1:{http.server_port}/v1"
        if Handler.hang:
            Handler.hang.set()
        http.shutdown()
        thread.join()


def openai(url: str) -> OpenAIEmbedding:
    return OpenAIEmbedding(model="m", api_key="key", base_url=url)


async def test_an_openai_server_gets_texts_and_gives_unit_vectors(server: tuple[type[EmbeddingServer], str]) -> None:
    """Texts and not token numbers: counting tokens would download a tokenizer."""
    handler, url = server
    embedding = openai(url)

    vectors = await embedding.embed_documents(["one", "three"])

    assert handler.asked[0]["input"] == ["one", "three"]
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert embedding.dimensions == 3


@pytest.mark.parametrize("reply", [[[float("nan")] * 3], [[1.0], [2.0]], [[1.0, 2.0], [1.0]], ["text"]], ids=str)
async def test_garbage_for_vectors_is_a_failure(server: tuple[type[EmbeddingServer], str], reply: Any) -> None:
    """R12.4"""
    handler, url = server
    handler.reply = reply

    with pytest.raises(DenseSearchUnavailable):
        await openai(url).embed_queries(["hello"])


async def test_a_silent_server_is_given_up_in_time(
    server: tuple[type[EmbeddingServer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12.4"""
    handler, url = server
    handler.hang = threading.Event()
    monkeypatch.setattr("retrieval.embeddings.QUERY_TIMEOUT", 0.1)

    with pytest.raises(DenseSearchUnavailable):
        async with asyncio.timeout(5):
            await openai(url).embed_queries(["hello"])


async def test_without_a_setting_the_small_model_embeds() -> None:
    embedding = await choose_embedding(Settings(embedding_model=None), corpus=TEXTS)

    assert embedding.name.startswith("sentences-")


async def test_local_is_learned_from_the_corpus() -> None:
    embedding = await choose_embedding(Settings(embedding_model="local"), corpus=TEXTS)

    assert embedding.name.startswith("local-")


async def test_a_model_without_a_key_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        await choose_embedding(Settings(embedding_model="some-model", openai_api_key=None), corpus=TEXTS)


async def test_a_folder_that_is_no_model_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a sentence-transformers folder"):
        await choose_embedding(Settings(embedding_model=f"sentence-transformers:{tmp_path}"), corpus=TEXTS)


async def test_a_missing_library_is_a_configuration_error_that_says_how_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sentence_transformers":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(ConfigurationError, match="pip install"):
        await choose_embedding(Settings(embedding_model=f"sentence-transformers:{tmp_path}"), corpus=TEXTS)
