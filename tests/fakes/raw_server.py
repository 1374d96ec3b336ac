"""A server on loopback that says exactly the bytes it is told to, or nothing: what no HTTP library would send."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Each request is answered by the next of ``answers``, the last one for ever; ``heads`` is what was asked."""

    answers: list[Say]
    base_url: str = ""
    heads: list[str] = field(default_factory=list)


@asynccontextmanager
async def raw_server(*answers: Say) -> AsyncIterator[RawServer]:
    server = RawServer(answers=list(answers))
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                server.heads.append(head.decode())
                length = next((line[16:] for line in head.decode().split("\r\n")
                               if line.lower().startswith("content-length: ")), "0")  # fmt: skip
                await reader.readexactly(int(length))
                say = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
                await say(writer)
                await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    server.base_url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listening.wait_closed()


def answer(body: bytes | str, *, status: int = 200, kind: str = "application/json", more: str = "") -> Say:
    """One whole answer."""
    content = body.encode() if isinstance(body, str) else body

    async def say(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{more}\r\n"
        writer.write(head.encode() + content)

    return say


async def silence(_: asyncio.StreamWriter) -> None:
    """Read, and never answered."""
    await asyncio.Event().wait()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Read, and the connection is gone."""
    writer.close()
    raise EOFError


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def fifty_megabytes(writer: asyncio.StreamWriter) -> None:
    """Far more than anybody should read, with no length said."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{"points": "')
    for _ in range(800):
        writer.write(b"x" * 65536)
        await writer.drain()
    writer.close()
    raise EOFError
