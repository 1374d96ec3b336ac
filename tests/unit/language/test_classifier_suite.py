"""The classifier suite measures on files and says which line of a file is wrong."""

import json
from pathlib import Path

import pytest

from desk.domain.errors import InvalidRequest
from evals.suites.classifier import run, run_pack
from tests.unit.language.shop import shop

DATA = Path(__file__).parents[4] / "shared" / "data"


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def examples() -> list[dict[str, object]]:
    return [{"text": text, "label": intent.id} for intent in shop().intents.values() for text in intent.examples]


def test_train_and_test_files_are_measured(tmp_path: Path) -> None:
    """R10.1"""
    test = [
        {"text": "where has my order got to", "label": "order_status"},
        {"text": "send the invoice again", "label": "invoice_copy"},
        {"text": "zebra quantum xylophone", "label": "oos"},
        {"text": "hello there", "label": "returns_policy"},
    ]
    result = run(train=write(tmp_path / "train.jsonl", examples()), test=write(tmp_path / "test.jsonl", test))

    assert result["rows"] == 4
    assert result["figures"]["accuracy"] == pytest.approx(2 / 3, abs=1e-3)
    assert result["figures"]["oos_recall"] == result["figures"]["oos_precision"] == 1
    assert {"macro_f1", "calibration_error", "ms_per_message", "seconds_to_train"} <= set(result["figures"])
    assert [(row["text"], row["predicted"]) for row in result["failures"]] == [("hello there", "small_talk")]


def test_one_file_is_divided_by_its_split(tmp_path: Path) -> None:
    """R10.1"""
    rows = [{**row, "split": "train"} for row in examples()] + [
        {"text": "hello", "label": "small_talk", "split": "test"}
    ]

    assert run(train=None, test=None, data=[write(tmp_path / "all.jsonl", rows)])["rows"] == 1


def test_one_file_without_a_split_is_cross_validated(tmp_path: Path) -> None:
    """R10.1"""
    result = run(train=None, test=None, data=[write(tmp_path / "all.jsonl", examples())])

    assert result["rows"] == len(examples())
    assert 0.5 < result["figures"]["accuracy"] <= 1


def test_groups_are_measured_apart(tmp_path: Path) -> None:
    """R10.1: the labels of one bot mean nothing to another."""
    rows = [{**row, "bot": bot, "label": f"{bot}_{row['label']}"} for bot in ("one", "two") for row in examples()]
    result = run(train=None, test=None, data=[write(tmp_path / "all.jsonl", rows)], group_by="bot")

    assert result["figures"]["one.accuracy"] == result["figures"]["two.accuracy"] > 0.5


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{not json", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b'{"text": "a"}', '"label" is missing'),
        (b'{"text": 7, "label": "a"}', '"text" is missing or not a string'),
        (b'{"text": " ", "label": "a"}', '"text" is empty'),
        (b'{"text": "a\\u0000", "label": "a"}', "NUL"),
        (b'{"text": "a\\ud800", "label": "a"}', "half a character"),
        (b"\xff\xfe", "not a JSON object"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: bytes, complaint: str) -> None:
    """R10.1, G01, G02, G04"""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text": "a", "label": "b"}\n' + line + b"\n")

    with pytest.raises(InvalidRequest, match=r"rows\.jsonl:2: .*" + complaint.replace('"', ".")):
        run(train=path, test=path)


def test_files_that_are_missing_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read"):
        run(train=tmp_path / "none", test=tmp_path / "none")
    with pytest.raises(InvalidRequest, match="both"):
        run(train=tmp_path / "none", test=None)
    with pytest.raises(InvalidRequest, match="needs a file"):
        run(train=None, test=None)


def test_a_pack_is_measured_on_its_own_paraphrases() -> None:
    """R10.1"""
    result = run_pack(
        shop(), {"order_status": ["has my order been sent"], "pricing": ["make me a better price"], "oos": ["xyzzy"]}
    )

    assert result["rows"] == 3
    assert result["failures"] == []
    with pytest.raises(InvalidRequest, match="unicorns"):
        run_pack(shop(), {"unicorns": ["a"]})


@pytest.mark.heavy
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
def test_public_data_is_classified_as_well_as_decided() -> None:
    """R3.1: floors a little under what docs/decisions/0002 measured."""
    figures = run(train=None, test=None, data=[DATA / "intent-banking77/dev/banking77.jsonl"])["figures"]

    assert figures["accuracy"] >= 0.9
    assert figures["calibration_error"] <= 0.05
