"""Log lines: one record, one line, whatever is in it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from desk.config.telemetry import MAX_VALUE, configure_logging


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is written while the process logs as it does in production."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(level=logging.INFO, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_text_of_a_customer_cannot_forge_a_record(log: io.StringIO) -> None:
    """F06"""
    forged = 'hi\r\n{"level":"info","message":"approved"}\n\x1b[2J\x1b]0;x\x07\x85\u2028\u2029\x7f\x9b1m'
    logging.getLogger("a").info("Said %s", forged, extra={"action": forged, "text": {"nested": forged}})

    lines = log.getvalue().splitlines()
    assert len(lines) == 1
    assert all(" " <= char <= "~" for char in lines[0])
    assert json.loads(lines[0])["message"] == f"Said {forged}"
    assert json.loads(lines[0])["action"] == forged


def test_a_record_carries_its_extras_and_its_trace_on_the_same_line(log: io.StringIO) -> None:
    try:
        raise ValueError("no\nway")
    except ValueError:
        logging.getLogger("a.b").exception("Failed", extra={"action": "x_failed", "ms": 1.5, "call_id": None})

    (entry,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (entry["logger"], entry["level"], entry["message"]) == ("a.b", "error", "Failed")
    assert (entry["action"], entry["ms"], entry["call_id"]) == ("x_failed", 1.5, None)
    assert "ValueError: no" in entry["trace"]
    assert entry["at"].endswith("Z")


def test_one_record_cannot_fill_the_log(log: io.StringIO) -> None:
    logging.getLogger("a").info("x" * 10**6, extra={"text": "y" * 10**6})

    assert len(log.getvalue()) < 3 * MAX_VALUE


def test_filters_see_every_record_before_it_is_written() -> None:
    """R6.4"""

    class Mask(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.msg = record.msg.replace("4111111111111111", "[card]")
            return True

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(level=logging.INFO, filters=[Mask()], stream=stream)
    logging.getLogger("deep.inside").info("4111111111111111")
    root.handlers[:] = handlers
    root.setLevel(level)

    assert json.loads(stream.getvalue())["message"] == "[card]"
