"""Keeps what the classifier learned in a file, so that a restart need not learn it again.

The file holds numbers only and is named by a fingerprint of the examples and of the code that learns: changed examples
or a new release find nothing and learn anew. A file that cannot be read is no error, it is written again.
"""

import hashlib
import logging
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]

KEPT = 4  # newest files: several packs may be served from one data folder
_CODE = ("classifier", "features", "linear", "rehearsal", "scope", "normalise", "stems", "concepts")


def fingerprint(examples: Iterable[tuple[str, str]]) -> str:
    """16 hex digits that change with any example, its label, their order, and the code."""
    digest = hashlib.sha256()
    for name in _CODE:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    for text, label in examples:
        digest.update(f"{len(text)}:{text}{len(label)}:{label}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def recall(folder: Path, name: str) -> Arrays | None:
    """The arrays stored under this name, or None."""
    try:
        with (folder / f"{name}.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        return None


def remember(folder: Path, name: str, arrays: Arrays) -> None:
    """Stores the arrays at once or not at all, and forgets the oldest files. A full disk costs only the saving."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{name}.{os.getpid()}.tmp"
        with unfinished.open("wb") as file:
            np.savez(file, **dict(arrays))  # type: ignore[arg-type]
        unfinished.replace(folder / f"{name}.npz")
        for old in sorted(folder.glob("*.npz"), key=lambda path: -path.stat().st_mtime)[KEPT:]:
            old.unlink(missing_ok=True)
    except OSError as exc:
        logger.warning("The classifier was not saved", extra={"action": "learned_not_saved", "error": exc.strerror})
