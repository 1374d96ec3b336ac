"""Settings: the only reader of the environment. Twelve-factor names, an optional ``.env`` file, no other source."""

import difflib
import os
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from desk.domain.errors import ConfigurationError


def _named(name: str) -> AliasChoices:
    return AliasChoices(name)


class Settings(BaseSettings):
    """Every setting of the product, typed, with the meaning under it."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, populate_by_name=True)

    database_url: str | None = Field(default=None, validation_alias=_named("DATABASE_URL"))
    """PostgreSQL to use; unset: an embedded one in the data folder."""
    chroma_url: str | None = Field(default=None, validation_alias=_named("CHROMA_URL"))
    """Chroma server to use; unset: embedded in the data folder."""
    openai_api_key: SecretStr | None = Field(default=None, validation_alias=_named("OPENAI_API_KEY"))
    """No key: the offline engine does everything."""
    openai_base_url: str | None = Field(default=None, validation_alias=_named("OPENAI_BASE_URL"))
    data_dir: Path = Field(default=Path("data"), validation_alias=_named("FRONTDESK_DATA_DIR"))
    audit_heads: Path | None = Field(default=None, validation_alias=_named("FRONTDESK_AUDIT_HEADS"))
    """Where signed heads of the audit log are kept; unset: ``audit-heads.jsonl`` in the data folder."""
    pack: Path = Field(
        default=Path(__file__).parents[2] / "packs" / "retail", validation_alias=_named("FRONTDESK_PACK")
    )
    """Folder of the pack, or the name of one beneath ``packs/``."""
    secret_key: SecretStr | None = Field(default=None, validation_alias=_named("FRONTDESK_SECRET_KEY"))
    """Signs and hashes tokens. Required outside ``--demo``; at least 32 characters."""
    model: str = Field(default="gpt-5.1", validation_alias=_named("FRONTDESK_MODEL"))
    fast_model: str = Field(default="gpt-5-mini", validation_alias=_named("FRONTDESK_FAST_MODEL"))
    judge_model: str | None = Field(default=None, validation_alias=_named("FRONTDESK_JUDGE_MODEL"))
    embedding_model: str | None = Field(default=None, validation_alias=_named("FRONTDESK_EMBEDDING_MODEL"))
    """An embedding model of the OpenAI-compatible endpoint, ``sentence-transformers:<folder>``, or ``local``: learned
    from the articles alone. Unset: the small model that is installed."""
    host_jwt_key: SecretStr | None = Field(default=None, validation_alias=_named("FRONTDESK_HOST_JWT_KEY"))
    """Key of the host's HS256 tokens for in-app customers."""
    host_jwks_url: str | None = Field(default=None, validation_alias=_named("FRONTDESK_HOST_JWKS_URL"))
    """Where the host publishes the keys of its RS256 tokens."""
    host_jwt_audience: str = Field(default="frontdesk", validation_alias=_named("FRONTDESK_HOST_JWT_AUDIENCE"))
    """What the host's tokens must say in ``aud``, when they say anything there."""
    public_url: str | None = Field(default=None, validation_alias=_named("FRONTDESK_PUBLIC_URL"))
    """Where customers reach this server, for links in e-mails; unset: e-mails hold no links."""
    staff_token: SecretStr | None = Field(default=None, validation_alias=_named("FRONTDESK_STAFF_TOKEN"))
    """Who decides at the command line; a token of ``frontdesk staff add``."""
    smtp_url: SecretStr | None = Field(default=None, validation_alias=_named("SMTP_URL"))
    """Mail server: ``smtp://[user:password@]host[:port]`` or ``smtps://…``; unset: no e-mail is sent."""
    mail_from: str | None = Field(default=None, validation_alias=_named("FRONTDESK_MAIL_FROM"))
    """Sender of our e-mails; unset: ``?from=`` of ``SMTP_URL``, or its user."""
    twilio_account_sid: str | None = Field(default=None, validation_alias=_named("TWILIO_ACCOUNT_SID"))
    """Twilio's account for SMS; unset with the next two: no SMS is sent."""
    twilio_auth_token: SecretStr | None = Field(default=None, validation_alias=_named("TWILIO_AUTH_TOKEN"))
    twilio_from: str | None = Field(default=None, validation_alias=_named("TWILIO_FROM"))
    """The number SMS come from."""
    twilio_base_url: str = Field(default="https://api.twilio.com", validation_alias=_named("TWILIO_BASE_URL"))

    model_timeout: timedelta = Field(default=timedelta(seconds=12), validation_alias=_named("FRONTDESK_MODEL_TIMEOUT"))
    """How long one answer of the model provider may take, from request to last byte. ISO 8601 or seconds."""
    turn_timeout: timedelta = Field(default=timedelta(seconds=30), validation_alias=_named("FRONTDESK_TURN_TIMEOUT"))
    """How long one turn may take before the customer gets an honest sentence and a person."""
    lease_ttl: timedelta = Field(default=timedelta(seconds=8), validation_alias=_named("FRONTDESK_LEASE_TTL"))
    """How long a conversation stays with a process that no longer gives a sign of life."""
    rate_per_minute: int = Field(default=60, ge=1, validation_alias=_named("FRONTDESK_RATE_PER_MINUTE"))
    """Messages a conversation may send in a minute."""
    streams_per_conversation: int = Field(
        default=5, ge=1, validation_alias=_named("FRONTDESK_STREAMS_PER_CONVERSATION")
    )
    """Open event streams one conversation may hold in one server process."""
    streams_per_address: int = Field(default=100, ge=1, validation_alias=_named("FRONTDESK_STREAMS_PER_ADDRESS"))
    """Open event streams one address may hold in one server process; streams of single turns are not counted."""
    trusted_proxies: str = Field(default="", validation_alias=_named("FRONTDESK_TRUSTED_PROXIES"))
    """Comma-separated addresses whose ``X-Forwarded-For`` is believed."""
    allowed_origins: str = Field(default="*", validation_alias=_named("FRONTDESK_ALLOWED_ORIGINS"))
    """Comma-separated origins of the pages that embed the widget."""

    @property
    def audit_heads_file(self) -> Path:
        return self.audit_heads or self.data_dir / "audit-heads.jsonl"


def load_settings() -> Settings:
    """The settings of this process.

    Raises ``ConfigurationError`` for a value that does not fit and for an unknown ``FRONTDESK_`` variable.
    """
    known = {str(field.validation_alias.choices[0]) for field in Settings.model_fields.values()
             if isinstance(field.validation_alias, AliasChoices)}  # fmt: skip
    for name in sorted(os.environ):
        if name.startswith("FRONTDESK_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{name} is not a setting of Frontdesk{hint}")
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors()[0]
        raise ConfigurationError(f"{first['loc'][0]}: {first['msg']}") from exc


def forbid_tracking_by_ragas() -> None:
    """Before ragas is imported: it sends usage events to its makers unless its variable says no."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"


def system_variables(names: Collection[str]) -> dict[str, str]:
    """The variables a pack asks for to reach its business systems.

    Raises ``ConfigurationError`` with every one that is not set.
    """
    written = {**dotenv_values(".env"), **os.environ}
    if missing := sorted(name for name in names if not written.get(name)):
        raise ConfigurationError(f"{', '.join(missing)}: not set; the pack's systems.yaml asks for it")
    return {name: str(written[name]) for name in names}
