"""The edge to a provider of the OpenAI protocol: what goes over the wire, what may come back, how it fails.

Imported only when a provider is configured, because langchain-openai takes about a second to import.
Measured faults of the plain client, and why each guard is here: docs/decisions/0004-model-engine.md.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from desk.domain.errors import LanguageModelFailed

logger = logging.getLogger(__name__)

PATH = "/chat/completions"
RETRY_AFTER_CAP = 2.0
"""Seconds a 429 may ask for and still be tried once more inside the turn."""
MAX_BODY_BYTES = 4 * 1024 * 1024
"""Bytes of one response. 8,000 characters streamed one by one are about 2 MB of events."""

_SENTENCES = {
    "timeout": "The language model did not answer in time.",
    "rate_limited": "The language model has too many requests.",
    "server_error": "The language model is not available.",
    "garbage": "The language model gave an answer that cannot be used.",
    "truncated": "The language model broke off its answer.",
    "filtered": "The language model's answer was filtered by its provider.",
    "refused": "The language model refused to answer.",
}
_FINISHES = {"length": "truncated", "content_filter": "filtered"}


def failed(reason: str) -> LanguageModelFailed:
    """The failure for ``reason``, with a sentence of ours and no word of the provider's."""
    return LanguageModelFailed(_SENTENCES[reason], reason=reason)


def check_finish(finish_reason: object) -> None:
    """Only ``stop`` is a whole answer. Raises ``LanguageModelFailed``."""
    if finish_reason == "stop":
        return
    if finish_reason is None or finish_reason == "":
        raise failed("truncated")
    raise failed(_FINISHES.get(str(finish_reason), "garbage"))


def translate(error: Exception) -> LanguageModelFailed:
    """Any exception of openai, httpx, pydantic, json or langchain as the one failure callers know.

    Texts of the provider end here: the log line has the exception's type and HTTP status only.
    """
    failure = _translate(error)
    logger.warning(
        "The language model failed",
        extra={
            "action": "model_failed",
            "reason": failure.reason,
            "error": type(error).__name__,
            "http_status": getattr(error, "status_code", None),
        },
    )
    return failure


def _translate(error: Exception) -> LanguageModelFailed:
    if ours := _our_own(error):
        return ours
    match error:
        case TimeoutError() | openai.APITimeoutError() | httpx.TimeoutException():
            return failed("timeout")
        case openai.RateLimitError():
            return failed("rate_limited")
        case openai.LengthFinishReasonError():
            return failed("truncated")
        case openai.ContentFilterFinishReasonError():
            return failed("filtered")
        case openai.APIResponseValidationError():
            return failed("garbage")
        case openai.APIStatusError(status_code=408 | 504):
            return failed("timeout")
        case openai.APIError() | httpx.TransportError():
            return failed("server_error")
        case _:
            return failed("garbage")


def _our_own(error: BaseException | None) -> LanguageModelFailed | None:
    """What ``GuardedClient`` raised: some versions of openai (3.3) and langchain-openai pass it on as the cause."""
    while error is not None and not isinstance(error, LanguageModelFailed):
        error = error.__cause__
    return error


class GuardedClient(httpx.AsyncClient):
    """An HTTP client that calls one path, reads so many bytes, and repeats a request at most once.

    A request is repeated when nothing was connected, or after a 429 that asks for at most ``RETRY_AFTER_CAP``
    seconds; the caller's time budget runs on meanwhile.
    """

    def __init__(self, *, timeout: float, max_bytes: int = MAX_BODY_BYTES) -> None:
        super().__init__(
            timeout=httpx.Timeout(timeout, connect=min(3.0, timeout), pool=min(3.0, timeout)),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30.0),
            # A compressed body could be a thousand times as long as what we count.
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
        )
        self._max_bytes = max_bytes

    async def send(self, request: httpx.Request, *, stream: bool = False, **kwargs: Any) -> httpx.Response:
        if request.method != "POST" or not request.url.path.endswith(PATH):
            raise failed("garbage")
        request.headers["Accept-Encoding"] = "identity"
        response = await self._send_once_more(request, **kwargs)
        try:
            self._check_head(response)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            response.stream = _CountedStream(response.stream, limit=self._max_bytes)
            if not stream:
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response

    async def _send_once_more(self, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        try:
            response = await super().send(request, stream=True, **kwargs)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return await super().send(request, stream=True, **kwargs)
        pause = _retry_after(response)
        if pause is None:
            return response
        await response.aclose()
        await asyncio.sleep(pause)
        return await super().send(request, stream=True, **kwargs)

    def _check_head(self, response: httpx.Response) -> None:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise failed("garbage")
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if response.status_code == 200 and kind not in {"application/json", "text/event-stream"}:
            raise failed("garbage")


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait before the one repetition; None: do not repeat."""
    if response.status_code != 429:
        return None
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= RETRY_AFTER_CAP else None


class _CountedStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, *, limit: int) -> None:
        self._stream = stream
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._left -= len(piece)
            if self._left < 0:
                raise failed("truncated")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


class GuardedChat(ChatOpenAI):
    """ChatOpenAI that refuses what the plain one passes on or drops: refusals, tool calls, several choices."""

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        _check_choices(chunk.get("choices"), message_key="delta", at_least=0)
        return super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)

    def _create_chat_result(
        self, response: dict[str, Any] | openai.BaseModel, generation_info: dict[str, Any] | None = None
    ) -> ChatResult:
        body = response.model_dump(warnings=False) if isinstance(response, openai.BaseModel) else response
        if not isinstance(body, dict):
            raise failed("garbage")
        if body.get("error"):
            raise failed("server_error")
        _check_choices(body.get("choices"), message_key="message", at_least=1)
        return super()._create_chat_result(response, generation_info)


def _check_choices(choices: object, *, message_key: str, at_least: int) -> None:
    if choices is None and at_least == 0:
        return
    if not isinstance(choices, list) or not at_least <= len(choices) <= 1:
        raise failed("garbage")
    for choice in choices:
        message = choice.get(message_key) or {} if isinstance(choice, dict) else None
        if not isinstance(message, dict):
            raise failed("garbage")
        if message.get("refusal"):
            raise failed("refused")
        if message.get("tool_calls") or message.get("function_call"):
            raise failed("garbage")
        if not isinstance(message.get("content"), str | None):
            raise failed("garbage")


def guarded_chat(*, model: str, base_url: str, api_key: SecretStr, http: GuardedClient, timeout: float) -> GuardedChat:
    """A chat model that only ever calls ``POST {base_url}/chat/completions``, with parameters every server knows."""
    return GuardedChat(
        model=model,
        base_url=base_url,
        api_key=api_key,
        timeout=timeout,
        max_retries=0,
        http_async_client=http,
        openai_proxy=None,
        use_responses_api=False,
        stream_usage=False,
        # On Python 3.11 any other value swallows cancellation of an endless stream.
        stream_chunk_timeout=0,
    )


def quiet_provider_logs() -> None:
    """Keep the provider out of the log: at DEBUG httpcore writes its headers (the account's organisation), and openai
    before version 3 whole requests, with customers' texts."""
    for name in ("openai", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
