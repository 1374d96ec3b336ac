"""The scripted model server itself: the same every time, usable as a program."""

import asyncio
import json
import subprocess
import sys
import urllib.request

from tests.fakes.model_server import scripted_model
from tests.fakes.model_wire import ClientProtocol


def post(url: str, body: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as response:
        return dict(json.load(response))


async def test_a_connection_that_closed_with_words_still_to_write_can_be_reset() -> None:
    """R3.3: a test that ends just then must not take the server's thread with it."""
    made: list[ClientProtocol] = []

    def protocol() -> ClientProtocol:
        made.append(ClientProtocol(asyncio.StreamReader(), lambda _, writer: writer.write(bytes(8 * 1024 * 1024))))
        return made[-1]

    async with await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write_eof()
        await reader.read()
        await asyncio.wait_for(made[0].gone.wait(), timeout=30)

        made[0].reset()
        writer.close()


def test_embeddings_are_the_same_every_time_and_near_for_shared_words() -> None:
    """R3.2"""
    texts = ["return a parcel", "return a parcel", "return the parcel", "invoice copy"]
    with scripted_model() as server:
        rows = post(f"{server.base_url}/embeddings", {"model": "e", "input": texts})["data"]

    first, same, near, far = (row["embedding"] for row in rows)  # type: ignore[attr-defined]
    assert first == same
    assert _dot(first, near) > 0.5 > _dot(first, far)


def test_it_is_a_program() -> None:
    """R10.1: benchmarks and browser tests run it in a process of its own."""
    command = [sys.executable, "-m", "tests.fakes.model_server", "--script", "sensible"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            base_url = process.stdout.readline().strip()
            body = {"model": "m", "messages": [{"role": "user", "content": "<passage>\nT\nFree.\n</passage>"}]}
            answer = post(f"{base_url}/chat/completions", body)
        finally:
            process.terminate()

    assert answer["choices"][0]["message"]["content"] == "Free [1]."  # type: ignore[index]


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
