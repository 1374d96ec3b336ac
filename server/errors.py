"""Errors as HTTP sees them: every one is an RFC 9457 problem with a stable code and a sentence that is safe to show.

FrontdeskError                    carries its own status, code and title (``desk.domain.errors``)
├── MalformedBody             400 the body is not what JSON allows, or not UTF-8
├── BodyTimeout               408 the body took too long
├── MethodNotAllowed          405
├── BodyTooLarge              413
├── UnsupportedMediaType      415
├── CodeNotRight              422 a wrong one-time code; says how many may still be tried
└── TooManyStreams            429 one client holds too many event streams open
"""

import logging
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.db.outage import is_outage
from desk.domain.errors import (
    FrontdeskError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    SystemUnavailable,
    TooManyRequests,
)
from desk.knowledge.rights import Contradicts
from server.envelope import logged_path
from server.knowledge_shapes import conflict_shape

logger = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
_OUTAGE_RETRY_SECONDS = 2


class MalformedBody(FrontdeskError):
    code = "invalid_json"
    status = 400
    title = "The request body cannot be read"


class MethodNotAllowed(FrontdeskError):
    code = "method_not_allowed"
    status = 405
    title = "This address does not answer that method"


class BodyTimeout(FrontdeskError):
    code = "body_timeout"
    status = 408
    title = "The request body took too long"


class BodyTooLarge(FrontdeskError):
    code = "body_too_large"
    status = 413
    title = "The request body is too large"


class UnsupportedMediaType(FrontdeskError):
    code = "unsupported_media_type"
    status = 415
    title = "This kind of body is not understood"


class CodeNotRight(FrontdeskError):
    code = "wrong_code"
    status = 422
    title = "That code is not right"

    def __init__(self, detail: str, *, attempts_left: int) -> None:
        super().__init__(detail)
        self.attempts_left = attempts_left


class TooManyStreams(TooManyRequests):
    code = "too_many_streams"
    title = "Too many event streams"


def problem(error: FrontdeskError, scope: Scope) -> Response:
    """The answer that tells the client about ``error``."""
    body: dict[str, object] = {
        "type": f"/docs#problem-{error.error_code}",
        "title": error.title,
        "status": error.status,
        "code": error.error_code,
        "detail": error.detail,
        "request_id": scope.get("state", {}).get("request_id", ""),
    }
    if isinstance(error, CodeNotRight):
        body["attempts_left"] = error.attempts_left
    if isinstance(error, Contradicts):
        body["conflicts"] = [conflict_shape(conflict).model_dump(mode="json") for conflict in error.conflicts]
    return Response(orjson.dumps(body), status_code=error.status, headers=_headers(error), media_type=PROBLEM)


def _headers(error: FrontdeskError) -> dict[str, str]:
    match error:
        case TooManyRequests(retry_after=seconds):
            return {"Retry-After": str(seconds)}
        case NotAuthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case SystemUnavailable():
            return {"Retry-After": str(_OUTAGE_RETRY_SECONDS)}
        case BodyTimeout() | BodyTooLarge():
            # What is left of the body must not be taken for the next request.
            return {"Connection": "close"}
        case _:
            return {}


def install_error_handlers(app: FastAPI) -> None:
    """Makes every error of the routes a problem."""

    @app.exception_handler(FrontdeskError)
    async def on_frontdesk_error(request: Request, error: FrontdeskError) -> Response:
        if error.status >= 500:
            logger.error("A request failed", extra=_about(request.scope, "request_failed"), exc_info=error)
        return problem(error, request.scope)

    @app.exception_handler(RequestValidationError)
    async def on_validation_error(request: Request, error: RequestValidationError) -> Response:
        return problem(_readable(error), request.scope)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        answer = problem(_translated(error), request.scope)
        answer.headers.update(error.headers or {})
        return answer


def _readable(error: RequestValidationError) -> InvalidRequest:
    """Names the field and what is wrong with it; never the value that was sent."""
    first = error.errors()[0]
    name = str(first["loc"][-1]) if len(first["loc"]) > 1 else "the body"
    shown = name if name.isascii() and name.isidentifier() and len(name) <= 64 else "a field"
    match first["type"]:
        case "missing":
            return InvalidRequest(f"{shown} is required.")
        case "extra_forbidden":
            return InvalidRequest(f"{shown} is not a field of this request.", code="unknown_field")
        case "string_type" | "int_type" | "dict_type" | "model_attributes_type":
            return InvalidRequest(f"{shown} is of the wrong type.")
        case "literal_error":
            return InvalidRequest(f"{shown} must be one of {first.get('ctx', {}).get('expected', 'the known values')}.")
        case _:
            return InvalidRequest(f"{shown} is not valid.")


def _translated(error: HTTPException) -> FrontdeskError:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return NotFound("There is nothing at this address.")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return MethodNotAllowed("This address does not answer that method.")
        case HTTPStatus.BAD_REQUEST:
            return MalformedBody("The request cannot be read.", code="bad_request")
        case _:
            return FrontdeskError("The request could not be answered.")


def _about(scope: Scope, action: str) -> dict[str, str]:
    return {"action": action, "request_id": scope["state"]["request_id"], "path": logged_path(scope)}


class LastResort:
    """Turns what nobody expected into a problem: 503 while the database is away, else 500. The log has the trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            away = is_outage(error)
            if away:
                logger.warning("The database did not answer", extra=_about(scope, "database_away"))
            else:
                logger.exception("A request failed unexpectedly", extra=_about(scope, "request_failed"))
            if started:
                raise
            answer: FrontdeskError = (
                SystemUnavailable("We cannot reach our records right now. Please try again in a moment.")
                if away
                else FrontdeskError("Something went wrong on our side. Nothing was lost; please try again.")
            )
            await problem(answer, scope)(scope, receive, send)
