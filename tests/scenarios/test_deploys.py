"""A release while people think (R9.2, C14), and a turn that dies in the middle (R5.5)."""

import shutil
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from desk.approvals.models import Decision
from desk.config.settings import Settings
from desk.domain.errors import ConfigurationError
from desk.policies.loader import PACKS, load_pack
from graph.bootstrap import open_desk
from graph.deploys import refuse_lost_proposals
from tests.integration.turns.desks import Parts, rows, running_desk
from tests.scenarios.conftest import Customer
from tests.scenarios.test_refunds import APPROVER, refunded


def next_release(folder: Path, **changes: tuple[str, str]) -> Path:
    """The sample pack with other words in some of its files."""
    path = folder / "next"
    shutil.copytree(PACKS / "retail", path)
    for name, (old, new) in changes.items():
        file = path / name.replace("__", "/").replace("_yaml", ".yaml").replace("_md", ".md")
        text = file.read_text("utf-8")
        assert old in text, f"{name} holds no {old!r}"
        file.write_text(text.replace(old, new), "utf-8")
    return path


async def waits_for_an_approver(url: str, parts: Parts) -> tuple[str, str]:
    """Ava asks for 129.00 under the pack of today; her conversation and the proposal that waits."""
    async with running_desk(url, parts) as desk:
        session = await desk.conversations.start(channel="web", locale="en", pack_version=desk.policies.version)
        customer = Customer(desk=desk, conversation_id=session.conversation_id)
        await customer.says("Please refund order HP-10003, I am ava.moreno@example.com")
        await customer.types_code()
        assert (await customer.says("yes")).outcome == "awaiting_approval"
        (approval,) = await desk.reviews.approvals(status="pending", after=None, limit=10)
        return session.conversation_id, approval.proposal_id


async def test_a_pack_that_cannot_carry_out_what_waits_refuses_to_start_and_names_it(
    seeded_database_url: str, parts: Parts, tmp_path: Path
) -> None:
    """C14: the tool has another name in the next release."""
    _, proposal_id = await waits_for_an_approver(seeded_database_url, parts)
    pack = next_release(
        tmp_path,
        tools_yaml=("- name: refund\n", "- name: pay_back\n"),
        approvals_yaml=("tools: [refund]", "tools: [pay_back]"),
        intents__return_and_refund_yaml=("{tool: refund,", "{tool: pay_back,"),
    )
    settings = Settings(
        database_url=seeded_database_url, data_dir=tmp_path / "data", secret_key=SecretStr("s" * 40), pack=pack,
        chroma_url="http://127.0.0.1:9", audit_heads=tmp_path / "audit-heads.jsonl",
    )  # fmt: skip

    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigurationError) as error:
            await stack.enter_async_context(open_desk(settings))

    assert f"{proposal_id} needs the tool refund, which is gone" in error.value.detail


async def test_what_waits_is_carried_out_by_the_next_release(
    seeded_database_url: str, parts: Parts, tmp_path: Path
) -> None:
    """R9.2: the pack says another sentence and has another version; the decision is the same."""
    conversation_id, _ = await waits_for_an_approver(seeded_database_url, parts)
    pack = load_pack(
        next_release(tmp_path, replies__return_and_refund_md=("{refund.amount}", "indeed {refund.amount}"))
    )
    assert pack.version != parts.policies.version

    async with running_desk(seeded_database_url, replace(parts, policies=pack)) as desk:
        await refuse_lost_proposals(desk.services.gates.proposals, policies=pack)
        customer = Customer(desk=desk, conversation_id=conversation_id)
        (approval,) = await desk.reviews.approvals(status="pending", after=None, limit=10)
        (last,) = await rows(desk.pool, "SELECT last_event FROM conversations WHERE id = %s", conversation_id)
        customer._heard = last["last_event"]
        await desk.reviews.decide(approval.id, Decision(type="approve"), by=APPROVER)
        done = await customer.hears_more()

        assert done.outcome == "acted"
        assert "indeed 129.00 USD" in done.text
        assert await refunded(customer, "HP-10003") == [12900]


async def test_a_turn_that_dies_between_the_refund_and_its_row_goes_on_as_it_was_begun(customer: Customer) -> None:
    """R5.5: the second attempt sees that nothing is left to refund, and still tells the truth."""
    ledger = customer.desk.services.executor.ledger
    finish, failed = ledger.finish, []

    async def dies_once(action_id: str, **values: Any) -> bool:
        if values["outcome"] == "succeeded" and values["result"] is not None and not failed:
            failed.append(action_id)
            raise psycopg.OperationalError("the server closed the connection unexpectedly")
        return await finish(action_id, **values)

    await customer.says("Please refund order HP-10004, I am ava.moreno@example.com")
    await customer.types_code()
    ledger.finish = dies_once  # type: ignore[method-assign]
    done = await customer.says("Yes")

    assert failed
    assert done.outcome == "acted"
    assert "35.00 USD" in done.text
    assert await refunded(customer, "HP-10004") == [3500]


async def test_an_order_with_nothing_left_is_told_in_the_packs_words(customer: Customer) -> None:
    """R5.2: no amount is no error."""
    await customer.says("Please refund order HP-10004, I am ava.moreno@example.com")
    await customer.types_code()
    await customer.says("Yes")

    again = await customer.says("Please refund order HP-10004")

    assert again.outcome == "answered"
    assert await refunded(customer, "HP-10004") == [3500]
    template = customer.desk.policies.replies["refund_nothing_left"].text
    assert template.split("{")[0].strip()[:20] in again.text
