"""For whoever runs the server: is the process alive, can it do its work."""

import asyncio

from fastapi import APIRouter
from starlette.responses import JSONResponse

from server.deps import DeskDep, StreamsDep
from server.shapes import Readiness

CHECK_SECONDS = 5.0

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers. Asks nothing of any dependency."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness, "description": "Not ready."}})
async def ready(desk: DeskDep, streams: StreamsDep) -> JSONResponse:
    """Whether conversations can be served here now, and if not, why."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            checks = await desk.health()
    except TimeoutError:
        checks = {"health": f"The dependencies did not answer within {CHECK_SECONDS:g} seconds."}
    if streams.closing:
        checks["server"] = "This process is shutting down."
    is_ready = all(result == "ok" for result in checks.values())
    body = {"status": "ready" if is_ready else "not_ready", "checks": checks}
    return JSONResponse(body, status_code=200 if is_ready else 503)
