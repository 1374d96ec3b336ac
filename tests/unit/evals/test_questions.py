"""The questions about the pack, and what their figures count (R10.1)."""

import json
from pathlib import Path
from typing import Any

import pytest

from desk.domain.errors import InvalidRequest
from desk.policies.loader import load_pack
from desk.policies.models import PolicySet
from evals.ranking import Ranked
from evals.result import means, mixed, row_id, unique
from evals.suites.asked import Asked, question_scores
from evals.suites.questions import Question, read_questions

ROW = {"id": "q1", "kind": "answerable", "part": "test", "text": "how long", "relevant": ["warranty"]}


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return load_pack(Path(__file__).parents[3] / "packs" / "retail")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "other"}, "'kind' must be one of"),
        ({"part": None}, "'part' of"),
        ({"text": ""}, "'text'"),
        ({"relevant": ["gone"]}, "no article 'gone'"),
        ({"intent": "gone"}, "no intent 'gone'"),
        ({"must": ["("]}, "no regular expression"),
        ({"before": ["a"]}, "'before' must be a list of exchanges"),
    ],
)
def test_a_bad_question_is_named_by_file_and_line(
    tmp_path: Path, policies: PolicySet, changes: dict[str, Any], message: str
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps(ROW) + "\n" + json.dumps(ROW | {"id": "q2"} | changes) + "\n")

    with pytest.raises(InvalidRequest, match=rf"questions\.jsonl:2: .*{message}"):
        read_questions(file, policies=policies)


def test_two_questions_with_one_id_are_refused(tmp_path: Path, policies: PolicySet) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text((json.dumps(ROW) + "\n") * 2)

    with pytest.raises(InvalidRequest, match="two rows 'q1'"):
        read_questions(file, policies=policies)


def _asked(row: str, *, kind: Any, documents: list[str], confident: bool, relevant: tuple[str, ...] = ("a",)) -> Asked:
    question = Question(
        id=row, kind=kind, part="test", text="?", before=(), relevant=frozenset(relevant), intent=None, reference="",
        must=(),
    )  # fmt: skip
    turn = Ranked(
        id=row, text="?", relevant=question.relevant, documents=documents, passages=[], best=0.5, confident=confident
    )
    return Asked(question=question, turn=turn, alone=turn)


def test_each_kind_of_question_has_its_own_figures() -> None:
    figures = means(
        question_scores(
            [
                _asked("1", kind="answerable", documents=["a"], confident=True),
                _asked("2", kind="answerable", documents=["b"], confident=False),
                _asked("3", kind="unanswerable", documents=["b"], confident=False, relevant=()),
                _asked("4", kind="follow_up", documents=["a"], confident=False),
                _asked("5", kind="follow_up", documents=["b"], confident=False, relevant=()),
                _asked("6", kind="new_subject", documents=["a"], confident=True),
            ]
        )
    )

    assert figures["test.recall_at_5"] == 0.5
    assert figures["test.answerable_declined"] == 0.5
    assert figures["test.unanswerable_declined"] == 1.0
    assert figures["test.follow_ups_found"] == 0.5
    assert figures["test.new_subjects_found"] == 1.0


def test_a_row_without_an_id_keeps_its_name_when_rows_come_above_it() -> None:
    assert row_id({"text": "a"}) == row_id({"text": "a"}) != row_id({"text": "b"})
    assert row_id({"text": "a", "id": "q7"}) == "q7"
    with pytest.raises(InvalidRequest, match="two rows 'x'"):
        unique(["x", "y", "x"], of="rows.jsonl")


def test_no_kind_of_failure_hides_another() -> None:
    many = [{"id": f"m{n}"} for n in range(80)]

    assert [failure["id"] for failure in mixed(many, [{"id": "rare"}])][:3] == ["m0", "rare", "m1"]
    assert len(mixed(many)) == 50
