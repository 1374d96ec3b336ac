"""Which senders an installation has: what the settings name, and in a demo the mailbox for the rest."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from desk.channels.base import Sender
from desk.channels.email import SmtpSender, parse_smtp_url
from desk.channels.mailbox import FileMailbox, MailboxSender
from desk.channels.outbox import CHANNELS, OutboxChannel
from desk.channels.sms import TwilioSender
from desk.config.settings import Settings
from desk.domain.errors import ConfigurationError

MAILBOX_FILE = "demo-mailbox.jsonl"


@dataclass(frozen=True, kw_only=True)
class Senders:
    """``by_channel`` has the channels that something can be sent on; ``mailbox`` is the demo's."""

    by_channel: Mapping[OutboxChannel, Sender] = field(default_factory=dict)
    mailbox: FileMailbox | None = None

    @property
    def available(self) -> frozenset[OutboxChannel]:
        return frozenset(self.by_channel)


@asynccontextmanager
async def open_senders(settings: Settings, *, shop: str, demo: bool) -> AsyncIterator[Senders]:
    """The senders of this installation. Raises ``ConfigurationError`` for settings that are incomplete."""
    named: dict[OutboxChannel, Sender | None] = {
        "email": email_sender(settings, shop=shop),
        "sms": sms_sender(settings),
    }
    by_channel = {channel: sender for channel, sender in named.items() if sender is not None}
    async with AsyncExitStack() as stack:
        for sender in by_channel.values():
            stack.push_async_callback(sender.close)
        missing = [channel for channel in CHANNELS if channel not in by_channel]
        mailbox = FileMailbox(settings.data_dir / MAILBOX_FILE) if demo and missing else None
        if mailbox is not None:
            await mailbox.start()
            by_channel |= {channel: MailboxSender(mailbox, channel=channel) for channel in missing}
        yield Senders(by_channel=by_channel, mailbox=mailbox)


def email_sender(settings: Settings, *, shop: str) -> SmtpSender | None:
    """The sender of ``SMTP_URL``."""
    if settings.smtp_url is None or not settings.smtp_url.get_secret_value():
        return None
    server = parse_smtp_url(settings.smtp_url.get_secret_value(), mail_from=settings.mail_from)
    return SmtpSender(server, name=shop)


def sms_sender(settings: Settings) -> TwilioSender | None:
    """The sender of the ``TWILIO_`` settings: all of them, or none."""
    token = settings.twilio_auth_token.get_secret_value() if settings.twilio_auth_token else None
    given = {
        "TWILIO_ACCOUNT_SID": settings.twilio_account_sid, "TWILIO_AUTH_TOKEN": token,
        "TWILIO_FROM": settings.twilio_from,
    }  # fmt: skip
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if missing:
        raise ConfigurationError(f"SMS needs {' and '.join(missing)} as well")
    return TwilioSender(
        base_url=settings.twilio_base_url,
        account_sid=settings.twilio_account_sid or "",
        auth_token=token or "",
        sender=settings.twilio_from or "",
    )
