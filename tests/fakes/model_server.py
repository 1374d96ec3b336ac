"""A scripted provider of the OpenAI protocol on loopback, over real HTTP: sensible, obedient, or broken in one way.

    with scripted_model("sensible", answer="reset") as server:
        OpenAIEngine(base_url=server.base_url, ...)
        server.requests          # every request, decoded

Also a program, for benchmarks and browser tests: ``python -m tests.fakes.model_server --port 9009 --script sensible``.
It speaks just enough HTTP/1.1 over asyncio to be able to break it: resets, endless bodies, bytes that are no HTTP.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import math
import re
import struct
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.fakes.model_scripts import SCRIPTS
from tests.fakes.model_wire import ClientProtocol, Recorded, Reply, error_body, protocol_of

EMBEDDING_DIMENSIONS = 256


@dataclass
class ModelServer:
    """Runs in its own thread and event loop, so that synchronous and asynchronous tests use it alike.

    ``script`` and ``by_call`` may be changed while it runs.
    """

    script: str = "sensible"
    by_call: dict[str, str] = field(default_factory=dict)
    """Another script for one kind of call: ``understand``, ``judge``, ``answer`` or ``embeddings``."""
    host: str = "127.0.0.1"
    port: int = 0
    requests: list[Recorded] = field(default_factory=list)
    open_connections: int = 0
    sent: int = 0
    """Bytes that went out raw."""

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    def start(self) -> None:
        """Returns when the port is open."""
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="model-server", daemon=True)
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Returns when every connection is closed."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def serve(self, ready: Callable[[], None]) -> None:
        """Serve until ``stop``."""
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._protocols: set[ClientProtocol] = set()
        server = await asyncio.get_running_loop().create_server(
            lambda: ClientProtocol(asyncio.StreamReader(limit=1024 * 1024), self._accept), self.host, self.port
        )
        self.port = server.sockets[0].getsockname()[1]
        ready()
        await self._stopping.wait()
        server.close()
        # Aborted, not closed: closing would wait for a client that may itself be waiting for us to stop.
        for protocol in self._protocols:
            protocol.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.serve(ready.set))
        self._loop.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = protocol_of(writer)
        self.open_connections += 1
        self._protocols.add(protocol)
        try:
            async for request in self._requests_of(reader):
                self.requests.append(request)
                reply = Reply(request=request, writer=writer, protocol=protocol)
                gone = asyncio.create_task(protocol.gone.wait())
                work = asyncio.create_task(self._handle(reply))
                try:
                    await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (gone, work):
                        task.cancel()
                    await asyncio.gather(gone, work, return_exceptions=True)
                    self.sent += reply.sent
                if not reply.keep_alive or writer.is_closing():
                    return
        finally:
            self.open_connections -= 1
            self._protocols.discard(protocol)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _handle(self, reply: Reply) -> None:
        request = reply.request
        if request.method != "POST" or request.path not in {"/v1/chat/completions", "/v1/embeddings"}:
            await reply.json(error_body("no such path"), status=404)
        elif request.call == "embeddings" and "embeddings" not in self.by_call:
            await embeddings(reply)
        else:
            await SCRIPTS[self.by_call.get(request.call, self.script)](reply)

    async def _requests_of(self, reader: asyncio.StreamReader) -> AsyncIterator[Recorded]:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            first, *lines = head.decode("latin-1").strip().split("\r\n")
            method, path, _ = first.split(" ")
            pairs = (line.partition(":") for line in lines)
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            headers["x-scripted-number"] = str(len(self.requests) + 1)
            yield Recorded(method=method, path=path, headers=headers, body=json.loads(body) if body else {})


async def embeddings(reply: Reply) -> None:
    """Deterministic vectors: texts that share words are near."""
    given = reply.request.body["input"]
    texts = given if isinstance(given, list) and given and isinstance(given[0], str | list) else [given]
    vectors = [_vector(text if isinstance(text, str) else " ".join(map(str, text))) for text in texts]
    as_base64 = reply.request.body.get("encoding_format") == "base64"
    rows = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if as_base64 else vector}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    await reply.json({"object": "list", "model": "scripted", "data": rows, "usage": usage})


def _vector(text: str) -> list[float]:
    vector = [0.0] * EMBEDDING_DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
        vector[int.from_bytes(digest[:3]) % EMBEDDING_DIMENSIONS] += 1.0 if digest[3] & 1 else -1.0
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


@contextmanager
def scripted_model(script: str = "sensible", **by_call: str) -> Iterator[ModelServer]:
    """A running server; ``answer="reset"`` gives one kind of call another script."""
    server = ModelServer(script=script, by_call=by_call)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    """Serve one script until the process is ended; prints the base URL once the port is open."""
    parser = argparse.ArgumentParser(description="A scripted model server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", default="sensible", choices=sorted(SCRIPTS))
    options = parser.parse_args()
    server = ModelServer(script=options.script, host=options.host, port=options.port)

    def announce() -> None:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()

    with suppress(KeyboardInterrupt):
        asyncio.run(server.serve(announce))


if __name__ == "__main__":
    main()
