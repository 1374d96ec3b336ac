"""Keeps a slow or broken dependency from slowing anybody: own threads, a time limit, a circuit breaker.

Chroma's client blocks and cannot be interrupted. A call that exceeds its time is abandoned: the caller goes on, the
thread stays busy until the call returns. When abandoned calls hold every thread, the next call fails at once.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from desk.domain.breaker import CircuitBreaker
from retrieval.errors import DenseSearchUnavailable

Result = TypeVar("Result")


REST_SECONDS = 10.0  # after three failures in a row


class Guard:
    """Runs blocking calls on its own few threads, each call within a time limit."""

    def __init__(self, *, name: str, threads: int = 4, breaker: CircuitBreaker | None = None) -> None:
        self._name = name
        self._threads = threads
        self._breaker = breaker or CircuitBreaker(open_seconds=REST_SECONDS)
        self._free = asyncio.Semaphore(threads)
        self._abandoned = 0
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._started: list[threading.Thread] = []

    @property
    def stuck(self) -> int:
        """Abandoned calls that have not returned yet."""
        return self._abandoned

    async def run(self, call: Callable[[], Result], *, seconds: float) -> Result:
        """The call's result. Raises ``DenseSearchUnavailable`` when it fails, takes too long or must not be tried."""
        if self._abandoned >= self._threads:
            raise DenseSearchUnavailable("calls that never returned hold every thread of vector search")
        if not self._breaker.allows():
            raise DenseSearchUnavailable("vector search failed repeatedly and rests")
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
                done = self._submit(call)
                try:
                    result = await asyncio.shield(done)
                except asyncio.CancelledError:
                    self._abandon(done)
                    raise
        except Exception as exc:
            self._breaker.failed()
            raise DenseSearchUnavailable(f"vector search failed: {type(exc).__name__}") from exc
        except BaseException:  # cancelled: says nothing about the dependency
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return result

    def close(self) -> None:
        """Lets the idle threads end. A thread that is stuck ends with the process, which it does not hold up."""
        for _ in self._started:
            self._work.put(None)
        self._started.clear()

    def _submit(self, call: Callable[[], Result]) -> "asyncio.Future[Result]":
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        done.add_done_callback(lambda _: self._free.release())

        def work() -> None:
            try:
                outcome: Callable[[], None] = _outcome(done, result=call())
            except Exception as exc:
                outcome = _outcome(done, error=exc)
            # The loop may have ended while the call was stuck; then nobody waits for the outcome.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(outcome)

        if len(self._started) < self._threads:
            thread = threading.Thread(target=self._serve, name=f"{self._name}-{len(self._started)}", daemon=True)
            thread.start()
            self._started.append(thread)
        self._work.put(work)
        return done

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _abandon(self, done: "asyncio.Future[Any]") -> None:
        self._abandoned += 1

        def returned(late: "asyncio.Future[Any]") -> None:
            self._abandoned -= 1
            late.exception()  # Retrieved, so that asyncio does not complain that nobody did.

        done.add_done_callback(returned)


def _outcome(done: "asyncio.Future[Any]", *, result: Any = None, error: Exception | None = None) -> Callable[[], None]:
    return (lambda: done.set_exception(error)) if error else (lambda: done.set_result(result))
