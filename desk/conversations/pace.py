"""The pace of a conversation's messages: a burst, then so many a minute, the same whichever process takes them.

The state is one instant in the conversation's row (the generic cell rate algorithm), moved by the statement that
stores the message, so neither parallel requests nor several processes get more than the limit.
"""

from dataclasses import dataclass
from datetime import timedelta

BURST = 20  # a person in a hurry sends fewer lines at once; a flood is stopped within its first second


@dataclass(frozen=True, kw_only=True)
class Pace:
    """``per_minute`` messages in the long run; at once at most ``burst`` of them."""

    per_minute: int

    @property
    def burst(self) -> int:
        return min(self.per_minute, max(BURST, self.per_minute // 3))

    @property
    def interval(self) -> timedelta:
        """What one message costs."""
        return timedelta(minutes=1) / self.per_minute

    @property
    def slack(self) -> timedelta:
        """How far ahead of the clock a conversation may be when it sends another message."""
        return self.interval * (self.burst - 1)
