"""Which senders there are, and the demo's mailbox."""

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from desk.channels.base import Outgoing
from desk.channels.email import SmtpSender
from desk.channels.mailbox import KEPT, FileMailbox, MailboxSender
from desk.channels.senders import open_senders
from desk.channels.sms import TwilioSender
from desk.config.settings import Settings
from desk.domain.errors import ConfigurationError

TWILIO = {"twilio_account_sid": "AC1", "twilio_auth_token": SecretStr("t"), "twilio_from": "+15005550006"}


def settings(folder: Path, **changes: Any) -> Settings:
    plain = Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()})
    return plain.model_copy(update={"data_dir": folder, **changes})


def letter(number: int = 1, **changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "id": f"out_{number}", "created_at": datetime(2026, 11, 24, tzinfo=UTC), "to": "ava@example.com",
        "subject": "Your code", "text": "Your code is 123456", "code": "123456",
    }  # fmt: skip
    return Outgoing(**values | changes)


async def test_without_settings_nothing_can_be_sent(tmp_path: Path) -> None:
    async with open_senders(settings(tmp_path), shop="Shop", demo=False) as senders:
        assert (senders.available, senders.mailbox) == (frozenset(), None)


async def test_the_settings_name_the_senders(tmp_path: Path) -> None:
    named = settings(tmp_path, smtp_url=SecretStr("smtp://127.0.0.1"), **TWILIO)

    async with open_senders(named, shop="Shop", demo=True) as senders:
        assert isinstance(senders.by_channel["email"], SmtpSender)
        assert isinstance(senders.by_channel["sms"], TwilioSender)
        assert senders.mailbox is None


async def test_a_demo_puts_what_it_cannot_send_into_the_mailbox(tmp_path: Path) -> None:
    named = settings(tmp_path, smtp_url=SecretStr("smtp://127.0.0.1"))

    async with open_senders(named, shop="Shop", demo=True) as senders:
        assert isinstance(senders.by_channel["email"], SmtpSender)
        assert isinstance(senders.by_channel["sms"], MailboxSender)
        await senders.by_channel["sms"].send(letter())
        assert senders.mailbox is not None
        assert [found["channel"] for found in await senders.mailbox.letters()] == ["sms"]


@pytest.mark.parametrize("missing", TWILIO)
async def test_half_of_twilios_settings_are_a_mistake(tmp_path: Path, missing: str) -> None:
    some = {name: value for name, value in TWILIO.items() if name != missing}

    with pytest.raises(ConfigurationError, match=missing.upper()):
        async with open_senders(settings(tmp_path, **some), shop="Shop", demo=False):
            pass


async def test_the_newest_letter_is_on_top_and_a_repeat_is_there_once(tmp_path: Path) -> None:
    mailbox = FileMailbox(tmp_path / "new" / "mailbox.jsonl")
    assert await mailbox.letters() == []
    for number in (1, 2, 1):
        await mailbox.put(letter(number, link=None if number == 1 else "http://x/v1/verify/t"), channel="email")

    first, second = await mailbox.letters()

    assert [first["id"], second["id"]] == ["out_2", "out_1"] or [first["id"], second["id"]] == ["out_1", "out_2"]
    assert ("link" in first) != ("link" in second)
    assert {found["code"] for found in (first, second)} == {"123456"}


async def test_the_mailbox_is_for_the_owners_eyes_and_does_not_grow_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "mailbox.jsonl"
    mailbox = FileMailbox(file)
    for number in range(KEPT + 5):
        await mailbox.put(letter(number), channel="email")

    await mailbox.start()

    assert file.read_bytes().count(b"\n") == KEPT
    assert (await mailbox.letters())[0]["id"] == f"out_{KEPT + 4}"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
