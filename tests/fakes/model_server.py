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
import gzip
import hashlib
import json
import math
import re
import socket
import struct
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tests.fakes.hostile_minds import harmful_answer, harmful_reading, obeying_answer, obeying_reading
from tests.fakes.judge_minds import judgement
from tests.fakes.model_minds import obedient_answer, obedient_reading, sensible_answer, sensible_reading

EMBEDDING_DIMENSIONS = 256
HUGE = 50 * 1024 * 1024


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


Script = Callable[[Reply], Awaitable[None]]
SCRIPTS: dict[str, Script] = {}


def script(function: Script) -> Script:
    """Register a script under its function's name."""
    SCRIPTS[function.__name__] = function
    return function


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


def good_text(request: Recorded) -> str:
    """What the sensible model would say."""
    if request.call == "understand":
        return json.dumps(sensible_reading(request.body, system=request.system, user=request.user))
    return sensible_answer(request.user)


async def say_changed(reply: Reply, **changes: Any) -> None:
    """The sensible reading with changes; for answers the sensible answer."""
    if reply.request.call == "understand":
        await say(reply, json.dumps(json.loads(good_text(reply.request)) | changes))
    else:
        await say(reply, good_text(reply.request))


# Models that work --------------------------------------------------------------------------------------------------


@script
async def sensible(reply: Reply) -> None:
    """A small deterministic model: intents by shared words with the prompt's list, answers by quoting passage 1."""
    await say(reply, good_text(reply.request))


@script
async def obedient(reply: Reply) -> None:
    """Does whatever a text in its prompt tells it to, as far as the schema allows."""
    if reply.request.call == "understand":
        reading = obedient_reading(reply.request.body, system=reply.request.system, user=reply.request.user)
        await say(reply, json.dumps(reading))
    else:
        await say(reply, obedient_answer(reply.request.user))


@script
async def harmful(reply: Reply) -> None:
    """Keeps to the schema and is against us: see ``hostile_minds``."""
    request = reply.request
    if request.call == "understand":
        await say(reply, json.dumps(harmful_reading(request.body, system=request.system, user=request.user)))
    else:
        await say(reply, harmful_answer(system=request.system, user=request.user))


@script
async def obeying(reply: Reply) -> None:
    """Like ``obedient``, and reads what is hidden or encoded as well."""
    request = reply.request
    if request.call == "understand":
        await say(reply, json.dumps(obeying_reading(request.body, system=request.system, user=request.user)))
    else:
        await say(reply, obeying_answer(system=request.system, user=request.user))


@script
async def no_answer(reply: Reply) -> None:
    await say(reply, good_text(reply.request) if reply.request.call == "understand" else "NO_ANSWER")


@script
async def judge_confirms(reply: Reply) -> None:
    """Calls every two passages a contradiction."""
    await say(reply, json.dumps({"contradict": True, "reason": "One of the two periods is wrong."}))


@script
async def judge_dismisses(reply: Reply) -> None:
    """Sees no contradiction anywhere."""
    await say(reply, json.dumps({"contradict": False, "reason": "They speak of different things."}))


# Judges of evals --------------------------------------------------------------------------------------------------


def judged(request: Recorded) -> dict[str, Any]:
    """What a fair judge says."""
    return judgement(request.user, form=request.body["response_format"]["json_schema"]["name"])


@script
async def judge(reply: Reply) -> None:
    """Answers the prompts of RAGAS by simple rules."""
    await say(reply, json.dumps(judged(reply.request)))


@script
async def judge_prose(reply: Reply) -> None:
    """A judge that talks."""
    await say(reply, "The answer looks faithful to me: 1 out of 1.")


@script
async def judge_beyond(reply: Reply) -> None:
    """Keeps to the schema, and its verdicts are no verdicts."""
    answer = judged(reply.request)
    text = re.sub(r'"(verdict|attributed|noncommittal)": \d', r'"\1": 7', json.dumps(answer))
    await say(reply, text.replace(json.dumps(answer.get("question", "-")), '""'))


@script
async def judge_forgets(reply: Reply) -> None:
    """Gives no verdict on the last statement."""
    answer = judged(reply.request)
    if reply.request.body["response_format"]["json_schema"]["name"] == "NLIStatementOutput":
        answer["statements"].pop()
    await say(reply, json.dumps(answer))


@script
async def judge_fails_often(reply: Reply) -> None:
    """Every other answer is an error."""
    if int(reply.request.headers["x-scripted-number"]) % 2:
        await server_error(reply)
    else:
        await judge(reply)


# Silence, refusal to serve, broken HTTP ----------------------------------------------------------------------------


@script
async def hang(reply: Reply) -> None:
    """Accepts and never answers."""
    reply.keep_alive = False
    await asyncio.sleep(3600)


@script
async def silent_stream(reply: Reply) -> None:
    """Heads, one word, then only keep-alive comments."""
    await reply.start_events()
    await reply.event(chunk({"content": "You "}))
    while True:
        await reply.raw(b": keepalive\n\n")
        await asyncio.sleep(0.1)


@script
async def rate_limited(reply: Reply) -> None:
    await reply.json(_error("Rate limit reached for org-needle"), status=429, headers={"Retry-After": "3600"})


@script
async def rate_limited_briefly(reply: Reply) -> None:
    """429 with a short Retry-After for every first request of two, else sensible."""
    reply_number = reply.request.headers["x-scripted-number"]
    if int(reply_number) % 2 == 1:
        await reply.json(_error("Slow down"), status=429, headers={"Retry-After": "0.05"})
    else:
        await sensible(reply)


@script
async def server_error(reply: Reply) -> None:
    await reply.json(_error("Internal needle-7f3 failure at /srv/secret"), status=500)


@script
async def unauthorized(reply: Reply) -> None:
    """Echoes the key, as real providers half do."""
    await reply.json(_error(f"Incorrect API key provided: {reply.request.headers.get('authorization')}"), status=401)


@script
async def html(reply: Reply) -> None:
    await reply.whole(b"<html><body>needle-7f3 Bad gateway</body></html>", kind="text/html")


@script
async def wrong_content_type(reply: Reply) -> None:
    await reply.whole(json.dumps(completion({"content": good_text(reply.request)})).encode(), kind="text/plain")


@script
async def redirect(reply: Reply) -> None:
    await reply.whole(b"", status=307, headers={"Location": "/v1/responses"})


@script
async def not_http(reply: Reply) -> None:
    await reply.raw(bytes(range(256)) * 8)


@script
async def garbage_bytes(reply: Reply) -> None:
    """200 with a body of random bytes."""
    body = hashlib.sha256(b"garbage").digest() * 64
    kind = "text/event-stream" if reply.request.streamed else "application/json"
    await reply.whole(body, kind=kind)


@script
async def reset(reply: Reply) -> None:
    """Resets the connection, in a stream after the first sentence."""
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(chunk({"content": "The first sentence is here [1]. The sec"}))
        await asyncio.sleep(0.05)
    reply.reset()


@script
async def huge_body(reply: Reply) -> None:
    """50 MB in one body (streamed: in one event line)."""
    reply.keep_alive = False
    kind = "text/event-stream" if reply.request.streamed else "application/json"
    reply._head(200, kind, {"Connection": "close"})
    reply.writer.write(b'data: {"x": "' if reply.request.streamed else b'{"x": "')
    for _ in range(HUGE // 65536):
        await reply.raw(b"x" * 65536)


@script
async def gzip_bomb(reply: Reply) -> None:
    body = _bomb()
    kind = "text/event-stream" if reply.request.streamed else "application/json"
    await reply.whole(body, kind=kind, headers={"Content-Encoding": "gzip"})


@lru_cache
def _bomb() -> bytes:
    return gzip.compress(b" " * HUGE, compresslevel=1)


# Wrong answers -----------------------------------------------------------------------------------------------------


@script
async def empty_choices(reply: Reply) -> None:
    if reply.request.streamed:
        await reply.start_events()
        await reply.event({**chunk({}), "choices": []})
        await reply.event("[DONE]")
    else:
        await reply.json(completion(None))


@script
async def null_choices(reply: Reply) -> None:
    body = {**(chunk({}) if reply.request.streamed else completion(None)), "choices": None}
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(body)
        await reply.event("[DONE]")
    else:
        await reply.json(body)


@script
async def two_choices(reply: Reply) -> None:
    text = good_text(reply.request)
    if reply.request.streamed:
        await reply.start_events()
        await reply.event({**chunk({}), "choices": chunk({"content": text})["choices"] * 2})
        await reply.event(chunk({}, finish="stop"))
        await reply.event("[DONE]")
    else:
        body = completion({"content": text})
        await reply.json({**body, "choices": body["choices"] * 2})


@script
async def error_in_200(reply: Reply) -> None:
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(_error("needle-7f3 overloaded"))
    else:
        await reply.json(_error("needle-7f3 overloaded"))


@script
async def truncated_json(reply: Reply) -> None:
    """The JSON stops in the middle although the finish reason says stop; in a stream the event does."""
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(json.dumps(chunk({"content": "You can return"}))[:-20])
    else:
        await say(reply, good_text(reply.request)[:-15])


@script
async def finish_length(reply: Reply) -> None:
    await say(reply, good_text(reply.request), finish="length")


@script
async def finish_content_filter(reply: Reply) -> None:
    await say(reply, good_text(reply.request), finish="content_filter")


@script
async def finish_null(reply: Reply) -> None:
    await say(reply, good_text(reply.request), finish=None)


@script
async def tool_calls(reply: Reply) -> None:
    """500 tool calls in one answer."""
    calls = [
        {"index": n, "id": f"call_{n}", "type": "function", "function": {"name": "delete_account", "arguments": "{}"}}
        for n in range(500)
    ]
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(chunk({"role": "assistant", "content": None, "tool_calls": calls}))
        await reply.event(chunk({}, finish="stop"))
        await reply.event("[DONE]")
    else:
        await reply.json(completion({"content": None, "tool_calls": calls}))


@script
async def refusal(reply: Reply) -> None:
    text = "I'm sorry, needle-7f3, I can't help with that."
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(chunk({"role": "assistant", "content": None, "refusal": text}))
        await reply.event(chunk({}, finish="stop"))
        await reply.event("[DONE]")
    else:
        await reply.json(completion({"content": None, "refusal": text}))


@script
async def empty_answer(reply: Reply) -> None:
    await say(reply, " ")


@script
async def unknown_intent(reply: Reply) -> None:
    await say_changed(reply, intents=[{"intent": "wire_money", "confidence": 0.99}])


@script
async def unknown_refusal(reply: Reply) -> None:
    await say_changed(reply, refusal="never_heard_of")


@script
async def confidence_too_high(reply: Reply) -> None:
    await say_changed(reply, frustration=7.5)


@script
async def confidence_nan(reply: Reply) -> None:
    await say_changed(reply, frustration=math.nan)


@script
async def wrong_types(reply: Reply) -> None:
    await say_changed(reply, fields=["HP-10001"], language=None)


@script
async def extra_keys(reply: Reply) -> None:
    await say_changed(reply, approved_by="supervisor")


@script
async def giant_string(reply: Reply) -> None:
    await say_changed(reply, fields={"order_number": "HP-" + "1" * 5_000})


# Endless -----------------------------------------------------------------------------------------------------------


@script
async def endless_fast(reply: Reply) -> None:
    """Never stops, as fast as it can."""
    await reply.start_events()
    event = f"data: {json.dumps(chunk({'content': 'and on and on '}))}\n\n".encode() * 50
    while True:
        await reply.raw(event)


@script
async def endless_slow(reply: Reply) -> None:
    """A token every 0.2 s, for ever: no read time-out ever fires."""
    await reply.start_events()
    while True:
        await reply.event(chunk({"content": "and "}))
        await asyncio.sleep(0.2)


@script
async def endless_empty(reply: Reply) -> None:
    """Chunks without any text, for ever."""
    await reply.start_events()
    event = f"data: {json.dumps(chunk({'content': ''}))}\n\n".encode() * 50
    while True:
        await reply.raw(event)


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "scripted", "code": "scripted"}}


# The server --------------------------------------------------------------------------------------------------------


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


def _protocol(writer: asyncio.StreamWriter) -> ClientProtocol:
    protocol = writer.transport.get_protocol()
    assert isinstance(protocol, ClientProtocol)
    return protocol


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
        protocol = _protocol(writer)
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
            await reply.json(_error("no such path"), status=404)
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
