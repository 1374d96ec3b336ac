"""A dependency that hangs or fails costs little and nobody else (R12.4, PITFALLS on Chroma's client)."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from desk.domain.breaker import CircuitBreaker
from retrieval.errors import DenseSearchUnavailable
from retrieval.guard import Guard


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Stuck calls wait for it, and are let go at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def fail() -> None:
    raise ConnectionError("no route")


async def all_returned(guard: Guard) -> None:
    async with asyncio.timeout(5):
        while guard.stuck:  # noqa: ASYNC110 - the threads tell the loop; there is no event to wait for
            await asyncio.sleep(0.001)


async def refused(guard: Guard) -> bool:
    with pytest.raises(DenseSearchUnavailable) as caught:
        await guard.run(lambda: None, seconds=1)
    return caught.value.__cause__ is None


async def test_a_result_comes_back_from_another_thread() -> None:
    guard = Guard(name="t")

    assert await guard.run(threading.get_ident, seconds=1) != threading.get_ident()
    guard.close()


async def test_a_call_that_hangs_is_abandoned_in_time(release: threading.Event) -> None:
    guard = Guard(name="t")
    started = time.monotonic()

    with pytest.raises(DenseSearchUnavailable):
        await guard.run(release.wait, seconds=0.05)

    assert time.monotonic() - started < 1


async def test_calls_fail_at_once_when_abandoned_ones_hold_every_thread(release: threading.Event) -> None:
    guard = Guard(name="t", threads=2, breaker=CircuitBreaker(threshold=100))
    for _ in range(2):
        with pytest.raises(DenseSearchUnavailable):
            await guard.run(release.wait, seconds=0.01)

    assert await refused(guard)

    release.set()
    await all_returned(guard)
    assert await guard.run(lambda: "again", seconds=1) == "again"


async def test_the_event_loop_stays_free_while_a_call_hangs(release: threading.Event) -> None:
    guard = Guard(name="t", threads=1)
    hanging = asyncio.create_task(guard.run(release.wait, seconds=5))
    await asyncio.sleep(0)

    release.set()

    assert await hanging is True


async def test_the_breaker_opens_after_three_failures_and_lets_one_call_try_later() -> None:
    clock = Clock()
    guard = Guard(name="t", breaker=CircuitBreaker(threshold=3, open_seconds=10, clock=clock))
    for _ in range(3):
        with pytest.raises(DenseSearchUnavailable):
            await guard.run(fail, seconds=1)

    assert await refused(guard)

    clock.now = 10.5
    with pytest.raises(DenseSearchUnavailable) as tried:
        await guard.run(fail, seconds=1)
    assert isinstance(tried.value.__cause__, ConnectionError)
    assert await refused(guard)

    clock.now = 21
    assert await guard.run(lambda: 1, seconds=1) == 1
    assert await guard.run(lambda: 2, seconds=1) == 2
