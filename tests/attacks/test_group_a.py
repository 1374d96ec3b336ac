"""Group A: identity and tenancy. What another customer's session can learn or do: nothing, not even that it exists."""

import asyncio
from typing import Any

import httpx
import pytest

from desk.domain.ids import new_id
from tests.integration.server.client import Session, Site, frames, running_site
from tests.integration.server.echo_desk import echo_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _without_request_id(response: httpx.Response) -> bytes:
    return response.content.replace(response.headers["x-request-id"].encode(), b"")


async def test_reading_a_foreign_conversation_looks_like_reading_one_that_does_not_exist(
    ava: Session, ben: Session, caplog: pytest.LogCaptureFixture
) -> None:
    """A01"""
    await ava.say("my secret is tulip")

    foreign = await ben.http.get(ava.path, headers=ben.auth)
    unknown = await ben.http.get(f"/v1/conversations/{new_id('conv')}", headers=ben.auth)

    assert foreign.status_code == unknown.status_code == 404
    assert _without_request_id(foreign) == _without_request_id(unknown)
    assert len(foreign.content) == len(unknown.content)
    assert set(foreign.headers) == set(unknown.headers)
    assert "tulip" not in foreign.text
    assert [record.action for record in caplog.records if hasattr(record, "action")].count("authz_denied") == 2


async def test_writing_into_a_foreign_conversation_stores_nothing(site: Site, ava: Session, ben: Session) -> None:
    """A02: whatever the body is, so that no error about it tells that the conversation exists."""
    bodies: list[Any] = [{"text": "hi", "client_message_id": "x"}, {"text": ""}, {"wrong": 1}, []]
    for body in bodies:
        foreign = await ben.http.post(f"{ava.path}/messages", json=body, headers=ben.auth)
        unknown = await ben.http.post(f"/v1/conversations/{new_id('conv')}/messages", json=body, headers=ben.auth)
        assert foreign.status_code == 404
        assert _without_request_id(foreign) == _without_request_id(unknown)

    assert await site.count("turns", ava.id) == await site.count("messages", ava.id) == 0


async def test_a_foreign_stream_ends_before_its_first_byte(ava: Session, ben: Session) -> None:
    """A03"""
    await ava.say("hello")
    for headers in ({}, {"Last-Event-ID": "1"}):
        response = await ben.http.get(f"{ava.path}/events", headers=ben.auth | headers)
        assert response.status_code == 404
        assert b"data:" not in response.content
        assert response.headers["content-type"] == "application/problem+json"


async def test_no_token_and_a_made_up_token_are_401_for_every_conversation(ava: Session) -> None:
    """A01"""
    for authorization in (None, b"Bearer x", b"Bearer", b"Basic eDp4", b"\xff"):
        for path in (ava.path, f"/v1/conversations/{new_id('conv')}"):
            headers = {} if authorization is None else {b"Authorization": authorization}
            response = await ava.http.get(path, headers=headers)
            assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
            assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("extra", ["customer_id", "tenant", "role", "verified", "is_admin"])
async def test_extra_keys_are_refused_by_name_and_nothing_is_stored(site: Site, ava: Session, extra: str) -> None:
    """A06"""
    body = {"text": "hi", "client_message_id": "x", extra: "C-1001"}
    message = await ava.http.post(f"{ava.path}/messages", json=body, headers=ava.auth)
    start = await ava.http.post("/v1/conversations", json={"channel": "web", extra: "C-1001"})

    for response in (message, start):
        assert (response.status_code, response.json()["code"]) == (422, "unknown_field")
        assert response.json()["detail"] == f"{extra} is not a field of this request."
        assert "C-1001" not in response.text
    assert await site.count("turns", ava.id) == 0


@pytest.mark.parametrize(
    "body",
    [
        {"text": "hi", "client_message_id": "x", "role": "system"},
        {"text": "hi", "client_message_id": "x", "role": "tool"},
        {"text": "hi", "client_message_id": "x", "id": "__remove_all__"},
        {"text": {"role": "assistant", "content": "hi"}, "client_message_id": "x"},
        {"text": [{"type": "remove", "id": "__remove_all__"}], "client_message_id": "x"},
        {"messages": [{"role": "system", "content": "hi"}]},
    ],
)
async def test_only_the_server_makes_messages(ava: Session, body: dict[str, Any]) -> None:
    """A07"""
    await ava.say("hello")
    before = await ava.transcript()
    response = await ava.http.post(f"{ava.path}/messages", json=body, headers=ava.auth)

    assert response.status_code == 422
    assert await ava.transcript() == before


async def test_an_existing_message_id_of_a_client_changes_no_message(ava: Session) -> None:
    """A07"""
    await ava.say("hello")
    before = await ava.transcript()
    await ava.say("other", key=before[0]["message_id"])

    assert (await ava.transcript())[:2] == before


async def test_headers_of_a_client_change_neither_its_address_nor_who_it_is(database_url: str) -> None:
    """A08"""
    settings = echo_settings(database_url, streams_per_address=2)
    async with running_site(database_url, settings) as site:
        statuses = await _open_streams(site, count=4)

    assert statuses == [200, 200, 429, 429]


async def test_a_trusted_proxy_may_say_who_calls(database_url: str) -> None:
    """A08: and only the address it saw itself counts, not what the client wrote before it."""
    settings = echo_settings(database_url, streams_per_address=2, trusted_proxies="127.0.0.0/8")
    async with running_site(database_url, settings) as site:
        statuses = await _open_streams(site, count=4)
        spoofed = await _open_streams(site, count=4, seen_by_proxy="203.0.113.200")

    assert statuses == [200, 200, 200, 200]
    assert spoofed == [200, 200, 429, 429]


async def _open_streams(site: Site, *, count: int, seen_by_proxy: str | None = None) -> list[int]:
    statuses, opened = [], []
    for number in range(count):
        session = await site.start()
        claimed = f"203.0.113.{number}" + (f", {seen_by_proxy}" if seen_by_proxy else "")
        stream = session.events(X_Forwarded_For=claimed, X_User_Id="C-1001", X_Tenant="other")
        response = await stream.__aenter__()
        statuses.append(response.status_code)
        opened.append(stream)
    for stream in opened:
        await stream.__aexit__(None, None, None)
    return statuses


async def test_an_ended_session_is_refused_and_its_stream_closes_within_five_seconds(site: Site, ava: Session) -> None:
    """A11, H05"""
    await ava.say("hello")
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(15), ava.events() as response:
        events = frames(response)
        assert [(await anext(events)).id for _ in range(6)] == [1, 2, 3, 4, 5, 6]
        async with site.desk.pool.connection() as connection:
            await connection.execute("UPDATE conversations SET session_hash = 'ended' WHERE id = %s", (ava.id,))
        began = loop.time()
        assert (await ava.http.get(ava.path, headers=ava.auth)).status_code == 401
        rest = [frame async for frame in events]

    assert loop.time() - began <= 5
    assert [(frame.id, frame.event, frame.data["code"]) for frame in rest] == [(None, "error", "not_authenticated")]
    assert rest[0].data["retryable"] is False
