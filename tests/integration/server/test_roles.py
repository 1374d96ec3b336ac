"""Every route × every kind of caller, against a table (R5.2): a new route without a row fails."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import pytest_asyncio
from starlette.routing import Route

from desk.identity.staff import ROLES, Role
from server.app import create_app
from tests.integration.server.client import Site
from tests.integration.server.echo_desk import echo_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC: Literal["public"] = "public"
CUSTOMER: Literal["customer"] = "customer"
READERS: frozenset[Role] = frozenset({"knowledge_owner", "supervisor", "agent", "auditor", "admin"})
WRITERS: frozenset[Role] = frozenset({"knowledge_owner", "supervisor", "admin"})
CHECKERS: frozenset[Role] = frozenset({"auditor", "supervisor", "admin"})
RESPONSIBLE: frozenset[Role] = frozenset({"supervisor", "admin"})
DECIDERS: frozenset[Role] = frozenset({"approver", "supervisor", "admin"})

EXPECTED: Mapping[tuple[str, str], Literal["public", "customer"] | frozenset[Role]] = {
    ("GET", "/"): PUBLIC,
    ("GET", "/console"): PUBLIC,
    ("GET", "/demo/mailbox"): PUBLIC,
    ("GET", "/docs"): PUBLIC,
    ("GET", "/docs.css"): PUBLIC,
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/{name}"): PUBLIC,
    ("POST", "/v1/conversations"): PUBLIC,
    ("GET", "/v1/conversations/{conversation_id}"): CUSTOMER,
    ("GET", "/v1/conversations/{conversation_id}/events"): CUSTOMER,
    ("POST", "/v1/conversations/{conversation_id}/messages"): CUSTOMER,
    ("POST", "/v1/conversations/{conversation_id}/verification"): CUSTOMER,
    ("POST", "/v1/conversations/{conversation_id}/verification/resend"): CUSTOMER,
    ("GET", "/v1/verify/{token}"): PUBLIC,
    ("POST", "/v1/verify/{token}"): PUBLIC,
    ("GET", "/v1/approvals"): DECIDERS,
    ("GET", "/v1/approvals/{approval_id}"): DECIDERS,
    ("POST", "/v1/approvals/{approval_id}/decision"): DECIDERS,
    ("GET", "/v1/actions"): CHECKERS | {"approver"},
    ("POST", "/v1/actions/{action_id}/compensate"): RESPONSIBLE,
    ("GET", "/v1/audit"): CHECKERS,
    ("GET", "/v1/audit/verify"): CHECKERS,
    ("GET", "/v1/knowledge/articles"): READERS,
    ("POST", "/v1/knowledge/articles"): WRITERS,
    ("GET", "/v1/knowledge/articles/{article_id}"): READERS,
    ("GET", "/v1/knowledge/articles/{article_id}/diff"): READERS,
    ("POST", "/v1/knowledge/articles/{article_id}/approve"): WRITERS,
    ("POST", "/v1/knowledge/articles/{article_id}/reject"): WRITERS,
    ("POST", "/v1/knowledge/articles/{article_id}/rollback"): WRITERS,
    ("POST", "/v1/knowledge/articles/{article_id}/retire"): WRITERS,
    ("GET", "/v1/knowledge/conflicts"): READERS,
    ("POST", "/v1/knowledge/conflicts/{conflict_id}/dismiss"): WRITERS,
    ("GET", "/v1/knowledge/gaps"): READERS,
    ("GET", "/v1/knowledge/turns/{turn_id}"): READERS,
    ("GET", "/v1/staff"): frozenset(ROLES),
    ("GET", "/v1/staff/me"): frozenset(ROLES),
    ("GET", "/v1/switches"): RESPONSIBLE,
    ("PUT", "/v1/switches/{name}"): RESPONSIBLE,
}
"""Who gets past the door. Behind it an answer may still be 404 or 422."""

CALLERS = ("nobody", "a wrong token", "a customer", *ROLES)


@dataclass(frozen=True)
class Caller:
    """A token, and the conversation that is named in paths."""

    token: str | None
    conversation_id: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def callers(site: Site) -> dict[str, Caller]:
    session = await site.start()
    tokens: dict[str, str | None] = {"nobody": None, "a wrong token": "fdstaff_wrong", "a customer": session.token}
    for role in ROLES:
        _, tokens[role] = await site.desk.staff.add(f"Test {role}", [role], by="operator")
    return {name: Caller(token, session.id) for name, token in tokens.items()}


def routes(of: Any) -> set[tuple[str, str]]:
    """Method and path of every route, those of included routers too; anything else an app can hold is an error."""
    found: set[tuple[str, str]] = set()
    for route in of.routes:
        if (included := getattr(route, "original_router", None)) is not None:
            found |= routes(included)
        else:
            assert isinstance(route, Route), f"say in this test who may use {route}"
            found |= {(method, route.path) for method in route.methods or () if method != "HEAD"}
    return found


def _expected(who: str, rule: str | frozenset[Role]) -> int | None:
    """The status at the door; None: they get in."""
    if rule == PUBLIC or (rule == CUSTOMER and who == "a customer") or who in rule:
        return None
    return 403 if rule != CUSTOMER and who in ROLES else 401


async def test_every_route_has_a_row(site: Site) -> None:
    app = create_app(lambda: site.desk, settings=echo_settings("unused"))  # type: ignore[arg-type, return-value]

    described = {(method.upper(), path) for path, item in app.openapi()["paths"].items() for method in item}
    assert routes(app) == set(EXPECTED)
    assert described <= set(EXPECTED)


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize(("method", "path"), EXPECTED, ids=" ".join)
async def test_only_who_is_in_the_table_gets_in(
    site: Site, callers: dict[str, Caller], method: str, path: str, who: str
) -> None:
    caller = callers[who]
    address = path.replace("{conversation_id}", caller.conversation_id).replace("{name}", "nothing")
    headers = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
    body: dict[str, Any] = {} if method == "GET" else {"json": {}}
    async with site.http.stream(method, address, headers=headers, **body) as response:
        status = response.status_code

    expected = _expected(who, EXPECTED[method, path])
    assert status == expected if expected else status not in (401, 403), (method, path, who)


async def test_a_refusal_is_a_problem_and_is_recorded(site: Site, callers: dict[str, Caller]) -> None:
    headers = {"Authorization": f"Bearer {callers['agent'].token}"}
    response = await site.http.put("/v1/switches/all", json={"off": True}, headers=headers)
    page = await site.desk.audit.entries(action="authz.denied", limit=1)

    assert (response.status_code, response.json()["code"]) == (403, "wrong_role")
    assert page["items"][0]["detail"]["asked_for"] == "PUT /v1/switches/{name}"
    assert await site.desk.switches.is_off() is None


async def test_without_a_staff_token_it_is_a_401_that_asks_for_one(site: Site) -> None:
    response = await site.http.get("/v1/audit")

    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
