"""E-mail over a real SMTP server (R2.4)."""

import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from desk.channels.base import DeliveryFailed, Outgoing
from desk.channels.email import SmtpSender, SmtpServer, parse_smtp_url
from desk.domain.errors import ConfigurationError
from tests.fakes.smtp_sink import SmtpSink, smtp_sink

MAIL = Outgoing(
    id="out_1", created_at=datetime(2026, 11, 24, 12, tzinfo=UTC), to="ava@example.com", subject="Your code",
    text="Your code is 123456\n\nIt confirms: Refund 35.00 USD — Zoë", code="123456",
)  # fmt: skip


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as sink:
        yield sink


@pytest.fixture
async def sender(sink: SmtpSink) -> AsyncIterator[SmtpSender]:
    sender = SmtpSender(parse_smtp_url(sink.url, mail_from="shop@example.com"), name="Harbor & Pine")
    yield sender
    await sender.close()


async def test_a_mail_arrives_as_it_was_written(sender: SmtpSender, sink: SmtpSink) -> None:
    await sender.send(MAIL)

    (mail,) = sink.mails
    assert sink.recipients == ["ava@example.com"]
    assert (mail["Subject"], mail["To"]) == ("Your code", "ava@example.com")
    assert mail["From"] == "Harbor & Pine <shop@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().split() == MAIL.text.split()


async def test_a_repeat_has_the_same_message_id(sender: SmtpSender, sink: SmtpSink) -> None:
    await sender.send(MAIL)
    await sender.send(MAIL)

    assert [mail["Message-ID"] for mail in sink.mails] == ["<out_1@example.com>"] * 2
    assert len({mail["Date"] for mail in sink.mails}) == 1


@pytest.mark.parametrize(
    ("rcpt", "data", "reason", "permanent"),
    [
        (["550 No such user"], [], "550", True),
        (["451 Greylisted"], [], "451", False),
        ([], ["554 Spam"], "554", True),
        ([], ["452 Full"], "452", False),
    ],
)
async def test_a_refusal_for_good_is_told_from_one_for_now(
    sender: SmtpSender, sink: SmtpSink, rcpt: list[str], data: list[str], reason: str, permanent: bool
) -> None:
    sink.rcpt, sink.data = rcpt, data

    with pytest.raises(DeliveryFailed) as failed:
        await sender.send(MAIL)

    assert (failed.value.reason, failed.value.permanent) == (reason, permanent)
    assert "ava" not in str(failed.value)


async def test_a_server_that_is_away_is_tried_again(sink: SmtpSink) -> None:
    sender = SmtpSender(parse_smtp_url("smtp://127.0.0.1:9", mail_from=None), name="Shop")

    with pytest.raises(DeliveryFailed) as failed:
        await sender.send(MAIL)

    assert (failed.value.reason, failed.value.permanent) == ("ConnectionRefusedError", False)
    await sender.close()


@pytest.mark.parametrize("address", ["ava@example.com\r\nBcc: eve@evil.example", "not an address", "a@x, b@y", ""])
async def test_an_address_that_is_none_sends_nothing(sender: SmtpSender, sink: SmtpSink, address: str) -> None:
    with pytest.raises(DeliveryFailed) as failed:
        await sender.send(replace(MAIL, to=address))

    assert failed.value.permanent
    assert sink.mails == []


async def test_a_password_goes_to_the_server(tmp_path: Path) -> None:
    with smtp_sink(passwords=True) as sink:
        url = f"smtp://shop%40example.com:p%2Fw@127.0.0.1:{sink.port}"
        sender = SmtpSender(parse_smtp_url(url, mail_from=None), name="Shop")
        await sender.send(MAIL)
        await sender.close()

    assert sink.logins == [("shop@example.com", "p/w")]
    assert sink.mails[0]["From"] == "Shop <shop@example.com>"


async def test_a_password_is_not_sent_unencrypted_to_another_machine(
    sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.channels.email._LOOPBACK", frozenset())
    server = replace(parse_smtp_url(sink.url, mail_from=None), user="shop", password="secret")
    sender = SmtpSender(server, name="Shop")

    with pytest.raises(DeliveryFailed, match="no_tls_for_password"):
        await sender.send(MAIL)

    await sender.close()


async def test_a_server_that_offers_encryption_is_spoken_to_encrypted_and_has_to_prove_who_it_is(
    own_certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(*own_certificate)
    with smtp_sink(tls=offered) as sink:
        sender = SmtpSender(parse_smtp_url(sink.url, mail_from=None), name="Shop")
        with pytest.raises(DeliveryFailed, match="SSLCertVerificationError"):
            await sender.send(MAIL)
        monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate[0]))
        await sender.send(MAIL)
        await sender.close()

    assert sink.encrypted == [True]


@pytest.mark.parametrize(
    ("url", "mail_from", "expected"),
    [
        ("smtp://mail.example", None, ("mail.example", 25, False, "frontdesk@mail.example")),
        ("smtp://u:p@mail.example", "Shop <s@x.example>", ("mail.example", 587, False, "s@x.example")),
        ("smtps://u%40x.example:p@mail.example", None, ("mail.example", 465, True, "u@x.example")),
        ("smtp://mail.example:2525/?from=a%40x.example", None, ("mail.example", 2525, False, "a@x.example")),
    ],
)
def test_a_url_names_the_server_and_the_sender(url: str, mail_from: str | None, expected: tuple[object, ...]) -> None:
    server = parse_smtp_url(url, mail_from=mail_from)

    assert (server.host, server.port, server.tls, server.sender) == expected


@pytest.mark.parametrize("url", ["", "mail.example", "http://mail.example", "smtp://", "smtp://mail.example:many"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SMTP_URL"):
        parse_smtp_url(url, mail_from=None)


def test_a_password_is_not_in_the_printed_form() -> None:
    server: SmtpServer = parse_smtp_url("smtp://u:hidden@mail.example", mail_from=None)

    assert "hidden" not in repr(server)
    assert "123456" not in repr(MAIL)
