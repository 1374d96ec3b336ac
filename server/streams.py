"""Open event streams of this process: how many there are, and their end when the process leaves."""

from collections import Counter
from dataclasses import dataclass, field

from desk.conversations.hub import Subscription
from server.errors import TooManyStreams

TURN_STREAMS_PER_CONVERSATION = 32  # each ends with its turn, so these are bounded in time as well
RETRY_SECONDS = 5


@dataclass(kw_only=True)
class Streams:
    """Caps by conversation and by address, so that nobody's idle streams cost the others theirs."""

    per_conversation: int
    per_address: int
    closing: bool = False
    """The process leaves: live streams have ended, their clients reconnect with ``Last-Event-ID``."""
    _count: Counter[str] = field(default_factory=Counter)
    _live: set[Subscription] = field(default_factory=set)
    _turns: set[Subscription] = field(default_factory=set)

    def open_live(self, conversation_id: str, subscription: Subscription, *, address: str) -> "StreamSlot":
        """A slot for a stream that stays open. Raises ``TooManyStreams`` beyond either cap."""
        caps = {f"live {conversation_id}": self.per_conversation, f"address {address}": self.per_address}
        return self._open(subscription, self._live, caps)

    def open_turn(self, conversation_id: str, subscription: Subscription) -> "StreamSlot":
        """A slot for the stream of one turn. Not counted by address: an honest customer can always hear an answer."""
        return self._open(subscription, self._turns, {f"turn {conversation_id}": TURN_STREAMS_PER_CONVERSATION})

    def close_live(self) -> None:
        """Ends the streams that would never end by themselves, and lets no new one stay."""
        self.closing = True
        for subscription in list(self._live):
            subscription.close()

    def close_turns(self) -> None:
        """Ends the streams of turns that take too long to wait for."""
        for subscription in list(self._turns):
            subscription.close()

    def _open(self, subscription: Subscription, kind: set[Subscription], caps: dict[str, int]) -> "StreamSlot":
        if any(self._count[key] >= cap for key, cap in caps.items()):
            subscription.close()
            raise TooManyStreams("Too many event streams are open; close one first.", retry_after=RETRY_SECONDS)
        self._count.update(caps.keys())
        kind.add(subscription)
        if self.closing and kind is self._live:
            subscription.close()
        return StreamSlot(streams=self, subscription=subscription, kind=kind, keys=tuple(caps))

    def _release(self, slot: "StreamSlot") -> None:
        slot.subscription.close()
        slot.kind.discard(slot.subscription)
        for key in slot.keys:
            self._count[key] -= 1
            if self._count[key] <= 0:
                del self._count[key]


@dataclass(frozen=True, kw_only=True)
class StreamSlot:
    """The right to hold one stream open. Give it back once."""

    streams: Streams
    subscription: Subscription
    kind: set[Subscription]
    keys: tuple[str, ...]

    def release(self) -> None:
        self.streams._release(self)
