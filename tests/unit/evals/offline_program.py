"""Runs the suites with a telephone that only reaches this machine, and writes down every other call.

``python -m tests.unit.evals.offline_program FOLDER``: prints the calls and the figures as JSON.
"""

import ipaddress
import json
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

CALLS: list[str] = []
_connect, _look_up = socket.socket.connect, socket.getaddrinfo


def guarded_connect(self: socket.socket, address: Any) -> None:
    _allow(address[0] if isinstance(address, tuple) else "127.0.0.1")
    _connect(self, address)


def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
    _allow(host.decode() if isinstance(host, bytes) else host or "127.0.0.1")
    return _look_up(host, *args, **kwargs)


def _allow(host: str) -> None:
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        CALLS.append(host)
        raise OSError(f"{host} is not on this machine")


def main(folder: Path) -> None:
    socket.socket.connect = socket.socket.connect_ex = guarded_connect  # type: ignore[assignment,method-assign]
    socket.getaddrinfo = guarded_look_up

    from desk.policies.loader import load_pack
    from evals import run
    from evals.report.writing import write_report
    from evals.thresholds import limits

    rows = {name: folder / f"{name}.jsonl" for name in ("answers", "fitted", "questions")}

    def small(ask: run.Ask, *, suite: str) -> Any:
        from evals.suites import answers, retrieval_pack

        policies = load_pack(Path("packs/retail"))
        if suite == "answers":
            return answers.run_pack(policies, rows=rows["answers"], questions=rows["questions"])
        return retrieval_pack.run_pack(policies, rows=rows["fitted"], questions=rows["questions"])

    for name in ("answers", "retrieval"):
        run._SUITES[name] = lambda ask, suite=name: small(ask, suite=suite)
    found = run.run_suites(["retrieval", "answers"], run.Ask(), limits=limits(), baseline=None)
    write_report(found, folder / "report", limits=limits())
    told = list(CALLS)
    with suppress(OSError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    control = CALLS[len(told) :]
    json.dump({"calls": told, "control": control, "figures": found["suites"][0]["figures"]}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
