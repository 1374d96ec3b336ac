"""The host's tokens: forged, stale, borrowed and malformed ones open nothing, and all look the same (R5.1, A11)."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from desk.domain.errors import SystemUnavailable
from desk.identity import jwks
from desk.identity.host_tokens import HostTokens
from desk.identity.jwks import RemoteKeys
from tests.integration.server.client import Site, running_site
from tests.integration.server.echo_desk import echo_settings

KEY = "a shared key of the tests, 32 bytes or more"
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
PUBLIC_PEM = PRIVATE.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def published(key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    return json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "k-1", "use": "sig"} | more


class Host:
    """The host application's key set on a real socket."""

    def __init__(self) -> None:
        self.requests = 0
        self.status = 200
        self.body = b""
        self.url = ""
        self.publish(published(PRIVATE))

    def publish(self, *keys: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": keys}).encode()


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.requests += 1
            self.send_response(host.status)
            self.send_header("Location", host.url)
            self.send_header("Content-Length", str(len(host.body)))
            self.end_headers()
            self.wfile.write(host.body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield host
    server.shutdown()
    thread.join()
    server.server_close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(database_url: str, host: Host) -> AsyncIterator[Site]:
    settings = echo_settings(database_url, host_jwt_key=SecretStr(KEY), host_jwks_url=host.url)
    async with running_site(database_url, settings) as site:
        yield site


def claims(**changes: Any) -> dict[str, Any]:
    """A good token's; None takes a claim away."""
    whole = {"sub": "C-1001", "exp": int(time.time()) + 300, "iat": int(time.time())} | changes
    return {name: value for name, value in whole.items() if value is not None}


def hs256(**changes: Any) -> str:
    return jwt.encode(claims(**changes), KEY, algorithm="HS256")


def rs256(key: rsa.RSAPrivateKey = PRIVATE, *, kid: str | None = "k-1", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm="RS256", headers={"kid": kid} if kid else {})


def by_hand(header: dict[str, Any], payload: Any, key: bytes = KEY.encode()) -> str:
    """A token of any shape, with a valid HMAC over it."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    signed = b".".join(parts)
    seal = base64.urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256)).rstrip(b"=")
    return (signed + b"." + seal).decode()


async def start(site: Site, token: str | None) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await site.http.post("/v1/conversations", json={"channel": "in_app"}, headers=headers)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "token", [hs256(), rs256(), rs256(kid=None), hs256(aud="frontdesk"), hs256(aud=["shop", "frontdesk"])]
)
async def test_a_good_token_opens_a_conversation_that_is_identified(app: Site, token: str) -> None:
    response = await start(app, token)

    assert response.status_code == 201, response.text
    conversation_id = response.json()["conversation_id"]
    assert await app.desk.identity.actor(conversation_id) == {"customer_id": "C-1001", "level": 1}
    opened = await app.http.get(
        f"/v1/conversations/{conversation_id}", headers={"Authorization": f"Bearer {response.json()['session_token']}"}
    )
    assert opened.json()["channel"] == "in_app"


BAD: dict[str, str | None] = {
    "none at all": None,
    "one dot": ".",
    "not a token": "abc",
    "dots": "..",
    "expired": hs256(exp=int(time.time()) - 60),
    "never expires": hs256(exp=None),
    "expires in text": hs256(exp="tomorrow"),
    "expires at infinity": by_hand({"alg": "HS256"}, {"sub": "C-1001", "exp": float("inf")}),
    "not valid yet": hs256(nbf=int(time.time()) + 300),
    "issued tomorrow": hs256(iat=int(time.time()) + 86400),
    "another audience": hs256(aud="billing"),
    "no audience by name": hs256(aud=[]),
    "audience in part": hs256(aud="frontdesk.evil.example"),
    "no subject": hs256(sub=None),
    "empty subject": hs256(sub=""),
    "subject of no customer": hs256(sub="C-9999"),
    "subject is a number": by_hand({"alg": "HS256"}, claims(sub=1001)),
    "subject is a list": by_hand({"alg": "HS256"}, claims(sub=["C-1001"])),
    "subject is SQL": hs256(sub="C-1001' OR '1'='1"),
    "subject is long": hs256(sub="C" * 500),
    "claims are a list": by_hand({"alg": "HS256"}, ["C-1001"]),
    "alg none": jwt.encode(claims(), None, algorithm="none"),
    "alg None": by_hand({"alg": "None"}, claims()),
    "no alg": by_hand({"typ": "JWT"}, claims()),
    "alg is a list": by_hand({"alg": ["HS256"]}, claims()),
    "alg in small letters": by_hand({"alg": "hs256"}, claims()),
    "HS512": jwt.encode(claims(), KEY * 2, algorithm="HS512"),
    "HS256 with the public RSA key": by_hand({"alg": "HS256", "kid": "k-1"}, claims(), key=PUBLIC_PEM),
    "RS256 that is an HMAC": by_hand({"alg": "RS256", "kid": "k-1"}, claims()),
    "another shared key": jwt.encode(claims(), "another key that has at least 32 bytes", algorithm="HS256"),
    "a stranger's RSA key": rs256(STRANGER),
    "an RSA key that is not published": rs256(STRANGER, kid="k-2"),
    "a key id that is a path": rs256(kid="../../etc/passwd"),
    "a key id that is a number": by_hand({"alg": "RS256", "kid": 1}, claims()),
    "brings its own key": jwt.encode(claims(), STRANGER, algorithm="RS256", headers={"jwk": published(STRANGER)}),
    "says where its key is": jwt.encode(claims(), STRANGER, algorithm="RS256", headers={"jku": "http://127.0.0.1:9"}),
    "unknown critical header": by_hand({"alg": "HS256", "crit": ["b64"], "b64": False}, claims()),
    "signature cut off": hs256().rpartition(".")[0] + ".",
    "signature changed": hs256()[:-6] + "AAAAAA",
    "two of them": hs256() + "." + hs256(),
    "oversized": hs256(name="x" * 9000),
    "nested deeply": ".".join([base64.urlsafe_b64encode(b"[" * 4000).decode()] * 2 + ["x"]),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("token", BAD.values(), ids=BAD)
async def test_a_bad_token_opens_nothing_and_says_nothing(app: Site, token: str | None) -> None:
    async with app.desk.pool.connection() as connection:
        before = await (await connection.execute("SELECT count(*) AS n FROM conversations")).fetchone()

    response = await start(app, token)

    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    assert response.json()["detail"] == "Send a valid token of the host application as a bearer token."
    async with app.desk.pool.connection() as connection:
        after = await (await connection.execute("SELECT count(*) AS n FROM conversations")).fetchone()
    assert before == after


@pytest.mark.asyncio(loop_scope="module")
async def test_the_body_names_no_customer(app: Site) -> None:
    """A06"""
    body = {"channel": "in_app", "customer_id": "C-1002"}
    response = await app.http.post("/v1/conversations", json=body, headers={"Authorization": f"Bearer {hs256()}"})

    assert (response.status_code, response.json()["code"]) == (422, "unknown_field")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_hosts_token_opens_no_conversation_by_itself(app: Site) -> None:
    """It starts one of its own; it is no session of another."""
    started = (await start(app, hs256())).json()

    response = await app.http.get(
        f"/v1/conversations/{started['conversation_id']}", headers={"Authorization": f"Bearer {hs256()}"}
    )

    assert response.status_code == 401


@pytest.mark.asyncio(loop_scope="module")
async def test_a_closed_account_ends_its_sessions_and_open_streams(app: Site) -> None:
    """A11"""
    token = hs256(sub="C-1002")
    started = (await start(app, token)).json()
    auth = {"Authorization": f"Bearer {started['session_token']}"}
    path = f"/v1/conversations/{started['conversation_id']}"
    async with asyncio.timeout(20), app.http.stream("GET", f"{path}/events", headers=auth) as stream:
        app.desk.customers["C-1002"] = "closed"
        ended = "".join([piece async for piece in stream.aiter_text()])

    assert "event: error" in ended
    assert "not_authenticated" in ended
    assert (await app.http.get(path, headers=auth)).status_code == 401
    message = {"text": "hi", "client_message_id": "m-1"}
    assert (await app.http.post(f"{path}/messages", json=message, headers=auth)).status_code == 401
    assert (await start(app, token)).status_code == 401
    app.desk.customers["C-1002"] = "active"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_crm_that_is_away_ends_no_session_and_starts_none(app: Site) -> None:
    """R12.4"""
    token = hs256(sub="C-1002")
    started = (await start(app, token)).json()
    app.desk.customers["C-1002"] = SystemUnavailable("crm did not answer.")

    opened = await app.http.get(
        f"/v1/conversations/{started['conversation_id']}",
        headers={"Authorization": f"Bearer {started['session_token']}"},
    )

    assert opened.status_code == 200
    assert (await start(app, token)).status_code == 503
    app.desk.customers["C-1002"] = "active"


async def anybody(_: str) -> bool:
    return True


def tokens(host: Host, *, key: str | None = None) -> HostTokens:
    return HostTokens(key=key, keys=RemoteKeys(host.url), audience="frontdesk", is_customer=anybody)


@pytest.fixture
def fresh(host: Host) -> Host:
    """The host as it was at the start."""
    host.requests, host.status = 0, 200
    host.publish(published(PRIVATE))
    return host


async def test_the_keys_are_fetched_once_and_made_up_ids_cost_no_requests(fresh: Host) -> None:
    reader = tokens(fresh)
    for _ in range(3):
        assert await reader.customer_of(rs256()) == "C-1001"
    for number in range(20):
        with pytest.raises(Exception, match="valid token"):
            await reader.customer_of(rs256(STRANGER, kid=f"made up {number}"))

    assert fresh.requests == 1


async def test_a_new_key_of_the_host_is_found(fresh: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = tokens(fresh)
    assert await reader.customer_of(rs256()) == "C-1001"
    fresh.publish(published(PRIVATE), published(STRANGER, kid="k-2"))
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + jwks.PAUSE_SECONDS + 1)

    assert await reader.customer_of(rs256(STRANGER, kid="k-2")) == "C-1001"


async def test_a_host_that_is_away_costs_nobody_who_was_known(fresh: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = tokens(fresh)
    await reader.customer_of(rs256())
    fresh.status = 500
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + jwks.KEPT_SECONDS + 1)

    assert await reader.customer_of(rs256()) == "C-1001"
    with pytest.raises(SystemUnavailable):
        await tokens(fresh).customer_of(rs256())


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"keys": {}}', b'{"keys": [1, null, "x"]}', b"[" * 100_000, b"\xff\xfe",
     b'{"keys": ["' + b"x" * (jwks.MAX_BYTES + 1) + b'"]}',
     json.dumps({"keys": [published(SMALL)]}).encode(),
     json.dumps({"keys": [published(PRIVATE, use="enc")]}).encode(),
     json.dumps({"keys": [published(PRIVATE, alg="HS256")]}).encode(),
     json.dumps({"keys": [published(PRIVATE, kid=["k-1"])]}).encode(),
     json.dumps({"keys": [{"kty": "oct", "kid": "k-1", "k": "AAAA"}]}).encode()],
)  # fmt: skip
async def test_a_key_set_that_is_none_lets_nobody_in(fresh: Host, body: bytes) -> None:
    fresh.body = body

    with pytest.raises(SystemUnavailable):
        await tokens(fresh).customer_of(rs256())


async def test_a_key_set_elsewhere_is_not_followed(fresh: Host) -> None:
    fresh.status = 302

    with pytest.raises(SystemUnavailable):
        await tokens(fresh).customer_of(rs256())

    assert fresh.requests == 1


async def test_without_keys_of_its_kind_an_algorithm_does_not_exist(fresh: Host) -> None:
    """HS256 with whatever an attacker may know of the published keys."""
    only_published = tokens(fresh)
    for key in (PUBLIC_PEM, b"", b"None", fresh.body):
        with pytest.raises(Exception, match="valid token"):
            await only_published.customer_of(by_hand({"alg": "HS256", "kid": "k-1"}, claims(), key=key))
    only_shared = HostTokens(key=KEY, keys=None, audience="frontdesk", is_customer=anybody)
    with pytest.raises(Exception, match="valid token"):
        await only_shared.customer_of(rs256())
