"""What waits since an older pack: honoured by the new one, or named (R9.2, C14)."""

from typing import Any

import pytest

from desk.approvals.models import Decision
from desk.approvals.proposals import Proposal
from desk.db.pool import Pool
from desk.domain.clock import now
from desk.domain.errors import ConfigurationError
from desk.domain.ids import new_id
from desk.policies.models import PolicySet
from graph.deploys import lost, refuse_lost_proposals
from tests.unit.tools.counter import Counter

ARGUMENTS = {"order_number": "HP-10003", "amount": "129.00"}


def waiting(**changes: Any) -> Proposal:
    values: dict[str, Any] = {
        "id": "prop_1", "conversation_id": "conv_1", "customer_id": "C-1001", "turn_id": "turn_1", "pack_version": "1",
        "intent": "return_and_refund", "tool": "refund", "arguments": ARGUMENTS, "args_hash": "0" * 64, "facts": {},
        "request": {}, "status": "open", "confirmed_turn": "turn_2", "requested_by": None, "compensates": None,
        "created_at": now(),
    }  # fmt: skip
    return Proposal(**values | changes)


def newer(retail: PolicySet, **tool: Any) -> PolicySet:
    """The pack of the next release, whose refund is another one."""
    return retail.model_copy(
        update={"tools": retail.tools | {"refund": retail.tools["refund"].model_copy(update=tool)}}
    )


def said(policies: PolicySet, *proposals: Proposal) -> list[str]:
    return list(lost(proposals or (waiting(),), policies=policies))


def test_what_the_pack_can_still_do_is_not_lost(retail: PolicySet) -> None:
    """R9.2: other words, other limits, other facts: none of it touches what was agreed to."""
    undo = waiting(intent=None, requested_by="staff_1", compensates="act_1")

    assert said(retail, waiting(), undo) == []
    assert said(newer(retail, title="Pay back", result_fields=("reference",), requires=(), level=1)) == []
    assert said(retail, waiting(tool="close_account", intent="close_account", arguments={})) == []


def test_a_tool_that_is_gone_is_named(retail: PolicySet) -> None:
    tools = {name: tool for name, tool in retail.tools.items() if name != "refund"}

    assert said(retail.model_copy(update={"tools": tools})) == ["prop_1 needs the tool refund, which is gone"]


@pytest.mark.parametrize("change", ["one more", "one less", "renamed", "another type", "only reads", "constant"])
def test_a_tool_that_takes_something_else_is_named(retail: PolicySet, change: str) -> None:
    number, amount, customer = retail.tools["refund"].arguments
    arguments = {
        "one more": (number, amount, customer, number.model_copy(update={"name": "reason"})),
        "one less": (number, customer),
        "renamed": (number.model_copy(update={"name": "order"}), amount, customer),
        "another type": (number.model_copy(update={"type": "choice"}), amount, customer),
        "constant": (number.model_copy(update={"source": "constant", "constant": "HP-1"}), amount, customer),
    }
    changed = newer(retail, risk="read") if change == "only reads" else newer(retail, arguments=arguments[change])

    assert said(changed) == ["prop_1 calls refund with other arguments than it takes now"]


def test_an_intent_that_is_gone_or_may_not_use_the_tool_is_named(retail: PolicySet) -> None:
    intents = dict(retail.intents)
    refund = intents.pop("return_and_refund")
    without = retail.model_copy(update={"intents": intents})
    forbidden = retail.model_copy(
        update={"intents": retail.intents | {"return_and_refund": refund.model_copy(update={"actions": ()})}}
    )

    for policies in (without, forbidden):
        assert said(policies) == ["prop_1 belongs to the intent return_and_refund, which may not use refund now"]
        assert said(policies, waiting(intent=None, requested_by="staff_1", compensates="act_1")) == []


async def test_every_request_that_is_lost_is_named_up_to_ten(filled: Pool, retail: PolicySet) -> None:
    counter = Counter(pool=filled, policies=retail)
    proposals = [await counter.proposes(ready=False, **ARGUMENTS) for _ in range(12)]
    for proposal in proposals:
        await counter.asks_approver(proposal)
    tools = {name: tool for name, tool in retail.tools.items() if name != "refund"}

    await refuse_lost_proposals(counter.proposals, policies=retail)
    with pytest.raises(ConfigurationError) as error:
        await refuse_lost_proposals(counter.proposals, policies=retail.model_copy(update={"tools": tools}))

    assert [proposal.id in error.value.detail for proposal in proposals] == [True] * 10 + [False] * 2


async def test_what_waits_for_an_approver_or_was_agreed_to_and_not_begun_has_to_be_honoured(
    filled: Pool, retail: PolicySet
) -> None:
    """C14: neither what is over, nor what was begun, nor what only waits for the customer."""
    counter = Counter(pool=filled, policies=retail, timeout=0.1)

    async def proposed() -> Proposal:
        return await counter.proposes(ready=False, conversation=new_id("conv"), **ARGUMENTS)

    for_customer, pending, agreed, edited, rejected, begun, closed = [await proposed() for _ in range(7)]
    await counter.asks_approver(pending)
    await counter.approves(agreed)
    await counter.approves(edited, Decision(type="edit", args={"amount": "1.00"}))
    await counter.approves(rejected, Decision(type="reject", reason="No."))
    for proposal in (begun, closed):
        await counter.approves(proposal)
    await counter.proposals.close(closed.id, status="closed")
    await counter.rows(
        "INSERT INTO actions (id, key, conversation_id, turn_id, tool, risk, args, decision, proposal_id, outcome)"
        " VALUES (%s, %s, 'conv_1', 'turn_1', 'refund', 'high', '{}', 'approved', %s, 'started')",
        new_id("act"), begun.id, begun.id,
    )  # fmt: skip

    found = [proposal.id for proposal in await counter.proposals.waiting()]

    assert found == [pending.id, agreed.id, edited.id]
    assert for_customer.id not in found
