"""Turning texts into vectors: a small model that came with the installation, what the corpus itself teaches, a server
of the OpenAI protocol, or a folder of sentence-transformers.

Vectors have unit length, so that their product is the cosine.
"""

import asyncio
import hashlib
import heapq
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from desk.config.settings import Settings
from desk.domain.errors import ConfigurationError
from retrieval.errors import DenseSearchUnavailable
from retrieval.sentence_model import DIMENSIONS, SHA256, SentenceModel, sentence_model
from retrieval.text import words

if TYPE_CHECKING:
    from langchain_openai import OpenAIEmbeddings

Vectors = NDArray[np.float32]
"""One row for each text."""

Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]

Learned = Literal["language", "corpus"]
"""From texts of the whole world, or only from those it is asked about."""

LOCAL_VERSION = "2"
TEXTS_PER_DIMENSION = 4
MIN_DIMENSIONS = 32
MAX_DIMENSIONS = 384
"""Few axes join words that occur together; more tell them apart. Measured: docs/decisions/0003-retrieval.md."""
DENSE_SVD_TEXTS = 600
"""Up to here the full decomposition is the faster one."""
REFITTED = 3_000
"""Texts up to which the local embedding is fitted anew whenever one of them changes: about 4 s of CPU at most."""
FITTED_ON = 8_000
VOCABULARY = 20_000
"""Of a larger corpus a sample is fitted, and its commonest terms: 31 MB of memory and 15 s, however large it is."""
DRIFT = 0.25
"""Share of texts the axes have not seen, above which they are fitted again."""
SENTENCE_TRANSFORMERS = "sentence-transformers:"
LOCAL = "local"
MAX_CHARACTERS = 8_000
"""Longer texts are cut before they are sent: 8,191 tokens is what OpenAI's models read, and no chunk is so long."""
QUERY_TIMEOUT = 2.0
DOCUMENTS_TIMEOUT = 60.0


class Embedding(Protocol):
    """Raises ``DenseSearchUnavailable`` when the provider does not answer, or answers with no vectors."""

    name: str
    """Names everything that decides the vectors; a part of the index fingerprint."""
    dimensions: int | None
    """None until the first answer of a provider that does not say it before."""
    kind: Learned
    """What it learned from: cosines of one kind are alike."""

    async def embed_documents(self, texts: Sequence[str]) -> Vectors: ...

    async def embed_queries(self, texts: Sequence[str]) -> Vectors: ...


class SentenceEmbedding:
    """The small model of ``sentence_model.py``: it knows that a guarantee is a warranty."""

    kind: Learned = "language"

    def __init__(self, model: SentenceModel) -> None:
        self.name = f"sentences-{SHA256[:12]}"
        self.dimensions: int | None = DIMENSIONS
        self._model = model

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return await self._model.embed(texts)

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return await self._model.embed(texts)


class LocalEmbedding:
    """Latent semantic analysis of the corpus itself: TF-IDF of words and word pairs, projected on its main axes.

    A pure function of the texts it is fitted on; the signs of the axes are fixed, so that processes agree. The last
    dimension of a query holds what the corpus has no words for, so that a question about something else is far from
    everything even when it shares one word. Documents are zero there.
    """

    kind: Learned = "corpus"

    def __init__(self, *, terms: Sequence[str], rarity: Floats, axes: NDArray[Any], size: int, seen: Hashes) -> None:
        self._vocabulary = {term: row for row, term in enumerate(terms)}
        self._rarity = rarity
        self._unknown = _rarity(0, of=size)
        self._size = size
        self._seen = seen
        self._projection = np.ascontiguousarray(axes.T * rarity[:, None].astype(axes.dtype))
        self.dimensions: int | None = len(axes) + 1
        digest = hashlib.sha256("\n".join(terms).encode() + np.round(axes, 3).tobytes()).hexdigest()
        self.name = f"local-{LOCAL_VERSION}-{digest[:12]}"

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return await asyncio.to_thread(self._embed_documents, texts)

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return np.vstack([self._embed_query(text) for text in texts])

    def unseen(self, texts: Sequence[str]) -> float:
        """Share of the texts that were not there when the axes were fitted."""
        return float(np.mean(~np.isin(_hashes(texts), self._seen))) if texts else 0.0

    def to_bytes(self) -> bytes:
        """The fitted axes, for other processes: 16 MB for a large corpus."""
        content = io.BytesIO()
        np.savez(
            content,
            terms=np.frombuffer("\n".join(self._vocabulary).encode(), dtype=np.uint8),
            rarity=self._rarity,
            axes=(self._projection / self._rarity[:, None]).T.astype(np.float16),
            size=self._size,
            seen=self._seen,
        )
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "LocalEmbedding":
        """Of the same name and with the same vectors in every process."""
        stored = np.load(io.BytesIO(content), allow_pickle=False)
        return cls(
            terms=stored["terms"].tobytes().decode().split("\n"),
            rarity=stored["rarity"],
            axes=stored["axes"].astype(np.float32),
            size=int(stored["size"]),
            seen=stored["seen"],
        )

    def _embed_query(self, text: str) -> Vectors:
        terms = _terms(text)
        near = self._project(terms)
        length = self._length(terms)
        if not length:
            near[-1] = 1.0
            return near.astype(np.float32)
        near /= length
        near[-1] = np.sqrt(max(0.0, 1.0 - float(near @ near)))
        return near.astype(np.float32)

    def _embed_documents(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self._projection.shape[1] + 1), dtype=np.float32)
        return unit(np.vstack([self._project(_terms(text)) for text in texts]))

    def _project(self, terms: Mapping[str, float]) -> Floats:
        """Where the known terms lie on the axes; zero in the last dimension."""
        projected = np.zeros(self._projection.shape[1] + 1)
        known = [(self._vocabulary[term], weight) for term, weight in terms.items() if term in self._vocabulary]
        if known:
            rows, weights = zip(*known, strict=True)
            projected[:-1] = np.array(weights) @ self._projection[list(rows)]
        return projected

    def _length(self, terms: Mapping[str, float]) -> float:
        """Of the whole TF-IDF vector, with unknown words; a pair of words nobody wrote says nothing."""
        total = 0.0
        for term, weight in terms.items():
            row = self._vocabulary.get(term)
            if row is not None:
                total += (weight * float(self._rarity[row])) ** 2
            elif " " not in term:
                total += (weight * self._unknown) ** 2
        return float(np.sqrt(total))

    @classmethod
    def fitted(cls, texts: Sequence[str]) -> "LocalEmbedding":
        """Fitted on these texts; of a large corpus on a sample, and on its commonest terms.

        CPU work, about 0.2 s for 250 texts and 15 s for any large number: call it in a thread.
        """
        if len(texts) <= REFITTED:
            return cls(**_fit(texts, vocabulary=None), seen=_hashes(texts))
        sample = [texts[number] for number in np.sort(np.argsort(_hashes(texts), kind="stable")[:FITTED_ON])]
        fit = _fit(sample, vocabulary=VOCABULARY)
        # As they are stored, so that who fitted them has the vectors of those who read them.
        fit["axes"] = fit["axes"].astype(np.float16).astype(np.float32)
        return cls(**fit, seen=np.sort(_hashes(texts)))


def _fit(texts: Sequence[str], *, vocabulary: int | None) -> dict[str, Any]:
    """The terms with their rarity, and the main axes of the texts."""
    import scipy.sparse as sparse
    from scipy.sparse.linalg import svds
    from threadpoolctl import threadpool_limits

    counts = [_terms(text) for text in texts]
    found_in = Counter(term for count in counts for term in count)
    terms = sorted(heapq.nlargest(vocabulary or len(found_in), found_in, key=lambda term: (found_in[term], term)))
    numbers = {term: row for row, term in enumerate(terms)}
    known = [[(numbers[term], weight) for term, weight in count.items() if term in numbers] for count in counts]
    if not any(known):
        return {"terms": [], "rarity": np.zeros(0), "axes": np.zeros((0, 0)), "size": len(texts)}
    rows = np.repeat(np.arange(len(texts)), [len(one) for one in known])
    columns, values = (np.array(part) for part in zip(*(pair for one in known for pair in one), strict=True))
    rarity = _rarity(np.bincount(columns, minlength=len(terms)), of=len(texts))
    values = values * rarity[columns]
    values /= np.sqrt(np.bincount(rows, weights=values**2))[rows]
    matrix = sparse.csr_array((values, (rows, columns)), shape=(len(texts), len(terms)))
    wanted = min(MAX_DIMENSIONS, max(MIN_DIMENSIONS, len(texts) // TEXTS_PER_DIMENSION), *matrix.shape)
    # One thread: on a busy machine the threads of a small product wait for each other many times longer.
    with threadpool_limits(limits=1):
        if len(texts) <= DENSE_SVD_TEXTS or wanted == min(matrix.shape):
            _, strengths, axes = np.linalg.svd(matrix.toarray(), full_matrices=False)
        else:
            _, strengths, axes = svds(matrix, k=wanted, v0=np.ones(min(matrix.shape)))
    strongest = np.argsort(-strengths)[:wanted]
    axes = axes[strongest][strengths[strongest] > 1e-6]
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    return {"terms": terms, "rarity": rarity, "axes": axes * signs[:, None], "size": len(texts)}


class Bases(Protocol):
    """Where the axes fitted on a large corpus are kept, so that every process has the same, and for long."""

    async def newest(self) -> str | None:
        """The name of the embedding fitted last."""
        ...

    async def load(self, name: str) -> bytes | None: ...

    async def keep(self, name: str, content: bytes) -> None: ...


async def local_embedding(
    corpus: Sequence[str], *, bases: Bases | None = None, before: Embedding | None = None
) -> LocalEmbedding:
    """Fitted on this corpus when it is small: new words count at once, and all vectors are new.

    A large one keeps the axes it has, and with them its vectors, until a good part of its texts is new.
    """
    if bases is None or len(corpus) <= REFITTED:
        return await asyncio.to_thread(LocalEmbedding.fitted, corpus)
    kept = await _kept(bases, before)
    if kept is not None and await asyncio.to_thread(kept.unseen, corpus) <= DRIFT:
        return kept
    fitted = await asyncio.to_thread(LocalEmbedding.fitted, corpus)
    await bases.keep(fitted.name, await asyncio.to_thread(fitted.to_bytes))
    return fitted


async def _kept(bases: Bases, before: Embedding | None) -> LocalEmbedding | None:
    name = await bases.newest()
    if isinstance(before, LocalEmbedding) and before.name == name:
        return before
    content = await bases.load(name) if name else None
    return await asyncio.to_thread(LocalEmbedding.from_bytes, content) if content else None


class OpenAIEmbedding:
    """An embedding model behind any endpoint of the OpenAI protocol."""

    kind: Learned = "language"

    def __init__(self, *, model: str, api_key: str, base_url: str | None) -> None:
        self.name = f"openai-{model}-{hashlib.sha256((base_url or '').encode()).hexdigest()[:8]}"
        self.dimensions: int | None = None
        self._arguments: dict[str, Any] = {"model": model, "api_key": api_key, "base_url": base_url}
        self._client: OpenAIEmbeddings | None = None

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return await self._ask(texts, seconds=DOCUMENTS_TIMEOUT)

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return await self._ask(texts, seconds=QUERY_TIMEOUT)

    async def _ask(self, texts: Sequence[str], *, seconds: float) -> Vectors:
        cut = [text[:MAX_CHARACTERS] for text in texts]
        if self._client is None:
            from langchain_openai import OpenAIEmbeddings

            # Without check_embedding_ctx_length=False the client downloads a tokenizer at the first call.
            self._client = OpenAIEmbeddings(**self._arguments, check_embedding_ctx_length=False, max_retries=1)
        try:
            async with asyncio.timeout(seconds):
                answer = np.asarray(await self._client.aembed_documents(cut), dtype=np.float32)
        except Exception as exc:
            raise DenseSearchUnavailable(f"the embedding model did not answer ({type(exc).__name__})") from exc
        if answer.ndim != 2 or len(answer) != len(texts) or not np.isfinite(answer).all():
            raise DenseSearchUnavailable("the embedding model answered with something that is no vector")
        self.dimensions = answer.shape[1]
        return unit(answer)


class SentenceTransformerEmbedding:
    """A sentence-transformers model from a folder on this machine; never from a hub."""

    kind: Learned = "language"

    def __init__(self, folder: Path) -> None:
        if not (folder / "config.json").is_file():
            raise ConfigurationError(f"FRONTDESK_EMBEDDING_MODEL: {folder} is not a sentence-transformers folder")
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as exc:
            raise ConfigurationError(
                "FRONTDESK_EMBEDDING_MODEL names a sentence-transformers folder, but the library is not installed; "
                'install it with: pip install "frontdesk[embeddings]"'
            ) from exc
        self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
        self.name = f"sentence-transformers-{hashlib.sha256((folder / 'config.json').read_bytes()).hexdigest()[:12]}"
        self.dimensions: int | None = self._model.get_sentence_embedding_dimension()

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return await asyncio.to_thread(self._encode, list(texts))

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return await asyncio.to_thread(self._encode, list(texts))

    def _encode(self, texts: list[str]) -> Vectors:
        return unit(np.asarray(self._model.encode(texts, show_progress_bar=False), dtype=np.float32))


async def choose_embedding(
    settings: Settings, *, corpus: Sequence[str], bases: Bases | None = None, before: Embedding | None = None
) -> Embedding:
    """The embedding the settings ask for; ``local`` is fitted on the corpus, without any it is the small model.

    ``before``: the one in use until now.
    """
    model = settings.embedding_model
    if model is None:
        return SentenceEmbedding(await asyncio.to_thread(sentence_model))
    if model == LOCAL:
        return await local_embedding(corpus, bases=bases, before=before)
    if model.startswith(SENTENCE_TRANSFORMERS):
        return await asyncio.to_thread(SentenceTransformerEmbedding, Path(model.removeprefix(SENTENCE_TRANSFORMERS)))
    if settings.openai_api_key is None:
        raise ConfigurationError("FRONTDESK_EMBEDDING_MODEL needs OPENAI_API_KEY; unset it to embed locally")
    key = settings.openai_api_key.get_secret_value()
    return OpenAIEmbedding(model=model, api_key=key, base_url=settings.openai_base_url)


def _terms(text: str) -> dict[str, float]:
    """Words and pairs of neighbouring words with their damped frequency; a pair counts half."""
    content = words(text)
    single = {word: 1 + float(np.log(times)) for word, times in Counter(content).items()}
    pairs = Counter(f"{first} {second}" for first, second in pairwise(content))
    return single | {pair: 0.5 * times for pair, times in pairs.items()}


def _hashes(texts: Sequence[str]) -> Hashes:
    digests = (hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def _rarity(count: Any, *, of: int) -> Any:
    """Smoothed inverse document frequency of a term found in ``count`` texts."""
    return np.log((1 + of) / (1 + count)) + 1


def unit(vectors: NDArray[Any]) -> Vectors:
    """Each row with length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)
