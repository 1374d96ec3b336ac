"""The eval suite ``redaction``: what it counts, and what it counts on public data (R10.1)."""

import json
from pathlib import Path

import pytest

from desk.domain.errors import InvalidRequest
from evals.suites.redaction import run

DATA = Path(__file__).parents[4] / "shared" / "data"


def written(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_hits_misses_and_false_positives_are_counted(tmp_path: Path) -> None:
    """R10.1: by type; an ordinary message has no spans."""
    data = written(
        tmp_path / "rows.jsonl",
        {"text": "card 4111111111111111", "label": [{"type": "CREDIT_CARD", "start": 5, "end": 21}]},
        {"text": "card 4111111111111112", "label": [{"type": "card", "start": 5, "end": 21}]},
        {"text": "GB82WEST12345698765432", "label": []},
        {"text": "my order 113542617735902", "label": "order_status"},
        {"text": "it is 378282246310005", "label": "order_status"},
    )

    result = run(data=[data])

    assert result["rows"] == 5
    assert result["figures"]["card_recall"] == 0.5
    assert result["figures"]["card_precision"] == 1.0
    assert result["figures"]["iban_precision"] == 0.0
    assert (result["figures"]["ordinary_messages"], result["figures"]["ordinary_masked"]) == (2, 1)
    assert sorted(failure["why"] for failure in result["failures"]) == [
        "false positive", "masked in an ordinary message", "missed",
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["{", "[]", "{}", "1"])
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str) -> None:
    """R10.1."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a", "label": []}\n' + line, encoding="utf-8")

    with pytest.raises(InvalidRequest, match="line 2"):
        run(data=[path])


def test_public_synthetic_data_is_found() -> None:
    """R6.4: not below regular expressions with checksums (card 126/136, e-mail 49/49, IBAN 20/21, phone 81/92)."""
    path = DATA / "pii-presidio" / "dev" / "presidio_synth.jsonl"
    if not path.exists():
        pytest.skip("the public data set pii-presidio is not on this machine")

    figures = run(data=[path])["figures"]

    assert min(figures["card_recall"], figures["iban_recall"], figures["email_recall"]) >= 0.98
    assert min(figures["card_precision"], figures["iban_precision"], figures["email_precision"]) >= 0.98
    assert figures["phone_recall"] >= 0.9


def test_no_order_number_of_ordinary_messages_is_masked() -> None:
    """R6.4: the trap of the Bitext messages, whose order numbers pass the Luhn check."""
    path = DATA / "intent-bitext" / "dev" / "bitext4k_entities.jsonl"
    if not path.exists():
        pytest.skip("the public data set intent-bitext is not on this machine")

    figures = run(data=[path])["figures"]

    assert figures["ordinary_messages"] > 2000
    assert figures["ordinary_masked"] == 0
