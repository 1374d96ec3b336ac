"""The envelope of every answer: a request id, headers that keep browsers from guessing, one line in the log."""

import logging
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.domain.ids import new_id

logger = logging.getLogger(__name__)

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FORM_PAGE_POLICY = PAGE_POLICY.replace("form-action 'none'", "form-action 'self'")
"""For a page with a form; it says so itself."""
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


_SECRET_PATH = "/v1/verify/"


def logged_path(scope: Scope) -> str:
    """A request's path for the log: the one path that is a secret ends before it."""
    path: str = scope["path"]
    return f"{_SECRET_PATH}…" if path.startswith(_SECRET_PATH) else path[:200]


class Envelope:
    """Outermost ASGI middleware. The id is ours alone: one sent by the client would let it forge log lines."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request_id = new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def sealed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                if status != 304:  # it has no content type, and browsers apply its headers to the page they stored
                    page = headers.get("content-type", "").startswith("text/html")
                    headers.setdefault("Content-Security-Policy", PAGE_POLICY if page else DATA_POLICY)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, sealed)
        finally:
            logger.info(
                "Request answered",
                extra={
                    "action": "request",
                    "request_id": request_id,
                    "method": scope["method"],
                    "path": logged_path(scope),
                    "status": status,
                    "ms": round((time.perf_counter() - began) * 1000, 1),
                },
            )
        return None
