"""The audit log and the switches over HTTP (R6.7, R9.3)."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.integration.audit.chains import tamper, write
from tests.integration.server.client import Site, running_site
from tests.integration.server.echo_desk import echo_settings


@pytest_asyncio.fixture
async def own_site(empty_database_url: str) -> AsyncIterator[Site]:
    """A server with an audit log of the test's own."""
    async with running_site(empty_database_url, echo_settings(empty_database_url)) as site:
        yield site


@pytest.fixture
async def supervisor(own_site: Site) -> httpx.AsyncClient:
    """Calls with a supervisor's token."""
    _, token = await own_site.desk.staff.add("Sue", ["supervisor"], by="operator")
    own_site.http.headers["Authorization"] = f"Bearer {token}"
    return own_site.http


async def test_entries_come_in_pages(own_site: Site, supervisor: httpx.AsyncClient) -> None:
    await write(own_site.desk.pool, 5)
    first = (await supervisor.get("/v1/audit", params={"action": "tool.finished", "limit": 3})).json()
    second = (await supervisor.get("/v1/audit", params={"action": "tool.finished", "cursor": first["next"]})).json()

    assert [entry["detail"]["n"] for entry in first["items"] + second["items"]] == [5, 4, 3, 2, 1]
    assert second["next"] is None
    assert set(first["items"][0]) == {
        "number", "at", "action", "actor", "conversation_id", "customer_id", "detail",
    }  # fmt: skip


async def test_reading_about_a_customer_is_an_entry(own_site: Site, supervisor: httpx.AsyncClient) -> None:
    """R6.7: data access"""
    await write(own_site.desk.pool, 1)
    await supervisor.get("/v1/audit", params={"customer_id": "C-1001"})
    page = await own_site.desk.audit.entries(action="data.viewed")

    assert [(entry["customer_id"], entry["actor"][:6]) for entry in page["items"]] == [("C-1001", "staff_")]


@pytest.mark.parametrize(
    "query", [{"cursor": "x"}, {"cursor": "1" * 30}, {"action": "tool.stareted"}, {"limit": 0}, {"limit": 501}]
)
async def test_a_question_that_makes_no_sense_is_refused(supervisor: httpx.AsyncClient, query: dict[str, str]) -> None:
    assert (await supervisor.get("/v1/audit", params=query)).status_code == 422


async def test_a_whole_chain_is_said_to_be_whole(own_site: Site, supervisor: httpx.AsyncClient) -> None:
    await own_site.desk.audit.seal()
    before = await own_site.desk.audit.count()
    await write(own_site.desk.pool, 5)
    answer = (await supervisor.get("/v1/audit/verify")).json()

    assert (answer["valid"], "broken_at" in answer, answer["entries"]) == (True, False, before + 5)


async def test_a_broken_chain_is_said_to_be_broken(own_site: Site, supervisor: httpx.AsyncClient) -> None:
    """K06"""
    await write(own_site.desk.pool, 5)
    await own_site.desk.audit.seal()
    await tamper(own_site.desk.pool, "UPDATE audit_entries SET actor = 'operator' WHERE number = 4")
    answer = (await supervisor.get("/v1/audit/verify")).json()

    assert (answer["valid"], answer["broken_at"]) == (False, 4)


async def test_a_switch_is_set_with_its_reason(own_site: Site, supervisor: httpx.AsyncClient) -> None:
    answer = await supervisor.put("/v1/switches/get_order", json={"off": True, "reason": "wrong totals"})
    listed = (await supervisor.get("/v1/switches")).json()

    assert answer.status_code == 200
    assert (listed["items"], listed["next"]) == ([answer.json()], None)
    assert listed["names"][0] == "all"
    assert {"get_order", "order_status"} <= set(listed["names"])
    assert await own_site.desk.switches.is_off(tool="get_order") == "get_order"


async def test_an_unknown_switch_is_refused_with_a_suggestion(supervisor: httpx.AsyncClient) -> None:
    answer = await supervisor.put("/v1/switches/get_ordr", json={"off": True})

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_switch")
    assert "get_order" in answer.json()["detail"]


@pytest.mark.parametrize("body", [{}, {"off": "yes"}, {"off": True, "by": "somebody else"}, {"off": None}])
async def test_a_switch_is_nothing_but_off_and_reason(supervisor: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await supervisor.put("/v1/switches/all", json=body)).status_code == 422


async def test_staff_hear_who_they_are(own_site: Site, supervisor: httpx.AsyncClient) -> None:
    answer = (await supervisor.get("/v1/staff/me")).json()

    assert (answer["name"], answer["roles"]) == ("Sue", ["supervisor"])
    assert answer in (await supervisor.get("/v1/staff")).json()["items"]
    assert set(answer) == {"id", "name", "roles"}, "a token or its hash never leaves"


async def test_the_ledger_is_read_from_either_end(own_site: Site, supervisor: httpx.AsyncClient) -> None:
    """R5.5: in pages that go on in the direction in which they began."""
    session = await own_site.start()
    async with own_site.desk.pool.connection() as connection:
        for n in "123":
            await connection.execute(_ACTION, {"n": n, "conversation": session.id})

    async def read(order: str) -> list[str]:
        first = (await supervisor.get("/v1/actions", params={"order": order, "limit": 2})).json()
        query = {"order": order, "limit": 2, "cursor": first["next"]}
        second = (await supervisor.get("/v1/actions", params=query)).json()
        return [action["id"][-1] for action in first["items"] + second["items"]]

    assert (await read("oldest"), await read("newest")) == (["1", "2", "3"], ["3", "2", "1"])


_ACTION = """
INSERT INTO actions (id, key, conversation_id, turn_id, tool, risk, args, decision, outcome)
VALUES ('act_' || %(n)s, 'key_' || %(n)s, %(conversation)s, 'turn_1', 'get_order', 'read', '{}', 'allowed', 'succeeded')
"""
