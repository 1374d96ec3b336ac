"""A customer on a raw socket: as little work as a client can do, because it shares the cores with the server."""

import asyncio
import json
import time
from typing import Any


async def call(
    port: int, method: str, path: str, *, token: str = "", body: Any = None, accept: str = "application/json"
) -> bytes:
    """One HTTP request on a connection of its own; the body of the answer, read to its end."""
    payload = b"" if body is None else json.dumps(body).encode()
    head = [
        f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Accept: {accept}",
        "Content-Type: application/json", f"Content-Length: {len(payload)}",
    ]  # fmt: skip
    if token:
        head.append(f"Authorization: Bearer {token}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + payload)
    answer = await reader.read(-1)
    writer.close()
    return answer


async def converse(port: int, texts: list[str]) -> list[float]:
    """A conversation over SSE; seconds of each turn, from the request to ``turn.completed``."""
    answer = await call(port, "POST", "/v1/conversations", body={"channel": "web"})
    session = json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])
    path = f"/v1/conversations/{session['conversation_id']}/messages"
    seconds = []
    for number, text in enumerate(texts):
        started = time.perf_counter()
        body = {"text": text, "client_message_id": f"m-{number}"}
        stream = await call(port, "POST", path, token=session["session_token"], body=body, accept="text/event-stream")
        seconds.append(time.perf_counter() - started)
        if b"event: turn.completed" not in stream:
            raise RuntimeError(f"the turn did not complete: {stream[-300:]!r}")
    return seconds
