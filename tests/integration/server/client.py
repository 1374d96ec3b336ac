"""A server on a real socket, and a client that speaks the contract to it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from desk.config.settings import Settings
from server.app import create_app
from server.serving import FrontdeskServer, bind
from tests.integration.server.echo_desk import EchoDesk, open_echo_desk

PATIENCE = 20.0


class Frame(NamedTuple):
    """One event as it came: its parts, and its bytes."""

    id: int | None
    event: str
    data: dict[str, Any]
    raw: str


@dataclass(frozen=True, kw_only=True)
class Session:
    """One started conversation and its token."""

    http: httpx.AsyncClient
    id: str
    token: str

    @classmethod
    async def start(cls, http: httpx.AsyncClient) -> "Session":
        response = await http.post("/v1/conversations", json={"channel": "web"})
        assert response.status_code == 201, response.text
        body = response.json()
        return cls(http=http, id=body["conversation_id"], token=body["session_token"])

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def path(self) -> str:
        return f"/v1/conversations/{self.id}"

    async def post(self, text: str, *, key: str = "m-1", **headers: str) -> httpx.Response:
        body = {"text": text, "client_message_id": key}
        return await self.http.post(f"{self.path}/messages", json=body, headers=self.auth | headers)

    async def say(self, text: str, *, key: str = "m-1") -> list[Frame]:
        """Posts and hears the turn to its end."""
        body = {"text": text, "client_message_id": key}
        headers = self.auth | {"Accept": "text/event-stream"}
        async with self.http.stream("POST", f"{self.path}/messages", json=body, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            return [frame async for frame in frames(response)]

    async def listen(self, *, until: int = 1, **headers: str) -> list[Frame]:
        """Events of the open stream, up to the given number of completed turns."""
        heard: list[Frame] = []
        async with asyncio.timeout(PATIENCE), self.events(**headers) as response:
            async for frame in frames(response):
                heard.append(frame)
                until -= frame.event == "turn.completed"
                if until == 0:
                    break
        return heard

    def events(self, *, query: str = "", **headers: str) -> Any:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.stream("GET", f"{self.path}/events{query}", headers=self.auth | names)

    async def transcript(self) -> list[dict[str, Any]]:
        response = await self.http.get(self.path, headers=self.auth)
        assert response.status_code == 200, response.text
        return list(response.json()["messages"])


@dataclass(frozen=True, kw_only=True)
class Site:
    """A running server, its desk, and how to reach both."""

    http: httpx.AsyncClient
    port: int
    desk: EchoDesk
    server: FrontdeskServer

    async def start(self) -> Session:
        return await Session.start(self.http)

    async def count(self, table: str, conversation_id: str) -> int:
        async with self.desk.pool.connection() as connection:
            cursor = await connection.execute(
                f"SELECT count(*) AS n FROM {table} WHERE conversation_id = %s",
                (conversation_id,),
            )
            row = await cursor.fetchone()
            assert row is not None
            return int(row["n"])


@asynccontextmanager
async def running_site(url: str, settings: Settings) -> AsyncIterator[Site]:
    """A server on a free port of loopback, in this event loop."""
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    async with open_echo_desk(url, settings) as desk:
        server = FrontdeskServer(create_app(lambda: nullcontext(desk), settings=settings))
        async with serving(server, listener) as http:
            yield Site(http=http, port=port, desk=desk, server=server)


@asynccontextmanager
async def serving(server: FrontdeskServer, listener: socket.socket) -> AsyncIterator[httpx.AsyncClient]:
    """Runs the server on the socket, and gives a client of it."""
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    running = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(PATIENCE):
        while not server.started and not running.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    limits = httpx.Limits(max_connections=None)
    try:
        async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE, limits=limits, trust_env=False) as http:
            yield http
    finally:
        server.should_exit = True
        await running


async def frames(response: httpx.Response) -> AsyncIterator[Frame]:
    """Events of a stream, as they come; comments and hints are left out."""
    buffer = ""
    async for piece in response.aiter_text():
        buffer += piece
        *complete, buffer = buffer.split("\n\n")
        for raw in complete:
            lines = dict(line.split(": ", 1) for line in raw.split("\n") if not line.startswith(":"))
            if "data" in lines:
                number = int(lines["id"]) if "id" in lines else None
                yield Frame(number, lines["event"], json.loads(lines["data"]), raw)


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    """Waits until another process or socket has done what gives no event of its own."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def raw_exchange(port: int, data: bytes, *, wait: float = PATIENCE) -> bytes:
    """Sends bytes over a plain socket and reads until the server closes or ``wait`` seconds are over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = b""
    try:
        async with asyncio.timeout(wait):
            await writer.drain()
            while piece := await reader.read(65536):
                answer += piece
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return answer
