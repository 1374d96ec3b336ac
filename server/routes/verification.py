"""Codes that prove who the customer is: given in the conversation's own call, or by the link in an e-mail.

Programs that look at links before people do must not verify anything, so a link leads to a page with a button.
"""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Header, Path
from starlette.responses import HTMLResponse, JSONResponse, Response

from desk.conversations.inbox import AcceptedTurn
from desk.domain.errors import Conflict, Gone
from desk.identity.step_up import Checked, Expired, NoChallenge, UsedUp, Verified, WrongCode
from server.deps import DeskDep, EntranceDep, ServedDesk, StreamsDep
from server.envelope import FORM_PAGE_POLICY
from server.errors import CodeNotRight
from server.openapi import problems
from server.routes.conversations import STREAM, open_turn_slot, turn_stream
from server.shapes import AcceptedMessage, GivenCode, SentCode

router = APIRouter(prefix="/v1", tags=["verification"])


@router.post(
    "/conversations/{conversation_id}/verification",
    response_model=AcceptedMessage,
    responses={200: STREAM, **problems(400, 401, 404, 409, 410, 413, 415, 422, 429)},
)
async def give_code(
    entrance: EntranceDep,
    body: GivenCode,
    desk: DeskDep,
    streams: StreamsDep,
    accept: Annotated[str, Header(description="text/event-stream for the turn's events")] = "application/json",
) -> Response:
    """Tries the code that was sent. The turn that goes on with it is a new one, stored before this answers.

    A wrong code is a 422 with `attempts_left`; a 410 says that only another code helps.
    """
    conversation = entrance.conversation
    # Subscribed before the code is tried: whatever its turn says is handed over.
    slot = open_turn_slot(desk, streams, conversation.id) if "text/event-stream" in accept.lower() else None
    try:
        turn_id = _turn_of(await desk.step_up.check(conversation.id, body.code), desk)
    except BaseException:
        if slot is not None:
            slot.release()
        raise
    if slot is None:
        return JSONResponse({"turn_id": turn_id})
    # Whatever this conversation was told before this call is not of that turn.
    turn = AcceptedTurn(turn_id=turn_id, after=conversation.last_event, duplicate=True)
    return turn_stream(desk, entrance, slot, turn=turn)


@router.post(
    "/conversations/{conversation_id}/verification/resend",
    status_code=202,
    responses=problems(401, 404, 409, 429),
)
async def send_another_code(entrance: EntranceDep, desk: DeskDep) -> SentCode:
    """Sends another code for what the conversation waits for; earlier ones stop counting."""
    challenge = await desk.step_up.resend(entrance.conversation.id)
    if challenge is None:
        raise _nothing_waits()
    return SentCode(method=challenge.factor, sent_to=challenge.sent_to, expires_at=challenge.expires_at)


@router.get("/verify/{token}", response_class=HTMLResponse, responses=problems())
async def show_link(token: Annotated[str, Path(max_length=200)], desk: DeskDep) -> Response:
    """The page behind the link in an e-mail: says what it confirms. Opening it confirms nothing."""
    challenge = await desk.step_up.behind_link(token)
    if challenge is None:
        return _page(desk, _OVER, status=410)
    return _page(
        desk,
        "<h1>Please confirm</h1>"
        f'<p class="what">{escape(challenge.title)}</p>'
        '<form method="post"><button type="submit">Yes, that is me</button></form>'
        "<p>If you did not ask for this in the chat, close this page: nothing happens then.</p>",
    )


@router.post("/verify/{token}", response_class=HTMLResponse, responses=problems())
async def follow_link(token: Annotated[str, Path(max_length=200)], desk: DeskDep) -> Response:
    """Confirms, once. The conversation goes on by itself."""
    checked = await desk.step_up.follow_link(token)
    if not isinstance(checked, Verified):
        return _page(desk, _OVER, status=410)
    desk.runner.wake(checked.challenge.conversation_id)
    return _page(desk, _DONE)


def _turn_of(checked: Checked, desk: ServedDesk) -> str:
    """The turn that goes on. Raises what the customer has to be told otherwise."""
    match checked:
        case Verified(challenge=challenge, turn_id=turn_id):
            desk.runner.wake(challenge.conversation_id)
            return str(turn_id)
        case WrongCode(attempts_left=left):
            raise CodeNotRight("That is not the code we sent.", attempts_left=left)
        case Expired():
            raise Gone("This code is too old. Ask for another one.", code="code_expired")
        case UsedUp():
            raise Gone("Too many codes were tried. Ask for another one.", code="code_used_up")
        case NoChallenge():
            raise _nothing_waits()


def _nothing_waits() -> Conflict:
    return Conflict("Nothing waits for a code here.", code="no_code_expected")


_DONE = "<h1>Thank you</h1><p>That is confirmed. The chat goes on by itself; you can close this page.</p>"
_OVER = "<h1>This link has ended</h1><p>It was used, or it is too old. Ask for another code in the chat.</p>"


def _page(desk: ServedDesk, content: str, *, status: int = 200) -> HTMLResponse:
    title = escape(desk.policies.title)
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark">'
        f'<title>{title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/plain.css"></head>'
        f'<body><header>{title}</header><main class="card">{content}</main></body></html>',
        status_code=status,
        headers={"Content-Security-Policy": FORM_PAGE_POLICY},
    )
