"""The engine that never fails because a provider does: the primary engine until it fails, then the fallback."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal, TypedDict, cast

from desk.domain.breaker import BreakerState, CircuitBreaker
from desk.domain.errors import LanguageModelFailed
from desk.domain.passages import Passage
from desk.language.engine import AnswerPart, LanguageEngine, TurnContext, Understanding

logger = logging.getLogger(__name__)

PROVIDER_FAULTS = frozenset({"timeout", "rate_limited", "server_error"})
"""Only these open the circuit. Refused, filtered, truncated or malformed answers depend on what a customer wrote, and
one customer must not be able to take the model away from all the others."""


class EngineStatus(TypedDict):
    """For readiness and metrics."""

    primary: str
    circuit: BreakerState
    fallbacks: dict[str, int]
    """Times the fallback took over since the start, by reason (``circuit_open`` besides the model's reasons)."""


@dataclass(kw_only=True)
class FallbackEngine:
    """Implements ``LanguageEngine``. Fails only if ``fallback`` does."""

    primary: LanguageEngine
    fallback: LanguageEngine
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    name: str = "fallback"
    _fallbacks: dict[str, int] = field(default_factory=dict, init=False)

    @property
    def status(self) -> EngineStatus:
        """Which engine leads, the circuit's state and how often the fallback had to answer."""
        return {"primary": self.primary.name, "circuit": self.breaker.state, "fallbacks": dict(self._fallbacks)}

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        """The primary's understanding, or the fallback's when the primary fails or is known to be down."""
        if not self.breaker.allows():
            self._note("understand", reason="circuit_open")
            return await self.fallback.understand(message, context=context)
        try:
            understanding = await self.primary.understand(message, context=context)
        except LanguageModelFailed as exc:
            self._report(exc)
            self._note("understand", reason=exc.reason)
            return await self.fallback.understand(message, context=context)
        except BaseException:
            self.breaker.abandoned()
            raise
        self.breaker.succeeded()
        return understanding

    async def answer(
        self, question: str, *, passages: Sequence[Passage], context: TurnContext
    ) -> AsyncGenerator[AnswerPart, None]:
        """The primary's parts; when it fails on the way a ``restart`` part and then the fallback's parts."""
        if self.breaker.allows():
            begun, reason = False, ""
            try:
                async with aclosing(_parts(self.primary, question, passages=passages, context=context)) as parts:
                    async for part in parts:
                        begun = True
                        yield part
            except LanguageModelFailed as exc:
                self._report(exc)
                reason = exc.reason
            except BaseException:
                self.breaker.abandoned()
                raise
            else:
                self.breaker.succeeded()
                return
            if begun:
                yield {"text": "", "chunk_ids": [], "restart": True}
        else:
            reason = "circuit_open"
        self._note("answer", reason=reason)
        async with aclosing(_parts(self.fallback, question, passages=passages, context=context)) as parts:
            async for part in parts:
                yield part

    def _report(self, failure: LanguageModelFailed) -> None:
        if failure.reason in PROVIDER_FAULTS:
            self.breaker.failed()
        else:
            self.breaker.abandoned()

    def _note(self, call: Literal["understand", "answer"], *, reason: str) -> None:
        self._fallbacks[reason] = self._fallbacks.get(reason, 0) + 1
        logger.warning(
            "Another language engine took over",
            extra={"action": "engine_fallback", "call": call, "reason": reason, "engine": self.fallback.name},
        )


def _parts(
    engine: LanguageEngine, question: str, *, passages: Sequence[Passage], context: TurnContext
) -> AsyncGenerator[AnswerPart, None]:
    # The protocol says AsyncIterator; every engine writes a generator, which can and must be closed early.
    return cast(AsyncGenerator[AnswerPart, None], engine.answer(question, passages=passages, context=context))
