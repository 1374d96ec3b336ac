"""What one turn may spend on language models: a number of calls and a number of seconds.

The runner opens a budget around a turn; every engine that calls a provider takes from the one that is open. It is a
context variable because the calls happen deep inside graph nodes, which all run in copies of the turn's context and
so share the one mutable budget.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from desk.domain.errors import LanguageModelFailed

MODEL_CALLS_PER_TURN = 8
"""A default recursion limit of LangGraph would allow 10,007 (docs/decisions/0004-model-engine.md)."""


@dataclass(kw_only=True)
class TurnBudget:
    """Model calls still allowed, and the instant (``time.monotonic``, seconds) after which none is."""

    calls_left: int = MODEL_CALLS_PER_TURN
    deadline: float | None = None

    def spend_call(self) -> None:
        """Take one call. Raises ``LanguageModelFailed(reason="budget")`` when there is none left, or no time."""
        if self.calls_left <= 0 or self.seconds_left() <= 0:
            raise LanguageModelFailed("This turn has used up its language model budget.", reason="budget")
        self.calls_left -= 1

    def seconds_left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return float("inf") if self.deadline is None else self.deadline - time.monotonic()


_open_budget: ContextVar[TurnBudget | None] = ContextVar("turn_budget", default=None)


@contextmanager
def turn_budget(*, calls: int = MODEL_CALLS_PER_TURN, seconds: float | None = None) -> Iterator[TurnBudget]:
    """Bound everything inside to so many model calls and seconds."""
    budget = TurnBudget(calls_left=calls, deadline=None if seconds is None else time.monotonic() + seconds)
    token = _open_budget.set(budget)
    try:
        yield budget
    finally:
        _open_budget.reset(token)


def spend_model_call(*, seconds: float) -> float:
    """Take one call from the open budget and return how long it may last, at most ``seconds``.

    Outside a turn (evals, start-up checks) only ``seconds`` bounds the call.
    """
    budget = _open_budget.get()
    if budget is None:
        return seconds
    budget.spend_call()
    return min(seconds, budget.seconds_left())
