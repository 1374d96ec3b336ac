"""The customer gets an answer whatever the provider does, and a dead provider does not cost every turn its time-out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from desk.domain.breaker import CircuitBreaker
from desk.domain.errors import LanguageModelFailed
from desk.domain.passages import Passage
from desk.language.engine import AnswerPart, TurnContext, Understanding
from desk.language.fallback import FallbackEngine
from desk.language.offline import OfflineEngine
from desk.language.provider_call import ModelLimits
from tests.fakes.engines import QUIET, answer_of, eventually, scripted_engine
from tests.fakes.model_scripts import SCRIPTS
from tests.fakes.small_pack import small_pack

WORKING = {"sensible", "obedient", "obeying", "harmful", "no_answer", "rate_limited_briefly"}
NOW_BROKEN = sorted(name for name in set(SCRIPTS) - WORKING if not name.startswith("judge"))
"""Judges answer another question; asked this one they only keep silent, as ``hang`` does."""
READINGS_ONLY = {
    "unknown_intent", "unknown_refusal", "confidence_too_high", "confidence_nan", "wrong_types", "extra_keys",
    "giant_string",
}  # fmt: skip


SLOW = {"hang", "silent_stream", "endless_slow", "endless_empty"}


def limits_for(script: str) -> ModelLimits:
    """Short where only the clock ends the call; ample elsewhere, so that a busy machine changes nothing."""
    return ModelLimits(seconds=0.3 if script in SLOW else 20)


@dataclass
class Steady:
    """Always gives the same; counts its calls."""

    name: str = "steady"
    calls: int = 0

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        self.calls += 1
        return Understanding(
            intents=[], fields={}, refusal=None, language="en", sentiment="neutral", frustration=0.0, engine=self.name
        )

    async def answer(
        self, question: str, *, passages: Sequence[Passage], context: TurnContext
    ) -> AsyncIterator[AnswerPart]:
        self.calls += 1
        yield {"text": f"By {self.name}.", "chunk_ids": ["c"], "restart": False}


@dataclass
class Failing(Steady):
    """Fails with each reason in turn, then works; ``None`` works."""

    name: str = "failing"
    reasons: list[str | None] = field(default_factory=list)

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        self._perhaps_fail()
        return await super().understand(message, context=context)

    def _perhaps_fail(self) -> None:
        if reason := self.reasons.pop(0) if self.reasons else None:
            self.calls += 1
            raise LanguageModelFailed("It failed.", reason=reason)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def engine_with(*reasons: str | None) -> tuple[FallbackEngine, Failing, Clock]:
    clock, primary = Clock(), Failing(reasons=list(reasons))
    return FallbackEngine(primary=primary, fallback=Steady(), breaker=CircuitBreaker(clock=clock)), primary, clock


@pytest.fixture(scope="module")
def offline() -> OfflineEngine:
    return OfflineEngine.from_policies(small_pack())


@pytest.mark.parametrize("script", NOW_BROKEN)
async def test_any_fault_while_understanding_gives_the_offline_engines_reading(
    script: str, offline: OfflineEngine
) -> None:
    """R3.3, J02"""
    said = "Where is my order HP-10001?"
    async with scripted_engine(script, limits=limits_for(script)) as (openai, _):
        understanding = await FallbackEngine(primary=openai, fallback=offline).understand(said, context=QUIET)

    assert understanding == await offline.understand(said, context=QUIET)


@pytest.mark.parametrize("script", sorted(set(NOW_BROKEN) - READINGS_ONLY))
async def test_any_fault_while_answering_ends_in_the_offline_engines_answer(
    script: str, offline: OfflineEngine
) -> None:
    """R3.3, J02: and not a word of the broken answer remains in it."""
    question = "Can I return an item within 30 days of delivery?"
    async with scripted_engine(script, limits=limits_for(script)) as (openai, _):
        parts = await answer_of(FallbackEngine(primary=openai, fallback=offline), question)

    restarts = [at for at, part in enumerate(parts) if part["restart"]]
    final = parts[restarts[-1] + 1 :] if restarts else parts
    assert final == await answer_of(offline, question)
    assert final


async def test_an_answer_broken_off_on_the_way_starts_again(offline: OfflineEngine) -> None:
    """R3.3"""
    async with scripted_engine(answer="reset") as (openai, _):
        parts = await answer_of(FallbackEngine(primary=openai, fallback=Steady()))

    assert [(part["text"], part["restart"]) for part in parts] == [
        ("The first sentence is here. ", False),
        ("", True),
        ("By steady.", False),
    ]


async def test_an_answer_that_never_began_needs_no_restart() -> None:
    """R3.3"""
    async with scripted_engine(answer="server_error") as (openai, _):
        parts = await answer_of(FallbackEngine(primary=openai, fallback=Steady()))

    assert [(part["text"], part["restart"]) for part in parts] == [("By steady.", False)]


async def test_a_working_provider_is_not_second_guessed() -> None:
    """R3.2"""
    async with scripted_engine("no_answer") as (openai, _):
        fallback = Steady()
        engine = FallbackEngine(primary=openai, fallback=fallback)

        assert (await engine.understand("Hello", context=QUIET))["engine"] == "openai"
        assert await answer_of(engine) == []
        assert fallback.calls == 0
        assert engine.status == {"primary": "openai", "circuit": "closed", "fallbacks": {}}


async def test_after_three_failures_in_a_row_nobody_waits_for_the_provider() -> None:
    """R3.2"""
    engine, primary, _ = engine_with("timeout", "server_error", "rate_limited")

    for _ in range(5):
        assert (await engine.understand("Hello", context=QUIET))["engine"] == "steady"
    await answer_of(engine)

    assert primary.calls == 3
    assert engine.status["circuit"] == "open"
    assert engine.status["fallbacks"] == {"timeout": 1, "server_error": 1, "rate_limited": 1, "circuit_open": 3}


async def test_after_the_pause_one_trial_that_works_brings_the_provider_back() -> None:
    """R3.2"""
    engine, primary, clock = engine_with("timeout", "timeout", "timeout")
    for _ in range(3):
        await engine.understand("Hello", context=QUIET)
    clock.seconds = 30.0

    assert engine.status["circuit"] == "half_open"
    assert (await engine.understand("Hello", context=QUIET))["engine"] == "failing"
    assert engine.status["circuit"] == "closed"
    assert primary.calls == 4


async def test_a_trial_that_fails_pauses_again() -> None:
    """R3.2"""
    engine, primary, clock = engine_with(*["timeout"] * 4)
    for _ in range(3):
        await engine.understand("Hello", context=QUIET)
    clock.seconds = 30.0
    await engine.understand("Hello", context=QUIET)
    clock.seconds = 59.0
    await engine.understand("Hello", context=QUIET)

    assert primary.calls == 4
    assert engine.status["circuit"] == "open"


async def test_a_success_between_failures_forgets_them() -> None:
    """R3.2"""
    engine, _, _ = engine_with("timeout", "timeout", None, "timeout", "timeout")
    for _ in range(5):
        await engine.understand("Hello", context=QUIET)

    assert engine.status["circuit"] == "closed"


async def test_one_customers_texts_cannot_take_the_model_from_the_others() -> None:
    """R3.2: refusals and filters depend on what was written."""
    engine, primary, _ = engine_with(*["refused", "filtered", "truncated", "garbage", "budget"] * 2)
    for _ in range(10):
        await engine.understand("Hello", context=QUIET)

    assert engine.status["circuit"] == "closed"
    assert primary.calls == 10


def test_only_one_trial_at_a_time() -> None:
    """R3.2"""
    clock = Clock()
    breaker = CircuitBreaker(threshold=1, clock=clock)
    breaker.failed()
    clock.seconds = 30.0

    assert [breaker.allows(), breaker.allows()] == [True, False]
    breaker.abandoned()
    assert breaker.allows()


async def test_a_cancelled_trial_leaves_room_for_the_next() -> None:
    """R3.2"""
    async with scripted_engine("hang", limits=ModelLimits(seconds=30)) as (openai, server):
        clock = Clock()
        engine = FallbackEngine(primary=openai, fallback=Steady(), breaker=CircuitBreaker(threshold=1, clock=clock))
        engine.breaker.failed()
        clock.seconds = 30.0
        trial = asyncio.create_task(answer_of(engine))
        await eventually(lambda: server.requests)
        trial.cancel()
        await asyncio.wait({trial})
        server.script = "sensible"

        assert (await engine.understand("Hello", context=QUIET))["engine"] == "openai"


async def test_taking_over_is_logged_once_with_its_reason_and_no_text(caplog: pytest.LogCaptureFixture) -> None:
    """R11.2"""
    caplog.set_level(logging.INFO)
    engine, _, _ = engine_with("timeout")
    await engine.understand("my secret garden", context=QUIET)

    (record,) = caplog.records
    assert (vars(record)["action"], vars(record)["reason"]) == ("engine_fallback", "timeout")
    assert "secret garden" not in str(vars(record))
