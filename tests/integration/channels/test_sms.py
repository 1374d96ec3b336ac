"""SMS over Twilio's protocol, on real sockets (R2.4)."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from desk.channels.base import DeliveryFailed, Outgoing
from desk.channels.sms import TwilioSender
from tests.fakes.twilio_server import ACCOUNT, FROM, TOKEN, TwilioServer, twilio_server

SMS = Outgoing(
    id="out_1", created_at=datetime(2026, 11, 24, 12, tzinfo=UTC), to="+12025550101", subject="",
    text="123456 is your code & more", code="123456",
)  # fmt: skip


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    with twilio_server() as twilio:
        yield twilio


@pytest.fixture
async def sender(twilio: TwilioServer) -> AsyncIterator[TwilioSender]:
    sender = TwilioSender(base_url=f"{twilio.base_url}/", account_sid=ACCOUNT, auth_token=TOKEN, sender=FROM)
    yield sender
    await sender.close()


async def test_a_message_is_posted_with_its_three_fields(sender: TwilioSender, twilio: TwilioServer) -> None:
    await sender.send(SMS)

    assert twilio.sent == [{"To": "+12025550101", "From": FROM, "Body": SMS.text}]


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (401, True), (404, True), (302, True), (408, False), (429, False), (500, False), (503, False)],
)
async def test_a_refusal_for_good_is_told_from_one_for_now(
    sender: TwilioSender, twilio: TwilioServer, status: int, permanent: bool
) -> None:
    twilio.statuses = [status]
    twilio.location = f"{twilio.base_url}/elsewhere"

    with pytest.raises(DeliveryFailed) as failed:
        await sender.send(SMS)

    assert (failed.value.reason, failed.value.permanent) == (str(status), permanent)
    assert twilio.tries == 1, "no redirect is followed with our password"
    assert "123456" not in str(failed.value)


async def test_a_server_that_is_away_is_tried_again() -> None:
    sender = TwilioSender(base_url="http://127.0.0.1:9", account_sid=ACCOUNT, auth_token=TOKEN, sender=FROM)

    with pytest.raises(DeliveryFailed) as failed:
        await sender.send(SMS)

    assert not failed.value.permanent
    await sender.close()


async def test_a_wrong_password_shows_in_the_check(twilio: TwilioServer, sender: TwilioSender) -> None:
    await sender.check()
    wrong = TwilioSender(base_url=twilio.base_url, account_sid=ACCOUNT, auth_token="wrong", sender=FROM)

    with pytest.raises(DeliveryFailed, match="401"):
        await wrong.check()

    assert twilio.sent == []
    await wrong.close()
