"""Headless Chromium, the scripted server, and the real one when its command exists."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.browser.page import ChatPage
from tests.browser.scripted_server import ScriptedDesk

_REPOSITORY = Path(__file__).parents[2]
_CHROMIUM = shutil.which("chromium")
_DRIVER = shutil.which("chromedriver")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--window-size=1280,860", "--lang=en-US",
)  # fmt: skip


@pytest.fixture(scope="session")
def _chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    if _CHROMIUM is None or _DRIVER is None:
        pytest.skip("Chromium is not installed (Debian packages: chromium, chromium-driver)")
    options = ChromeOptions()
    options.binary_location = _CHROMIUM
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(executable_path=_DRIVER))
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


@pytest.fixture
def browser(_chromium: Chrome) -> Iterator[Chrome]:
    """A tab with nothing remembered, at desktop size, in the light."""
    _chromium.switch_to.new_window("tab")
    for kind in ("performance", "browser"):
        _chromium.get_log(kind)  # type: ignore[no-untyped-call]  # forgets what the test before has left
    yield _chromium
    _chromium.execute_cdp_cmd("Network.enable", {})
    _chromium.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    _chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    _chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    _chromium.close()
    _chromium.switch_to.window(_chromium.window_handles[0])


@pytest.fixture
def desk() -> Iterator[ScriptedDesk]:
    """The scripted server."""
    server = ScriptedDesk()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def page(browser: Chrome, desk: ScriptedDesk) -> ChatPage:
    """The demo page of the scripted server, not loaded yet."""
    return ChatPage(browser, desk.url)


@dataclass(frozen=True, kw_only=True)
class LiveDesk:
    """A running ``frontdesk serve --demo``: its address, and the staff tokens it made."""

    url: str
    tokens: dict[str, list[str]]


@pytest.fixture(scope="module")
def live_server(live_desk: LiveDesk) -> str:
    """Only the address of the real server."""
    return live_desk.url


@pytest.fixture(scope="module")
def live_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveDesk]:
    """A real ``frontdesk serve --demo`` on a data folder of its own, offline engine."""
    assert importlib.util.find_spec("commands.main") is not None, "the command does not exist yet"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("frontdesk")
    unset = ("DATABASE_URL", "CHROMA_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "commands.main", "serve", "--demo", "--port", str(port)],
            cwd=_REPOSITORY, env={**environment, "FRONTDESK_DATA_DIR": str(folder / "data")},
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process, log)
            yield LiveDesk(url=url, tokens=json.loads((folder / "data" / "demo-staff.json").read_text()))
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended:\n{log.read_text(errors='replace')[-4000:]}"
        try:
            if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)  # another process: there is nothing to await but its port
    raise AssertionError(f"the server was not ready in two minutes:\n{log.read_text(errors='replace')[-4000:]}")
