"""What the classifier learned is kept and found again (R12.1)."""

from pathlib import Path

import pytest

import desk.language.classifier
from desk.language.classifier import IntentClassifier

TEXTS = ["where is my parcel", "track my parcel", "send it back", "return this lamp", "hello there", "good morning"] * 2
LABELS = ["track", "track", "return", "return", "greet", "greet"] * 2


def test_a_second_start_learns_nothing_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = IntentClassifier().fit(TEXTS, LABELS, folder=tmp_path).predict("where is the parcel?")
    monkeypatch.delattr(desk.language.classifier, "train_linear")
    second = IntentClassifier().fit(TEXTS, LABELS, folder=tmp_path).predict("where is the parcel?")

    assert second == first


def test_other_examples_are_learned_anew(tmp_path: Path) -> None:
    IntentClassifier().fit(TEXTS, LABELS, folder=tmp_path)
    other = IntentClassifier().fit(
        [*TEXTS, "close my account", "delete my account"], [*LABELS, "close", "close"], folder=tmp_path
    )

    assert other.predict("close my account").label == "close"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x80\x04\x95pickle"])
def test_a_damaged_file_is_written_again(tmp_path: Path, content: bytes) -> None:
    IntentClassifier().fit(TEXTS, LABELS, folder=tmp_path)
    [file] = tmp_path.glob("*.npz")
    file.write_bytes(content)

    assert IntentClassifier().fit(TEXTS, LABELS, folder=tmp_path).predict("track my parcel").label == "track"
    assert file.read_bytes() != content


def test_old_files_are_forgotten(tmp_path: Path) -> None:
    for number in range(6):
        IntentClassifier().fit([*TEXTS, f"lamp number {number}"], [*LABELS, "return"], folder=tmp_path)

    assert len(list(tmp_path.iterdir())) == 4
