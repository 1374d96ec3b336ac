"""A real Chroma server on loopback, and a doorway before it that can be shut: whoever calls then waits for ever."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx


@contextmanager
def chroma_running(folder: Path) -> Iterator[str]:
    """Its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    chroma = Path(sys.executable).with_name("chroma")
    command = [chroma, "run", "--path", folder / "db", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_up(url)
            yield url
        finally:
            process.kill()


def _wait_until_up(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/api/v2/heartbeat", timeout=2).is_success:
                return
        time.sleep(0.1)
    raise TimeoutError("chroma run did not come up")


class Doorway:
    """Passes everything on to a server while it is open. Shut, it still accepts, and keeps what it is told."""

    def __init__(self, url: str) -> None:
        self._port = int(url.rpartition(":")[2])
        self._open = threading.Event()
        self._open.set()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.waiting = threading.Event()
        """Somebody has been told nothing since it was shut."""
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        self.waiting.clear()
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.set()
        self._listener.close()
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                outside = self._listener.accept()[0]
                inside = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [outside, inside]
                for source, target in ((outside, inside), (inside, outside)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while told := source.recv(65_536):
                if not self._open.is_set():
                    self.waiting.set()
                    self._open.wait()
                target.sendall(told)
            target.shutdown(socket.SHUT_WR)
