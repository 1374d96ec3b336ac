"""Group G: bodies and encodings. Each gets a clear 4xx in milliseconds, and the next request is served."""

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from starlette.types import Message

import server.guard
from tests.integration.server.client import Session, Site, raw_exchange

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOMY_SECONDS = 1.0  # the machine is shared; what is measured is milliseconds


async def _refused(ava: Session, body: bytes, *, content_type: str = "application/json") -> tuple[int, str]:
    """Status and code of the answer; fails when it is slow, leaks, or breaks the next request."""
    began = time.perf_counter()
    headers = ava.auth | {"Content-Type": content_type}
    response = await ava.http.post(f"{ava.path}/messages", content=body, headers=headers)
    assert time.perf_counter() - began < ROOMY_SECONDS
    assert "Traceback" not in response.text
    assert 'File "' not in response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert await ava.transcript() == []
    return response.status_code, response.json()["code"]


def _message(text: str) -> bytes:
    return b'{"client_message_id":"x","text":"' + text.encode() + b'"}'


@pytest.mark.parametrize(
    "body",
    [_message(r"a\ud800b"), _message(r"a\udc00\ud800b"), b'{"\\ud800":1}', b'["\\udfff"]'],
)
async def test_a_lone_surrogate_is_refused(ava: Session, body: bytes) -> None:
    """G01"""
    assert await _refused(ava, body) == (400, "lone_surrogate")


async def test_a_whole_surrogate_pair_is_text(ava: Session) -> None:
    """G01"""
    headers = ava.auth | {"Content-Type": "application/json"}
    response = await ava.http.post(f"{ava.path}/messages", content=_message(r"\ud83d\ude00"), headers=headers)

    assert response.status_code == 202
    assert (await ava.transcript())[0]["text"] == "\U0001f600"


@pytest.mark.parametrize("body", [_message(r"a\u0000b"), b'{"\\u0000":1}'])
async def test_a_nul_is_refused(ava: Session, body: bytes) -> None:
    """G02"""
    assert await _refused(ava, body) == (400, "nul_character")


async def test_a_raw_nul_is_refused(ava: Session) -> None:
    """G02"""
    assert await _refused(ava, _message("a\0b")) == (400, "invalid_json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
async def test_what_is_no_number_is_refused(ava: Session, number: str) -> None:
    """G03"""
    assert await _refused(ava, f'{{"text":{number}}}'.encode()) == (400, "not_a_number")


@pytest.mark.parametrize(
    "body",
    [
        b'{"text":"\xff"}',
        b'{"text":"\xc0\xaf"}',
        b'{"text":"\xed\xa0\x80"}',
        b'{"text":"\xf8\x88\x80\x80\x80"}',
        b"\xef\xbb\xbf" + _message("hi"),
        _message("hi").decode().encode("utf-16"),
    ],
)
async def test_what_is_not_utf8_is_refused(ava: Session, body: bytes) -> None:
    """G04"""
    assert await _refused(ava, body) == (400, "not_utf8")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-be"])
async def test_wide_encodings_without_a_mark_are_refused(ava: Session, encoding: str) -> None:
    """G04"""
    status, _ = await _refused(ava, _message("hi").decode().encode(encoding))
    assert status == 400


async def test_another_charset_in_the_header_is_refused(ava: Session) -> None:
    """G04"""
    status = await _refused(ava, _message("hi"), content_type="application/json; charset=utf-16")
    assert status == (400, "not_utf8")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_another_kind_of_body_is_refused(ava: Session, kind: str) -> None:
    """G04"""
    assert await _refused(ava, _message("hi"), content_type=kind) == (415, "unsupported_media_type")


@pytest.mark.parametrize("size", [65 * 1024, 1024**2, 50 * 1024**2])
async def test_a_large_body_is_refused_before_it_is_read(ava: Session, size: int) -> None:
    """G05"""
    assert await _refused(ava, _message("a" * size)) == (413, "body_too_large")


async def test_a_declared_large_body_is_refused_without_asking_for_it() -> None:
    """G05: nothing is received before the answer, and what comes after it is not kept."""
    happened = []

    async def receive() -> Message:
        happened.append("received")
        return {"type": "http.request", "body": b"a" * 65536, "more_body": happened.count("received") < 10}

    async def send(message: Message) -> None:
        happened.append(str(message["type"]))

    async def never(*_: object) -> None:
        happened.append("reached the routes")

    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"",
        "headers": [(b"content-length", b"52428800")],
    }  # fmt: skip
    await server.guard.Guard(never)(scope, receive, send)

    assert happened[:3] == ["http.response.start", "http.response.body", "received"]
    assert "reached the routes" not in happened


async def test_a_large_body_without_a_length_is_refused_after_its_first_part(ava: Session) -> None:
    """G05"""

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"text":"'
        for _ in range(200):
            yield b"a" * 65536

    headers = ava.auth | {"Content-Type": "application/json"}
    response = await ava.http.post(f"{ava.path}/messages", content=pieces(), headers=headers)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert await ava.transcript() == []


def _head(ava: Session, *extra: str) -> bytes:
    lines = [
        f"POST {ava.path}/messages HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {ava.token}",
        "Content-Type: application/json",
        *extra,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def test_a_length_that_is_a_lie_is_never_believed(
    site: Site, ava: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G05: too long a promise times out, too short a one leaves a rest that is no request."""
    monkeypatch.setattr(server.guard, "BODY_SECONDS", 0.3)
    body = _message("hi")
    long = await raw_exchange(site.port, _head(ava, f"Content-Length: {len(body) + 50}") + body, wait=1)
    short = await raw_exchange(site.port, _head(ava, "Content-Length: 5") + body, wait=3)
    huge = await raw_exchange(site.port, _head(ava, f"Content-Length: {10**18}") + body, wait=1)
    both = await raw_exchange(site.port, _head(ava, "Content-Length: 5", "Transfer-Encoding: chunked") + body, wait=3)

    assert long.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_timeout"' in long
    assert short.startswith(b"HTTP/1.1 400 ")
    assert huge.startswith(b"HTTP/1.1 413 ")
    assert both.startswith(b"HTTP/1.1 400 ")
    assert await ava.transcript() == []


async def test_a_body_that_trickles_is_given_up(site: Site, ava: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """G05"""
    monkeypatch.setattr(server.guard, "BODY_SECONDS", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(_head(ava, "Content-Length: 1000"))

    async def trickle() -> None:
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.05)

    drip = asyncio.create_task(trickle())
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"}")
    drip.cancel()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 33 + b"]" * 33, "nested_too_deep"),
        (b'{"text":' + b"[" * 32 + b"]" * 32 + b"}", "nested_too_deep"),
        (b"[" * 1000 + b"]" * 1000, "nested_too_deep"),
        (b"[" * 30_000 + b"]" * 30_000, "nested_too_deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested_too_deep"),
        (b'{"text":' + b"9" * 5_000 + b"}", "number_too_long"),
        (b'{"text":-' + b"1" * 21 + b"}", "number_too_long"),
    ],
)
async def test_deep_nesting_and_long_numbers_are_refused(ava: Session, body: bytes, code: str) -> None:
    """G06"""
    assert await _refused(ava, body) == (400, code)


async def test_thirty_two_levels_are_not_too_deep(ava: Session) -> None:
    """G06"""
    headers = ava.auth | {"Content-Type": "application/json"}
    response = await ava.http.post(f"{ava.path}/messages", content=b"[" * 32 + b"]" * 32, headers=headers)
    assert response.status_code == 422


async def test_two_hundred_thousand_levels_are_too_large(ava: Session) -> None:
    """G06"""
    assert await _refused(ava, b"[" * 200_000 + b"]" * 200_000) == (413, "body_too_large")


@pytest.mark.parametrize(
    "body", [b'{"text":"a","text":"b"}', b'{"text":"a","te\\u0078t":"b"}', b'{"a":[{"b":{"c":1,"c":1}}]}']
)
async def test_a_key_named_twice_is_refused(ava: Session, body: bytes) -> None:
    """G07"""
    assert await _refused(ava, body) == (400, "duplicate_key")


@pytest.mark.parametrize("body", [b"{", b"", b"hello", b"{'a':1}", b'{"a":1,}', b"// x\n{}", b'{"a":"\n"}'])
async def test_what_is_no_json_is_refused(ava: Session, body: bytes) -> None:
    """G07"""
    assert await _refused(ava, body) == (400, "invalid_json")


async def test_the_same_client_message_id_with_another_text_is_a_conflict(ava: Session) -> None:
    """G09"""
    await ava.say("hello")
    other = await ava.post("goodbye")

    assert (other.status_code, other.json()["code"]) == (409, "client_message_id_reused")
    assert [m["text"] for m in await ava.transcript()] == ["hello", "You said: hello"]


async def test_the_same_client_message_id_of_two_customers_is_two_turns(ava: Session, ben: Session) -> None:
    """G09"""
    answers = [(await ava.post("hello")).json(), (await ben.post("bye")).json()]

    assert answers[0]["turn_id"] != answers[1]["turn_id"]


async def test_twenty_times_the_same_message_at_once_is_one_turn(site: Site, ava: Session) -> None:
    """G09"""
    responses = await asyncio.gather(*(ava.post("hello") for _ in range(20)))
    await ava.listen()

    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["turn_id"] for response in responses}) == 1
    assert await site.count("turns", ava.id) == 1
    assert len(await ava.transcript()) == 2


async def test_twenty_streams_of_the_same_message_hear_the_same_bytes(site: Site, ava: Session) -> None:
    """G09"""
    heard = await asyncio.gather(*(ava.say("hello") for _ in range(20)))

    assert len({"\n".join(frame.raw for frame in frames) for frames in heard}) == 1
    assert await site.count("turns", ava.id) == 1


@pytest.mark.parametrize(
    "bad",
    ["../../etc", "x" * 3000, "x" * 5000, "a';drop table conversations", "123", "tenantA:1", "%00", "conv_", "é", "*"],
)
async def test_only_ids_made_by_the_server_are_ids(ava: Session, bad: str) -> None:
    """G10"""
    for suffix in ("", "/messages", "/events"):
        url = f"/v1/conversations/{quote(bad, safe='')}{suffix}"
        body = {"text": "hi", "client_message_id": "x"}
        if suffix == "/messages":
            response = await ava.http.post(url, json=body, headers=ava.auth)
        else:
            response = await ava.http.get(url, headers=ava.auth)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
    assert await ava.transcript() == []


async def test_an_id_is_not_found_in_capitals(ava: Session) -> None:
    """G10"""
    response = await ava.http.get(f"/v1/conversations/{ava.id.upper()}", headers=ava.auth)
    assert response.status_code == 404


async def test_an_empty_id_is_not_found(ava: Session) -> None:
    """G10"""
    assert (await ava.http.get("/v1/conversations//events", headers=ava.auth)).status_code == 404
    assert (await ava.http.get("/v1/conversations/", headers=ava.auth)).status_code == 404
