"""``frontdesk audit``, ``staff``, ``switch`` and the demo's tokens, as a person at a terminal meets them."""

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from desk.db.pool import Pool
from tests.integration.audit.chains import tamper, write

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[3]
SECRET_KEY = "a secret of the tests, long enough for its purpose"
Frontdesk = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(empty_database_url: str, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FRONTDESK_", "OPENAI_"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": empty_database_url,
        "FRONTDESK_DATA_DIR": str(tmp_path / "data"),
        "FRONTDESK_SECRET_KEY": SECRET_KEY,
    }


@pytest.fixture
def frontdesk(environment: dict[str, str], tmp_path: Path) -> Frontdesk:
    def run(*words: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "commands.main", *words],
            env={**environment, **changes}, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


async def test_verify_names_the_first_broken_entry(frontdesk: Frontdesk, pool: Pool) -> None:
    """K06, and the contract's words: exit 1, the number on standard error."""
    await write(pool, 60)
    whole = frontdesk("audit", "verify")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "60 entries" in whole.stdout

    await tamper(pool, "UPDATE audit_entries SET actor = 'system' WHERE number = 37")
    broken = frontdesk("audit", "verify")
    assert broken.returncode == 1
    assert re.search(r"\b37\b", broken.stderr)
    assert json.loads(frontdesk("audit", "verify", "--json").stdout)["broken_at"] == 37


async def test_verify_finds_the_tail_that_was_cut(frontdesk: Frontdesk, pool: Pool) -> None:
    await write(pool, 60)
    assert frontdesk("audit", "verify").returncode == 0
    await tamper(pool, "DELETE FROM audit_entries WHERE number > 10")
    broken = frontdesk("audit", "verify")

    assert (broken.returncode, broken.stderr.count("\n")) == (1, 1)
    assert re.search(r"\b11\b", broken.stderr)


async def test_verify_takes_heads_kept_elsewhere_into_account(frontdesk: Frontdesk, pool: Pool, tmp_path: Path) -> None:
    await write(pool, 60)
    elsewhere = str(tmp_path / "other disk" / "heads.jsonl")
    assert frontdesk("audit", "verify", FRONTDESK_AUDIT_HEADS=elsewhere).returncode == 0
    await tamper(pool, "DELETE FROM audit_entries WHERE number > 10")

    assert frontdesk("audit", "verify").returncode == 0
    assert frontdesk("audit", "verify", "--heads", elsewhere).returncode == 1
    assert "there is no file" in frontdesk("audit", "verify", "--heads", "nowhere").stderr


async def test_an_export_is_json_lines_and_an_entry_itself(frontdesk: Frontdesk, pool: Pool, tmp_path: Path) -> None:
    await write(pool, 5)
    printed = [json.loads(line) for line in frontdesk("audit", "export").stdout.splitlines()]
    assert [entry["number"] for entry in printed] == list(range(1, 7))
    assert printed[-1]["action"] == "data.exported"

    assert frontdesk("audit", "export", "--out", str(tmp_path / "log.jsonl")).stdout.startswith("7 entries")
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 7
    failed = frontdesk("audit", "export", "--out", str(tmp_path / "nowhere" / "log.jsonl"))
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)


async def test_staff_come_and_go(frontdesk: Frontdesk) -> None:
    added = json.loads(
        frontdesk(
            "staff", "add", "Ava", "--role", "agent", "--role", "approver", "--customer", "C-1001", "--json"
        ).stdout
    )
    assert added["token"].startswith("fdstaff_")
    assert (added["roles"], added["customer_id"]) == (["agent", "approver"], "C-1001")
    listed = frontdesk("staff", "list", "--json").stdout
    assert added["token"] not in listed
    assert [member["disabled_at"] for member in json.loads(listed)] == [None]

    assert frontdesk("staff", "disable", added["id"]).returncode == 0
    assert json.loads(frontdesk("staff", "list", "--json").stdout)[0]["disabled_at"] is not None
    wrong = frontdesk("staff", "add", "Eve", "--role", "boss")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "the roles are agent, approver" in wrong.stderr


async def test_switches_at_the_terminal(frontdesk: Frontdesk) -> None:
    assert frontdesk("switch", "off", "get_order", "--reason", "wrong totals").stdout == "get_order is off.\n"
    assert [(s["name"], s["off"], s["by"]) for s in json.loads(frontdesk("switch", "list", "--json").stdout)] == [
        ("get_order", True, "operator")
    ]
    assert frontdesk("switch", "on", "get_order").stdout == "get_order is on.\n"
    wrong = frontdesk("switch", "off", "get_ordr")
    assert (wrong.returncode, "Did you mean get_order?" in wrong.stderr) == (1, True)


async def test_a_demo_has_two_tokens_for_each_role_and_keeps_them(environment: dict[str, str], tmp_path: Path) -> None:
    """The contract's ``demo-staff.json``."""
    del environment["FRONTDESK_SECRET_KEY"]
    first = await _tokens_of_a_demo(environment, tmp_path)
    file = tmp_path / "data" / "demo-staff.json"

    assert {role: len(tokens) for role, tokens in first.items()} == dict.fromkeys(
        ("agent", "approver", "supervisor", "knowledge_owner", "auditor", "admin"), 2
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = {**first, "agent": ["fdstaff_forged", first["agent"][1], 7], "nonsense": 1}
    file.write_text(json.dumps(kept))
    second = await _tokens_of_a_demo(environment, tmp_path)
    assert {role: tokens for role, tokens in second.items() if role != "agent"} == {
        role: tokens for role, tokens in first.items() if role != "agent"
    }
    assert second["agent"][0] == first["agent"][1]
    assert len(set(second["agent"])) == 2


async def _tokens_of_a_demo(environment: dict[str, str], folder: Path) -> dict[str, Any]:
    """Starts a demo, tries a token, and reads what it printed and wrote."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "commands.main", "serve", "--demo", "--port", "0",
        env=environment, cwd=folder, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            printed = [(await process.stdout.readline()).decode() for _ in range(8)]
        found = re.search(r"http://127\.0\.0\.1:\d+", printed[0])
        assert found
        tokens: dict[str, Any] = json.loads((folder / "data" / "demo-staff.json").read_text())
        assert all(token in "".join(printed) for held in tokens.values() for token in held)
        async with httpx.AsyncClient(base_url=found[0], trust_env=False, timeout=20) as http:
            for role, expected in (("auditor", 200), ("agent", 403)):
                answer = await http.get("/v1/audit/verify", headers={"Authorization": f"Bearer {tokens[role][1]}"})
                assert answer.status_code == expected
        return tokens
    finally:
        process.terminate()
        await process.wait()
