"""Entries come with the change they speak of, and nobody changes them afterwards (R6.7)."""

import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from desk.db.pool import Pool
from tests.integration.turns.desks import rows

APPEND = "SELECT audit_append('switch.changed', 'system', 'conv_1', 'C-1001', '{\"off\": true}')"


async def test_an_entry_belongs_to_the_transaction_that_wrote_it(pool: Pool) -> None:
    async with pool.connection() as connection, connection.transaction(force_rollback=True):
        await connection.execute(APPEND)
    assert await rows(pool, "SELECT FROM audit_entries") == []

    await rows(pool, "WITH done AS (SELECT 1 AS one), told AS (" + APPEND + " FROM done) SELECT * FROM told")
    (entry,) = await rows(pool, "SELECT * FROM audit_entries")
    assert (entry["action"], entry["customer_id"], entry["detail"]) == ("switch.changed", "C-1001", {"off": True})
    assert entry["number"] is None, "sealing comes after, and is not the caller's to wait for"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entries SET actor = 'somebody else'",
        "UPDATE audit_entries SET number = 1, prev_hash = '', hash = ''",
        "SET LOCAL frontdesk.audit_sealing = 'on';"
        " UPDATE audit_entries SET actor = 'x', number = 1, prev_hash = '', hash = ''",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "SET LOCAL session_replication_role = 'replica'; DELETE FROM audit_entries",
        "INSERT INTO audit_entries (action, actor, detail, number, prev_hash, hash)"
        " VALUES ('switch.changed', 'me', '{}', 1, '', '')",
    ],
)
async def test_nothing_is_changed_afterwards(pool: Pool, change: str) -> None:
    await rows(pool, APPEND)
    with pytest.raises(InsufficientPrivilege, match="append-only"):
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(sql.SQL(change))
    (entry,) = await rows(pool, "SELECT * FROM audit_entries")
    assert (entry["actor"], entry["number"]) == ("system", None)
