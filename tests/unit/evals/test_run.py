"""``frontdesk eval run`` (R10.2, R10.3)."""

import json
from pathlib import Path

import pytest

from commands.main import main
from desk.domain.errors import InvalidRequest
from evals.result import SuiteResult
from evals.run import Files, misses, run_suite


def _result(**figures: float) -> SuiteResult:
    return {"suite": "answers", "engine": "offline", "rows": 1, "figures": figures, "failures": []}


def test_a_figure_below_its_threshold_is_told() -> None:
    assert misses(_result(right=0.2)) == ["answers: right is 0.2000, at least 0.85 is wanted"]
    assert misses(_result(right=0.99)) == []


def test_an_unknown_suite_is_named_with_those_there_are() -> None:
    with pytest.raises(InvalidRequest, match="classifier, retrieval, answers, redaction"):
        run_suite("nonsense", Files())


def test_a_suite_that_lacks_its_files_says_which() -> None:
    with pytest.raises(InvalidRequest, match="--corpus and --queries"):
        run_suite("retrieval", Files(corpus=Path("c.jsonl")))


def test_the_command_prints_figures_of_a_file_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pii.jsonl"
    file.write_text(
        json.dumps({"text": "card 4111 1111 1111 1111", "label": [{"type": "card", "start": 5, "end": 24}]})
    )
    with pytest.raises(SystemExit) as stopped:
        main(["eval", "run", "--suite", "redaction", "--data", str(file), "--json"])
    printed = json.loads(capsys.readouterr().out)

    assert stopped.value.code == 0
    assert printed["rows"] == 1
    assert printed["figures"]["card_recall"] == 1.0


def test_the_command_names_file_and_line_of_a_bad_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a", "label": "x"}\nnot json\n')
    with pytest.raises(SystemExit) as stopped:
        main(["eval", "run", "--suite", "classifier", "--train", str(file), "--test", str(file)])

    assert stopped.value.code == 1
    assert "rows.jsonl" in capsys.readouterr().err
