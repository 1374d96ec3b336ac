"""Group H: streaming. A connection that is gone, stuck or one of thousands costs nobody an answer."""

import asyncio
import socket
import time

import pytest

import server.serving
import server.sse
from tests.integration.server.client import Site, eventually, frames, running_site
from tests.integration.server.echo_desk import echo_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_client_that_drops_in_the_middle_loses_nothing(site: Site) -> None:
    """H01: the turn goes on, and the rest is replayed exactly once."""
    ava = await site.start()
    body = {"text": "slow hello", "client_message_id": "x"}
    seen = []
    async with ava.http.stream(
        "POST", f"{ava.path}/messages", json=body, headers=ava.auth | {"Accept": "text/event-stream"}
    ) as response:
        async for frame in frames(response):
            seen.append(frame)
            if frame.event == "message.delta":
                break
    await site.desk.reached.wait()
    site.desk.gate.set()

    rest = await ava.listen(last_event_id=str(seen[-1].id))
    everything = await ava.listen()

    assert rest[-1].data["outcome"] == "answered"
    assert [frame.raw for frame in everything] == [frame.raw for frame in [*seen, *rest]]
    assert [m["text"] for m in await ava.transcript()] == ["slow hello", "You said: slow hello"]


async def test_a_client_that_drops_at_once_is_answered_all_the_same(site: Site) -> None:
    """H01"""
    ava = await site.start()
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    body = b'{"text":"hello","client_message_id":"x"}'
    writer.write(
        f"POST {ava.path}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ava.token}\r\n"
        f"Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    await writer.drain()
    await eventually(lambda: site.count("turns", ava.id))
    writer.transport.abort()

    assert (await ava.listen())[-1].event == "turn.completed"


async def test_a_reader_that_never_reads_is_cut_off_and_blocks_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H02"""
    monkeypatch.setattr(server.sse, "SEND_SECONDS", 0.5)
    monkeypatch.setattr(server.serving, "STALLED_SECONDS", 1.0)
    ava = await site.start()
    large = {"type": "step", "data": {"turn_id": "turn_x", "text": "x" * 200_000}}
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", site.port))
        stuck.send(f"GET {ava.path}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ava.token}\r\n\r\n".encode())
        for _ in range(100):  # more than the kernel buffers for it
            site.desk.hub.publish(await site.desk.log.append(ava.id, [large]))  # type: ignore[list-item]

        began = time.perf_counter()
        await ava.say("hello")
        assert time.perf_counter() - began < 2

        async def is_dropped() -> bool:
            ends = [c.transport.get_extra_info("peername") for c in site.server.server_state.connections]
            return stuck.getsockname() not in ends

        await eventually(is_dropped)


async def test_idle_streams_of_one_address_are_capped_and_an_honest_customer_is_served(database_url: str) -> None:
    """H03, with 100 connections in place of 9,500."""
    settings = echo_settings(database_url, streams_per_address=30)
    async with running_site(database_url, settings) as site:
        idle = [await site.start() for _ in range(25)]
        opened = [session.events() for session in idle for _ in range(4)]
        answers = await asyncio.gather(*(stream.__aenter__() for stream in opened))
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(200), statuses.count(429)) == (30, 70)
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 429)

        ava, times = await site.start(), []
        for number in range(20):
            began = time.perf_counter()
            await ava.say("hello", key=f"k{number}")
            times.append(time.perf_counter() - began)
        for stream in opened:
            await stream.__aexit__(None, None, None)

    assert sorted(times)[18] < 1


async def test_one_conversation_holds_five_streams_and_gets_one_back_when_one_closes(site: Site) -> None:
    """H03"""
    ava = await site.start()
    opened = [ava.events() for _ in range(5)]
    assert {(await stream.__aenter__()).status_code for stream in opened} == {200}

    refused = await ava.http.get(f"{ava.path}/events", headers=ava.auth)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")

    await opened.pop().__aexit__(None, None, None)

    async def may_listen() -> bool:
        async with ava.events() as response:
            return bool(response.status_code == 200)

    await eventually(may_listen)
    for stream in opened:
        await stream.__aexit__(None, None, None)


async def test_connections_that_say_nothing_are_closed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """H03: nor may headers trickle in for ever."""
    monkeypatch.setattr(server.serving, "HEADER_SECONDS", 0.3)
    silent, quiet = await asyncio.open_connection("127.0.0.1", site.port)
    half, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")

    async with asyncio.timeout(5):
        assert await silent.read() == b""
        assert await half.read() == b""
    quiet.close()
    writer.close()


async def test_a_stream_has_a_heartbeat(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """H05: CONTRACT asks for one every 15 seconds at least."""
    assert server.sse.HEARTBEAT_SECONDS <= 15
    monkeypatch.setattr(server.sse, "HEARTBEAT_SECONDS", 0.1)
    ava = await site.start()
    async with asyncio.timeout(5), ava.events() as response:
        text = b""
        async for piece in response.aiter_raw():
            text += piece
            if text.count(b": still here\n\n") == 2:
                break
