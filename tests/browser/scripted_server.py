"""A server of the customers' contract on loopback whose turns follow a script: what the widget is tested against.

It serves the files of ``server/web`` under a strict content security policy, keeps an event log for each conversation,
and lets a test hold the next event back, cut every stream, or answer the next message with an error.
"""

import asyncio
import itertools
import json
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from desk.domain.clock import now, rfc3339

WEB = Path(__file__).parents[2] / "server" / "web"
DISCLOSURE = "I am an automated assistant. You can ask for a person at any time."

# The strictest policy a host page may have: nothing inline, nothing foreign, no HTML from strings at all.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

GATE, CUT = "gate", "cut"
Step = str | tuple[str, dict[str, Any]]


def step(node: str) -> Step:
    """A node of the graph begins."""
    return "step", {"node": node, "status": "started"}


def delta(text: str, *, message: str = "m1") -> Step:
    """A piece of an answer."""
    return "message.delta", {"message_id": message, "text": text}


def completed(
    text: str,
    *,
    message: str = "m1",
    sources: Iterable[dict[str, str]] = (),
    options: Iterable[str] = (),
) -> Step:
    """The whole answer."""
    return "message.completed", {
        "message_id": message, "text": text, "sources": list(sources), "options": list(options),
    }  # fmt: skip


RETURNS_SOURCE = {"article": "returns-and-refunds", "version": "1.2", "title": "Returns and refunds"}
RETURNS_ANSWER = (
    "You can return most things **within 30 days of delivery**.\n\n- Unused, in the original packaging\n"
    "- Refund to the way you paid\n\nMade-to-measure pieces cannot be returned. Voilà — that’s all."
)


def plain_answer() -> list[Step]:
    """What any message without a script of its own gets."""
    pieces = RETURNS_ANSWER.split(" ")
    return [
        step("classify"), step("retrieve"), step("respond"),
        *(delta(piece + " ") for piece in pieces),
        completed(RETURNS_ANSWER, sources=[RETURNS_SOURCE], options=["Start a return", "Talk to a person"]),
    ]  # fmt: skip


@dataclass
class Refusal:
    """How the next message is answered instead of being taken."""

    status: int
    detail: str = "The message could not be taken."
    retry_after: int | None = None
    take_it: bool = False
    """The message is taken all the same: only its answer is lost."""


@dataclass
class _Conversation:
    id: str
    token: str
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    turns: dict[str, str] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    running: asyncio.Lock = field(default_factory=asyncio.Lock)


class ScriptedDesk:
    """The server. Set ``scripts[text]`` before a message is sent; read ``posts`` and ``opened`` after."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[Step]] = {}
        self.refusals: deque[Refusal] = deque()
        self.posts: list[dict[str, Any]] = []
        """Every body POSTed to ``messages``, refused ones too."""
        self.actions: list[tuple[str, dict[str, Any]]] = []
        """Every other POST beneath a conversation: path and body."""
        self.opened: list[int] = []
        """From which event number each stream was asked for."""
        self.posted_at: list[float] = []
        """When each of ``posts`` came, in seconds of the monotonic clock."""
        self.overlap = 0
        """How many events before the one asked for a stream begins."""
        self.foreign: list[str] = []
        """Paths nobody should have asked for."""
        self.mute = False
        """Streams send nothing at all: not even a heartbeat."""
        self.feedback_status = 404
        self._conversations: dict[str, _Conversation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._epoch = 0
        self._turns = itertools.count(1)
        self._gate: asyncio.Semaphore
        self._loop: asyncio.AbstractEventLoop
        self._server: uvicorn.Server
        self.url = ""

    # -- what a test does

    def release(self, count: int = 1) -> None:
        """Lets ``count`` gates pass."""
        for _ in range(count):
            self._loop.call_soon_threadsafe(self._gate.release)

    def cut(self) -> None:
        """Ends every open stream."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(timeout=5)

    def forget(self, *, cut: bool) -> None:
        """Every conversation ends: its token opens nothing any more. ``cut``: open streams end as well."""
        ended = list(self._conversations.values())
        self._conversations.clear()
        if cut:
            asyncio.run_coroutine_threadsafe(self._cut(ended), self._loop).result(timeout=5)

    @property
    def taken(self) -> list[str]:
        """The texts of all messages that became a turn."""
        return [message["text"] for each in self._conversations.values() for message in each.messages]

    # -- life

    def start(self) -> None:
        """Listens on a free port of loopback in a thread of its own."""
        ready = threading.Event()
        listener = socket.create_server(("127.0.0.1", 0))  # bound here: a request may come before the loop is up
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def run() -> None:
            async def main() -> None:
                self._loop = asyncio.get_running_loop()
                self._gate = asyncio.Semaphore(0)
                config = uvicorn.Config(
                    self._app(), log_level="critical", timeout_graceful_shutdown=1, ws="none", lifespan="off",
                )  # fmt: skip
                self._server = uvicorn.Server(config)
                ready.set()
                await self._server.serve(sockets=[listener])

            asyncio.run(main())

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert ready.wait(10), "the scripted server did not start"

    def stop(self) -> None:
        """Ends streams and scripts, then the server."""

        async def end() -> None:  # in one go: a loop that has nothing left to do is gone in an instant
            for task in self._tasks:
                task.cancel()
            self._server.should_exit = True
            await self._cut()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(timeout=30)
        self._thread.join(timeout=30)

    # -- the contract

    def _app(self) -> Starlette:
        beneath = "/v1/conversations/{id}"
        return Starlette(
            routes=[
                Route("/v1/conversations", self._create, methods=["POST"]),
                Route(beneath, self._transcript),
                Route(f"{beneath}/messages", self._message, methods=["POST"]),
                Route(f"{beneath}/events", self._events),
                Route(f"{beneath}/{{action:path}}", self._action, methods=["POST"]),
                Route("/{path:path}", self._file),
            ]
        )

    async def _file(self, request: Request) -> Response:
        name = request.path_params["path"] or "demo.html"
        if name == "plain":
            page = "<!doctype html><html lang=fr><title>Host</title><body><script src=/widget.js defer></script>"
            return Response(page, media_type="text/html", headers={"Content-Security-Policy": POLICY})
        if not (WEB / name).is_file():
            self.foreign.append(request.url.path)
            return Response(status_code=404)
        return FileResponse(WEB / name, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})

    async def _create(self, request: Request) -> Response:
        await request.json()
        number = len(self._conversations) + 1
        conversation = _Conversation(id=f"conv_{number:06d}_{id(self):x}", token=f"token-{number}-{id(self):x}")
        self._conversations[conversation.id] = conversation
        return JSONResponse(
            {"conversation_id": conversation.id, "session_token": conversation.token, "disclosure": DISCLOSURE},
            status_code=201,
        )

    def _enter(self, request: Request) -> _Conversation | None:
        conversation = self._conversations.get(request.path_params["id"])
        if conversation is None or request.headers.get("Authorization") != f"Bearer {conversation.token}":
            return None
        return conversation

    async def _transcript(self, request: Request) -> Response:
        if (conversation := self._enter(request)) is None:
            return _problem(404, "There is no such conversation.")
        return JSONResponse({"conversation_id": conversation.id, "status": "open", "messages": conversation.messages})

    async def _message(self, request: Request) -> Response:
        body = await request.json()
        self.posts.append(body)
        self.posted_at.append(time.monotonic())
        if (conversation := self._enter(request)) is None:
            return _problem(404, "There is no such conversation.")
        if set(body) != {"text", "client_message_id"}:
            return _problem(422, "Only text and client_message_id are taken.")
        refusal = self.refusals.popleft() if self.refusals else None
        if refusal and not refusal.take_it:
            return _problem(refusal.status, refusal.detail, retry_after=refusal.retry_after)
        key = body["client_message_id"]
        if key not in conversation.turns:
            turn_id = self._turn_id()
            conversation.turns[key] = turn_id
            conversation.messages.append(
                {"message_id": f"msg_{turn_id}", "turn_id": turn_id, "role": "customer", "text": body["text"],
                 "at": rfc3339(now())}
            )  # fmt: skip
            task = asyncio.create_task(self._run(conversation, turn_id, body["text"]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if refusal:
            return _problem(refusal.status, refusal.detail)
        return JSONResponse({"turn_id": conversation.turns[key]}, status_code=202)

    async def _action(self, request: Request) -> Response:
        action, body = request.path_params["action"], await request.json()
        self.actions.append((action, body))
        if (conversation := self._enter(request)) is None:
            return _problem(404, "There is no such conversation.")
        if action == "feedback":
            return JSONResponse({}, status_code=self.feedback_status)
        if action == "verification":
            if body["code"] != "123456":
                return _problem(422, "That code is not right. 4 attempts left.", code="wrong_code")
            turn_id = self._turn_id()
            conversation.turns[turn_id] = turn_id
            succeeded: list[Step] = [("verification.succeeded", {"method": "email"}), completed("You are verified.")]
            self.scripts[turn_id] = succeeded
            task = asyncio.create_task(self._run(conversation, turn_id, turn_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return JSONResponse({"turn_id": turn_id})
        return JSONResponse({})

    def _turn_id(self) -> str:
        return f"turn_{next(self._turns):06d}"

    async def _run(self, conversation: _Conversation, turn_id: str, text: str) -> None:
        async with conversation.running:
            await self._emit(conversation, turn_id, ("turn.started", {}))
            outcome = "answered"
            for each in self.scripts.get(text, plain_answer()):
                if each == GATE:
                    await self._gate.acquire()
                elif each == CUT:
                    await self._cut()
                else:
                    assert not isinstance(each, str)
                    await self._emit(conversation, turn_id, each)
                    if each[0] == "error":
                        outcome = "failed"
            await self._emit(conversation, turn_id, ("turn.completed", {"outcome": outcome}))

    async def _emit(self, conversation: _Conversation, turn_id: str, event: tuple[str, dict[str, Any]]) -> None:
        kind, data = event
        full = {"conversation_id": conversation.id, "turn_id": turn_id, "at": rfc3339(now()), **data}
        if "message_id" in data:
            full["message_id"] = f"msg_{turn_id}_{data['message_id']}"
        async with conversation.changed:
            conversation.events.append((kind, full))
            conversation.changed.notify_all()

    async def _cut(self, conversations: Iterable[_Conversation] = ()) -> None:
        self._epoch += 1
        for conversation in [*conversations, *self._conversations.values()]:
            async with conversation.changed:
                conversation.changed.notify_all()

    async def _events(self, request: Request) -> Response:
        if (conversation := self._enter(request)) is None:
            return _problem(404, "There is no such conversation.")
        after = int(request.headers.get("Last-Event-ID") or request.query_params.get("after", "0"))
        self.opened.append(after)
        return StreamingResponse(self._follow(conversation, after), media_type="text/event-stream")

    async def _follow(self, conversation: _Conversation, after: int) -> AsyncIterator[bytes]:
        epoch, sent = self._epoch, max(0, after - self.overlap)
        if not self.mute:
            yield b": welcome\r\n\r\n"
        while epoch == self._epoch and not self._server.should_exit:
            async with conversation.changed:
                if self.mute or sent >= len(conversation.events):
                    await conversation.changed.wait()
                    continue
                number, (kind, data) = sent + 1, conversation.events[sent]
            sent = number
            frame = f"id: {number}\r\nevent: {kind}\r\ndata: {json.dumps(data, ensure_ascii=False)}\r\n\r\n".encode()
            middle = len(frame) // 2  # wherever that falls: within a character, or between CR and LF
            yield frame[:middle]
            yield frame[middle:]


def _problem(status: int, detail: str, *, code: str = "scripted", retry_after: int | None = None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse(
        {"type": "about:blank", "title": "Refused", "status": status, "code": code, "detail": detail},
        status_code=status, media_type="application/problem+json", headers=headers,
    )  # fmt: skip
