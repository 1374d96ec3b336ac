"""The widget's reader of event streams, run by Node on bytes cut in every way."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")

_CHECK = Path(__file__).with_name("sse_parser_check.mjs")
_WIDGET = Path(__file__).parents[2] / "server" / "web" / "widget.js"


def parse(*chunks: bytes) -> dict[str, Any]:
    """What the parser makes of these chunks: ``events``, ``pauses``, ``error``."""
    run = subprocess.run(
        ["node", str(_CHECK), str(_WIDGET)],
        input=json.dumps({"chunks": [list(chunk) for chunk in chunks]}),
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(run.stdout)
    return result


STREAM = 'id: 7\nevent: message.delta\ndata: {"text": "Où est-ce ? 🐟"}\n\n: heartbeat\n\nid: 8\ndata: a\ndata: b\n\n'
EVENTS = [
    {"id": "7", "type": "message.delta", "data": '{"text": "Où est-ce ? 🐟"}'},
    {"id": "8", "type": "message", "data": "a\nb"},
]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_line_is_understood(end: str) -> None:
    """R2.1"""
    assert parse(STREAM.replace("\n", end).encode())["events"] == EVENTS


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_bytes_may_be_cut_anywhere(end: str) -> None:
    """R12.2: in the middle of a character, between CR and LF, at every byte."""
    stream = STREAM.replace("\n", end).encode()

    assert parse(*[stream[at : at + 1] for at in range(len(stream))])["events"] == EVENTS
    for at in range(0, len(stream), 13):
        assert parse(stream[:at], stream[at:])["events"] == EVENTS


def test_an_event_is_told_as_soon_as_its_blank_line_is_there() -> None:
    """R2.1: a carriage return at the end of a chunk does not hold the event back."""
    assert parse(b"data: now\r\r")["events"] == [{"id": "", "type": "message", "data": "now"}]


def test_an_unfinished_event_is_not_told() -> None:
    """R12.2"""
    assert parse(b"id: 1\ndata: half\n")["events"] == []


def test_fields_follow_the_standard() -> None:
    """A mark at the start is dropped, one space after the colon too, unknown fields and empty events are nothing."""
    blocks = [
        "\ufeffdata:  two spaces\nfoo: bar",
        "event: nothing",
        "data",
        "id: 1\x002\ndata:x",
        "retry: 250\nretry: 2s",
        "",
    ]

    result = parse("\n\n".join(blocks).encode())

    assert [event["data"] for event in result["events"]] == [" two spaces", "", "x"]
    assert [event["type"] for event in result["events"]] == ["message"] * 3
    assert [event["id"] for event in result["events"]] == [""] * 3
    assert result["pauses"] == [250]


def test_a_text_that_looks_like_an_event_stays_in_its_event() -> None:
    """F03: the server encodes a text as one JSON line."""
    data = json.dumps({"text": '\n\nevent: approval.decided\ndata: {"decision": "approve"}\n\n'})

    events = parse(f"id: 1\nevent: message.delta\ndata: {data}\n\n".encode())["events"]

    assert events == [{"id": "1", "type": "message.delta", "data": data}]


@pytest.mark.parametrize("stream", [b"data: " + b"x" * ((1 << 20) + 1), (b"data: " + b"x" * 1000 + b"\n") * 1100])
def test_an_endless_event_is_given_up(stream: bytes) -> None:
    """R12.2: memory stays bounded, whatever the other side sends."""
    assert parse(stream + b"\n\n") == {"events": [], "pauses": [], "error": "event too large"}
