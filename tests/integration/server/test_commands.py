"""``frontdesk serve`` and ``frontdesk chat`` as processes: what a person at a terminal meets."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[3]
FRONTDESK = [sys.executable, "-m", "commands.main"]


def _environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FRONTDESK_", "OPENAI_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


@pytest.fixture(scope="module")
def environment(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("data")
    return _environment(DATABASE_URL=module_database_url, FRONTDESK_DATA_DIR=str(folder))


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running ``frontdesk serve --demo``."""

    process: "subprocess.Popen[str]"
    url: str
    errors: Path


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    errors = tmp_path / "errors"
    with (
        errors.open("w") as log,
        subprocess.Popen(
            [*FRONTDESK, "serve", "--demo", "--port", "0", "--verbose"],
            env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=log, text=True,
        ) as process,
    ):  # fmt: skip
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found, errors.read_text()
            yield Server(process=process, url=found.group(), errors=errors)
        finally:
            process.kill()


def test_serve_says_when_it_is_ready_and_leaves_within_ten_seconds(server: Server) -> None:
    """R12.3: with a stream open, which ends in good order."""
    assert httpx.get(f"{server.url}/readyz", timeout=10).status_code == 200
    started = httpx.post(f"{server.url}/v1/conversations", json={"channel": "web"}, timeout=10).json()
    headers = {"Authorization": f"Bearer {started['session_token']}"}
    address = f"{server.url}/v1/conversations/{started['conversation_id']}/events"
    with httpx.stream("GET", address, headers=headers, timeout=20) as response:
        assert response.status_code == 200
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert b"".join(response.iter_raw()).startswith(b"retry:")
    code = server.process.wait(timeout=20)

    assert time.monotonic() - began < 10
    assert code == 0
    records = [json.loads(line) for line in server.errors.read_text().splitlines()]
    assert "POST" in {record.get("method") for record in records}
    assert [record for record in records if "trace" in record] == []


def test_a_demo_without_a_mail_server_has_a_mailbox(server: Server) -> None:
    """R5.1: a newcomer finds the code."""
    mailbox = httpx.get(f"{server.url}/demo/mailbox", headers={"Accept": "application/json"}, timeout=10)

    assert (mailbox.status_code, mailbox.json()) == (200, {"items": [], "next": None})
    assert "/demo/mailbox" in httpx.get(server.url, timeout=10).text


def test_chat_talks_to_a_server_through_a_pipe(server: Server, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*FRONTDESK, "chat", "--server", server.url], env=environment, cwd=ROOT,
        input="what is your returns policy?\n\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert "automated assistant" in done.stdout
    assert "30 days" in done.stdout
    assert "source: Returns policy" in done.stdout
    assert "\x1b" not in done.stdout


def test_chat_in_process_prints_events_as_json_lines(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*FRONTDESK, "chat", "--json"], env=environment, cwd=ROOT,
        input="hello\n \n" + "x" * 9000 + "\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    events = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 0, done.stderr
    assert events[0]["event"] == "disclosure"
    assert [e["event"] for e in events].count("turn.completed") == 1
    assert events[-1]["data"]["code"] == "message_too_long"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve"], "FRONTDESK_SECRET_KEY is not set"),
        (["serve", "--demo", "--host", "no.such.host.invalid"], "cannot listen on no.such.host.invalid port 8000"),
        (["chat", "--server", "http://127.0.0.1:1"], "no Frontdesk server answers at http://127.0.0.1:1"),
        (["chat", "--server", "nonsense"], "no Frontdesk server answers at nonsense"),
    ],
)
def test_what_is_wrong_is_one_sentence(environment: dict[str, str], arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [*FRONTDESK, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"frontdesk: {said}")
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_told_at_once(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*FRONTDESK, "serve", "--demo", "--port", port],
            env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.endswith(f"port {port}: another program listens there; choose another with --port\n")


def test_an_unknown_setting_is_told_with_a_suggestion(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*FRONTDESK, "serve", "--demo"], env={**environment, "FRONTDESK_PAK": "x"}, cwd=ROOT,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "did you mean FRONTDESK_PACK?" in done.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from commands.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('langgraph', 'chromadb', 'sklearn', 'fastapi', 'psycopg', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=_environment(), cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "serve" in done.stdout
    assert done.stdout.rstrip().endswith("[]")
