"""Serving over sockets: a uvicorn server that lets streams go before it leaves, and connections with limited patience.

uvicorn by itself waits without limit for a request's headers, and keeps the socket of a reader that never reads.
"""

import asyncio
import contextlib
import errno
import importlib
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fastapi import FastAPI
from uvicorn import Config, Server

from desk.domain.errors import ConfigurationError
from server.streams import Streams

HEADER_SECONDS = 10.0
STALLED_SECONDS = 15.0  # above the stream's own send time-out, which ends a stream in good order
DRAIN_SECONDS = 4  # for answers under way; the desk's own drain of its turns follows
TURN_GRACE_SECONDS = 3.0


class FrontdeskServer(Server):
    """A uvicorn server for one loop. ``on_ready`` is called once connections are accepted."""

    def __init__(self, app: FastAPI, *, on_ready: Callable[[], None] = lambda: None, lifespan: bool = True) -> None:
        super().__init__(
            Config(
                app,
                http=patient_protocol(),
                ws="none",
                lifespan="on" if lifespan else "off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # server.addresses decides whom to believe
                timeout_keep_alive=20,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                backlog=2048,
            )
        )
        self.streams: Streams = app.state.streams
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.streams.close_live()
        grace = asyncio.get_running_loop().call_later(TURN_GRACE_SECONDS, self.streams.close_turns)
        await super().shutdown(sockets)
        grace.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's, does not raise the signal again at the end: the desk still has to be closed then."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        try:
            for number in signals:
                loop.add_signal_handler(number, partial(self.handle_exit, number, None))
        except (ValueError, RuntimeError):  # not the main thread: whoever started it stops it
            yield
            return
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet, so that a taken port is told before anything is started.

    Raises ``ConfigurationError`` when the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as exc:
        listener.close()
        taken = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
        hint = "another program listens there; choose another with --port" if taken else str(exc)
        raise ConfigurationError(f"cannot listen on {host} port {port}: {hint}") from exc
    return listener


def patient_protocol() -> type[asyncio.Protocol]:
    """uvicorn's protocol (httptools where it is installed, else h11) with an end to its patience."""
    base: Any
    try:
        base = importlib.import_module("uvicorn.protocols.http.httptools_impl").HttpToolsProtocol
    except ImportError:
        base = importlib.import_module("uvicorn.protocols.http.h11_impl").H11Protocol

    class PatientProtocol(base):  # type: ignore[misc]
        """Closes a connection whose request headers do not come, and drops one whose reader does not read."""

        _headers_due: asyncio.TimerHandle | None = None
        _reader_due: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._await_headers()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._cancel_headers_due()
            elif self._headers_due is None:
                self._await_headers()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel_headers_due()
            self.resume_writing()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reader_due = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._reader_due is not None:
                self._reader_due.cancel()
                self._reader_due = None

        def _await_headers(self) -> None:
            self._headers_due = self.loop.call_later(HEADER_SECONDS, self.transport.close)

        def _cancel_headers_due(self) -> None:
            if self._headers_due is not None:
                self._headers_due.cancel()
                self._headers_due = None

    return PatientProtocol
