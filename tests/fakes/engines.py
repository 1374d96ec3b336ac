"""OpenAI engines on a scripted server, with short limits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pydantic import SecretStr

from desk.domain.passages import Passage
from desk.language.engine import AnswerPart, LanguageEngine, TurnContext
from desk.language.openai import OpenAIEngine
from desk.language.provider_call import ModelLimits
from desk.policies.models import PolicySet
from tests.fakes.model_server import ModelServer, scripted_model
from tests.fakes.small_pack import small_pack, small_passages

API_KEY = "sk-needle-4f1d9c"
QUIET = TurnContext()


@asynccontextmanager
async def openai_engine(
    server: ModelServer, *, policies: PolicySet | None = None, limits: ModelLimits | None = None
) -> AsyncIterator[OpenAIEngine]:
    """An engine of the small pack on this server; a call may last ten seconds."""
    engine = OpenAIEngine(
        policies=policies or small_pack(),
        api_key=SecretStr(API_KEY),
        model="gpt-5.1",
        fast_model="gpt-5-mini",
        limits=limits or ModelLimits(seconds=10),
        base_url=server.base_url,
    )
    try:
        yield engine
    finally:
        await engine.aclose()


@asynccontextmanager
async def scripted_engine(
    script: str = "sensible", *, limits: ModelLimits | None = None, policies: PolicySet | None = None, **by_call: str
) -> AsyncIterator[tuple[OpenAIEngine, ModelServer]]:
    """A server with this script and an engine on it."""
    with scripted_model(script, **by_call) as server:
        async with openai_engine(server, policies=policies, limits=limits) as engine:
            yield engine, server


async def answer_of(
    engine: LanguageEngine, question: str = "Can I return it?", *, passages: list[Passage] | None = None
) -> list[AnswerPart]:
    """All parts of an answer, by default from the small pack's passages."""
    given = small_passages() if passages is None else passages
    return [part async for part in engine.answer(question, passages=given, context=QUIET)]


async def eventually(condition: Callable[[], object]) -> None:
    """Wait, at most five seconds, for something that the server's thread does."""
    async with asyncio.timeout(5.0):
        while not condition():  # noqa: ASYNC110 -- an asyncio.Event cannot be set from another thread
            await asyncio.sleep(0.005)
