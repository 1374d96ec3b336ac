"""The small model of sentences: what it knows, and that nothing else than the checked file is run."""

import asyncio
import importlib.machinery
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from desk.domain.errors import ConfigurationError
from retrieval import sentence_model as module
from retrieval.sentence_model import DIMENSIONS, SentenceModel, _batches, sentence_model


@pytest.fixture(scope="module")
def model() -> SentenceModel:
    return sentence_model()


async def cosine(model: SentenceModel, one: str, other: str) -> float:
    first, second = await model.embed([one, other])
    return float(first @ second)


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("Is my guarantee void?", "The warranty lasts two years.", "Gift cards never expire."),
        ("Are the forests managed well?", "All our wood is certified timber.", "We ship by freight."),
        ("someone stole my login", "Reset your password.", "Wash linen at 40 degrees."),
    ],
)
async def test_words_of_one_meaning_are_near(model: SentenceModel, question: str, answer: str, other: str) -> None:
    """R4.4: customers do not use the words of the articles."""
    assert await cosine(model, question, answer) > await cosine(model, question, other) + 0.1


async def test_vectors_have_unit_length_and_do_not_depend_on_what_is_beside_them(model: SentenceModel) -> None:
    texts = ["Lamp", "How long do I have to return a lamp that I bought in the sale?", "", "a " * 2_000]

    together = await model.embed(texts)
    alone = [(await SentenceModel(_file(), module.WORDS).embed([text]))[0] for text in texts]

    assert together.shape == (4, DIMENSIONS)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(together, alone, atol=1e-4)


async def test_nothing_gives_no_rows(model: SentenceModel) -> None:
    assert (await model.embed([])).shape == (0, DIMENSIONS)


async def test_the_event_loop_goes_on_while_documents_are_embedded(model: SentenceModel) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await model.embed([f"{n} " + "many words of a long article " * 20 for n in range(20)])
    ticking.cancel()

    assert ticks > 5


async def test_the_same_text_is_computed_once(model: SentenceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    await model.embed(["computed once"])

    def never(tokens: object) -> object:
        raise AssertionError("computed twice")

    monkeypatch.setattr(model, "_run", never)
    assert (await model.embed(["computed once", "computed once"])).shape == (2, DIMENSIONS)


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    model = SentenceModel(_file(), module.WORDS)

    for number in range(10):
        await model.embed([f"text {number}"])

    assert len(model._known) <= 3


def test_texts_of_similar_length_are_computed_together() -> None:
    batches = list(_batches([200, 5, 6, 5, 190, 7]))

    assert sorted(number for batch in batches for number in batch) == list(range(6))
    assert [sorted(batch) for batch in batches] == [[1, 2, 3, 5], [0, 4]]


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not the model")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: _spec(tmp_path))

    with pytest.raises(ConfigurationError, match="install it again"):
        sentence_model.__wrapped__()


@pytest.mark.parametrize("spec", [None, "empty"])
def test_a_missing_file_says_how_to_install_it(
    spec: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: _spec(tmp_path) if spec else None)

    with pytest.raises(ConfigurationError, match="FRONTDESK_EMBEDDING_MODEL=local"):
        sentence_model.__wrapped__()


def _spec(folder: Path) -> importlib.machinery.ModuleSpec:
    return importlib.machinery.ModuleSpec(module.PACKAGE, None, origin=str(folder / "__init__.py"))


def _file() -> Path:
    spec = importlib.util.find_spec(module.PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("model.onnx")
