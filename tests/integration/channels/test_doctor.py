"""``frontdesk doctor`` asks the providers of messages whether they would take one (R12.3)."""

from pathlib import Path

from pydantic import SecretStr

from commands.doctor import _email, _host, _sms
from tests.fakes.smtp_sink import smtp_sink
from tests.fakes.twilio_server import ACCOUNT, FROM, TOKEN, twilio_server
from tests.unit.channels.test_senders import settings


async def test_a_mail_server_that_answers_is_well_and_gets_no_mail(tmp_path: Path) -> None:
    with smtp_sink() as sink:
        finding = await _email(settings(tmp_path, smtp_url=SecretStr(sink.url)))

    assert finding.ok, finding
    assert sink.mails == []


async def test_one_that_does_not_is_told_with_a_remedy(tmp_path: Path) -> None:
    away = await _email(settings(tmp_path, smtp_url=SecretStr("smtp://127.0.0.1:9")))
    malformed = await _email(settings(tmp_path, smtp_url=SecretStr("mail.example")))

    assert [(finding.ok, "SMTP_URL" in finding.remedy) for finding in (away, malformed)] == [(False, True)] * 2


async def test_twilio_is_asked_with_the_password(tmp_path: Path) -> None:
    with twilio_server() as twilio:
        named = {"twilio_account_sid": ACCOUNT, "twilio_from": FROM, "twilio_base_url": twilio.base_url}
        right = await _sms(settings(tmp_path, **named, twilio_auth_token=SecretStr(TOKEN)))
        wrong = await _sms(settings(tmp_path, **named, twilio_auth_token=SecretStr("wrong")))

    assert right.ok
    assert (wrong.ok, "401" in wrong.detail) == (False, True)
    assert twilio.sent == []


async def test_what_is_not_set_is_no_mistake(tmp_path: Path) -> None:
    findings = [await _email(settings(tmp_path)), await _sms(settings(tmp_path))]

    assert all(finding.ok and "not set" in finding.detail for finding in findings)


async def test_a_host_key_that_is_too_short_or_a_key_set_that_is_none_is_told(tmp_path: Path) -> None:
    short = await _host(settings(tmp_path, host_jwt_key=SecretStr("short")))
    away = await _host(settings(tmp_path, host_jwks_url="http://127.0.0.1:9/keys"))
    well = await _host(settings(tmp_path, host_jwt_key=SecretStr("k" * 32)))

    assert [finding.ok for finding in (short, away, well)] == [False, False, True]
    assert "FRONTDESK_HOST_JWT_KEY" in short.detail
    assert "FRONTDESK_HOST_JWKS_URL" in away.detail
