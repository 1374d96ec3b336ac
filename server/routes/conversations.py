"""Conversations of customers: start one, say something, listen, read it again."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import JSONResponse, Response

from desk.conversations.inbox import AcceptedTurn
from desk.conversations.text import clean_text
from desk.domain.errors import Forbidden
from server.deps import AddressDep, DeskDep, Entrance, EntranceDep, ServedDesk, StreamsDep, bearer_token, enter
from server.errors import MalformedBody
from server.openapi import problems
from server.shapes import (
    AcceptedMessage,
    NewConversation,
    NewMessage,
    StartedConversation,
    Transcript,
    TranscriptMessage,
)
from server.sse import EventStream, live_batches, turn_batches
from server.streams import Streams, StreamSlot

STREAM: dict[str, Any] = {
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: 7\nevent: message.delta\ndata: {"conversation_id":"conv_…","text":"Returns are…"}\n\n',
        }
    },
    "description": "Events: `id` grows by conversation, `event` is the type, `data` is JSON on one line.",
}

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.post("", status_code=201, responses=problems(400, 401, 403, 413, 415, 422, 503))
async def start_conversation(request: Request, body: NewConversation, desk: DeskDep) -> StartedConversation:
    """Starts a conversation. Its token opens this conversation and no other.

    `in_app` takes the customer from the host application's token (`Authorization: Bearer`), and from nowhere else.
    """
    customer_id = await _in_app_customer(request, desk) if body.channel == "in_app" else None
    session = await desk.conversations.start(
        channel=body.channel,
        locale=body.locale or desk.policies.locale,
        pack_version=desk.policies.version,
        customer_id=customer_id,
    )
    if customer_id is not None:
        await desk.identity.identify(session.conversation_id, customer_id=customer_id)
    return StartedConversation(
        conversation_id=session.conversation_id,
        session_token=session.token,
        disclosure=desk.policies.assistant.disclosure,
    )


@router.post(
    "/{conversation_id}/messages",
    status_code=202,
    response_model=AcceptedMessage,
    responses={200: STREAM, **problems(400, 401, 404, 408, 409, 413, 415, 422, 429)},
)
async def send_message(
    entrance: EntranceDep,
    body: NewMessage,
    desk: DeskDep,
    streams: StreamsDep,
    accept: Annotated[str, Header(description="text/event-stream for the turn's events")] = "application/json",
) -> Response:
    """Says something. The message is stored before this answers; its turn runs whether or not anybody listens.

    With `Accept: text/event-stream` the answer is the turn's events until `turn.completed`, else 202 and the turn's id.
    """
    conversation_id = entrance.conversation.id
    # Subscribed before the message is stored: whatever its turn says from then on is handed over, not looked up.
    slot = open_turn_slot(desk, streams, conversation_id) if "text/event-stream" in accept.lower() else None
    try:
        turn = await desk.runner.submit(
            conversation_id, text=clean_text(body.text), client_message_id=body.client_message_id
        )
    except BaseException:
        if slot is not None:
            slot.release()
        raise
    if slot is None:
        return JSONResponse({"turn_id": turn.turn_id}, status_code=202)
    return turn_stream(desk, entrance, slot, turn=turn)


def open_turn_slot(desk: ServedDesk, streams: Streams, conversation_id: str) -> StreamSlot:
    """A place for the stream of a turn that is about to be stored."""
    return streams.open_turn(conversation_id, desk.hub.subscribe(conversation_id))


def turn_stream(desk: ServedDesk, entrance: Entrance, slot: StreamSlot, *, turn: AcceptedTurn) -> EventStream:
    """The events of a turn until it is completed."""
    return EventStream(
        turn_batches(slot.subscription, turn),
        conversation_id=entrance.conversation.id,
        slot=slot,
        check_session=lambda: _still_open(desk, entrance),
    )


@router.get(
    "/{conversation_id}/events", response_class=Response, responses={200: STREAM, **problems(400, 401, 404, 429)}
)
async def listen(
    entrance: EntranceDep,
    desk: DeskDep,
    streams: StreamsDep,
    address: AddressDep,
    last_event_id: Annotated[str | None, Header(description="Number of the last event you have")] = None,
    after: Annotated[str | None, Query(description="The same, for clients that cannot send the header")] = None,
) -> Response:
    """Every event above the number given: those stored, then as they come. Stays open; comments are heartbeats."""
    conversation_id = entrance.conversation.id
    start = _event_number(last_event_id if last_event_id is not None else after)
    slot = streams.open_live(conversation_id, desk.hub.subscribe(conversation_id), address=address)
    return EventStream(
        live_batches(slot.subscription, after=start),
        conversation_id=conversation_id,
        slot=slot,
        check_session=lambda: _still_open(desk, entrance),
    )


@router.get("/{conversation_id}", responses=problems(401, 404))
async def read_conversation(entrance: EntranceDep, desk: DeskDep) -> Transcript:
    """The transcript and the conversation's status."""
    conversation = entrance.conversation
    rows = await desk.conversations.transcript(conversation.id)
    messages = [
        TranscriptMessage.model_validate({**row, "sources": row["sources"] or [], "options": row["options"] or []})
        for row in rows
    ]
    return Transcript.model_validate(
        {
            "conversation_id": conversation.id,
            "channel": conversation.channel,
            "locale": conversation.locale,
            "status": conversation.status,
            "messages": messages,
        }
    )


async def _in_app_customer(request: Request, desk: ServedDesk) -> str:
    if not desk.host_tokens.configured:
        raise Forbidden("In-app conversations are not configured on this server.", code="in_app_not_configured")
    return await desk.host_tokens.customer_of(bearer_token(request.headers))


def _event_number(text: str | None) -> int:
    """Raises ``MalformedBody``'s 400 for what is not an event number. Nothing given: from the beginning."""
    if text is None:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise MalformedBody("Last-Event-ID must be the number of an event.", code="bad_event_id")
    return int(text)


async def _still_open(desk: ServedDesk, entrance: Entrance) -> None:
    await enter(desk, entrance.conversation.id, entrance.token)
