"""The pages and scripts of ``server/web``, with types, validators and caching; nothing outside that folder."""

import hashlib
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from desk.domain.errors import NotFound
from server.deps import DeskDep

WEB = Path(__file__).parents[1] / "web"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_CACHE = "public, max-age=300"  # a new release of the widget reaches every embedding page within minutes

router = APIRouter(include_in_schema=False)


_MAILBOX_LINK = b'<a href="/demo/mailbox">Demo mailbox</a>'


@router.api_route("/", methods=["GET", "HEAD"])
async def demo_page(request: Request, desk: DeskDep) -> Response:
    return _file(request, "demo.html", without=b"" if desk.mailbox else _MAILBOX_LINK)


@router.api_route("/console", methods=["GET", "HEAD"])
async def console_page(request: Request) -> Response:
    return _file(request, "console.html")


@router.api_route("/{name}", methods=["GET", "HEAD"])
async def web_file(request: Request, name: str) -> Response:
    return _file(request, name)


def _file(request: Request, name: str, *, without: bytes = b"") -> Response:
    path = WEB / name
    # The pattern of the route admits no slash; parent names are refused by comparing with the folder's own listing.
    if path.suffix not in _TYPES or path not in WEB.iterdir():
        raise NotFound("There is nothing at this address.")
    content, etag = _read(path, path.stat().st_mtime_ns, without)
    page = path.suffix == ".html"
    headers = {"ETag": etag, "Cache-Control": "no-cache" if page else _CACHE}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=_TYPES[path.suffix])


@lru_cache(maxsize=64)
def _read(path: Path, _changed_ns: int, without: bytes) -> tuple[bytes, str]:
    content = path.read_bytes()
    if without:
        content = content.replace(without, b"")
    return content, f'"{hashlib.sha256(content).hexdigest()[:24]}"'
