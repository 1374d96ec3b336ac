"""One call to a provider of the OpenAI protocol: its prompt, its limits, and the one way it fails."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from desk.domain.errors import LanguageModelFailed
from desk.language.budget import spend_model_call

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_T = TypeVar("_T")

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, kw_only=True)
class ModelLimits:
    """What one call may take."""

    seconds: float
    """From request to last byte, retry included."""
    characters: int = 8_000
    chunks: int = 10_000
    """Streamed pieces, also those without text."""


@contextmanager
def provider_edge() -> Iterator[None]:
    """Every exception of the provider's libraries leaves as ``LanguageModelFailed``, without its text or cause."""
    from desk.language.openai_client import translate

    try:
        yield
    except Exception as exc:
        # Not chained: a cause would carry the provider's words into logs and traces.
        raise translate(exc) from None


def deadline_of(limits: ModelLimits) -> float:
    return asyncio.get_running_loop().time() + spend_model_call(seconds=limits.seconds)


async def within(deadline: float, work: Awaitable[_T]) -> _T:
    async with asyncio.timeout_at(deadline):
        result = await work
    if asyncio.get_running_loop().time() > deadline:
        raise TimeoutError
    return result


def text_of(message: "BaseMessage") -> str:
    if not isinstance(message.content, str):
        raise garbage()
    return message.content


def prompt_of(instructions: str, blocks: list[str]) -> list["BaseMessage"]:
    from langchain_core.messages import HumanMessage, SystemMessage

    return [SystemMessage(instructions), HumanMessage("\n\n".join(blocks))]


def garbage() -> LanguageModelFailed:
    return LanguageModelFailed("The language model gave an answer that cannot be used.", reason="garbage")


def truncated() -> LanguageModelFailed:
    return LanguageModelFailed("The language model broke off its answer.", reason="truncated")
