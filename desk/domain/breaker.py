"""A circuit breaker: after repeated failures nobody waits for a dead provider, and one call at a time tries again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(kw_only=True)
class CircuitBreaker:
    """Opens after ``threshold`` failures in a row, for ``open_seconds``; then one trial decides.

    Each call that ``allows()`` let through must end in exactly one of ``succeeded``, ``failed`` or ``abandoned``.
    Used from one event loop, so it needs no lock.
    """

    threshold: int = 3
    open_seconds: float = 30.0
    clock: Callable[[], float] = time.monotonic
    _failures: int = field(default=0, init=False)
    _opened_at: float | None = field(default=None, init=False)
    _trial_running: bool = field(default=False, init=False)

    @property
    def state(self) -> BreakerState:
        """``half_open``: the pause is over, the next call is the trial (or is running)."""
        if self._opened_at is None:
            return "closed"
        return "open" if self.clock() - self._opened_at < self.open_seconds else "half_open"

    def allows(self) -> bool:
        """True: call now, and report how it went. In ``half_open`` only the first caller is let through."""
        match self.state:
            case "closed":
                return True
            case "open":
                return False
            case "half_open":
                if self._trial_running:
                    return False
                self._trial_running = True
                return True

    def succeeded(self) -> None:
        """The provider works."""
        self._failures, self._opened_at, self._trial_running = 0, None, False

    def failed(self) -> None:
        """The provider does not work. Late reports of calls begun before it opened do not lengthen the pause."""
        state = self.state
        self._failures += 1
        if state == "half_open" or (state == "closed" and self._failures >= self.threshold):
            self._opened_at = self.clock()
        self._trial_running = False

    def abandoned(self) -> None:
        """The call says nothing about the provider (cancelled, or failed because of its content)."""
        self._trial_running = False
