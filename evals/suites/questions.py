"""The questions about the sample pack: of four kinds, half to tune on and half to report (``questions_pack.jsonl``)."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args

from desk.domain.errors import InvalidRequest
from desk.policies.models import PolicySet
from evals.result import row_id, unique
from evals.suites.rows import patterns_of, rows_of, text_of, texts_of
from retrieval.follow_up import standalone

QUESTIONS = Path(__file__).parents[1] / "data" / "questions_pack.jsonl"

Kind = Literal["answerable", "unanswerable", "follow_up", "new_subject"]
Part = Literal["tune", "test"]
PARTS: tuple[Part, ...] = get_args(Part)


class Exchange(TypedDict):
    customer: str
    assistant: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """One row. Without ``relevant`` articles the right answer is that we don't know."""

    id: str
    kind: Kind
    part: Part
    text: str
    before: tuple[Exchange, ...]
    relevant: frozenset[str]
    intent: str | None
    """Where a good human would file it."""
    reference: str
    """The right answer in other words than the article's; empty when there is none."""
    must: tuple[re.Pattern[str], ...]


def read_questions(path: Path, *, policies: PolicySet) -> list[Question]:
    """The rows of a file. Raises ``InvalidRequest`` naming file and line."""
    questions = [_question(values, where=where, policies=policies) for where, values in rows_of(path)]
    unique([question.id for question in questions], of=path.name)
    return questions


def asked_for(question: Question) -> str:
    """What a turn would search for."""
    return standalone(question.text, [exchange["customer"] for exchange in question.before]).text


def as_said(question: Question) -> str:
    """The conversation as a person reads it."""
    said = [f"{exchange['customer']} – {exchange['assistant']} – " for exchange in question.before]
    return "".join((*said, question.text))


def _question(values: dict[str, Any], *, where: str, policies: PolicySet) -> Question:
    kind: Any = values.get("kind")
    part: Any = values.get("part")
    if kind not in get_args(Kind) or part not in PARTS:
        raise InvalidRequest(f"{where}: 'kind' must be one of {get_args(Kind)} and 'part' of {PARTS}")
    relevant = frozenset(texts_of(values, "relevant", where=where))
    if missing := relevant - {article.id for article in policies.articles.values()}:
        raise InvalidRequest(f"{where}: there is no article {min(missing)!r}")
    intent = values.get("intent")
    if intent is not None and intent not in policies.intents:
        raise InvalidRequest(f"{where}: there is no intent {intent!r}")
    return Question(
        id=row_id(values),
        kind=kind,
        part=part,
        text=text_of(values, "text", where=where),
        before=tuple(_exchange(item, where=where) for item in values.get("before") or ()),
        relevant=relevant,
        intent=intent,
        reference=values.get("reference") or "",
        must=patterns_of(values, "must", where=where),
    )


def _exchange(item: Any, *, where: str) -> Exchange:
    if not isinstance(item, dict):
        raise InvalidRequest(f"{where}: 'before' must be a list of exchanges")
    return Exchange(customer=text_of(item, "customer", where=where), assistant=text_of(item, "assistant", where=where))
