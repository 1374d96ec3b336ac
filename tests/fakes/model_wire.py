"""A provider's side of one HTTP connection: the request as it came, the reply as it can be given or broken."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def call(self) -> str:
        """``judge`` or ``understand`` (a schema was asked for), ``answer`` or ``embeddings``."""
        if self.path.endswith("/embeddings"):
            return "embeddings"
        if self.body.get("response_format", {}).get("json_schema", {}).get("name") == "verdict":
            return "judge"
        return "understand" if "response_format" in self.body else "answer"

    @property
    def streamed(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def system(self) -> str:
        return "\n".join(message["content"] for message in self.body["messages"] if message["role"] == "system")

    @property
    def user(self) -> str:
        return "\n".join(message["content"] for message in self.body["messages"] if message["role"] == "user")


@dataclass
class Reply:
    """The connection, seen from a script."""

    request: Recorded
    writer: asyncio.StreamWriter
    protocol: "ClientProtocol"
    keep_alive: bool = True
    sent: int = 0
    """Bytes that went out raw."""

    async def whole(
        self, body: bytes, *, status: int = 200, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        """A response with a known length."""
        self._head(status, kind, {"Content-Length": str(len(body)), **(headers or {})})
        self.writer.write(body)
        await self.writer.drain()

    async def json(self, body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        await self.whole(json.dumps(body).encode(), status=status, headers=headers)

    async def start_events(self) -> None:
        """Begin a streamed response; it ends with the connection."""
        self.keep_alive = False
        self._head(200, "text/event-stream", {"Connection": "close"})
        await self.writer.drain()

    async def event(self, data: object) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        self.writer.write(f"data: {text}\n\n".encode())
        await self.writer.drain()

    async def raw(self, data: bytes) -> None:
        self.keep_alive = False
        self.writer.write(data)
        await self.writer.drain()
        self.sent += len(data)

    def reset(self) -> None:
        """End the connection as a crashed peer does (TCP RST)."""
        self.keep_alive = False
        self.protocol.reset()

    def _head(self, status: int, kind: str, headers: dict[str, str]) -> None:
        headers = {"Content-Type": kind, "OpenAI-Organization": "org-needle", **headers}
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{k}: {v}" for k, v in headers.items())]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())


def completion(message: dict[str, Any] | None, *, finish: str | None = "stop") -> dict[str, Any]:
    """A chat completion with one choice, or none."""
    choices = [] if message is None else [
        {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    ]  # fmt: skip
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "scripted", "choices": choices,
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}  # fmt: skip


def chunk(delta: dict[str, Any], *, finish: str | None = None) -> dict[str, Any]:
    """One streamed piece."""
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}  # fmt: skip


async def say(reply: Reply, text: str, *, finish: str | None = "stop", done: bool = True) -> None:
    """The text as the request asked for it: streamed word by word, or whole."""
    if not reply.request.streamed:
        await reply.json(completion({"content": text}, finish=finish))
        return
    await reply.start_events()
    await reply.event(chunk({"role": "assistant", "content": ""}))
    for word in re.findall(r"\S+\s*|\s+", text):
        await reply.event(chunk({"content": word}))
    if finish is not None:
        await reply.event(chunk({}, finish=finish))
    if done:
        await reply.event("[DONE]")


def error_body(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "scripted", "code": "scripted"}}


class ClientProtocol(asyncio.StreamReaderProtocol):
    """Knows at once that the client has gone, so that endless scripts end with their client."""

    def __init__(self, reader: asyncio.StreamReader, connected: Callable[..., None]) -> None:
        super().__init__(reader, connected)
        self.gone = asyncio.Event()
        self._open: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._open = transport
        super().connection_made(transport)

    def eof_received(self) -> bool:
        self.gone.set()
        super().eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = None
        self.gone.set()
        super().connection_lost(exc)

    def reset(self) -> None:
        """End the connection as a crashed peer does (TCP RST), if it is not lost already.

        ``abort`` of a transport that is lost raises: one that had still to write when it was closed forgets its loop.
        """
        if self._open is None:
            return
        with suppress(OSError):  # the client has ended it, and we have not heard yet
            linger = struct.pack("ii", 1, 0)
            self._open.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._open.abort()


def protocol_of(writer: asyncio.StreamWriter) -> ClientProtocol:
    protocol = writer.transport.get_protocol()
    assert isinstance(protocol, ClientProtocol)
    return protocol
