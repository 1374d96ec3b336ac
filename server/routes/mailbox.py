"""``/demo/mailbox``: what a demo would have sent to customers. It exists only where there is a mailbox."""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import HTMLResponse, JSONResponse, Response

from desk.channels.mailbox import Letter
from desk.domain.errors import NotFound
from server.deps import DeskDep

router = APIRouter(include_in_schema=False)


@router.get("/demo/mailbox")
async def demo_mailbox(desk: DeskDep, accept: Annotated[str, Header()] = "text/html") -> Response:
    """The newest messages on top: a page, or JSON with `Accept: application/json`."""
    if desk.mailbox is None:
        raise NotFound("There is nothing at this address.")
    letters = await desk.mailbox.letters()
    if "application/json" in accept.lower():
        return JSONResponse({"items": letters, "next": None})
    return HTMLResponse(_page(desk.policies.title, letters))


def _page(shop: str, letters: list[Letter]) -> str:
    title = escape(shop)
    shown = "".join(_letter(letter) for letter in letters) or "<p>Nothing was sent yet. Codes appear here.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<title>Mailbox · {title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/plain.css">'
        '<script src="/mailbox.js" defer></script></head>'
        f'<body><header><a href="/">{title}</a></header><h1>Demo mailbox</h1>'
        "<p>E-mails and text messages of this demonstration end here instead of at a customer's.</p>"
        f'<main id="letters" aria-live="polite">{shown}</main></body></html>'
    )


def _letter(letter: Letter) -> str:
    link = letter.get("link")
    confirm = f'<p><a href="{escape(link)}">Open the confirmation page</a></p>' if link else ""
    code = f'<p class="code">{escape(letter["code"])}</p>' if "code" in letter else ""
    kind = {"email": "E-mail", "sms": "SMS"}[letter["channel"]]
    return (
        f'<article class="card" id="{escape(letter["id"])}"><p class="meta">{kind} to {escape(letter["to"])} · '
        f'<time datetime="{escape(letter["at"])}">{escape(letter["at"][11:19])} UTC</time></p>'
        f"<h2>{escape(letter['subject'])}</h2>{code}<pre>{escape(letter['text'])}</pre>{confirm}</article>"
    )
