"""A write to the reference shop whose answer does not come (R5.5): done, not done, or unknown, and never a guess."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from desk.db.pool import Pool, open_pool
from desk.domain.errors import OutcomeUnknown, SystemUnavailable
from desk.integrations.postgres import customer_reads, customer_writes
from desk.integrations.postgres.billing import PostgresBilling
from desk.integrations.protocols import Refund

AVA = "C-1001"


class Wire:
    """Stands between the adapter and PostgreSQL, and cuts the connection where it is told to."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.cut: str | None = None
        self.port = 0
        self.connections: list[asyncio.Task[None]] = []

    def accept(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.create_task(self._serve(client, answers)))

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        server, requests = await asyncio.open_unix_connection(str(self.socket))
        back = asyncio.create_task(self._copy(server, answers))
        with suppress(ConnectionError):
            while data := await client.read(65536):
                if self.cut == "before the server hears of it" and b"COMMIT" in data:
                    break
                if self.cut == "after it was done" and b"COMMIT" in data:
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                    requests.write(data)
                    await server.read(65536)  # the server's word that it was done, which goes no further
                    break
                if self.cut == "in the middle" and b"INSERT INTO shop.refunds" in data:
                    break
                requests.write(data)
        back.cancel()
        for writer in (requests, answers):
            writer.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                target.write(data)


@pytest.fixture
async def wire(own_shop_url: str) -> AsyncIterator[Wire]:
    folder = parse_qs(urlsplit(own_shop_url).query)["host"][0]
    wire = Wire(next(Path(folder).glob(".s.PGSQL.*[0-9]")))
    server = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    yield wire
    server.close()
    await asyncio.gather(*wire.connections)


@pytest.fixture
async def billing(own_shop_url: str, wire: Wire) -> AsyncIterator[PostgresBilling]:
    """Over the wire."""
    parts = psycopg.conninfo.conninfo_to_dict(own_shop_url)
    url = psycopg.conninfo.make_conninfo(**{**parts, "host": "127.0.0.1", "port": wire.port})
    pool = await open_pool(url, max_size=2)
    yield PostgresBilling(pool=pool)
    await pool.close()


async def refund(billing: PostgresBilling, key: str = "key-1") -> Refund:
    return await billing.refund("HP-10003", {"amount": 12900, "currency": "USD"}, customer_id=AVA, key=key)


async def refunded(pool: Pool) -> int:
    quote = await PostgresBilling(pool=pool).get_refund_quote("HP-10003", customer_id=AVA)
    return quote["refunded"]["amount"]


async def test_a_lost_answer_is_an_unknown_outcome_and_the_same_key_tells_the_truth(
    wire: Wire, billing: PostgresBilling, own_shop: Pool
) -> None:
    """R5.5: the shop did it; another key would have failed, the same one gets the first result."""
    wire.cut = "after it was done"
    with pytest.raises(OutcomeUnknown):
        await refund(billing)
    wire.cut = None

    assert await refunded(own_shop) == 12900
    assert (await refund(billing))["amount"] == {"amount": 12900, "currency": "USD"}
    assert await refunded(own_shop) == 12900


async def test_a_lost_end_is_an_unknown_outcome_and_the_same_key_does_it(
    wire: Wire, billing: PostgresBilling, own_shop: Pool
) -> None:
    """R5.5: for the caller it looks just like the other one."""
    wire.cut = "before the server hears of it"
    with pytest.raises(OutcomeUnknown):
        await refund(billing)
    wire.cut = None

    assert await refunded(own_shop) == 0
    assert (await refund(billing))["amount"] == {"amount": 12900, "currency": "USD"}
    assert await refunded(own_shop) == 12900


async def test_a_connection_lost_before_the_end_did_nothing(
    wire: Wire, billing: PostgresBilling, own_shop: Pool
) -> None:
    """R5.5: what was not committed was not done, and that is certain."""
    wire.cut = "in the middle"
    with pytest.raises(SystemUnavailable):
        await refund(billing)

    assert await refunded(own_shop) == 0


async def test_a_database_that_shuts_down_at_the_end_leaves_an_unknown_outcome(own_shop: Pool) -> None:
    """R5.5: its farewell does not tell whether the end came before it."""
    async with own_shop.connection() as connection:
        await connection.execute(
            "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$"
        )
        await connection.execute(
            "CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON shop.refunds DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION linger()"
        )
    try:
        with pytest.raises(OutcomeUnknown):
            await refund(PostgresBilling(pool=own_shop))
    finally:
        async with own_shop.connection() as connection:
            await connection.execute("DROP FUNCTION linger() CASCADE")

    assert await refunded(own_shop) == 0


async def test_a_write_that_waits_too_long_is_rolled_back_and_was_not_done(
    own_shop: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5.5: a time-out of the database is certain."""
    monkeypatch.setattr(customer_writes, "STATEMENT_TIMEOUT_MS", 200)
    assert customer_reads.STATEMENT_TIMEOUT_MS > 200
    async with own_shop.connection() as blocking, blocking.transaction():
        await blocking.execute("SELECT FROM shop.orders WHERE number = 'HP-10003' FOR UPDATE")
        with pytest.raises(SystemUnavailable):
            await refund(PostgresBilling(pool=own_shop))

    assert await refunded(own_shop) == 0
    assert (await refund(PostgresBilling(pool=own_shop)))["order_number"] == "HP-10003"


async def test_a_refusal_quotes_no_row(own_shop: Pool) -> None:
    """R6.4: PostgreSQL's own sentence holds the whole row; it does not travel with ours."""
    billing = PostgresBilling(pool=own_shop)
    await refund(billing)

    with pytest.raises(Exception, match="more than paid") as refused:
        await refund(billing, "key-2")

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
