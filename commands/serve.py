"""``frontdesk serve``: the HTTP server, from migration to drain."""

import asyncio
import gc
import logging
import socket
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from desk.config.settings import Settings
    from desk.identity.staff import Role


def run(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    demo: Annotated[bool, typer.Option("--demo", help="Load the pack's sample records; make a secret key.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every request, in a demo too.")] = False,
) -> None:
    """Serve conversations over HTTP: migrates the database, opens everything, tells its address when it is ready."""
    from commands.logs import start_logging
    from desk.config.settings import load_settings
    from server.serving import bind

    start_logging(level=logging.WARNING if demo and not verbose else logging.INFO)
    settings = load_settings()
    listener = bind(host, port)
    if demo and settings.public_url is None:
        settings = settings.model_copy(update={"public_url": _address(listener, host)})
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(_serve(settings, listener, host=host, demo=demo))


async def _serve(settings: "Settings", listener: socket.socket, *, host: str, demo: bool) -> None:
    # Imported only now that the port is known to be free: a mistake in the call should not cost seconds.
    from desk.identity.demo_staff import ensure_demo_staff
    from graph.bootstrap import open_desk
    from server.app import create_app
    from server.serving import FrontdeskServer

    async with open_desk(settings, demo=demo) as desk:
        # What is open now stays: the collector need not walk through it again with every turn.
        gc.collect()
        gc.freeze()
        app = create_app(lambda: nullcontext(desk), settings=settings)
        tokens = await ensure_demo_staff(desk.staff, data_dir=settings.data_dir) if demo else {}

        def tell() -> None:
            _tell(listener, host)
            if demo:
                _tell_tokens(tokens, settings.data_dir)

        await FrontdeskServer(app, on_ready=tell).serve(sockets=[listener])


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists (not on Windows): a turn costs about a sixth less."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _tell(listener: socket.socket, host: str) -> None:
    address = _address(listener, host)
    print(f"Frontdesk is ready: {address}  (console: {address}/console, reference: {address}/docs)", flush=True)


def _tell_tokens(tokens: "dict[Role, list[str]]", data_dir: "Path") -> None:
    from desk.identity.demo_staff import FILE

    print(f"Staff tokens of this demo, two for each role (also in {data_dir / FILE}):", flush=True)
    for role, held in tokens.items():
        print(f"  {role:<16}{'  '.join(held)}", flush=True)


def _address(listener: socket.socket, host: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"
