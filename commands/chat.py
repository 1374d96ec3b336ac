"""``frontdesk chat``: the assistant in the terminal, in this process or on a server."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from desk.domain.errors import ConfigurationError, FrontdeskError

Event = tuple[int, str, dict[str, Any]]
"""Number, type, data."""
Say = Callable[[str], AsyncIterator[Event]]


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A started conversation: what to show first, and how to say something and hear the turn's events."""

    disclosure: str
    say: Say


def run(
    server: Annotated[str | None, typer.Option(help="Address of a running server; default: in this process.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every event as a line of JSON.")] = False,
) -> None:
    """Talk to the assistant in the terminal. One message on each line; Ctrl-D leaves."""
    from commands.logs import start_logging

    start_logging(level=logging.ERROR)
    asyncio.run(_chat(talk_to(server) if server else talk_here(), as_json=as_json))


async def _chat(opened: AbstractAsyncContextManager[Talk], *, as_json: bool) -> None:
    async with opened as talk:
        show = JsonLines() if as_json else Terminal(interactive=sys.stdin.isatty())
        show.disclosure(talk.disclosure)
        while (line := await asyncio.to_thread(show.ask)) is not None:
            if not line.strip():
                continue
            try:
                async with aclosing(talk.say(line)) as events:  # type: ignore[type-var]
                    async for event in events:
                        show.event(event)
            except FrontdeskError as error:
                show.failed(error)


class JsonLines:
    """Events for programs."""

    def disclosure(self, text: str) -> None:
        print(json.dumps({"event": "disclosure", "data": {"text": text}}), flush=True)

    def ask(self) -> str | None:
        return sys.stdin.readline() or None

    def event(self, event: Event) -> None:
        number, kind, data = event
        print(json.dumps({"id": number, "event": kind, "data": data}, ensure_ascii=False), flush=True)

    def failed(self, error: FrontdeskError) -> None:
        data = {"code": error.error_code, "detail": error.detail, "retryable": error.status in {429, 503}}
        print(json.dumps({"event": "error", "data": data}), flush=True)


class Terminal:
    """Events for people: the step while they wait, the answer as it comes, what it stands on, what may be said next."""

    def __init__(self, *, interactive: bool) -> None:
        self._interactive = interactive
        self._shown = ""
        self._step = False

    def disclosure(self, text: str) -> None:
        print(f"{text}\n", flush=True)

    def ask(self) -> str | None:
        try:
            return input("you> " if self._interactive else "")
        except EOFError:
            return None

    def event(self, event: Event) -> None:
        _, kind, data = event
        match kind:
            case "step" if data["status"] == "started":
                self._working(data["node"])
            case "message.delta":
                self._write(data["text"])
            case "message.completed":
                self._complete(data)
            case "handoff.created":
                print(f"  [a person takes over: {data['queue']}, number {data['position']} in line]")
            case "error":
                print(f"  [{data['detail']}]", file=sys.stderr)
            case "turn.completed":
                print(flush=True)

    def failed(self, error: FrontdeskError) -> None:
        print(f"  [{error.detail}]", file=sys.stderr)

    def _working(self, node: str) -> None:
        if self._interactive and not self._shown:
            print(f"\r\x1b[2K\x1b[2m… {node.replace('_', ' ')}\x1b[0m", end="", flush=True)
            self._step = True

    def _write(self, text: str) -> None:
        if self._step:
            print("\r\x1b[2K", end="")
            self._step = False
        self._shown += text
        print(_printable(text), end="", flush=True)

    def _complete(self, data: dict[str, Any]) -> None:
        text = data["text"]
        if text != self._shown:
            # What came in pieces is the beginning of the text, unless the turn was run again after a crash.
            continues = text.startswith(self._shown)
            self._write(text[len(self._shown) :] if continues else f"\n{text}")
        print()
        for source in data["sources"]:
            print(f"  source: {_printable(source['title'])} ({source['article']} {source['version']})")
        if data["options"]:
            print("  you may answer: " + " | ".join(_printable(option) for option in data["options"]))
        self._shown = ""


def _printable(text: str) -> str:
    """No text from outside steers the terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text)


@asynccontextmanager
async def talk_here() -> AsyncIterator[Talk]:
    """A conversation with a desk opened in this process."""
    from desk.config.settings import load_settings
    from desk.conversations.text import clean_text
    from desk.domain.ids import new_id
    from graph.bootstrap import open_desk
    from server.sse import turn_batches

    settings = load_settings()
    async with open_desk(settings, demo=settings.secret_key is None) as desk:
        session = await desk.conversations.start(
            channel="terminal", locale=desk.policies.locale, pack_version=desk.policies.version
        )

        async def say(text: str) -> AsyncIterator[Event]:
            conversation_id = session.conversation_id
            subscription = desk.hub.subscribe(conversation_id)
            try:
                turn = await desk.runner.submit(
                    conversation_id, text=clean_text(text), client_message_id=new_id("line")
                )
                async for events in turn_batches(subscription, turn):
                    for event in events:
                        yield event.id, event.type, json.loads(event.data)
            finally:
                subscription.close()

        yield Talk(disclosure=desk.policies.assistant.disclosure, say=say)


@asynccontextmanager
async def talk_to(server: str) -> AsyncIterator[Talk]:
    """A conversation on a running server. Raises ``ConfigurationError`` when there is none at that address."""
    import httpx

    from desk.domain.ids import new_id

    timeout = httpx.Timeout(10, read=30)  # the stream has a heartbeat every few seconds
    async with httpx.AsyncClient(base_url=server, timeout=timeout) as client:
        started = await _answer(server, client.post("/v1/conversations", json={"channel": "web"}))
        client.headers["Authorization"] = f"Bearer {started['session_token']}"
        address = f"/v1/conversations/{started['conversation_id']}/messages"

        async def say(text: str) -> AsyncIterator[Event]:
            body = {"text": text, "client_message_id": new_id("line")}
            while True:  # a dropped connection is no reason to ask again: the same id is the same turn
                try:
                    async with client.stream(
                        "POST", address, json=body, headers={"Accept": "text/event-stream"}
                    ) as response:
                        if response.status_code != 200:
                            await response.aread()
                            raise FrontdeskError(response.json()["detail"], code=response.json()["code"])
                        async for event in _parsed(response.aiter_lines()):
                            yield event
                            if event[1] == "turn.completed":
                                return
                except httpx.TransportError:
                    await asyncio.sleep(1)

        yield Talk(disclosure=started["disclosure"], say=say)


async def _answer(server: str, request: Awaitable[Any]) -> dict[str, Any]:
    import httpx

    try:
        response = await request
        body = response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
        raise ConfigurationError(f"no Frontdesk server answers at {server} ({type(exc).__name__})") from exc
    if response.status_code != 201:
        raise ConfigurationError(f"{server} answered {response.status_code}: {body.get('detail', '')}")
    return dict(body)


async def _parsed(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    number, kind = 0, ""
    async for line in lines:
        name, _, value = line.partition(": ")
        match name:
            case "id":
                number = int(value)
            case "event":
                kind = value
            case "data":
                yield number, kind, json.loads(value)
