"""From the outbox to the provider (R2.4): a message may come twice, and never gets lost."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from desk.channels.base import DeliveryFailed, Outgoing
from desk.channels.email import SmtpSender, parse_smtp_url
from desk.channels.outbox import MAX_ATTEMPTS, Outbox, pause
from desk.db.pool import Pool
from desk.domain.contact import ContactPoints
from desk.domain.errors import RecordNotFound
from desk.identity.step_up import Verified
from desk.jobs.delivery import Delivery
from desk.jobs.messages import MessageWriter
from desk.policies.models import PolicySet
from tests.fakes.smtp_sink import SmtpSink, smtp_sink
from tests.unit.identity.codes import Codes

ADDRESSES = {"C-1": "ava@example.com"}


async def find_contact(customer_id: str) -> ContactPoints:
    if customer_id not in ADDRESSES:
        raise RecordNotFound("There is no such record in crm.")
    return {
        "email": ADDRESSES[customer_id], "phone": None, "previous_email": None, "previous_phone": None,
        "email_changed_at": None, "phone_changed_at": None,
    }  # fmt: skip


class Unreliable:
    """A sender that fails as told, and otherwise remembers; ``then_die`` sends and never comes back to say so."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.sent: list[Outgoing] = []
        self.then_die = False

    async def send(self, message: Outgoing) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)
        if self.then_die:
            raise asyncio.CancelledError

    async def check(self) -> None: ...
    async def close(self) -> None: ...


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as sink:
        yield sink


@pytest.fixture
async def mail(sink: SmtpSink) -> AsyncIterator[SmtpSender]:
    sender = SmtpSender(parse_smtp_url(sink.url, mail_from="shop@example.com"), name="Harbor & Pine")
    yield sender
    await sender.close()


@pytest.fixture
def outbox(pool: Pool) -> Outbox:
    return Outbox(pool)


@pytest.fixture
def codes(pool: Pool, retail: PolicySet) -> Codes:
    return Codes.on(pool, retail.step_up)


def delivery(outbox: Outbox, codes: Codes, retail: PolicySet, *, url: str | None = None) -> Delivery:
    write = MessageWriter(policies=retail, step_up=codes.step_up, find_contact=find_contact, public_url=url)
    return Delivery(outbox, senders={}, write=write)


async def notice(pool: Pool, outbox: Outbox, *, key: str = "n-1", customer: str = "C-1") -> None:
    async with pool.connection() as connection:
        await outbox.enqueue(
            connection, channel="email", kind="notice", key=key, conversation_id="conv_1", customer_id=customer,
            payload={"subject": "Your refund", "text": "It was approved."},
        )  # fmt: skip


async def rows(pool: Pool) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        return list(await (await connection.execute("SELECT * FROM outbox ORDER BY created_at")).fetchall())


async def overdue(pool: Pool) -> None:
    """Every pause and every lease is over."""
    async with pool.connection() as connection:
        await connection.execute("UPDATE outbox SET due_at = clock_timestamp()")


async def test_the_code_in_the_mail_is_the_one_that_verifies(
    codes: Codes, outbox: Outbox, mail: SmtpSender, sink: SmtpSink, retail: PolicySet
) -> None:
    """R5.1"""
    await codes.ask()

    assert await delivery(outbox, codes, retail).deliver_due("email", mail) == 1

    text = sink.mails[0].get_content()
    code = re.search(r"\b\d{6}\b", text)
    assert code is not None
    assert "Refund 35.00 USD" in text
    assert "http" not in text
    assert isinstance(await codes.step_up.check("conv_1", code[0]), Verified)


async def test_with_a_public_address_the_mail_has_a_link_that_verifies(
    codes: Codes, outbox: Outbox, mail: SmtpSender, sink: SmtpSink, retail: PolicySet
) -> None:
    await codes.ask()
    await delivery(outbox, codes, retail, url="https://desk.example/").deliver_due("email", mail)

    link = re.search(r"https://desk\.example/v1/verify/(\S+)", sink.mails[0].get_content())

    assert link is not None
    assert isinstance(await codes.step_up.follow_link(link[1]), Verified)


async def test_an_sms_holds_the_code_and_fits_into_two_segments(
    codes: Codes, outbox: Outbox, retail: PolicySet
) -> None:
    sender = Unreliable()
    challenge = await codes.ask(factor="sms", to="+12025550101")

    await delivery(outbox, codes, retail).deliver_due("sms", sender)

    (sms,) = sender.sent
    assert sms.to == "+12025550101"
    assert sms.text.startswith(await codes.code(challenge))
    assert sms.text.isascii()
    assert len(sms.text) <= 306


async def test_a_code_that_was_replaced_meanwhile_is_not_sent(
    codes: Codes, outbox: Outbox, pool: Pool, retail: PolicySet
) -> None:
    sender = Unreliable()
    challenge = await codes.ask()
    await codes.step_up.resend("conv_1")

    await delivery(outbox, codes, retail).deliver_due("email", sender)

    assert [row["status"] for row in await rows(pool)] == ["dropped", "sent"]
    newest = await codes.step_up.message(challenge.id, 2)
    assert newest is not None
    assert [message.code for message in sender.sent] == [newest.code]


async def test_a_notice_goes_to_the_address_on_file_and_is_then_forgotten(
    codes: Codes, outbox: Outbox, pool: Pool, mail: SmtpSender, sink: SmtpSink, retail: PolicySet
) -> None:
    await notice(pool, outbox)
    await notice(pool, outbox)

    await delivery(outbox, codes, retail).deliver_due("email", mail)

    assert sink.recipients == ["ava@example.com"]
    assert [(row["status"], row["payload"]) for row in await rows(pool)] == [("sent", {})]


async def test_a_message_of_a_transaction_that_fails_does_not_exist(pool: Pool, outbox: Outbox) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012
        async with pool.connection() as connection, connection.transaction():
            await outbox.enqueue(
                connection, channel="email", kind="notice", key="n-1", conversation_id="conv_1", customer_id="C-1",
                payload={},
            )  # fmt: skip
            raise RuntimeError

    assert await rows(pool) == []


async def test_who_dies_after_sending_sends_again_under_the_same_id(
    codes: Codes, outbox: Outbox, pool: Pool, retail: PolicySet
) -> None:
    """A message may come twice, never not at all."""
    sender = Unreliable()
    await notice(pool, outbox)
    sender.then_die = True
    with pytest.raises(asyncio.CancelledError):
        await delivery(outbox, codes, retail).deliver_due("email", sender)
    sender.then_die = False
    assert await delivery(outbox, codes, retail).deliver_due("email", sender) == 0, "still leased"

    await overdue(pool)
    await delivery(outbox, codes, retail).deliver_due("email", sender)

    assert [message.id for message in sender.sent] == [sender.sent[0].id] * 2
    assert [row["status"] for row in await rows(pool)] == ["sent"]


async def test_a_failure_for_now_is_tried_later(codes: Codes, outbox: Outbox, pool: Pool, retail: PolicySet) -> None:
    sender = Unreliable()
    sender.failures = [DeliveryFailed("451", permanent=False), RuntimeError("a mistake of ours")]
    await notice(pool, outbox)
    work = delivery(outbox, codes, retail)

    for reason in ("451", "RuntimeError"):
        await overdue(pool)
        await work.deliver_due("email", sender)
        assert [(row["status"], row["failure"]) for row in await rows(pool)] == [("waiting", reason)]
        assert await work.deliver_due("email", sender) == 0, "not before its pause is over"
    await overdue(pool)
    await work.deliver_due("email", sender)

    assert len(sender.sent) == 1


async def test_what_cannot_be_sent_is_on_the_list_of_dead_letters(
    codes: Codes, outbox: Outbox, pool: Pool, retail: PolicySet
) -> None:
    sender = Unreliable()
    work = delivery(outbox, codes, retail)
    sender.failures = [DeliveryFailed("550", permanent=True)]
    await notice(pool, outbox, key="refused")
    await work.deliver_due("email", sender)
    await notice(pool, outbox, key="nobody", customer="C-404")
    await work.deliver_due("email", sender)
    await notice(pool, outbox, key="in vain")
    for _ in range(MAX_ATTEMPTS):
        await overdue(pool)
        sender.failures = [DeliveryFailed("451", permanent=False)]
        await work.deliver_due("email", sender)

    assert [letter.failure for letter in await outbox.dead_letters()] == ["451", "no_such_customer", "550"]
    await overdue(pool)
    assert await work.deliver_due("email", sender) == 0


async def test_two_processes_never_take_the_same_message(pool: Pool, outbox: Outbox) -> None:
    for n in range(60):
        await notice(pool, outbox, key=f"n-{n}")

    for _ in range(10):
        await overdue(pool)
        taken = await asyncio.gather(*(Outbox(pool).claim("email", limit=60) for _ in range(6)))
        ids = [due.id for one in taken for due in one]
        assert len(ids) == len(set(ids)) == 60


async def test_the_loop_sends_at_a_nudge_and_survives_a_database_that_is_away(
    codes: Codes, outbox: Outbox, pool: Pool, retail: PolicySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.jobs.delivery.POLL_SECONDS", 3600)
    monkeypatch.setattr("desk.jobs.delivery.RECOVER_SECONDS", 0)
    sender = Unreliable()
    write = MessageWriter(policies=retail, step_up=codes.step_up, find_contact=find_contact, public_url=None)
    work = Delivery(outbox, senders={"email": sender}, write=write)
    claim, outages = outbox.claim, [OSError("away")]

    async def claim_when_back(*args: Any, **kwargs: Any) -> Any:
        if outages:
            raise outages.pop()
        return await claim(*args, **kwargs)

    monkeypatch.setattr(outbox, "claim", claim_when_back)
    (loop,) = work.background()
    task = asyncio.create_task(loop)
    try:
        await notice(pool, outbox)
        outbox.nudge()
        async with asyncio.timeout(20):
            while not sender.sent:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_pauses_grow_up_to_a_limit_and_are_never_the_same() -> None:
    longest = [max(pause(n) for _ in range(50)).total_seconds() for n in (1, 2, 4, 60)]

    assert longest == sorted(longest)
    assert longest[-1] <= 3600
    assert len({pause(3) for _ in range(10)}) > 1
