"""Heads of the chain, signed and kept outside the database: JSON lines of number, hash and time.

A head vouches for every entry up to its number. Whoever may write to the database but not here can therefore neither
change, cut nor rebuild the log unnoticed. The signature (HMAC with a key derived from the installation's secret) keeps
others from adding heads of their own.

Heads are written by whoever holds the chain's lock, one at a time. ``data/audit-heads.jsonl`` by default.
"""

import hmac
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

import orjson

from desk.domain.clock import rfc3339

ROOMY_BYTES = 512 * 1024  # about 2,500 heads: below this nothing is thinned out
KEPT_WHOLE = 500  # newest heads that are never thinned out


class Head(TypedDict):
    """The chain's newest entry at some time."""

    number: int
    hash: str
    at: str


@dataclass(frozen=True, kw_only=True)
class HeadFile:
    """One file of heads. ``secret`` is the installation's; the signing key is derived from it."""

    path: Path
    secret: bytes

    def read(self) -> tuple[list[Head], list[str]]:
        """The heads, and a sentence for each line that is not a head signed here. A line that a crash cut off at the
        end of the file is neither: it was never complete."""
        heads: list[Head] = []
        problems: list[str] = []
        if not self.path.exists():
            return heads, problems
        for number, line in enumerate(self.path.read_bytes().split(b"\n")[:-1], 1):
            if (head := self._opened(line)) is not None:
                heads.append(head)
            else:
                problems.append(f"line {number} of {self.path} is not a head signed by this installation")
        return heads, problems

    def last(self) -> Head | None:
        """The head that was written last."""
        heads, _ = self.read()
        return heads[-1] if heads else None

    def append(self, *, number: int, entry_hash: bytes, at: datetime) -> Head:
        """Signs a head and writes it to the disk."""
        head = Head(number=number, hash=entry_hash.hex(), at=rfc3339(at))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "r+b") as file:
            file.seek(_end_of_last_line(file))
            file.truncate()
            file.write(self._signed(head))
            file.flush()
            os.fsync(file.fileno())
        return head

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def replace(self, heads: Iterable[Head]) -> None:
        """Leaves only these heads in the file."""
        fresh = self.path.with_name(f"{self.path.name}.new")
        with fresh.open("wb") as file:
            file.writelines(self._signed(head) for head in heads)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def _signed(self, head: Head) -> bytes:
        return orjson.dumps({**head, "signature": self._signature(head)}) + b"\n"

    def _opened(self, line: bytes) -> Head | None:
        try:
            value: Any = orjson.loads(line)
            head = Head(number=value["number"], hash=value["hash"], at=value["at"])
            known = type(head["number"]) is int and hmac.compare_digest(self._signature(head), value["signature"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return None
        return head if known else None

    def _signature(self, head: Head) -> str:
        key = hmac.digest(self.secret, b"frontdesk audit heads", "sha256")
        covered = orjson.dumps(["frontdesk audit head 1", head["number"], head["hash"], head["at"]])
        return hmac.digest(key, covered, "sha256").hex()


def superfluous(heads: list[Head]) -> list[Head]:
    """Heads that may go: of the older ones, one stays for each fiftieth of the way (on a logarithmic scale) back.

    Nothing is lost with them but how closely a break can be located: every later head vouches for the same entries.
    """
    older = sorted(heads[:-KEPT_WHOLE], key=lambda head: head["number"])
    newest = max((head["number"] for head in heads), default=0)
    seen: set[int] = set()
    gone = []
    for head in older:
        place = int(math.log(newest - head["number"] + 1) * 50)
        if place in seen:
            gone.append(head)
        seen.add(place)
    return gone


def _end_of_last_line(file: BinaryIO) -> int:
    """Where the last complete line ends; a line cut off by a crash comes after it."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - 4096)
    file.seek(start)
    return start + file.read(size - start).rfind(b"\n") + 1
