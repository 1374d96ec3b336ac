"""One chain, whoever writes and seals; whatever is changed in it is found (R6.7, K06)."""

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from desk.audit.chain import entry_hash
from desk.audit.heads import HeadFile, superfluous
from desk.audit.log import AuditLog
from desk.db.pool import Pool, open_pool
from tests.integration.audit.chains import log_on, rebuild, tamper, write
from tests.integration.turns.desks import SECRET, rows

ROOT = Path(__file__).parents[3]


@pytest.fixture
def log(pool: Pool, tmp_path: Path) -> AuditLog:
    return log_on(pool, tmp_path)


async def test_an_untouched_log_is_valid(log: AuditLog, pool: Pool) -> None:
    await write(pool, 1203)
    assert await log.seal() == 1203
    found = await log.verify()

    assert (found.valid, found.entries, found.heads, found.broken_at) == (True, 1203, 3, None)
    numbers = [row["number"] for row in await rows(pool, "SELECT number FROM audit_entries ORDER BY position")]
    assert numbers == list(range(1, 1204))


async def test_an_empty_log_is_valid(log: AuditLog) -> None:
    assert (await log.verify()).valid


async def test_what_commits_late_is_sealed_late_and_not_skipped(log: AuditLog, pool: Pool) -> None:
    """Its position is smaller than that of an entry sealed before."""
    async with pool.connection() as slow, slow.transaction():
        await slow.execute("SELECT audit_append('switch.changed', 'system', NULL, NULL, '{}')")
        await write(pool, 2)
        assert await log.seal() == 2, "and nobody waits for the slow one"
    assert await log.seal() == 1

    sealed = await rows(pool, "SELECT action, number FROM audit_entries ORDER BY position")
    assert [row["number"] for row in sealed] == [3, 1, 2]
    assert (await log.verify()).valid


async def test_eight_writers_and_three_sealers_make_one_chain(
    pool: Pool, empty_database_url: str, tmp_path: Path
) -> None:
    """PITFALLS 6: the sealers are as processes of their own; each has its own pool and its own file of heads."""
    others = [await open_pool(empty_database_url, max_size=4) for _ in range(3)]
    logs = [log_on(other, tmp_path / str(n)) for n, other in enumerate(others)]
    writing = True

    async def writer(number: int) -> None:
        for _ in range(50):
            await write(pool, 1, what=f"tool_{number}")

    async def sealer(log: AuditLog) -> None:
        while writing:
            await log.seal()

    sealers = [asyncio.create_task(sealer(log)) for log in logs]
    await asyncio.gather(*(writer(n) for n in range(8)))
    writing = False
    await asyncio.gather(*sealers)
    files = [tmp_path / str(n) / "audit-heads.jsonl" for n in range(3)]
    found = await logs[0].verify(more_heads=files[1:])

    assert (found.valid, found.entries, found.why) == (True, 400, None)
    assert found.heads > 3
    numbers = await rows(
        pool, "SELECT min(number) AS a, max(number) AS z, count(DISTINCT number) AS n FROM audit_entries"
    )
    assert numbers == [{"a": 1, "z": 400, "n": 400}]
    for other in others:
        await other.close()


async def test_the_fault_without_a_lock_a_naive_chain_forks(pool: Pool) -> None:
    """PITFALLS 6: eight writers that read the last hash and append."""
    async with pool.connection() as connection:
        await connection.execute(
            "CREATE TABLE naive (prev_hash bytea, hash bytea, at timestamptz DEFAULT clock_timestamp())"
        )

    async def writer(number: int) -> None:
        for n in range(30):
            last = await rows(pool, "SELECT hash FROM naive ORDER BY at DESC LIMIT 1")
            previous = last[0]["hash"] if last else b""
            digest = hashlib.sha256(previous + f"{number}.{n}".encode()).digest()
            async with pool.connection() as connection:
                await connection.execute("INSERT INTO naive (prev_hash, hash) VALUES (%s, %s)", (previous, digest))

    await asyncio.gather(*(writer(n) for n in range(8)))
    forks = await rows(pool, "SELECT FROM naive GROUP BY prev_hash HAVING count(*) > 1")
    assert len(forks) > 0


async def test_an_edited_entry_is_named(log: AuditLog, pool: Pool) -> None:
    """K06"""
    await write(pool, 100)
    await log.seal()
    await tamper(pool, "UPDATE audit_entries SET detail = '{\"n\": 0}' WHERE number = 37")
    found = await log.verify()

    assert (found.valid, found.entries, found.broken_at) == (False, 100, 37)
    assert found.why == "entry 37 was changed after it was sealed"


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "at = 'infinity'",
        "action = 'tool.started'",
        "actor = 'system'",
        "conversation_id = NULL",
        "customer_id = 'C-1002'",
        "actor = 'assistantconv_1', conversation_id = ''",
        "detail = detail || '{\"big\": 12345678901234567890.00000000000000000001}'",
        "prev_hash = hash",
        "hash = prev_hash",
    ],
)
async def test_every_field_is_covered(log: AuditLog, pool: Pool, change: str) -> None:
    await write(pool, 5)
    await log.seal()
    await tamper(pool, f"UPDATE audit_entries SET {change} WHERE number = 3")

    assert (await log.verify()).broken_at == 3


async def test_a_cut_tail_is_found(log: AuditLog, pool: Pool) -> None:
    """K06"""
    await write(pool, 200)
    await log.seal()
    await tamper(pool, "DELETE FROM audit_entries WHERE number > 150")
    found = await log.verify()

    assert (found.valid, found.entries, found.broken_at) == (False, 150, 151)


async def test_a_cut_tail_is_found_after_new_entries_have_grown_over_it(log: AuditLog, pool: Pool) -> None:
    """K06: and the break is located between two heads."""
    for _ in range(4):
        await write(pool, 50)
        await log.seal()
    await tamper(pool, "DELETE FROM audit_entries WHERE number > 150")
    await write(pool, 100)
    await log.seal()
    found = await log.verify()

    assert (found.valid, found.entries, found.broken_at) == (False, 250, 151)


async def test_a_chain_that_was_hashed_again_is_found(log: AuditLog, pool: Pool, tmp_path: Path) -> None:
    """K06: the chain is whole in itself, and only the signed heads know better."""
    await write(pool, 20)
    await log.seal()
    await write(pool, 20)
    await log.seal()
    await tamper(pool, "UPDATE audit_entries SET customer_id = 'C-1002' WHERE number = 30")
    await rebuild(pool)

    assert (await log_on(pool, tmp_path / "an empty folder").verify()).valid, "which is why heads are kept elsewhere"
    found = await log_on(pool, tmp_path).verify()
    assert (found.valid, found.broken_at) == (False, 21)
    assert "from 21 to 40" in str(found.why)


async def test_an_emptied_log_is_found(log: AuditLog, pool: Pool) -> None:
    await write(pool, 20)
    await log.seal()
    await tamper(pool, "TRUNCATE audit_entries")

    assert (await log.verify()).broken_at == 1


async def test_an_entry_in_the_middle_that_is_gone_is_named(log: AuditLog, pool: Pool) -> None:
    await write(pool, 20)
    await log.seal()
    await tamper(pool, "DELETE FROM audit_entries WHERE number = 8")
    found = await log.verify()

    assert (found.broken_at, found.why) == (8, "entry 8 is missing")


async def test_a_tail_whose_seal_was_taken_off_is_not_sealed_again_unnoticed(log: AuditLog, pool: Pool) -> None:
    await write(pool, 20)
    await log.seal()
    await tamper(
        pool,
        "UPDATE audit_entries SET number = NULL, prev_hash = NULL, hash = NULL, actor = 'system' WHERE number > 15",
    )
    found = await log.verify()

    assert (found.valid, found.entries, found.broken_at) == (False, 20, 1)


async def test_an_unsealed_tail_is_sealed_before_it_is_checked(log: AuditLog, pool: Pool) -> None:
    await write(pool, 20)
    await log.seal()
    await write(pool, 7)
    found = await log.verify()

    assert (found.valid, found.entries) == (True, 27)


async def test_heads_of_another_installation_are_not_believed(log: AuditLog, pool: Pool, tmp_path: Path) -> None:
    await write(pool, 3)
    await log.seal()
    forger = HeadFile(path=tmp_path / "audit-heads.jsonl", secret=b"not the secret of this installation")
    head, *_ = log_heads(tmp_path)
    forger.replace([head])
    found = await log.verify()

    assert not found.valid
    assert "line 1" in str(found.why)


async def test_a_head_that_a_crash_cut_off_is_neither_believed_nor_in_the_way(
    log: AuditLog, pool: Pool, tmp_path: Path
) -> None:
    await write(pool, 3)
    await log.seal()
    with (tmp_path / "audit-heads.jsonl").open("ab") as file:
        file.write(b'{"number": 4, "hash": "abc')
    assert (await log.verify()).valid

    await write(pool, 3)
    await log.seal()
    found = await log.verify()
    assert (found.valid, found.heads) == (True, 2)


async def test_a_restart_writes_no_head_twice(log: AuditLog, pool: Pool, tmp_path: Path) -> None:
    await write(pool, 3)
    for _ in range(3):
        await log_on(pool, tmp_path).seal()

    assert [head["number"] for head in log_heads(tmp_path)] == [3]


async def test_the_file_of_heads_stays_small_and_still_finds_what_is_old(
    log: AuditLog, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(pool, 1000)
    await log.seal()
    sealed = await rows(pool, "SELECT number, hash FROM audit_entries ORDER BY number")
    file = HeadFile(path=tmp_path / "audit-heads.jsonl", secret=SECRET)
    file.replace([{"number": row["number"], "hash": row["hash"].hex(), "at": str(row["number"])} for row in sealed])
    monkeypatch.setattr("desk.audit.log.ROOMY_BYTES", 1000)
    await write(pool, 1)
    await log_on(pool, tmp_path).seal()
    kept = log_heads(tmp_path)

    assert len(kept) < 800
    assert [head["number"] for head in kept[-500:]] == list(range(502, 1002))
    await tamper(pool, "UPDATE audit_entries SET actor = 'system' WHERE number = 10")
    await rebuild(pool)
    found = await log_on(pool, tmp_path).verify()
    assert not found.valid
    assert found.broken_at is not None
    assert found.broken_at <= 10


async def test_heads_the_chain_disagrees_with_are_never_thinned_out(
    log: AuditLog, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(pool, 900)
    await log.seal()
    honest = await rows(pool, "SELECT number, hash FROM audit_entries ORDER BY number")
    await tamper(pool, "UPDATE audit_entries SET actor = 'system' WHERE number = 1")
    await rebuild(pool)
    file = HeadFile(path=tmp_path / "audit-heads.jsonl", secret=SECRET)
    file.replace([{"number": row["number"], "hash": row["hash"].hex(), "at": str(row["number"])} for row in honest])
    monkeypatch.setattr("desk.audit.log.ROOMY_BYTES", 1000)
    await write(pool, 1)
    await log_on(pool, tmp_path).seal()

    assert [head["hash"] for head in log_heads(tmp_path)[:900]] == [row["hash"].hex() for row in honest]
    assert superfluous(log_heads(tmp_path)) != []


async def test_the_sealer_says_at_once_that_the_log_is_not_what_it_sealed(
    log: AuditLog, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    await write(pool, 10)
    await log.seal()
    await tamper(pool, "DELETE FROM audit_entries WHERE number > 5")
    await write(pool, 1)
    await log.seal()

    assert "audit_chain_broken" in {getattr(record, "action", None) for record in caplog.records}


async def test_a_folder_that_cannot_be_written_does_not_stop_the_chain(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    log = AuditLog(pool, heads=HeadFile(path=tmp_path / "file" / "heads.jsonl", secret=SECRET))
    await write(pool, 3)

    assert await log.seal() == 3


async def test_the_running_desk_seals_by_itself(log: AuditLog, pool: Pool) -> None:
    running = asyncio.create_task(log.run())
    await write(pool, 3)
    async with asyncio.timeout(20):
        while await log.count() < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    running.cancel()


async def test_entries_are_found_by_what_they_speak_of(log: AuditLog, pool: Pool) -> None:
    await write(pool, 5)
    await log.append("data.viewed", actor="staff_1", customer_id="C-1002", detail={"what": "4111 1111 1111 1111"})
    (entry,) = (await log.entries(customer_id="C-1002"))["items"]

    assert (entry["action"], entry["actor"], entry["number"]) == ("data.viewed", "staff_1", None)
    assert "4111" not in entry["detail"]["what"]
    assert len((await log.entries(conversation_id="conv_1"))["items"]) == 5
    assert (await log.entries(conversation_id="conv_1", action="data.viewed"))["items"] == []


async def test_a_pack_that_comes_into_force_is_an_entry_once(log: AuditLog) -> None:
    """R6.7: policy changes"""
    for version in ("a", "a", "b", "a"):
        await log.note_pack(name="retail", version=version)

    entries = (await log.entries(action="pack.loaded"))["items"]
    assert [entry["detail"]["version"] for entry in entries] == ["a", "b", "a"]


async def test_pages_follow_each_other_without_a_gap(log: AuditLog, pool: Pool) -> None:
    await write(pool, 7)
    seen, cursor = [], None
    while True:
        page = await log.entries(cursor=cursor, limit=3)
        seen += [entry["detail"]["n"] for entry in page["items"]]
        if (cursor := page["next"]) is None:
            break

    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_an_export_can_be_checked_without_the_database(log: AuditLog, pool: Pool) -> None:
    await write(pool, 3)
    await rows(
        pool, "SELECT audit_append('switch.changed', 'system', NULL, NULL, '{\"ü\": [1.50, 1e3], \"a\": \"\\n\"}')"
    )
    lines = [line async for line in log.export()]
    previous = bytes(32)
    for number, line in enumerate(lines, 1):
        entry: dict[str, Any] = json.loads(line)
        detail = line.decode().split('"detail":', 1)[1].removesuffix("}\n")
        assert json.loads(detail) == entry["detail"]
        previous = entry_hash({**entry, "detail": detail}, number=number, previous=previous)
        assert previous.hex() == entry["hash"]
    assert len(lines) == 4


@pytest.mark.heavy
async def test_a_sealer_killed_at_any_moment_leaves_one_chain(
    pool: Pool, empty_database_url: str, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.audit.killed_sealers", empty_database_url, str(tmp_path),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    killed = json.loads(out)
    found = await log_on(pool, tmp_path).verify()

    assert killed > 20, "before and after every statement and every head"
    assert (found.valid, found.why) == (True, None)
    (count,) = await rows(pool, "SELECT count(*) AS n, max(number) AS z FROM audit_entries")
    assert count["n"] == count["z"] == found.entries


def log_heads(folder: Path) -> list[Any]:
    heads, problems = HeadFile(path=folder / "audit-heads.jsonl", secret=SECRET).read()
    assert problems == []
    return heads
