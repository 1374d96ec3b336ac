"""The language engine over the OpenAI protocol: one structured call to understand, one streamed call to answer.

Whatever the provider does ends inside the time and size budgets, in a result or in ``LanguageModelFailed``.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from pydantic import SecretStr

from desk.config.settings import Settings
from desk.domain.clock import now
from desk.domain.errors import ConfigurationError, LanguageModelFailed
from desk.domain.passages import Passage
from desk.language.budget import spend_model_call
from desk.language.cited_sentences import SentenceCutter
from desk.language.engine import AnswerPart, TurnContext, Understanding
from desk.language.openai_schema import parse_understanding, understanding_schema
from desk.language.prompting import DATA_RULE, as_data, fill
from desk.policies.models import PolicySet

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk, BaseMessage

_T = TypeVar("_T")

OPENAI_URL = "https://api.openai.com/v1"
NO_ANSWER = "NO_ANSWER"
"""What the model is told to write when the passages do not answer the question."""

MAX_MESSAGE = 8_000
MAX_EARLIER = 1_000
MAX_PASSAGE = 4_000
MAX_PASSAGES = 8


@dataclass(frozen=True, kw_only=True)
class ModelLimits:
    """What one call may take."""

    seconds: float
    """From request to last byte, retry included."""
    characters: int = 8_000
    chunks: int = 10_000
    """Streamed pieces, also those without text."""


class OpenAIEngine:
    """Implements ``LanguageEngine`` with any server of the OpenAI protocol. Close it with ``aclose()``."""

    name = "openai"

    def __init__(
        self,
        *,
        policies: PolicySet,
        api_key: SecretStr,
        model: str,
        fast_model: str,
        limits: ModelLimits,
        base_url: str = OPENAI_URL,
    ) -> None:
        """Raises ``PackError`` when a prompt of the pack is missing or wrong."""
        from desk.language.openai_client import GuardedClient, guarded_chat, quiet_provider_logs

        quiet_provider_logs()
        self._policies = policies
        self._limits = limits
        self._schema = understanding_schema(policies)
        self._understand_prompt = f"{fill(policies, 'understand')}\n\n{DATA_RULE}"
        self._answer_prompt = f"{fill(policies, 'answer')}\n\n{DATA_RULE}\n\n{_ANSWER_FORM}"
        self._http = GuardedClient(timeout=limits.seconds)
        self._fast, self._capable = (
            guarded_chat(model=name, base_url=base_url, api_key=api_key, http=self._http, timeout=limits.seconds)
            for name in (fast_model, model)
        )

    @classmethod
    def from_settings(cls, settings: Settings, policies: PolicySet) -> Self:
        """The engine the settings describe. Raises ``ConfigurationError`` without a key."""
        if settings.openai_api_key is None or not settings.openai_api_key.get_secret_value():
            raise ConfigurationError("OPENAI_API_KEY is not set")
        return cls(
            policies=policies,
            api_key=settings.openai_api_key,
            model=settings.model,
            fast_model=settings.fast_model,
            limits=ModelLimits(seconds=settings.model_timeout.total_seconds()),
            base_url=settings.openai_base_url or OPENAI_URL,
        )

    async def aclose(self) -> None:
        """Close the provider's connections."""
        await self._http.aclose()

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        """One structured call. Raises ``LanguageModelFailed``."""
        from desk.language.openai_client import check_finish

        deadline = _deadline(self._limits)
        with _provider_edge():
            reply = await _within(
                deadline,
                self._fast.ainvoke(
                    _messages(self._understand_prompt, _understand_blocks(message, context)),
                    # As extra_body, because langchain-openai sends a request with response_format through the openai
                    # client's parser, which fails on an error body before anybody can see that it is one.
                    extra_body={"response_format": self._schema},
                ),
            )
            check_finish(reply.response_metadata.get("finish_reason"))
            text = _text(reply)
            if len(text) > self._limits.characters:
                raise _truncated()
            return parse_understanding(text, message=message, policies=self._policies, now=now())

    async def answer(
        self, question: str, *, passages: Sequence[Passage], context: TurnContext
    ) -> AsyncGenerator[AnswerPart, None]:
        """One streamed call; a part for each sentence, with the passages it cites. Raises ``LanguageModelFailed``.

        A sentence without a valid citation has no ``chunk_ids``: whether it may be said is the output guard's
        decision. Only the first ``MAX_PASSAGES`` passages are read.
        """
        if not passages:
            return
        read = passages[:MAX_PASSAGES]
        prompt = _messages(self._answer_prompt, _answer_blocks(question, read, context))
        cutter, said = SentenceCutter(), False
        pieces = self._pieces(prompt)
        try:
            async for piece in pieces:
                for sentence, numbers in cutter.feed(piece):
                    if _is_no_answer(sentence, said=said):
                        return
                    said = True
                    yield _part(sentence, numbers, read)
        finally:
            await pieces.aclose()
        for sentence, numbers in cutter.finish():
            if _is_no_answer(sentence, said=said):
                return
            said = True
            yield _part(sentence, numbers, read)
        if not said:
            raise _garbage()

    async def _pieces(self, prompt: list["BaseMessage"]) -> AsyncGenerator[str, None]:
        """The streamed text. Ends normally only after a whole answer, inside every limit."""
        from desk.language.openai_client import check_finish

        deadline = _deadline(self._limits)
        characters, chunks, finish = 0, 0, None
        with _provider_edge():
            stream = self._capable.astream(prompt)
            try:
                # Time and size are counted here, between chunks: a stream that always has data ready never lets a
                # timer of the event loop interrupt it.
                while (chunk := await _within(deadline, _next(stream))) is not None:
                    text = _text(chunk)
                    characters, chunks = characters + len(text), chunks + 1
                    if characters > self._limits.characters or chunks > self._limits.chunks:
                        raise _truncated()
                    finish = chunk.response_metadata.get("finish_reason") or finish
                    if text:
                        yield text
            finally:
                await _close(stream)
            check_finish(finish)


_ANSWER_FORM = (
    "Form of the answer: plain sentences or list items, each ending with the number of the passage it was taken "
    f"from in square brackets, like [1]. If the passages do not answer the question write only {NO_ANSWER}."
)


@contextmanager
def _provider_edge() -> Iterator[None]:
    """Every exception of the provider's libraries leaves as ``LanguageModelFailed``, without its text or cause."""
    from desk.language.openai_client import translate

    try:
        yield
    except Exception as exc:
        # Not chained: a cause would carry the provider's words into logs and traces.
        raise translate(exc) from None


def _deadline(limits: ModelLimits) -> float:
    return asyncio.get_running_loop().time() + spend_model_call(seconds=limits.seconds)


async def _within(deadline: float, work: Awaitable[_T]) -> _T:
    async with asyncio.timeout_at(deadline):
        result = await work
    if asyncio.get_running_loop().time() > deadline:
        raise TimeoutError
    return result


async def _next(stream: AsyncIterator["AIMessageChunk"]) -> "AIMessageChunk | None":
    return await anext(stream, None)


async def _close(stream: AsyncIterator["AIMessageChunk"]) -> None:
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()


def _text(message: "BaseMessage") -> str:
    if not isinstance(message.content, str):
        raise _garbage()
    return message.content


def _messages(instructions: str, blocks: list[str]) -> list["BaseMessage"]:
    from langchain_core.messages import HumanMessage, SystemMessage

    return [SystemMessage(instructions), HumanMessage("\n\n".join(blocks))]


def _understand_blocks(message: str, context: TurnContext) -> list[str]:
    return [
        *_earlier(context),
        f"Request being worked on: {context.active_intent or 'none'}. "
        f"Field asked for last: {context.asked_field or 'none'}. Locale: {context.locale}.",
        as_data("message", message, limit=MAX_MESSAGE),
    ]


def _answer_blocks(question: str, passages: Sequence[Passage], context: TurnContext) -> list[str]:
    numbered = (
        as_data("passage", f"{passage['title']} / {passage['heading']}\n{passage['text']}", limit=MAX_PASSAGE,
                attributes={"number": str(number)})
        for number, passage in enumerate(passages, start=1)
    )  # fmt: skip
    return [*numbered, *_earlier(context), as_data("question", question, limit=MAX_MESSAGE)]


def _earlier(context: TurnContext) -> list[str]:
    return [as_data("earlier", said, limit=MAX_EARLIER) for said in context.previous_messages[-6:]]


def _part(sentence: str, numbers: list[int], passages: Sequence[Passage]) -> AnswerPart:
    cited = [passages[number - 1]["chunk_id"] for number in numbers if 1 <= number <= len(passages)]
    return {"text": sentence, "chunk_ids": cited, "restart": False}


def _is_no_answer(sentence: str, *, said: bool) -> bool:
    """Whether the model gives up. After something was said that is no answer at all: ``LanguageModelFailed``."""
    if NO_ANSWER not in sentence:
        return False
    if said:
        raise _garbage()
    return True


def _garbage() -> LanguageModelFailed:
    return LanguageModelFailed("The language model gave an answer that cannot be used.", reason="garbage")


def _truncated() -> LanguageModelFailed:
    return LanguageModelFailed("The language model broke off its answer.", reason="truncated")
