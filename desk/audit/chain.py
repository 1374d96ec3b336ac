"""The chain: what an entry's hash covers, and the check of a whole chain against the heads signed before. Pure.

An entry's hash is SHA-256 over a JSON array of texts, so no two entries have the same bytes:
``["frontdesk audit 1", number, at, action, actor, conversation, customer, detail, hash of the entry before]``.
Times and details are PostgreSQL's own text of them, so nothing is lost or rounded on the way here.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from desk.audit.heads import Head

GENESIS: Final = bytes(32)
"""What the first entry has in place of a hash before it."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Whether the log is what was written. ``broken_at`` is the first entry that can no longer be trusted."""

    valid: bool
    entries: int
    heads: int
    """Signed heads the chain was compared with."""
    broken_at: int | None = None
    why: str | None = None


def entry_hash(row: dict[str, Any], *, number: int, previous: bytes) -> bytes:
    """The hash of an entry at this place of the chain; ``row`` has ``at`` and ``detail`` as text."""
    covered = [
        "frontdesk audit 1", number, row["at"], row["action"], row["actor"],
        row["conversation_id"], row["customer_id"], row["detail"], previous.hex(),
    ]  # fmt: skip
    return hashlib.sha256(orjson.dumps(covered)).digest()


@dataclass(kw_only=True)
class ChainCheck:
    """Fed with every sealed entry in order, it finds the first one that is wrong. Needs no memory for entries."""

    heads: dict[int, set[str]] = field(default_factory=dict)
    entries: int = 0
    broken_at: int | None = None
    why: str | None = None
    _previous: bytes = GENESIS
    _vouched: int = 0
    """The last entry a signed head agreed with: everything up to it is as it was."""

    @classmethod
    def against(cls, heads: Iterable[Head]) -> "ChainCheck":
        check = cls()
        for head in heads:
            check.heads.setdefault(head["number"], set()).add(head["hash"])
        return check

    def feed(self, row: dict[str, Any]) -> bool:
        """Whether the chain is whole so far."""
        number = self.entries + 1
        if row["number"] != number:
            return self._broken(number, f"entry {number} is missing")
        if row["prev_hash"] != self._previous:
            return self._broken(number, f"entry {number} does not follow the entry before it")
        expected = entry_hash(row, number=number, previous=self._previous)
        if row["hash"] != expected:
            return self._broken(number, f"entry {number} was changed after it was sealed")
        if number in self.heads:
            if self.heads[number] != {expected.hex()}:
                first = self._vouched + 1
                where = f"entry {number}" if first == number else f"an entry from {first} to {number}"
                return self._broken(
                    first, f"the chain was written again: {where} is not what a signed head vouches for"
                )
            self._vouched = number
        self.entries, self._previous = number, expected
        return True

    def end(self) -> bool:
        """Whether nothing is missing at the end."""
        last = max(self.heads, default=0)
        if self.broken_at is None and last > self.entries:
            first = self.entries + 1
            return self._broken(first, f"entries from {first} on are missing: a signed head vouches for entry {last}")
        return self.broken_at is None

    def _broken(self, number: int, why: str) -> bool:
        self.broken_at, self.why = number, why
        return False
