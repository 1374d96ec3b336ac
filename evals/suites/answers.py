"""Answers suite: what a customer reads when the offline engine answers from the pack's own articles (R3.3, R4.6).

A row says what a right answer holds (``must``, regular expressions), what it must not hold (``must_not``) and which
article it stands on (``article``, alternatives joined by ``|``); ``intent`` gives the areas, as in a turn.
"""

import asyncio
import json
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk.config.settings import Settings
from desk.domain import clock
from desk.domain.errors import InvalidRequest
from desk.language.engine import AnswerPart
from desk.language.extractive import answer_parts
from desk.policies.models import PolicySet
from evals.result import SuiteResult
from retrieval.search import build_retriever

PACK_ROWS = Path(__file__).parents[1] / "data" / "answers_pack.jsonl"
MAX_FAILURES = 50


@dataclass(frozen=True, kw_only=True)
class Row:
    text: str
    intent: str
    articles: frozenset[str]
    must: tuple[re.Pattern[str], ...]
    must_not: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one row got, and what is wrong with it (empty: right)."""

    row: Row
    text: str
    parts: int
    wrong: tuple[str, ...]


def run_pack(policies: PolicySet, *, rows: Path = PACK_ROWS) -> SuiteResult:
    """``right``: share of answers that hold all of ``must``, nothing of ``must_not``, and stand on the article alone.

    Also ``answered``, ``mean_sentences`` (units of an answer), ``mean_characters`` and ``ms_per_answer`` (search and
    extraction). Raises ``InvalidRequest`` naming file and line of a bad row.
    """
    return asyncio.run(_run(policies, read_rows(rows, policies=policies)))


def read_rows(path: Path, *, policies: PolicySet) -> list[Row]:
    """The rows of a file. Raises ``InvalidRequest`` naming file and line."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [_row(line, f"{path}:{n}", policies) for n, line in enumerate(lines, start=1) if line.strip()]


async def _run(policies: PolicySet, rows: Sequence[Row]) -> SuiteResult:
    with tempfile.TemporaryDirectory(prefix="frontdesk-eval-") as folder:
        retriever = await build_retriever(Settings(data_dir=Path(folder)), policies)
        started = time.perf_counter()
        answers = []
        for row in rows:
            areas = policies.intents[row.intent].areas
            found = await retriever.search(row.text, areas=areas, channel="web", now=clock.now())
            answers.append(_judged(row, answer_parts(row.text, found.passages if found.confident else [])))
        seconds = time.perf_counter() - started
        await retriever.close()
    return _result(answers, ms_per_answer=1000 * seconds / max(1, len(rows)))


def _judged(row: Row, parts: Sequence[AnswerPart]) -> Answer:
    text = "".join(part["text"] for part in parts)
    cited = {chunk_id.partition("@")[0] for part in parts for chunk_id in part["chunk_ids"]}
    wrong = [f"lacks {pattern.pattern}" for pattern in row.must if not pattern.search(text)]
    wrong += [f"says {pattern.pattern}" for pattern in row.must_not if pattern.search(text)]
    wrong += [f"stands on {article}" for article in sorted(cited - row.articles)]
    return Answer(row=row, text=text, parts=len(parts), wrong=tuple(wrong))


def _result(answers: Sequence[Answer], *, ms_per_answer: float) -> SuiteResult:
    said = [answer for answer in answers if answer.parts]
    wrong = [answer for answer in answers if answer.wrong]
    return SuiteResult(
        suite="answers",
        engine="offline",
        rows=len(answers),
        figures={
            "right": 1 - len(wrong) / max(1, len(answers)),
            "answered": len(said) / max(1, len(answers)),
            "mean_sentences": sum(answer.parts for answer in said) / max(1, len(said)),
            "mean_characters": sum(len(answer.text) for answer in said) / max(1, len(said)),
            "ms_per_answer": ms_per_answer,
        },
        failures=[
            {"text": answer.row.text, "wrong": list(answer.wrong), "answer": answer.text[:600]}
            for answer in sorted(wrong, key=lambda answer: -len(answer.wrong))
        ][:MAX_FAILURES],
    )


def _row(line: str, where: str, policies: PolicySet) -> Row:
    try:
        values: dict[str, Any] = json.loads(line)
        row = Row(
            text=values["text"],
            intent=values["intent"],
            articles=frozenset(values["article"].split("|")),
            must=tuple(re.compile(pattern) for pattern in values["must"]),
            must_not=tuple(re.compile(pattern) for pattern in values["must_not"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, re.error) as exc:
        raise InvalidRequest(f"{where}: is not a row of this suite: {exc!r}") from exc
    if row.intent not in policies.intents:
        raise InvalidRequest(f"{where}: there is no intent {row.intent!r}")
    if missing := row.articles - {article.id for article in policies.articles.values()}:
        raise InvalidRequest(f"{where}: there is no article {min(missing)!r}")
    return row
