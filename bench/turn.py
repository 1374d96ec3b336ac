"""``make bench``: what a turn costs, beside bare LangGraph in the same run.

Prints a table and, with ``--json FILE``, writes the figures. Ratios within one run are what counts; milliseconds
depend on the machine.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from bench import bare
from bench.customer import call, converse
from desk.db.embedded import start_embedded_postgres

SCRIPT = [
    "what is your returns policy?",
    "where is my order HP-10001?",
    "ava.moreno@example.com",
    "where is my parcel?",
    "how long does delivery take?",
]
"""What every benchmark customer says, over and over: questions, an identification, two tool calls."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=20, help="turns of each conversation")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        figures = measure(Path(folder), turns=options.turns)
    for name, row in figures.items():
        print(f"{name:42}" + "  ".join(f"{key} {value:,.2f}" for key, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def measure(folder: Path, *, turns: int) -> dict[str, dict[str, float]]:
    """All figures of one run."""
    figures: dict[str, dict[str, float]] = {}
    bare_url = start_embedded_postgres(folder / "bare")
    with model_server() as model_url:
        engines = {"offline": {}, "scripted model": {"OPENAI_API_KEY": "bench", "OPENAI_BASE_URL": model_url}}
        for engine, environment in engines.items():
            data = folder / engine.replace(" ", "-")
            with server(data, environment) as (port, process, ready):
                asyncio.run(_conversations(port, 2, 5))  # warm
                for count in (1, 16):
                    figures[f"frontdesk, {engine}, {count} at once"] = asyncio.run(_conversations(port, count, turns))
                if engine == "offline":
                    figures |= asyncio.run(_growth(port, start_embedded_postgres(data)))
                memory = psutil.Process(process).memory_info().rss / 1e6
                figures[f"frontdesk, {engine}, process"] = {"MB": memory, "seconds_to_ready": ready}
                if engine == "offline":
                    with_data = data
    with server(with_data, {}) as (_, _, ready):
        figures["frontdesk, existing data folder"] = {"seconds_to_ready": ready}
    for count in (1, 16):
        started = time.perf_counter()
        seconds = asyncio.run(bare.on_postgres(bare_url, count, turns))
        figures[f"(a) bare LangGraph, Postgres, {count} at once"] = _summary(seconds, time.perf_counter() - started)
        started = time.perf_counter()
        seconds = asyncio.run(bare.in_memory(count, turns))
        figures[f"(b) bare LangGraph, memory, {count} at once"] = _summary(seconds, time.perf_counter() - started)
    ours, theirs = figures["frontdesk, offline, 16 at once"], figures["(a) bare LangGraph, Postgres, 16 at once"]
    figures["ratio to (a) at 16 at once"] = {
        "throughput": ours["turns_per_second"] / theirs["turns_per_second"],
        "p50": ours["p50_ms"] / theirs["p50_ms"],
    }
    return figures


async def _conversations(port: int, count: int, turns: int) -> dict[str, float]:
    texts = [SCRIPT[number % len(SCRIPT)] for number in range(turns)]
    started = time.perf_counter()
    rows = await asyncio.gather(*(converse(port, texts) for _ in range(count)))
    return _summary([second for row in rows for second in row], time.perf_counter() - started)


async def _growth(port: int, url: str) -> dict[str, dict[str, float]]:
    """Rows and bytes of the database that one turn adds, early and late in a conversation."""
    answer = await call(port, "POST", "/v1/conversations", body={"channel": "web"})
    session = json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])
    path = f"/v1/conversations/{session['conversation_id']}/messages"
    figures = {}
    for turn in range(1, 51):
        before = _database(url) if turn in (5, 50) else None
        body = {"text": "what is your returns policy?", "client_message_id": f"g-{turn}"}
        await call(port, "POST", path, token=session["session_token"], body=body, accept="text/event-stream")
        if before is not None:
            after = _database(url)
            figures[f"frontdesk, database at turn {turn}"] = {key: after[key] - before[key] for key in after}
    return figures


def _database(url: str) -> dict[str, float]:
    """Live rows and their bytes, and all bytes ever written to the log."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = [
            row[0] for row in connection.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")
        ]
        rows = size = 0
        for table in tables:
            counted = connection.execute(
                f'SELECT count(*), coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM "{table}" AS t'.encode()
            ).fetchone()
            assert counted is not None
            rows, size = rows + counted[0], size + counted[1]
        wal = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
        assert wal is not None
        return {"rows": float(rows), "bytes": float(size), "wal_bytes": float(wal[0])}


@contextmanager
def server(data: Path, environment: dict[str, str]) -> Iterator[tuple[int, int, float]]:
    """``frontdesk serve --demo`` in a process of its own: its port, its process id, seconds until it was ready."""
    port = _free_port()
    settings = {"FRONTDESK_DATA_DIR": str(data), "FRONTDESK_RATE_PER_MINUTE": "1000000", "LANGSMITH_TRACING": "false"}
    command = [sys.executable, "-m", "commands.main", "serve", "--demo", "--port", str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | settings | environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if "ready" not in line:
            raise RuntimeError(f"the server did not start: {line!r}")
        yield port, process.pid, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def model_server() -> Iterator[str]:
    """The scripted model of the tests: the OpenAI protocol on loopback, without latency."""
    port = _free_port()
    command = [sys.executable, "-m", "tests.fakes.model_server", "--port", str(port), "--script", "sensible"]
    process = subprocess.Popen(command)
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _summary(seconds: list[float], elapsed: float) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50_ms": statistics.median(ordered) * 1000,
        "p95_ms": ordered[int(len(ordered) * 0.95) - 1] * 1000,
        "turns_per_second": len(ordered) / elapsed,
    }


if __name__ == "__main__":
    main()
