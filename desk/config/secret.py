"""The installation's secret: the key behind tokens, hashes and signatures."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from desk.config.settings import Settings
from desk.domain.errors import ConfigurationError

MIN_SECRET: Final = 32


def installation_secret(settings: Settings, *, demo: bool) -> bytes:
    """The setting, or in a demo one of its own, kept in the data folder. Raises ``ConfigurationError``."""
    if settings.secret_key is not None:
        key = settings.secret_key.get_secret_value().encode()
        if len(key) < MIN_SECRET:
            raise ConfigurationError(f"FRONTDESK_SECRET_KEY is shorter than {MIN_SECRET} characters; use a longer one")
        return key
    if not demo:
        raise ConfigurationError(
            "FRONTDESK_SECRET_KEY is not set; set it to at least 32 random characters, or use --demo"
        )
    return _demo_secret(settings.data_dir / "demo-secret")


def is_demo(settings: Settings) -> bool:
    """Whether this data folder was started with ``--demo``: commands beside the server then use its secret."""
    return settings.secret_key is None and (settings.data_dir / "demo-secret").exists()


def _demo_secret(file: Path) -> bytes:
    file.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(48))
    return file.read_bytes()
