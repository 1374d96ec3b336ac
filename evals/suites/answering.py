"""What is said to one row, and what is wrong with it (R3.3, R4.6)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from desk.domain.errors import InvalidRequest
from desk.domain.passages import Passage
from desk.language.engine import AnswerPart
from desk.language.extractive import answer_parts
from desk.policies.models import PolicySet
from evals.ranking import SHOWN, shown
from evals.result import row_id, unique
from evals.searching import Routing
from evals.suites.questions import Question, as_said, asked_for
from evals.suites.rows import patterns_of, rows_of, text_of
from retrieval.conflict_check import contradictions
from retrieval.search import Retriever


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of ``answers_pack.jsonl``."""

    id: str
    text: str
    intent: str
    articles: frozenset[str]
    must: tuple[re.Pattern[str], ...]
    must_not: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was said, what it was said from, and what is wrong with it (nothing: right)."""

    row: str
    asked: str
    """As a person reads it."""
    parts: tuple[AnswerPart, ...]
    passages: tuple[Passage, ...]
    wrong: tuple[str, ...]
    confident: bool
    """The search found something to answer from."""
    disputed: bool
    """Articles contradict each other, so a turn escalates instead of answering."""
    question: Question | None = None
    """For the rows of ``questions_pack.jsonl``."""

    @property
    def text(self) -> str:
        return "".join(part["text"] for part in self.parts)


def read_rows(path: Path, *, policies: PolicySet) -> list[Row]:
    """The rows of ``answers_pack.jsonl``. Raises ``InvalidRequest`` naming file and line."""
    rows = [_row(values, where=where, policies=policies) for where, values in rows_of(path)]
    unique([row.id for row in rows], of=path.name)
    return rows


async def answer_row(retriever: Retriever, row: Row, *, areas: Sequence[str], now: datetime) -> Answer:
    said = await _say(retriever, row.text, areas=areas, now=now)
    says = [f"says {pattern.pattern}" for pattern in row.must_not if pattern.search(said.text)]
    wrong = (*said.wrong, *_lacks(said.text, row.must), *says, *_strange(said.parts, row.articles))
    return replace(said, row=row.id, wrong=wrong)


async def answer_question(retriever: Retriever, question: Question, *, routing: Routing, now: datetime) -> Answer:
    text = asked_for(question)
    said = await _say(retriever, text, areas=routing.areas(text), now=now)
    if question.relevant:
        wrong = (*said.wrong, *_lacks(said.text, question.must), *_strange(said.parts, question.relevant))
    else:
        wrong = ("answers what no article says",) if said.parts else said.wrong
    return replace(said, row=question.id, asked=as_said(question), wrong=wrong, question=question)


def failure(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.row,
        "text": answer.asked[:400],
        "wrong": list(answer.wrong),
        "answer": answer.text[:600],
        "reference": answer.question.reference if answer.question else "",
        "passages": [shown(passage) for passage in answer.passages[:SHOWN]],
    }


async def _say(retriever: Retriever, text: str, *, areas: Sequence[str], now: datetime) -> Answer:
    """What a turn would say: nothing when it does not know, nothing when its articles contradict each other."""
    found = await retriever.search(text, areas=areas, channel="web", now=now)
    disputes = contradictions(found.passages, question=text) if found.confident else []
    usable = found.passages if found.confident and not disputes else []
    wrong = tuple(f"{dispute.one} contradicts {dispute.other}" for dispute in disputes[:1])
    return Answer(
        row="",
        asked=text,
        parts=tuple(answer_parts(text, usable)),
        passages=tuple(found.passages),
        wrong=wrong,
        confident=found.confident,
        disputed=bool(disputes),
    )


def _lacks(text: str, must: Sequence[re.Pattern[str]]) -> list[str]:
    return [f"lacks {pattern.pattern}" for pattern in must if not pattern.search(text)]


def _strange(parts: Sequence[AnswerPart], articles: frozenset[str]) -> list[str]:
    """Articles the answer stands on that do not answer it."""
    cited = {chunk_id.partition("@")[0] for part in parts for chunk_id in part["chunk_ids"]}
    return [f"stands on {article}" for article in sorted(cited - articles)]


def _row(values: dict[str, Any], *, where: str, policies: PolicySet) -> Row:
    intent = text_of(values, "intent", where=where)
    articles = frozenset(text_of(values, "article", where=where).split("|"))
    if intent not in policies.intents:
        raise InvalidRequest(f"{where}: there is no intent {intent!r}")
    if missing := articles - {article.id for article in policies.articles.values()}:
        raise InvalidRequest(f"{where}: there is no article {min(missing)!r}")
    return Row(
        id=row_id(values),
        text=text_of(values, "text", where=where),
        intent=intent,
        articles=articles,
        must=patterns_of(values, "must", where=where),
        must_not=patterns_of(values, "must_not", where=where),
    )
