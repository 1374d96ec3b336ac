"""The retrieval suite measures files of the contract's format and refuses bad rows (R10.1)."""

import json
from pathlib import Path
from typing import Any

import pytest

from desk.domain.errors import InvalidRequest
from evals.suites import retrieval

CORPUS = [
    {"id": "returns (general)", "title": "Returns", "content": "Send items back within 30 days."},
    {"id": "delivery", "title": "Delivery", "content": "## Express\n\nTwo days.\n\n## Standard\n\nFive days.", "x": 1},
]
QUERIES = [
    {"text": "send items back", "relevant": ["returns (general)"]},
    {"text": "express days", "relevant": ["delivery"]},
]
BANKING = Path(__file__).parents[4] / "shared" / "data" / "tau-banking"


def written(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.heavy
def test_a_small_corpus_is_measured(tmp_path: Path) -> None:
    """R10.1"""
    result = retrieval.run(corpus=written(tmp_path / "c.jsonl", CORPUS), queries=written(tmp_path / "q.jsonl", QUERIES))

    assert (result["suite"], result["engine"], result["rows"], result["failures"]) == ("retrieval", "offline", 2, [])
    assert [result["figures"][name] for name in ("recall_at_1", "recall_at_5", "recall_at_10", "ndcg_at_10")] == [
        1.0
    ] * 4
    assert result["figures"]["ms_per_query"] > 0
    assert result["figures"]["seconds_to_index"] > 0


@pytest.mark.parametrize(
    ("corpus", "queries", "message"),
    [
        ([CORPUS[0], "{broken\n"], QUERIES, r"c\.jsonl:2: is not JSON"),
        (["[1]\n"], QUERIES, r"c\.jsonl:1: must be a JSON object"),
        ([{"id": "a", "title": "t"}], QUERIES, r"c\.jsonl:1: 'content'"),
        ([CORPUS[0], CORPUS[0]], QUERIES, r"c\.jsonl:2: there is another document"),
        (CORPUS, [QUERIES[0], {"text": " ", "relevant": []}], r"q\.jsonl:2: 'text'"),
        (CORPUS, [{"text": "a", "relevant": "delivery"}], r"q\.jsonl:1: 'relevant'"),
        (CORPUS, [{"text": "a"}], r"q\.jsonl:1: 'relevant'"),
        (CORPUS, [{"text": "a", "relevant": ["gone"]}], r"q\.jsonl:1: relevant document 'gone' is not in"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(
    tmp_path: Path, corpus: list[Any], queries: list[Any], message: str
) -> None:
    """R10.1"""
    with pytest.raises(InvalidRequest, match=message):
        retrieval.run(corpus=written(tmp_path / "c.jsonl", corpus), queries=written(tmp_path / "q.jsonl", queries))


@pytest.mark.heavy
@pytest.mark.skipif(not BANKING.is_dir(), reason="needs ../shared/data/tau-banking, which is not part of the project")
def test_long_messages_find_policy_documents_of_a_bank() -> None:
    """R4.4: BM25 over whole documents reaches 0.17, a small neural model 0.26."""
    result = retrieval.run(corpus=BANKING / "shared" / "documents.jsonl", queries=BANKING / "dev" / "tasks.jsonl")

    assert result["figures"]["recall_at_10"] >= 0.28
