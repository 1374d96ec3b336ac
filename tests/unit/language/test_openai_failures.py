"""Whatever a provider does ends inside the budget, in ``LanguageModelFailed`` with its reason (J01, J02)."""

import asyncio
import sys
import time

import pytest
from langchain_openai import ChatOpenAI

from desk.domain.errors import LanguageModelFailed
from desk.language.budget import turn_budget
from desk.language.provider_call import ModelLimits
from tests.fakes.engines import QUIET, answer_of, eventually, openai_engine, scripted_engine
from tests.fakes.model_scripts import HUGE
from tests.fakes.model_server import scripted_model
from tests.fakes.small_pack import small_passages

SECONDS = 0.3
SLACK = 15
"""Seconds a busy machine may take besides. What is not stopped in time goes on for ever."""
SHORT = ModelLimits(seconds=SECONDS)
AMPLE = ModelLimits(seconds=20)
"""For faults that end by themselves: on a busy machine they must not turn into time-outs."""
UNBOUNDED_SIZE = ModelLimits(seconds=SECONDS, characters=10**9, chunks=10**9)

# script: (reason of understand, reason of answer); None where the script gives that call a good answer
FAULTS = {
    "hang": ("timeout", "timeout"),
    "silent_stream": ("timeout", "timeout"),
    "rate_limited": ("rate_limited", "rate_limited"),
    "server_error": ("server_error", "server_error"),
    "unauthorized": ("server_error", "server_error"),
    "redirect": ("server_error", "server_error"),
    "not_http": ("server_error", "server_error"),
    "reset": ("server_error", "server_error"),
    "error_in_200": ("server_error", "server_error"),
    "html": ("garbage", "garbage"),
    "wrong_content_type": ("garbage", "garbage"),
    "garbage_bytes": ("garbage", "garbage"),
    "gzip_bomb": ("garbage", "garbage"),
    "two_choices": ("garbage", "garbage"),
    "truncated_json": ("garbage", "garbage"),
    "tool_calls": ("garbage", "garbage"),
    "empty_answer": ("garbage", "garbage"),
    "empty_choices": ("garbage", "truncated"),
    "null_choices": ("garbage", "truncated"),
    "huge_body": ("truncated", "truncated"),
    "finish_length": ("truncated", "truncated"),
    "finish_null": ("truncated", "truncated"),
    "finish_content_filter": ("filtered", "filtered"),
    "refusal": ("refused", "refused"),
    "endless_slow": ("timeout", "timeout"),
    "endless_fast": ("truncated", "truncated"),
    "unknown_intent": ("garbage", None),
    "unknown_refusal": ("garbage", None),
    "confidence_too_high": ("garbage", None),
    "confidence_nan": ("garbage", None),
    "wrong_types": ("garbage", None),
    "extra_keys": ("garbage", None),
    "giant_string": ("garbage", None),
}


@pytest.mark.parametrize("script", FAULTS)
async def test_a_fault_while_understanding_ends_in_its_reason_within_the_budget(script: str) -> None:
    """J02"""
    reason = FAULTS[script][0]
    async with scripted_engine(script, limits=SHORT if reason == "timeout" else AMPLE) as (engine, _):
        begun = time.monotonic()
        with pytest.raises(LanguageModelFailed) as failure:
            await engine.understand("Where is my order HP-10001?", context=QUIET)

    assert failure.value.reason == reason
    assert time.monotonic() - begun < SECONDS + SLACK


@pytest.mark.parametrize("script", [name for name, (_, reason) in FAULTS.items() if reason])
async def test_a_fault_while_answering_ends_in_its_reason_within_the_budget(script: str) -> None:
    """J02"""
    reason = FAULTS[script][1]
    async with scripted_engine(script, limits=SHORT if reason == "timeout" else AMPLE) as (engine, _):
        begun = time.monotonic()
        with pytest.raises(LanguageModelFailed) as failure:
            await answer_of(engine)

    assert failure.value.reason == reason
    assert time.monotonic() - begun < SECONDS + SLACK


@pytest.mark.parametrize("script", ["endless_fast", "endless_slow", "endless_empty", "silent_stream"])
async def test_the_clock_alone_stops_an_endless_stream(script: str) -> None:
    """J01: with no limit on size."""
    async with scripted_engine(script, limits=UNBOUNDED_SIZE) as (engine, server):
        begun = time.monotonic()
        with pytest.raises(LanguageModelFailed) as failure:
            await answer_of(engine)
        took = time.monotonic() - begun
        await eventually(lambda: not server.open_connections)

    # The bound on bytes may come first on a fast machine; both end the stream.
    assert failure.value.reason in {"timeout", "truncated"}
    assert took < SECONDS + SLACK


@pytest.mark.parametrize("script", ["endless_fast", "endless_slow", "endless_empty", "hang"])
async def test_cancelling_the_turn_stops_the_stream_and_closes_its_connection(script: str) -> None:
    """J01"""
    async with scripted_engine(script, limits=ModelLimits(seconds=60, characters=10**9, chunks=10**9)) as (
        engine,
        server,
    ):
        task = asyncio.create_task(answer_of(engine))
        await eventually(lambda: server.requests)
        task.cancel()
        await asyncio.wait({task}, timeout=SLACK)

        assert task.cancelled()
        await eventually(lambda: not server.open_connections)


async def test_a_reader_that_leaves_closes_the_stream() -> None:
    """J01: an answer nobody reads any more costs nothing."""
    async with scripted_engine(answer="reset") as (engine, server):
        parts = engine.answer("Can I return it?", passages=small_passages(), context=QUIET)
        await anext(parts, None)
        await parts.aclose()
        await eventually(lambda: not server.open_connections)


async def test_characters_are_counted_while_reading() -> None:
    """J01"""
    async with scripted_engine("endless_fast", limits=ModelLimits(seconds=30, characters=500)) as (engine, _):
        with pytest.raises(LanguageModelFailed) as failure:
            await answer_of(engine)

    assert failure.value.reason == "truncated"


async def test_chunks_without_text_are_counted_too() -> None:
    """J01"""
    async with scripted_engine("endless_empty", limits=ModelLimits(seconds=30, chunks=200)) as (engine, _):
        with pytest.raises(LanguageModelFailed) as failure:
            await answer_of(engine)

    assert failure.value.reason == "truncated"


async def test_a_huge_body_is_cut_early() -> None:
    """J02: 50 MB are on their way, a fraction of it leaves the server: what is read, and what sockets hold."""
    async with scripted_engine("huge_body", limits=ModelLimits(seconds=30)) as (engine, server):
        with pytest.raises(LanguageModelFailed):
            await engine.understand("Hello", context=QUIET)
        await eventually(lambda: not server.open_connections)

    assert 0 < server.sent < HUGE / 2


async def test_a_429_that_asks_for_an_hour_is_not_waited_for() -> None:
    """J02"""
    async with scripted_engine("rate_limited") as (engine, server):
        with pytest.raises(LanguageModelFailed):
            await engine.understand("Hello", context=QUIET)

    assert len(server.requests) == 1


async def test_a_429_that_asks_for_a_moment_is_tried_once_more() -> None:
    """R3.2"""
    async with scripted_engine("rate_limited_briefly") as (engine, server):
        understanding = await engine.understand("Where is HP-10001?", context=QUIET)

    assert understanding["engine"] == "openai"
    assert len(server.requests) == 2


async def test_a_server_error_is_not_repeated() -> None:
    """R3.2: the other engine is faster than a second try."""
    async with scripted_engine("server_error") as (engine, server):
        with pytest.raises(LanguageModelFailed):
            await engine.understand("Hello", context=QUIET)

    assert len(server.requests) == 1


async def test_nobody_listening_is_a_server_error() -> None:
    """R12.4"""
    with scripted_model() as server:
        pass
    async with openai_engine(server) as engine:
        with pytest.raises(LanguageModelFailed) as failure:
            await engine.understand("Hello", context=QUIET)

    assert failure.value.reason == "server_error"


async def test_a_turn_has_so_many_model_calls() -> None:
    """J03"""
    async with scripted_engine() as (engine, server):
        with turn_budget(calls=2):
            await engine.understand("Hello", context=QUIET)
            await asyncio.create_task(answer_of(engine))
            with pytest.raises(LanguageModelFailed) as failure:
                await engine.understand("Hello", context=QUIET)

    assert failure.value.reason == "budget"
    assert len(server.requests) == 2


async def test_a_call_lasts_no_longer_than_its_turn() -> None:
    """J03"""
    async with scripted_engine("hang", limits=ModelLimits(seconds=30)) as (engine, server):
        begun = time.monotonic()
        with turn_budget(seconds=0.2):
            for _ in range(2):
                with pytest.raises(LanguageModelFailed):
                    await engine.understand("Hello", context=QUIET)

    assert time.monotonic() - begun < SLACK
    assert len(server.requests) == 1


async def test_a_refused_connection_after_use_is_opened_again() -> None:
    """R12.4: a provider that dropped an idle connection is reached on a new one."""
    async with scripted_engine() as (engine, server):
        first = await engine.understand("Hello", context=QUIET)
        server.script = "reset"
        with pytest.raises(LanguageModelFailed):
            await engine.understand("Hello", context=QUIET)
        server.script = "sensible"

        assert await engine.understand("Hello", context=QUIET) == first


@pytest.mark.parametrize("script", ["finish_length", "finish_content_filter", "finish_null"])
async def test_plain_langchain_takes_half_an_answer_for_a_whole_one(script: str) -> None:
    """J02: the fault of the library that the finish check is for."""
    with scripted_model(script) as server:
        plain = ChatOpenAI(model="m", base_url=server.base_url, api_key="k", max_retries=0)
        pieces = [piece.content async for piece in plain.astream("<passage>\nx\nReturns are free.\n</passage>")]

    assert "".join(map(str, pieces)).startswith("Returns are free")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncio.wait_for of Python 3.12 keeps the cancellation")
async def test_plain_langchain_goes_on_after_being_cancelled() -> None:
    """J01: the fault of the library that ``stream_chunk_timeout=0`` is for."""
    with scripted_model("endless_fast") as server:
        plain = ChatOpenAI(model="m", base_url=server.base_url, api_key="k", max_retries=0)
        flowing = asyncio.Event()

        async def consume() -> None:
            async for _ in plain.astream("hello"):
                flowing.set()

        task = asyncio.create_task(consume())
        await flowing.wait()
        task.cancel()
        await asyncio.wait({task}, timeout=0.3)
        ended = task.done()
    await asyncio.wait({task})
    task.exception()

    assert not ended
