"""Anybody's MCP server: one session, held open and opened again when it is lost, over a program or over HTTP.

The tools a pack uses are looked up when the session opens and pinned: a server that changes what one of them takes is
refused until Frontdesk starts again. A server's names, descriptions and results are data; none of them reaches a
prompt. Its results are read without the schemas it sends along, and no more than a megabyte of them.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import anyio
import httpx
from langchain_mcp_adapters.sessions import create_session
from mcp import ClientSession, McpError, types
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage

from desk.domain.errors import ConfigurationError
from desk.integrations.mapping import fill, text_at
from desk.integrations.operations import RemoteOperation
from desk.integrations.remote import Answered, Failed
from desk.integrations.rest import MAX_BYTES, strict_json, trusted
from desk.policies.systems import McpSystem, SystemAuth, filled

logger = logging.getLogger(__name__)

MAX_PAGES = 20  # of a list of tools
PING_SECONDS = 1.0
_NEVER_RUN = frozenset({types.METHOD_NOT_FOUND, types.INVALID_PARAMS})

# It writes whole messages and results into the log.
logging.getLogger("mcp").setLevel(logging.CRITICAL)


class _Refused(Exception):
    """The server is not the one the pack describes. The message is ours."""


class _Lost(Exception):
    """There is no session, or it ended."""


@dataclass(kw_only=True)
class McpTransport:
    """``desk.integrations.remote.Transport`` over MCP."""

    spec: McpSystem
    variables: Mapping[str, str]
    """Values of the variables the pack names."""
    _session: ClientSession | None = field(default=None, init=False)
    _holder: asyncio.Task[None] | None = field(default=None, init=False)
    _doubtful: bool = field(default=False, init=False)
    """An answer did not come, or the server says its tools changed: asked before it is used again."""
    _pinned: dict[str, str] = field(default_factory=dict, init=False)
    _refused: str | None = field(default=None, init=False)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _ending: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    """Holders that were dropped and have not closed their session yet."""

    async def open(self) -> None:
        """Looks the tools up; a server that is away is looked for again later.

        Raises ``ConfigurationError`` for one that is not what the pack describes.
        """
        try:
            async with asyncio.timeout(self.spec.timeout_seconds * 2):
                await self._ready(check=False)
        except _Refused as exc:
            await self.aclose()
            raise ConfigurationError(f"systems.yaml: {self.spec.id}: {exc}") from None
        except (_Lost, TimeoutError):
            extra = {"action": "system_away", "system": self.spec.id}
            logger.warning("An MCP server does not answer; it is tried again when it is needed", extra=extra)

    async def aclose(self) -> None:
        self._drop()
        if self._ending:
            await asyncio.wait(self._ending)

    async def send(
        self, operation: RemoteOperation, values: Mapping[str, Any], *, key: str | None
    ) -> Answered | Failed:
        written = next(written for written in self.spec.operations if written.name == operation.name)
        call = types.CallToolRequest(
            params=types.CallToolRequestParams(name=written.tool, arguments=fill(written.given, values))
        )
        sent = False
        try:
            async with asyncio.timeout(self.spec.timeout_seconds):
                while True:
                    session = await self._ready(check=operation.writes)
                    again = sent or operation.writes
                    sent = True
                    try:
                        return self._read(await self._ask(session, call, types.CallToolResult))
                    except _Lost:
                        if again:
                            raise
        except TimeoutError:
            self._doubtful = True
            return Failed(why="no answer in time", maybe_done=sent)
        except _Refused as exc:
            return Failed(why=str(exc), maybe_done=False)
        except _Lost:
            return Failed(why="the session was lost", maybe_done=sent)
        except McpError as exc:
            return Failed(why=f"error {exc.error.code}", maybe_done=exc.error.code not in _NEVER_RUN)
        except ValueError:  # pydantic's as well: what came is no result of a tool
            return Failed(why="an answer that is none", maybe_done=sent)

    async def _ready(self, *, check: bool) -> ClientSession:
        """A session that lives. ``check``: it is asked first, so that what follows is not sent into nothing."""
        async with self._opening:
            if self._refused is not None:
                raise _Refused(self._refused)
            if self._session is not None and (check or self._doubtful):
                try:
                    async with asyncio.timeout(PING_SECONDS):
                        if self._doubtful:
                            self._compare(await self._tools(self._session))
                        else:
                            await self._ask(self._session, types.PingRequest(), types.EmptyResult)
                    self._doubtful = False
                except (_Lost, McpError, TimeoutError, ValueError):
                    self._drop()
            return self._session or await self._connect()

    async def _connect(self) -> ClientSession:
        ready: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._holder = asyncio.create_task(self._hold(ready))
        try:
            session = await ready
            self._compare(await self._tools(session))
        except (McpError, ValueError) as exc:
            self._drop()
            raise _Lost from exc
        except BaseException:
            self._drop()
            raise
        self._session, self._doubtful = session, False
        return session

    async def _hold(self, ready: asyncio.Future[ClientSession]) -> None:
        """Opens a session and keeps it until it is dropped; who opens one has to close it, in one task."""
        try:
            async with self._opened() as session:
                await session.initialize()
                if not ready.done():
                    ready.set_result(session)
                await asyncio.Event().wait()
        except Exception:
            pass  # its words are the server's
        finally:
            if not ready.done():
                ready.set_exception(_Lost())
            if self._holder is asyncio.current_task():
                self._session = self._holder = None

    def _drop(self) -> None:
        if self._holder is not None:
            self._holder.cancel()
            self._ending.add(self._holder)
            self._holder.add_done_callback(self._ending.discard)
        self._session = self._holder = None

    async def _ask(self, session: ClientSession, request: Any, kind: Any) -> Any:
        """One request; ``_Lost`` when the session ends before the answer."""
        holder = self._holder
        if holder is None:
            raise _Lost
        asking = asyncio.create_task(session.send_request(types.ClientRequest(request), kind))
        try:
            await asyncio.wait({asking, holder}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise _Lost
            return asking.result()
        except McpError as exc:
            if exc.error.code not in (types.CONNECTION_CLOSED, 32600):
                raise
            self._drop()
            raise _Lost from exc
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream) as exc:
            self._drop()
            raise _Lost from exc
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _tools(self, session: ClientSession) -> dict[str, types.Tool]:
        tools: dict[str, types.Tool] = {}
        params: types.PaginatedRequestParams | None = None
        for _ in range(MAX_PAGES):
            page = await self._ask(session, types.ListToolsRequest(params=params), types.ListToolsResult)
            tools |= {tool.name: tool for tool in page.tools}
            if page.nextCursor is None:
                break
            params = types.PaginatedRequestParams(cursor=page.nextCursor)
        return tools

    def _compare(self, tools: Mapping[str, types.Tool]) -> None:
        """The tools in use are there, take what the pack gives them, and are those of the first time."""
        for written in self.spec.operations:
            if (tool := tools.get(written.tool)) is None:
                raise self._refusal(f"the server has no tool {written.tool}")
            schema = json.dumps([tool.inputSchema, tool.outputSchema], sort_keys=True)
            found = hashlib.sha256(schema.encode()).hexdigest()
            if self._pinned.setdefault(written.tool, found) != found:
                raise self._refusal(
                    f"the server changed its tool {written.tool}; start Frontdesk again when that is right"
                )
            known, needed = tool.inputSchema.get("properties", {}), tool.inputSchema.get("required", [])
            if not isinstance(known, dict) or not isinstance(needed, list):
                raise self._refusal(f"the tool {written.tool} does not say what it takes")
            if missing := [name for name in needed if name not in written.given]:
                raise self._refusal(f"the tool {written.tool} needs {len(missing)} more arguments than the pack gives")
            if unknown := sorted(written.given.keys() - known.keys()):
                raise self._refusal(f"the tool {written.tool} does not take {', '.join(unknown)}")

    def _refusal(self, why: str) -> _Refused:
        self._refused = why
        logger.error("An MCP server is refused: %s", why, extra={"action": "system_refused", "system": self.spec.id})
        self._drop()
        return _Refused(why)

    def _read(self, result: types.CallToolResult) -> Answered | Failed:
        value: Any = result.structuredContent
        if value is None and result.content and isinstance(text := result.content[0], types.TextContent):
            value = strict_json(text.text.encode(errors="surrogatepass"))
        if result.isError:
            return Failed(why="the tool says it failed", code=text_at(value, self.spec.error_code), is_fault=False)
        if value is None:
            return Failed(why="an answer that is not JSON")
        return Answered(value=value)

    async def _noticed(self, message: Any) -> None:
        """What the server says unasked. Only that its tools changed matters: they are compared before the next call."""
        if isinstance(message, types.ServerNotification) and isinstance(
            message.root, types.ToolListChangedNotification
        ):
            self._doubtful = True

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[ClientSession]:
        kept: dict[str, Any] = {"message_handler": self._noticed}
        if self.spec.url is None:
            command = [filled(part, self.variables) for part in self.spec.command]
            given = {name: self.variables[name] for name in self.spec.environment}
            program = _program(command, get_default_environment() | given)
            async with program as streams, ClientSession(*streams, **kept) as session:
                yield session
            return
        headers = {"Accept-Encoding": "identity"}
        match self.spec.auth:
            case SystemAuth(kind="bearer", secret=name):
                headers["Authorization"] = f"Bearer {self.variables[name]}"
            case SystemAuth(kind="header", header=header, secret=name):
                headers[header] = self.variables[name]
        async with create_session(
            {
                "transport": "streamable_http", "url": filled(self.spec.url, self.variables), "headers": headers,
                "timeout": self.spec.timeout_seconds, "terminate_on_close": False, "session_kwargs": kept,
                "httpx_client_factory": _client,
            }
        ) as session:  # fmt: skip
            yield session


@asynccontextmanager
async def _program(command: list[str], environment: dict[str, str]) -> AsyncIterator[tuple[Any, Any]]:
    """A server that speaks over its standard input and output, a bounded line for each message."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, limit=MAX_BYTES, start_new_session=True, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None, "it was asked for"
    assert process.stdout is not None, "it was asked for"
    to_session, from_program = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_program, from_session = anyio.create_memory_object_stream[SessionMessage](0)

    async def hear(out: asyncio.StreamReader) -> None:
        async with to_session:
            with contextlib.suppress(ValueError, anyio.BrokenResourceError):  # too long, or no message: it is over
                while line := await out.readline():
                    await to_session.send(SessionMessage(types.JSONRPCMessage.model_validate_json(line)))

    async def tell(into: asyncio.StreamWriter) -> None:
        async with from_session:
            async for message in from_session:
                into.write(message.message.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")
                with contextlib.suppress(OSError):
                    await into.drain()

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hear, process.stdout)
            tasks.start_soon(tell, process.stdin)
            try:
                yield from_program, to_program
            finally:
                tasks.cancel_scope.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with anyio.CancelScope(shield=True):
            process.stdin.close()
            await process.wait()


class _Bounded(httpx.AsyncByteStream):
    """The stream of an answer, up to a size."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise httpx.ReadError("answer too large")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _BoundedTransport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if "content-encoding" in answer.headers:
            await answer.aclose()
            raise httpx.ReadError("compressed answer")
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=_Bounded(answer.stream), extensions=answer.extensions
        )


def _client(
    headers: dict[str, str] | None = None, timeout: httpx.Timeout | None = None, auth: httpx.Auth | None = None
) -> httpx.AsyncClient:
    cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    return httpx.AsyncClient(
        transport=_BoundedTransport(verify=trusted()), headers=headers, timeout=timeout, auth=auth, cookies=cookies
    )
