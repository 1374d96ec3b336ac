"""Logging of the commands: JSON lines on standard error, with personal values masked."""

from desk.config.telemetry import configure_logging


def start_logging(*, level: int) -> None:
    """Call once, before anything is opened."""
    from desk.privacy.redaction import RedactingFilter

    configure_logging(level=level, filters=[RedactingFilter()])
