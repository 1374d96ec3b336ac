"""The HTTP application: routes, the guard in front of them, and the desk behind them.

Outermost first: envelope (ids, headers, log) > CORS > last resort (no trace leaves) > guard (bodies) > routes.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from desk.config.settings import Settings
from server.addresses import parse_networks
from server.deps import ServedDesk
from server.envelope import Envelope
from server.errors import LastResort, install_error_handlers
from server.guard import Guard
from server.openapi import describe_problems
from server.routes import (
    actions,
    approvals,
    audit,
    conversations,
    knowledge,
    mailbox,
    operations,
    pages,
    reference,
    staff,
    switches,
    verification,
)
from server.streams import Streams

DeskFactory = Callable[[], AbstractAsyncContextManager[ServedDesk]]

_DESCRIPTION = (
    "Conversations of customers with the assistant.\n\n"
    "Errors are application/problem+json. A session token opens one conversation; an unknown conversation and one of "
    "somebody else get the same answer."
)


def create_app(desk_factory: DeskFactory, *, settings: Settings) -> FastAPI:
    """The application. The desk is opened when the server starts and closed after its last answer."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with desk_factory() as desk:
            app.state.desk = desk
            yield

    app = FastAPI(
        title="Frontdesk",
        version="0.1.0",
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own page loads its scripts from a CDN; ours is server.routes.reference
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.streams = Streams(
        per_conversation=settings.streams_per_conversation, per_address=settings.streams_per_address
    )
    app.state.trusted_proxies = parse_networks(settings.trusted_proxies)
    install_error_handlers(app)
    app.include_router(conversations.router)
    app.include_router(approvals.router)
    app.include_router(actions.router)
    app.include_router(verification.router)
    app.include_router(audit.router)
    app.include_router(knowledge.router)
    app.include_router(switches.router)
    app.include_router(staff.router)
    app.include_router(operations.router)
    app.include_router(reference.router)
    app.include_router(mailbox.router)
    app.include_router(pages.router)
    describe_problems(app)
    app.add_middleware(Guard)
    app.add_middleware(LastResort)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[origin.strip() for origin in settings.allowed_origins.split(",") if origin.strip()],
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        expose_headers=["X-Request-Id", "Retry-After"],
        max_age=600,
    )
    app.add_middleware(Envelope)
    return app
