"""RAGAS metrics that a judge model decides: faithfulness, answer relevancy, context precision and recall (R10.2).

The judge is asked over the product's own guarded connection, never through ragas' client. What it says is used when it
keeps to the schema, and to what the schema cannot say; else the row is not judged, which is neither good nor bad.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from desk.config.settings import Settings
from desk.domain.errors import ConfigurationError, LanguageModelFailed
from desk.language.openai_client import GuardedChat, GuardedClient, check_finish, guarded_chat, quiet_provider_logs
from desk.language.provider_call import OPENAI_URL, ModelLimits, deadline_of, garbage, provider_edge, text_of, within
from evals.progress import Progress, silent
from evals.ragas_library import (
    AnswerRelevancy,
    ContextPrecisionWithReference,
    ContextRecall,
    Faithfulness,
    InstructorBaseRagasLLM,
)
from evals.ragas_metrics import ProductEmbeddings
from evals.result import Scores

_M = TypeVar("_M", bound=BaseModel)

AT_ONCE = 4
GIVE_UP = 12
"""Failures in a row after which the rest is not asked any more: a judge that is away does not cost its time-out for
each row."""
CHARACTERS = 32_000
"""An answer of the judge: each statement comes with a reason."""
FIGURES = ("judge_faithfulness", "judge_answer_relevancy", "judge_context_precision", "judge_context_recall")


class Judge:
    """The judge model of the settings. Close it with ``aclose()``."""

    def __init__(self, *, model: GuardedChat, http: GuardedClient, limits: ModelLimits) -> None:
        self._model = model
        self._http = http
        self._limits = limits
        self._failures = 0

    @property
    def given_up(self) -> bool:
        return self._failures >= GIVE_UP

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ask(self, prompt: str, form: type[_M]) -> _M:
        """An answer of this form. Raises ``LanguageModelFailed``."""
        try:
            answer = await self._ask(prompt, form)
        except LanguageModelFailed:
            self._failures += 1
            raise
        self._failures = 0
        return answer

    async def _ask(self, prompt: str, form: type[_M]) -> _M:
        schema = {"name": form.__name__, "strict": True, "schema": _closed(form.model_json_schema())}
        deadline = deadline_of(self._limits)
        with provider_edge():
            call = self._model.ainvoke(
                prompt, extra_body={"response_format": {"type": "json_schema", "json_schema": schema}}
            )
            reply = await within(deadline, call)
            check_finish(reply.response_metadata.get("finish_reason"))
            text = text_of(reply)
            if len(text) > self._limits.characters:
                raise garbage()
            try:
                answer = form.model_validate_json(text)
            except ValidationError:
                raise garbage() from None
            _check(answer.model_dump())
            return answer


def judge_from(settings: Settings) -> Judge | None:
    """The judge the settings name; None without ``FRONTDESK_JUDGE_MODEL``. Raises ``ConfigurationError``."""
    if settings.judge_model is None:
        return None
    if settings.openai_api_key is None or not settings.openai_api_key.get_secret_value():
        raise ConfigurationError("FRONTDESK_JUDGE_MODEL needs OPENAI_API_KEY; unset it to measure without a judge")
    quiet_provider_logs()
    limits = ModelLimits(seconds=settings.model_timeout.total_seconds(), characters=CHARACTERS)
    http = GuardedClient(timeout=limits.seconds)
    model = guarded_chat(
        model=settings.judge_model,
        base_url=settings.openai_base_url or OPENAI_URL,
        api_key=settings.openai_api_key,
        http=http,
        timeout=limits.seconds,
    )
    return Judge(model=model, http=http, limits=limits)


@dataclass(frozen=True, kw_only=True)
class JudgedRow:
    """What the judge reads of one row."""

    id: str
    question: str
    answer: str
    reference: str
    contexts: tuple[str, ...]


@dataclass(kw_only=True)
class Judgement:
    """What the judge said, and what it said nothing usable about."""

    scores: Scores = field(default_factory=lambda: {figure: {} for figure in FIGURES})
    rows: int = 0
    not_judged: dict[str, str] = field(default_factory=dict)
    """Row → which figures are missing, and why."""


async def judged(
    rows: Sequence[JudgedRow], *, judge: Judge, embeddings: ProductEmbeddings, progress: Progress = silent
) -> Judgement:
    """The judge's figures, row by row. Never raises because of the judge."""
    result = Judgement(rows=len(rows))
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: JudgedRow, step: Callable[[int], None]) -> None:
        async with gate:
            missing: dict[str, list[str]] = {}
            for figure, ask in _measures(row, judge=judge, embeddings=embeddings).items():
                try:
                    result.scores[figure][row.id] = await _value(ask, judge=judge)
                except LanguageModelFailed as exc:
                    missing.setdefault(exc.reason, []).append(figure.removeprefix("judge_"))
            if missing:
                result.not_judged[row.id] = "; ".join(f"{why}: {', '.join(names)}" for why, names in missing.items())
            step(1)

    with progress("judge", total=len(rows)) as step:
        await asyncio.gather(*(one(row, step) for row in rows))
    return result


async def _value(ask: Callable[[], Awaitable[Any]], *, judge: Judge) -> float:
    if judge.given_up:
        raise LanguageModelFailed("The judge failed too often in a row.", reason="given up")
    value = float((await ask()).value)
    if not math.isfinite(value) or not -1e-6 <= value <= 1 + 1e-6:
        raise garbage()
    return min(1.0, max(0.0, value))


def _measures(
    row: JudgedRow, *, judge: Judge, embeddings: ProductEmbeddings
) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Each figure and how it is asked for, with a memory of this row's own."""
    llm = _RowJudge(judge)
    question, answer, reference, contexts = row.question, row.answer, row.reference, list(row.contexts)
    faithfulness, relevancy = Faithfulness(llm=llm), AnswerRelevancy(llm=llm, embeddings=embeddings)
    precision, recall = ContextPrecisionWithReference(llm=llm), ContextRecall(llm=llm)
    return {
        "judge_faithfulness": lambda: faithfulness.ascore(
            user_input=question, response=answer, retrieved_contexts=contexts
        ),
        "judge_answer_relevancy": lambda: relevancy.ascore(user_input=question, response=answer),
        "judge_context_precision": lambda: precision.ascore(
            user_input=question, reference=reference, retrieved_contexts=contexts
        ),
        "judge_context_recall": lambda: recall.ascore(
            user_input=question, reference=reference, retrieved_contexts=contexts
        ),
    }


class _RowJudge(InstructorBaseRagasLLM):
    """The judge as ragas wants one, for one row."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._statements: int | None = None

    def generate(self, prompt: str, response_model: type[_M]) -> _M:
        raise TypeError("the judge is asked asynchronously")

    async def agenerate(self, prompt: str, response_model: type[_M]) -> _M:
        answer = await self._judge.ask(prompt, response_model)
        statements = getattr(answer, "statements", None)
        if statements is not None:
            # First the statements of the answer, then a verdict on each: one left out would count as faithful.
            if self._statements is not None and len(statements) != self._statements:
                raise garbage()
            self._statements = len(statements) if self._statements is None else None
        return answer


def _check(value: Any, *, key: str = "") -> None:
    """What ragas' forms mean and do not say: every number is a yes or a no, no text but a reason is empty, no list is
    empty. Raises ``LanguageModelFailed``."""
    match value:
        case dict():
            for name, item in value.items():
                _check(item, key=name)
        case list():
            if not value:
                raise garbage()
            for item in value:
                _check(item, key=key)
        case int() if value not in (0, 1):
            raise garbage()
        case str() if not value.strip() and key != "reason":
            raise garbage()


def _closed(schema: Any) -> Any:
    """The JSON schema with no other keys allowed, as the strict mode of providers asks for."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return closed | {"additionalProperties": False} if closed.get("type") == "object" else closed
