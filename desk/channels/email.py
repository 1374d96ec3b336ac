"""E-mail over SMTP: ``SMTP_URL`` is ``smtp://user:password@host:port`` or ``smtps://…``."""

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

from desk.channels.base import DeliveryFailed, Outgoing
from desk.domain.errors import ConfigurationError

SOCKET_SECONDS = 10.0
THREADS = 4  # smtplib blocks; a slow server keeps these busy and nothing else
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """A parsed ``SMTP_URL``."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    tls: bool
    """From the first byte (``smtps``); otherwise STARTTLS when the server offers it."""
    sender: str
    """Address in ``From``."""


def parse_smtp_url(url: str, *, mail_from: str | None) -> SmtpServer:
    """The server of an ``SMTP_URL``. The sender is ``mail_from``, else ``?from=`` of the URL, else its user.

    Raises ``ConfigurationError`` for a URL that names none.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as exc:
        raise ConfigurationError("SMTP_URL has a port that is no number") from exc
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ConfigurationError("SMTP_URL must be smtp://[user:password@]host[:port] or smtps://…")
    user = unquote(parts.username) if parts.username else None
    wanted = mail_from or parse_qs(parts.query).get("from", [""])[0] or user or ""
    address = parseaddr(wanted)[1]
    if "@" not in address:
        # No address anywhere: one that bounces visibly at the server rather than a start that is refused.
        address = f"frontdesk@{parts.hostname}"
    return SmtpServer(
        host=parts.hostname,
        port=port or (465 if parts.scheme == "smtps" else 587 if user else 25),
        user=user,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "smtps",
        sender=address,
    )


class SmtpSender:
    """Sends each message over a connection of its own, in a few threads."""

    def __init__(self, server: SmtpServer, *, name: str) -> None:
        """``name`` is what mail programs show as the sender."""
        self._server = server
        self._name = name
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="smtp")

    async def send(self, message: Outgoing) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._deliver, message)

    async def check(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._deliver, None)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def written(self, message: Outgoing) -> EmailMessage:
        """The message as it is sent. Raises ``DeliveryFailed`` for an address that is none."""
        mail = EmailMessage()
        domain = self._server.sender.rpartition("@")[2]
        try:
            mail["From"] = Address(display_name=self._name, addr_spec=self._server.sender)
            mail["To"] = Address(addr_spec=message.to)
            mail["Subject"] = message.subject
        except (ValueError, IndexError) as exc:  # the parser of addresses raises either
            raise DeliveryFailed("malformed", permanent=True) from exc
        mail["Date"] = format_datetime(message.created_at)
        mail["Message-ID"] = f"<{message.id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
        mail.set_content(message.text)
        return mail

    def _deliver(self, message: Outgoing | None) -> None:
        """In a thread. Without a message: everything up to it."""
        mail = None if message is None else self.written(message)
        try:
            client = self._connected()
            try:
                if mail is None:
                    client.noop()
                else:
                    client.send_message(mail)
            finally:
                _leave(client)
        except smtplib.SMTPRecipientsRefused as exc:
            (code, _), *_ = exc.recipients.values()
            raise _refused(code) from exc
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as exc:
            raise _refused(exc.smtp_code) from exc
        except smtplib.SMTPResponseException as exc:  # at the greeting, at the login: may be mended without us
            raise DeliveryFailed(str(exc.smtp_code), permanent=False) from exc
        except (smtplib.SMTPException, OSError) as exc:
            raise DeliveryFailed(type(exc).__name__, permanent=False) from exc

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        client: smtplib.SMTP
        if server.tls:
            client = smtplib.SMTP_SSL(
                server.host, server.port, timeout=SOCKET_SECONDS, context=ssl.create_default_context()
            )
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=SOCKET_SECONDS)
        try:
            client.ehlo_or_helo_if_needed()
            encrypted = server.tls
            if not encrypted and client.has_extn("starttls"):
                client.starttls(context=ssl.create_default_context())
                client.ehlo()
                encrypted = True
            if server.user is not None:
                if not encrypted and server.host not in _LOOPBACK:
                    raise DeliveryFailed("no_tls_for_password", permanent=False)
                client.login(server.user, server.password or "")
        except BaseException:
            client.close()
            raise
        return client


def _leave(client: smtplib.SMTP) -> None:
    """Says goodbye. What was accepted before stays accepted, whatever is answered now."""
    try:
        client.quit()
    except (smtplib.SMTPException, OSError):
        client.close()


def _refused(code: int) -> DeliveryFailed:
    return DeliveryFailed(str(code), permanent=code >= 500)
