"""A desk's own wiring: messages arrive at a real mail server and at Twilio, without waiting for a poll (R2.4)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from desk.channels.outbox import Outbox
from desk.channels.senders import open_senders
from desk.db.pool import Pool
from desk.identity.factors import Choice
from desk.integrations.seed import seed
from desk.policies.models import PolicySet
from graph.bootstrap import assemble
from graph.builder import Services
from graph.messaging import Messaging, delivering
from retrieval.live import FixedKnowledge
from tests.fakes.smtp_sink import SmtpSink, smtp_sink
from tests.fakes.twilio_server import ACCOUNT, FROM, TOKEN, TwilioServer, twilio_server
from tests.integration.server.client import eventually
from tests.unit.channels.test_senders import settings


class Desk:
    """The parts of a desk that send, and where it all arrives."""

    def __init__(self, services: Services, outbox: Outbox, sink: SmtpSink, twilio: TwilioServer) -> None:
        self.services, self.outbox, self.sink, self.twilio = services, outbox, sink, twilio

    async def ask(self, choice: Choice) -> None:
        await self.services.gates.step_up.open(
            proposal_id="prop_1", conversation_id="conv_1", customer_id="C-1001", action="refund", args_hash="hash",
            title="Refund 35.00 USD", choice=choice,
        )  # fmt: skip


@pytest.fixture
async def desk(pool: Pool, retail: PolicySet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr("desk.jobs.delivery.POLL_SECONDS", 3600)
    await seed(pool, retail)
    with smtp_sink() as sink, twilio_server() as twilio:
        named = settings(
            tmp_path, smtp_url=SecretStr(sink.url), twilio_account_sid=ACCOUNT, twilio_auth_token=SecretStr(TOKEN),
            twilio_from=FROM, twilio_base_url=twilio.base_url,
        )  # fmt: skip
        async with open_senders(named, shop=retail.title, demo=False) as senders:
            messaging = Messaging(outbox=Outbox(pool), senders=senders)
            nothing: Any = None  # nobody reads or searches here
            services = assemble(
                pool, retail, secret=b"s" * 32, engine=nothing, knowledge=FixedKnowledge(retriever=nothing),
                outbox=messaging.outbox,
                factors=senders.available,
            )  # fmt: skip
            async with delivering(messaging, services, public_url="https://desk.example"):
                yield Desk(services, messaging.outbox, sink, twilio)


async def test_a_code_by_mail(desk: Desk) -> None:
    await desk.ask(Choice(factor="email", destination="ava.moreno@example.com", masked="a…@example.com"))

    async def arrived() -> bool:
        return bool(desk.sink.mails)

    await eventually(arrived)
    assert desk.sink.recipients == ["ava.moreno@example.com"]
    assert "https://desk.example/v1/verify/" in desk.sink.mails[0].get_content()


async def test_a_code_by_sms(desk: Desk) -> None:
    await desk.ask(Choice(factor="sms", destination="+12025550101", masked="+1 ••• ••• 0101"))

    async def arrived() -> bool:
        return bool(desk.twilio.sent)

    await eventually(arrived)
    assert desk.twilio.sent[0]["To"] == "+12025550101"


async def test_a_notice_goes_where_the_crm_says(desk: Desk, pool: Pool) -> None:
    async with pool.connection() as connection:
        await desk.outbox.enqueue(
            connection, channel="email", kind="notice", key="n-1", conversation_id="conv_1", customer_id="C-1002",
            payload={"subject": "Your refund", "text": "It was approved."},
        )  # fmt: skip
    desk.outbox.nudge()

    async def arrived() -> bool:
        return bool(desk.sink.mails)

    await eventually(arrived)
    assert desk.sink.recipients == ["ben.okafor@example.com"]
