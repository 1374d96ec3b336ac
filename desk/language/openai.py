"""The language engine over the OpenAI protocol: one structured call to understand, one streamed call to answer.

Whatever the provider does ends inside the time and size budgets, in a result or in ``LanguageModelFailed``.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from desk.config.settings import Settings
from desk.domain.clock import now
from desk.domain.errors import ConfigurationError
from desk.domain.passages import Passage
from desk.language.cited_sentences import SentenceCutter
from desk.language.engine import AnswerPart, TurnContext, Understanding
from desk.language.openai_schema import parse_understanding, understanding_schema
from desk.language.prompting import DATA_RULE, as_data, fill
from desk.language.provider_call import (
    OPENAI_URL,
    ModelLimits,
    deadline_of,
    garbage,
    prompt_of,
    provider_edge,
    text_of,
    truncated,
    within,
)
from desk.policies.models import PolicySet

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk, BaseMessage

NO_ANSWER = "NO_ANSWER"
"""What the model is told to write when the passages do not answer the question."""

MAX_MESSAGE = 8_000
MAX_EARLIER = 1_000
MAX_PASSAGE = 4_000
MAX_PASSAGES = 8


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

        deadline = deadline_of(self._limits)
        with provider_edge():
            reply = await within(
                deadline,
                self._fast.ainvoke(
                    prompt_of(self._understand_prompt, _understand_blocks(message, context)),
                    # As extra_body, because langchain-openai sends a request with response_format through the openai
                    # client's parser, which fails on an error body before anybody can see that it is one.
                    extra_body={"response_format": self._schema},
                ),
            )
            check_finish(reply.response_metadata.get("finish_reason"))
            text = text_of(reply)
            if len(text) > self._limits.characters:
                raise truncated()
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
        prompt = prompt_of(self._answer_prompt, _answer_blocks(question, read, context))
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
            raise garbage()

    async def _pieces(self, prompt: list["BaseMessage"]) -> AsyncGenerator[str, None]:
        """The streamed text. Ends normally only after a whole answer, inside every limit."""
        from desk.language.openai_client import check_finish

        deadline = deadline_of(self._limits)
        characters, chunks, finish = 0, 0, None
        with provider_edge():
            stream = self._capable.astream(prompt)
            try:
                # Time and size are counted here, between chunks: a stream that always has data ready never lets a
                # timer of the event loop interrupt it.
                while (chunk := await within(deadline, _next(stream))) is not None:
                    text = text_of(chunk)
                    characters, chunks = characters + len(text), chunks + 1
                    if characters > self._limits.characters or chunks > self._limits.chunks:
                        raise truncated()
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


async def _next(stream: AsyncIterator["AIMessageChunk"]) -> "AIMessageChunk | None":
    return await anext(stream, None)


async def _close(stream: AsyncIterator["AIMessageChunk"]) -> None:
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()


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
        raise garbage()
    return True
