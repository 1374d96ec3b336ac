"""Open event streams of this process: how many there are, and the signal that ends them when the process leaves."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from server.errors import TooManyStreams

TURN_STREAMS_PER_CONVERSATION = 32  # each ends with its turn, so these are bounded in time as well
RETRY_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class StreamSlot:
    """The right to hold one stream open. Give it back once."""

    kept: Counter[str]
    keys: tuple[str, ...]

    def release(self) -> None:
        for key in self.keys:
            self.kept[key] -= 1
            if self.kept[key] <= 0:
                del self.kept[key]


@dataclass(kw_only=True)
class Streams:
    """Caps by conversation and by address, so that nobody's idle streams cost the others theirs."""

    per_conversation: int
    per_address: int
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process begins to leave: live streams end, their clients reconnect with ``Last-Event-ID``."""
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    """Set a little later, for the streams of turns: most turns end in between."""
    _open: Counter[str] = field(default_factory=Counter)

    def open_live(self, conversation_id: str, *, address: str) -> StreamSlot:
        """A slot for a stream that stays open. Raises ``TooManyStreams`` beyond either cap."""
        return self._take({f"live {conversation_id}": self.per_conversation, f"address {address}": self.per_address})

    def open_turn(self, conversation_id: str) -> StreamSlot:
        """A slot for the stream of one turn. Not counted by address: an honest customer can always hear an answer."""
        return self._take({f"turn {conversation_id}": TURN_STREAMS_PER_CONVERSATION})

    def _take(self, caps: dict[str, int]) -> StreamSlot:
        if any(self._open[key] >= cap for key, cap in caps.items()):
            raise TooManyStreams("Too many event streams are open; close one first.", retry_after=RETRY_SECONDS)
        self._open.update(caps.keys())
        return StreamSlot(kept=self._open, keys=tuple(caps))
