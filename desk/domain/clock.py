"""The one place that reads the wall clock; always aware, always UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current instant."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """``2026-11-23T01:22:03.123Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
