"""Suite ``conflicts``: whether two passages are told to contradict each other (R4.5, R10.1).

Rows are ``{text, text_b, label: conflict | no_conflict}``, each text a statement or ``TITLE — statement``. Rows with
``documents: [{text}]`` are accepted as well: ``text`` is a question then, and every two documents are compared.
``run_pack`` measures the rows written for the sample pack, the questions asked beside one more article, and the pack's
own articles, which contradict each other nowhere.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from desk.domain.errors import InvalidRequest
from desk.policies.models import PolicySet
from evals.result import MAX_FAILURES, Scores, SuiteResult, means, mixed, row_id, unique
from evals.suites.rows import patterns_of, rows_of, text_of
from retrieval.chunking import Chunk, chunk_article
from retrieval.conflict.conflicts import Conflict, conflicts_among, conflicts_between, conflicts_with_title
from retrieval.conflict.facts import Facts, Statement, facts_of

PACK_PAIRS = Path(__file__).parents[1] / "data" / "conflicts_pack.jsonl"
PACK_QUESTIONS = Path(__file__).parents[1] / "data" / "conflict_questions_pack.jsonl"
LABELS = {"conflict": True, "no_conflict": False}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two statements, or a question with the documents that answer it."""

    id: str
    part: str
    kind: str
    texts: tuple[str, ...]
    question: str | None
    conflict: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    pair: Pair
    found: tuple[Conflict, ...]

    @property
    def right(self) -> bool:
        return bool(self.found) == self.pair.conflict


def run(*, data: Sequence[Path]) -> SuiteResult:
    """Precision, recall, F1 and ms per pair. Raises ``InvalidRequest`` naming file and line."""
    pairs = [pair for path in data for pair in read_pairs(path)]
    answers, milliseconds = _answered(pairs)
    return SuiteResult(
        suite="conflicts",
        engine="offline",
        rows=len(pairs),
        figures=_figures(answers) | {"ms_per_pair": milliseconds},
        failures=mixed(*_failures(answers))[:MAX_FAILURES],
    )


def run_pack(policies: PolicySet) -> SuiteResult:
    """The figures of ``run`` by part, and what the pack's own articles and the questions give.

    ``own_conflicts`` are contradictions between published articles, ``asked_found`` the share of questions for which
    an added article contradicts the answer and is told to, ``asked_quiet`` that of the others which stay undisturbed.
    """
    pairs = read_pairs(PACK_PAIRS)
    unique([pair.id for pair in pairs], of=PACK_PAIRS.name)
    answers, milliseconds = _answered(pairs)
    chunks = [chunk for article in policies.articles.values() for chunk in chunk_article(article)]
    published = [(chunk.article, _facts(chunk)) for chunk in chunks]
    figures = {"ms_per_pair": milliseconds}
    failures = _failures(answers)
    scores: Scores = {}
    for part in ("tune", "test"):
        prefix = "test." if part == "test" else ""
        of_part = [answer for answer in answers if answer.pair.part == part]
        figures |= {f"{prefix}{name}": value for name, value in _figures(of_part).items()}
        scores[f"{prefix}right"] = {answer.pair.id: float(answer.right) for answer in of_part}
    own = _own(published)
    asked = list(_asked([facts for _, facts in published]))
    for prefix, part in (("", "tune"), ("test.", "test")):
        scores[f"{prefix}asked_found"] = {row: right for row, of, wanted, right, _ in asked if of == part and wanted}
        scores[f"{prefix}asked_quiet"] = {
            row: right for row, of, wanted, right, _ in asked if of == part and not wanted
        }
    figures |= means(scores) | {"own_conflicts": float(len(own))}
    return SuiteResult(
        suite="conflicts",
        engine="offline",
        rows=len(pairs) + len(asked),
        figures=figures,
        failures=mixed([_told(conflict) for conflict in own], *failures, [failure for *_, failure in asked if failure])[
            :MAX_FAILURES
        ],
        scores=scores,
    )


def read_pairs(path: Path) -> list[Pair]:
    """The rows of a file. Raises ``InvalidRequest`` naming file and line."""
    return [_pair(values, where=where) for where, values in rows_of(path)]


def _pair(values: dict[str, Any], *, where: str) -> Pair:
    label = values.get("label")
    if label not in LABELS:
        raise InvalidRequest(f"{where}: 'label' must be conflict or no_conflict")
    documents = values.get("documents")
    question: str | None = None
    texts: tuple[str, ...]
    if documents is None:
        texts = (text_of(values, "text", where=where), text_of(values, "text_b", where=where))
    elif isinstance(documents, list) and all(isinstance(document, dict) for document in documents):
        question = text_of(values, "text", where=where)
        texts = tuple(text_of(document, "text", where=where) for document in documents)
    else:
        raise InvalidRequest(f"{where}: 'documents' must be a list of objects with a text")
    return Pair(
        id=row_id(values),
        part=str(values.get("part", "")),
        kind=str(values.get("kind", "")),
        texts=texts,
        question=question,
        conflict=LABELS[label],
    )


def _answered(pairs: Sequence[Pair]) -> tuple[list[Answer], float]:
    """What is found in each, and the milliseconds two statements take, reading them included."""
    compared = sum(len(pair.texts) * (len(pair.texts) - 1) // 2 for pair in pairs)
    started = time.perf_counter()
    answers = [Answer(pair=pair, found=tuple(_found(pair))) for pair in pairs]
    return answers, 1000 * (time.perf_counter() - started) / max(1, compared)


def _found(pair: Pair) -> list[Conflict]:
    facts = [facts_of(_statement(str(place), text)) for place, text in enumerate(pair.texts)]
    return conflicts_among(facts, question=pair.question)


def _statement(name: str, text: str) -> Statement:
    title, dash, statement = text.partition(" — ")
    return Statement(id=name, title=title if dash else "", heading="", text=statement if dash else text)


def _facts(chunk: Chunk) -> Facts:
    return facts_of(Statement(id=chunk.id, title=chunk.title, heading=chunk.heading, text=chunk.text))


def _own(published: Sequence[tuple[str, Facts]]) -> list[Conflict]:
    """What the articles contradict in each other or in their own titles: all of it is a false alarm."""
    between = [
        conflict
        for (article, one), (another, other) in combinations(published, 2)
        if article != another
        for conflict in conflicts_between(one, other)
    ]
    return between + [conflict for _, facts in published for conflict in conflicts_with_title(facts)]


def _asked(published: Sequence[Facts]) -> Iterator[tuple[str, str, bool, float, dict[str, Any] | None]]:
    """For each question: id, part, whether a conflict is wanted, 1 when that is so, and what went wrong."""
    for where, values in rows_of(PACK_QUESTIONS):
        question = text_of(values, "text", where=where)
        must = patterns_of(values, "must", where=where)
        added = [
            facts_of(Statement(id=f"added-{place}", title=article["title"], heading="", text=article["body"]))
            for place, article in enumerate(values["add"])
        ]
        found = [
            conflict
            for one in added
            for other in published
            for conflict in conflicts_among([one, other], question=question)
        ]
        wanted = values["expected"] == "conflict"
        if wanted:
            found = [one for one in found if all(pattern.search(f"{one.quote}\n{one.other_quote}") for pattern in must)]
        right = bool(found) == wanted
        failure = None if right else {"text": question, "expected": values["expected"], **_shown(found)}
        yield row_id(values), str(values.get("part", "")), wanted, float(right), failure


def _figures(answers: Sequence[Answer]) -> dict[str, float]:
    said = sum(bool(answer.found) for answer in answers)
    meant = sum(answer.pair.conflict for answer in answers)
    both = sum(bool(answer.found) and answer.pair.conflict for answer in answers)
    return {
        "precision": both / said if said else 0.0,
        "recall": both / meant if meant else 0.0,
        "f1": 2 * both / (said + meant) if said + meant else 0.0,
    }


def _failures(answers: Sequence[Answer]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """False alarms, the surest first, and what was missed."""
    alarms = sorted((a for a in answers if a.found and not a.pair.conflict), key=lambda a: -a.found[0].confidence)
    missed = [answer for answer in answers if answer.pair.conflict and not answer.found]
    return [_failure(answer) for answer in alarms], [_failure(answer) for answer in missed]


def _failure(answer: Answer) -> dict[str, Any]:
    pair = answer.pair
    shown = (
        {"question": pair.question} if pair.question else {"text": pair.texts[0][:300], "text_b": pair.texts[1][:300]}
    )
    return {
        "id": pair.id,
        "kind": pair.kind,
        "wrong": "missed" if pair.conflict else "false alarm",
        **shown,
        **_shown(answer.found),
    }


def _shown(found: Sequence[Conflict]) -> dict[str, Any]:
    return _told(found[0]) if found else {}


def _told(conflict: Conflict) -> dict[str, Any]:
    return {
        "quotes": [conflict.quote[:300], conflict.other_quote[:300]],
        "reason": conflict.reason,
        "confidence": conflict.confidence,
    }
