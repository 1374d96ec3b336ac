"""The answers suite judges what a customer reads (R10.1)."""

import json
from pathlib import Path
from typing import Any

import pytest

from desk.domain.errors import InvalidRequest
from desk.policies.loader import load_pack
from evals.suites import answers

PACK = Path(__file__).parents[3] / "packs" / "retail"
ROW = {
    "text": "how long is the warranty",
    "intent": "warranty",
    "article": "warranty",
    "must": ["5 years"],
    "must_not": [],
}


def written(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(ROW | changes) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, []),
        ({"must": ["fifty years"]}, ["lacks fifty years"]),
        ({"must_not": ["5 years"]}, ["says 5 years"]),
        ({"article": "gift-cards|exchanges"}, ["stands on warranty"]),
    ],
)
def test_an_answer_is_judged_by_what_it_says_and_stands_on(
    tmp_path: Path, changes: dict[str, Any], wrong: list[str]
) -> None:
    """R10.1"""
    (tmp_path / "questions.jsonl").touch()
    result = answers.run_pack(
        load_pack(PACK), rows=written(tmp_path / "rows.jsonl", **changes), questions=tmp_path / "questions.jsonl"
    )

    assert [failure["wrong"] for failure in result["failures"]] == ([wrong] if wrong else [])
    assert result["figures"]["right"] == (0.0 if wrong else 1.0)


@pytest.mark.parametrize(
    "changes", [{"must": ["("]}, {"intent": "gone"}, {"article": "gone"}, {"text": None, "must": 1}]
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, changes: dict[str, Any]) -> None:
    """R10.1"""
    with pytest.raises(InvalidRequest, match=r"rows\.jsonl:1"):
        answers.read_rows(written(tmp_path / "rows.jsonl", **changes), policies=load_pack(PACK))
