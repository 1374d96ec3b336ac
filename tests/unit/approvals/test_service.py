"""Approval requests: who may decide, what a decision does, and what it leaves as it was (R5.3, group C)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from desk.approvals.models import Approval, decided_event
from desk.approvals.proposals import hash_of
from desk.approvals.service import Decider
from desk.conversations.inbox import enqueue_wake
from desk.domain.errors import Conflict, Forbidden, FrontdeskError, Gone, InvalidRequest, NotFound, SystemUnavailable
from desk.domain.ids import new_id
from tests.unit.approvals.requests import ONE, TWO, Requests, asking, decision, still_true

TWO_PEOPLE = {"people": 2, "roles": ["supervisor"], "amount": 120000}
BOSS = Decider(id="staff_8", roles=frozenset({"supervisor"}), customer_id=None)
OTHER_BOSS = replace(BOSS, id="staff_9")


def lowered(amount: str = "100.00") -> dict[str, str]:
    return {"order_number": "HP-1", "amount": amount}


# --- opening


async def test_a_proposal_has_one_request(requests: Requests) -> None:
    """R5.3: a node that runs again asks nobody a second time, and what was asked first stays."""
    proposal = await requests.proposed(await requests.conversation())

    first = await requests.service.open(asking(proposal))
    again = await requests.service.open(replace(asking(proposal), why="Another reason.", amount=1))

    assert first == again
    assert first.status == "pending"
    assert first.args_hash == hash_of("refund", lowered("129.00"), customer_id="C-1")
    assert await requests.audited(first) == [("approval.requested", "assistant", None)]


async def test_requests_are_found_by_id_by_proposal_by_conversation_and_in_pages(requests: Requests) -> None:
    conversation = await requests.conversation()
    one, two = [await requests.opened(conversation_id=conversation) for _ in range(2)]
    await requests.decides(two)
    two = await requests.now(two)

    assert await requests.service.of_proposal(one.proposal_id) == one
    assert await requests.service.of_proposal(new_id("prop")) is None
    assert await requests.service.of_conversation(conversation) == [one, two]
    pages = requests.service.page
    assert [found.id for found in await pages(status="pending", after=one.id, limit=9)] == []
    assert [found.id for found in await pages(status=None, after=one.id, limit=9)] == [two.id]
    assert one in await pages(status="pending", after=None, limit=500)
    assert len(await pages(status=None, after=None, limit=1)) == 1


@pytest.mark.parametrize(
    "wrong", ["", "appr_x", "'; DROP TABLE approvals", "x" * 5000, "appr_\x00", "prop_" + "0" * 26]
)
async def test_what_is_no_request_is_not_found(requests: Requests, wrong: str) -> None:
    """G10."""
    for approval_id in (wrong, new_id("appr")):
        with pytest.raises(NotFound):
            await requests.service.find(approval_id)
        with pytest.raises(NotFound):
            await requests.service.decide(approval_id, decision(), by=ONE, still_true=still_true)


# --- each decision


async def test_approving_freezes_what_was_asked(requests: Requests) -> None:
    """R5.3, R6.7."""
    approval = await requests.opened()

    decided = await requests.decides(approval, decision(args_hash=approval.args_hash))

    now = await requests.now(approval)
    assert decided.approval == now
    assert (now.status, now.decided_by, now.reason) == ("approved", "staff_1", None)
    assert (now.final_arguments, now.final_hash) == (lowered("129.00"), approval.args_hash)
    assert decided.wakes == approval.conversation_id
    assert await requests.wakes(approval) == [
        {"kind": "approval", "approval_id": approval.id, "proposal_id": approval.proposal_id}
    ]
    assert (await requests.audited(approval))[1:] == [("approval.decided", "staff_1", "approved")]
    assert decided_event(now)["data"] == {"approval_id": approval.id, "decision": "approved"}


async def test_an_edit_lowers_the_amount(requests: Requests) -> None:
    """R5.3: what runs is what the approver made of it."""
    approval = await requests.opened()

    await requests.decides(approval, decision("edit", args={"amount": "100.00"}))

    now = await requests.now(approval)
    assert (now.status, now.final_arguments) == ("edited", lowered())
    assert now.final_hash == hash_of("refund", lowered(), customer_id="C-1") != approval.args_hash
    assert now.request == approval.request, "the request still shows what was asked"


async def test_an_edit_that_changes_nothing_is_an_approval(requests: Requests) -> None:
    approval = await requests.opened()

    await requests.decides(approval, decision("edit", args={"amount": "129.00"}))

    assert (await requests.now(approval)).status == "approved"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({}, "args_needed"),
        ({"amount": "129.01"}, "edit_out_of_bounds"),
        ({"amount": "0.00"}, "edit_out_of_bounds"),
        ({"amount": "-1.00"}, "edit_out_of_bounds"),
        ({"amount": "1e2"}, "edit_out_of_bounds"),
        ({"amount": "100"}, "edit_out_of_bounds"),
        ({"amount": ""}, "edit_out_of_bounds"),
        ({"amount": "NaN"}, "edit_out_of_bounds"),
        ({"order_number": "HP-2"}, "not_editable"),
        ({"amount": "1.00", "order_number": "HP-2"}, "not_editable"),
        ({"customer_id": "C-2"}, "not_editable"),
        ({"x" * 5000: "1.00"}, "not_editable"),
    ],
)
async def test_an_edit_outside_of_the_limits_changes_nothing(
    requests: Requests, args: dict[str, str], code: str
) -> None:
    """R5.3, R5.6, D09."""
    approval = await requests.opened()

    with pytest.raises(InvalidRequest) as error:
        await requests.decides(approval, decision("edit", args=args))

    assert error.value.error_code == code
    assert len(error.value.detail) < 200
    assert await requests.now(approval) == approval
    assert await requests.wakes(approval) == []


async def test_a_tool_without_editable_arguments_cannot_be_edited(requests: Requests) -> None:
    approval = await requests.opened(proposal={"tool": "close_account", "arguments": {}}, amount=None)

    with pytest.raises(InvalidRequest, match="nothing may"):
        await requests.decides(approval, decision("edit", args={"amount": "1.00"}))


@pytest.mark.parametrize("kind", ["approve", "reject", "respond"])
async def test_arguments_are_for_an_edit_alone(requests: Requests, kind: Any) -> None:
    """Whoever sends a lower amount and the wrong word does not approve the higher one."""
    approval = await requests.opened()

    with pytest.raises(InvalidRequest) as error:
        await requests.decides(approval, decision(kind, args={"amount": "1.00"}))

    assert error.value.error_code == "args_not_expected"
    assert await requests.now(approval) == approval


async def test_a_rejection_says_why_and_keeps_no_arguments(requests: Requests) -> None:
    approval = await requests.opened()

    decided = await requests.decides(approval, decision("reject", reason="  Worn,\n more than   tried on. "))

    now = decided.approval
    assert (now.status, now.reason) == ("rejected", "Worn, more than tried on.")
    assert (now.final_arguments, now.final_hash) == (None, None)
    assert decided_event(now)["data"]["reason"] == "Worn, more than tried on."
    assert len(await requests.wakes(approval)) == 1


@pytest.mark.parametrize("kind", ["reject", "respond"])
@pytest.mark.parametrize(
    ("reason", "code"),
    [(None, "reason_needed"), ("", "reason_needed"), (" \n\t", "reason_needed"), ("x" * 501, "reason_too_long")],
)
async def test_a_rejection_and_a_question_need_words(requests: Requests, kind: Any, reason: Any, code: str) -> None:
    approval = await requests.opened()

    with pytest.raises(InvalidRequest) as error:
        await requests.decides(approval, decision(kind, reason=reason))

    assert error.value.error_code == code
    assert await requests.now(approval) == approval


@pytest.mark.parametrize("kind", ["approve", "reject", "edit"])
async def test_a_reason_is_masked_and_bounded_whatever_was_decided(requests: Requests, kind: Any) -> None:
    """R6.4: it is told to the customer, and stored."""
    approval = await requests.opened()

    with pytest.raises(InvalidRequest):
        await requests.decides(approval, decision(kind, reason="x" * 501))
    decided = await requests.decides(approval, decision(kind, reason="Card 4111 1111 1111 1111"))

    assert decided.approval.reason is not None
    assert "4111 1111" not in decided.approval.reason
    assert "4111 1111" not in str(await requests.rows("SELECT detail FROM audit_entries"))


async def test_a_question_leaves_the_request_waiting_and_wakes_the_customer(requests: Requests) -> None:
    """R5.3: as often as there are questions, each with its words."""
    approval = await requests.opened()

    first = await requests.decides(approval, decision("respond", reason="Is the  box open?"))
    second = await requests.decides(approval, decision("respond", reason="And the seal?"), by=TWO)

    assert (first.wakes, first.approval.status, first.approval.questions) == (approval.conversation_id, "pending", 1)
    assert await requests.now(approval) == second.approval == replace(approval, questions=2)
    assert [(wake["kind"], wake["words"]) for wake in await requests.wakes(approval)] == [
        ("question", "Is the box open?"), ("question", "And the seal?"),
    ]  # fmt: skip
    await requests.decides(approval)
    assert [wake["kind"] for wake in await requests.wakes(approval)] == ["question", "question", "approval"]


# --- who may decide


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (replace(ONE, customer_id="C-1"), "own_request"),
        (replace(ONE, roles=frozenset({"agent", "auditor", "knowledge_owner"})), "role_needed"),
        (replace(ONE, roles=frozenset({"admin"})), "role_needed"),
        (replace(ONE, roles=frozenset()), "role_needed"),
    ],
)
@pytest.mark.parametrize("kind", ["approve", "edit", "reject", "respond"])
async def test_who_may_not_decide_decides_nothing(requests: Requests, by: Decider, code: str, kind: Any) -> None:
    """C09: the customer themself, and every other role."""
    approval = await requests.opened()

    with pytest.raises(Forbidden) as error:
        await requests.decides(approval, decision(kind), by=by)

    assert error.value.error_code == code
    assert await requests.now(approval) == approval
    assert await requests.wakes(approval) == []


async def test_whoever_asked_for_a_compensation_does_not_decide_it(requests: Requests) -> None:
    """C09, R5.7."""
    asked = {"intent": None, "requested_by": "staff_1", "compensates": new_id("act")}
    approval = await requests.opened(proposal=asked)

    with pytest.raises(Forbidden) as error:
        await requests.decides(approval)
    assert error.value.error_code == "own_request"
    assert (await requests.decides(approval, by=TWO)).approval.status == "approved"


@pytest.mark.parametrize(("amount", "may"), [(50000, True), (50001, False), (None, True)])
async def test_an_amount_above_the_approvers_limit_waits_for_somebody_else(
    requests: Requests, amount: int | None, may: bool
) -> None:
    """C09: to say no, or to ask, has no limit."""
    approval = await requests.opened(amount=amount)

    for said in (decision(), decision("edit")):
        if not may:
            with pytest.raises(Forbidden) as error:
                await requests.decides(approval, said)
            assert error.value.error_code == "above_limit"
    await requests.decides(approval, decision("respond"))
    await requests.decides(approval, decision() if may else decision("reject"))


async def test_the_limit_is_that_of_a_role_the_request_is_for(requests: Requests) -> None:
    """C09: a higher limit of another role does not count; without a limit nothing with an amount is decided."""
    both = replace(ONE, roles=frozenset({"approver", "supervisor"}))
    for_approvers = await requests.opened(amount=60000, roles=["approver"])
    for_both = await requests.opened(amount=60000)
    for_admins = await requests.opened(amount=1, roles=["admin"])

    with pytest.raises(Forbidden):
        await requests.decides(for_approvers, by=both)
    assert (await requests.decides(for_both, by=both)).approval.status == "approved"
    with pytest.raises(Forbidden, match="limit"):
        await requests.decides(for_admins, by=replace(ONE, roles=frozenset({"admin"})))


async def test_a_requests_state_is_told_only_to_those_who_may_decide(requests: Requests) -> None:
    """C09: a stranger hears the same before and after."""
    stranger, approval = replace(ONE, roles=frozenset({"agent"})), await requests.opened()

    before = await requests.tries(approval, by=stranger)
    await requests.decides(approval)
    after = await requests.tries(approval, by=stranger)

    assert isinstance(before, Forbidden)
    assert isinstance(after, Forbidden)
    assert before.detail == after.detail


# --- what cannot be decided any more


async def ended(requests: Requests, how: str) -> Approval:
    approval = await requests.opened()
    match how:
        case "approved" | "rejected":
            await requests.decides(approval, decision("approve" if how == "approved" else "reject"), by=TWO)
        case "expired" | "over":
            await requests.ends(approval)
            if how == "expired":
                assert approval.conversation_id in await requests.service.expire_due(limit=1000)
        case "withdrawn":
            await requests.service.withdraw(approval.conversation_id)
        case "superseded":
            assert await requests.service.supersede(approval.id, reason="another")
    return await requests.now(approval)


@pytest.mark.parametrize(
    ("how", "error", "code", "says"),
    [
        ("approved", Conflict, "already_decided", "already approved by staff_2"),
        ("rejected", Conflict, "already_decided", "already rejected by staff_2"),
        ("withdrawn", Conflict, "superseded", "taken back"),
        ("superseded", Conflict, "superseded", "taken back"),
        ("expired", Gone, "approval_expired", "in time"),
        ("over", Gone, "approval_expired", "in time"),
    ],
)
@pytest.mark.parametrize("kind", ["approve", "edit", "reject", "respond"])
async def test_what_is_over_is_not_decided_again(
    requests: Requests, how: str, error: type[FrontdeskError], code: str, says: str, kind: Any
) -> None:
    """C03, C05: not by anybody, not by the one who decided, and not even where nobody has swept yet."""
    approval = await ended(requests, how)
    wakes = await requests.wakes(approval)

    for by in (ONE, TWO):
        with pytest.raises(error, match=says) as told:
            await requests.decides(approval, decision(kind), by=by)
        assert told.value.error_code == code

    assert await requests.now(approval) == approval
    assert await requests.wakes(approval) == wakes


@pytest.mark.parametrize("kind", ["approve", "edit", "reject", "respond"])
async def test_a_decision_about_something_else_than_what_was_seen_is_stale(requests: Requests, kind: Any) -> None:
    """C08."""
    approval = await requests.opened()

    with pytest.raises(Conflict) as error:
        await requests.decides(approval, decision(kind, args_hash="0" * 64))

    assert error.value.error_code == "stale"
    assert await requests.now(approval) == approval


async def changed(_: Approval) -> bool:
    return False


async def away(_: Approval) -> bool:
    raise SystemUnavailable("The shop does not answer.")


@pytest.mark.parametrize("kind", ["approve", "edit"])
async def test_facts_that_changed_take_the_request_back_and_the_customer_hears_it(
    requests: Requests, kind: Any
) -> None:
    """C08."""
    approval = await requests.opened()

    with pytest.raises(Conflict) as error:
        await requests.service.decide(approval.id, decision(kind), by=ONE, still_true=changed)

    now = await requests.now(approval)
    assert error.value.error_code == "stale"
    assert (now.status, now.final_arguments) == ("superseded", None)
    assert len(await requests.wakes(approval)) == 1
    assert (await requests.audited(approval))[-1] == ("approval.superseded", "staff_1", "superseded")


@pytest.mark.parametrize("kind", ["reject", "respond"])
async def test_to_say_no_or_to_ask_needs_no_facts(requests: Requests, kind: Any) -> None:
    approval = await requests.opened()

    decided = await requests.service.decide(approval.id, decision(kind), by=ONE, still_true=away)

    assert decided.approval.status == ("rejected" if kind == "reject" else "pending")


async def test_a_system_that_is_away_leaves_the_request_as_it_is(requests: Requests) -> None:
    """R12.4: the approver tries again; nobody tells the customer that something changed."""
    approval = await requests.opened()

    with pytest.raises(SystemUnavailable):
        await requests.service.decide(approval.id, decision(), by=ONE, still_true=away)

    assert await requests.now(approval) == approval
    assert (await requests.decides(approval)).approval.status == "approved"


async def test_who_may_not_decide_takes_nothing_back(requests: Requests) -> None:
    """C09: also when the facts changed."""
    approval = await requests.opened()

    with pytest.raises(Forbidden):
        await requests.service.decide(
            approval.id, decision(), by=replace(ONE, roles=frozenset({"agent"})), still_true=changed
        )

    assert await requests.now(approval) == approval


# --- two people


async def test_two_people_have_to_agree(requests: Requests) -> None:
    """R5.3."""
    approval = await requests.opened(**TWO_PEOPLE)

    first = await requests.decides(approval, by=BOSS)
    between, woken = await requests.now(approval), await requests.wakes(approval)
    second = await requests.decides(approval, by=OTHER_BOSS)

    assert (first.votes, first.wakes, between, woken) == (1, None, approval, [])
    assert (second.approval.status, second.approval.decided_by) == ("approved", "staff_9")
    assert len(await requests.wakes(approval)) == 1
    assert [entry[1:] for entry in (await requests.audited(approval))[1:]] == [
        ("staff_8", "first_of_two"), ("staff_9", "approved"),
    ]  # fmt: skip


@pytest.mark.parametrize("said", [decision(), decision("edit", args={"amount": "1.00"})])
async def test_one_person_twice_is_one_person(requests: Requests, said: Any) -> None:
    """R5.3: also when they say another thing the second time."""
    approval = await requests.opened(**TWO_PEOPLE)
    await requests.decides(approval, by=BOSS)

    with pytest.raises(Conflict) as error:
        await requests.decides(approval, said, by=BOSS)

    assert error.value.error_code == "already_voted"
    assert await requests.now(approval) == approval


async def test_two_people_who_agree_to_different_things_do_not_agree(requests: Requests) -> None:
    """R5.3: until somebody agrees to what one of them said; that may be the other one."""
    approval = await requests.opened(**TWO_PEOPLE)

    await requests.decides(approval, by=BOSS)
    differs = await requests.decides(approval, decision("edit", args={"amount": "100.00"}), by=OTHER_BOSS)
    agreed = await requests.decides(approval, decision("edit", args={"amount": "100.00"}), by=BOSS)

    assert (differs.approval.status, differs.votes) == ("pending", 1)
    assert (agreed.approval.status, agreed.approval.final_arguments) == ("edited", lowered())


async def test_one_of_two_says_no_alone(requests: Requests) -> None:
    approval = await requests.opened(**TWO_PEOPLE)
    await requests.decides(approval, by=BOSS)

    assert (await requests.decides(approval, decision("reject"), by=OTHER_BOSS)).approval.status == "rejected"


# --- expiry, taking back


async def test_what_nobody_decided_in_time_expires_once(requests: Requests) -> None:
    """R5.3: and the customer hears it."""
    approval, waits = await requests.opened(), await requests.opened()
    await requests.ends(approval)

    told = await requests.service.expire_due(limit=1000)
    again = await requests.service.expire_due(limit=1000)

    now = await requests.now(approval)
    assert (told.count(approval.conversation_id), again) == (1, [])
    assert (now.status, now.decided_by) == ("expired", "system")
    assert await requests.wakes(approval) == [
        {"kind": "approval", "approval_id": approval.id, "proposal_id": approval.proposal_id}
    ]
    assert await requests.now(waits) == waits
    assert (await requests.audited(approval))[-1] == ("approval.expired", "system", "expired")


async def test_expiring_goes_in_portions(requests: Requests) -> None:
    await requests.service.expire_due(limit=1000)
    for approval in [await requests.opened() for _ in range(3)]:
        await requests.ends(approval)

    assert [len(await requests.service.expire_due(limit=2)) for _ in range(3)] == [2, 1, 0]


async def test_a_customer_who_stops_takes_back_what_waits_and_nothing_else(requests: Requests) -> None:
    """C04: they know it already, so nobody wakes the conversation."""
    conversation = await requests.conversation()
    waits, decided = [await requests.opened(conversation_id=conversation) for _ in range(2)]
    others = await requests.opened()
    await requests.decides(decided)
    decided = await requests.now(decided)

    stopped = await requests.service.withdraw(conversation)

    assert [approval.id for approval in stopped] == [waits.id]
    now = await requests.now(waits)
    assert (now.status, now.decided_by) == ("superseded", "customer")
    assert await requests.now(decided) == decided
    assert await requests.now(others) == others
    assert await requests.wakes(waits) == []
    proposals = [await requests.proposals.find(approval.proposal_id) for approval in (waits, decided)]
    assert [proposal and proposal.status for proposal in proposals] == ["withdrawn", "open"]
    assert await requests.service.withdraw(conversation) == []


async def test_a_request_is_replaced_only_while_it_waits(requests: Requests) -> None:
    """C05."""
    waits, decided = await requests.opened(), await requests.opened()
    await requests.decides(decided)

    assert await requests.service.supersede(waits.id, reason="the request changed")
    assert not await requests.service.supersede(waits.id, reason="the request changed")
    assert not await requests.service.supersede(decided.id, reason="the request changed")
    assert ((await requests.now(waits)).status, await requests.wakes(waits)) == ("superseded", [])
    assert (await requests.now(decided)).status == "approved"


# --- one transaction


@pytest.mark.parametrize("step", ["approve", "reject", "edit", "respond", "stale", "expire"])
async def test_a_decision_and_its_wake_turn_are_stored_together_or_not_at_all(requests: Requests, step: Any) -> None:
    """R5.3: the turn is stored, then something breaks: there is no decision, no turn and no audit entry."""

    async def breaks(connection: Any, conversation_id: str, *, key: str, wake: Any) -> str | None:
        await enqueue_wake(connection, conversation_id, key=key, wake=wake)
        raise ConnectionError("the database went away")

    approval = await requests.opened()
    service = requests.with_wake(breaks)
    if step == "expire":
        await requests.ends(approval)
        approval = await requests.now(approval)

    async def takes_the_step() -> None:
        match step:
            case "expire":
                await service.expire_due(limit=1000)
            case "stale":
                await service.decide(approval.id, decision(), by=ONE, still_true=changed)
            case kind:
                await service.decide(approval.id, decision(kind), by=ONE, still_true=still_true)

    with pytest.raises(ConnectionError):
        await takes_the_step()

    assert await requests.now(approval) == approval
    assert await requests.wakes(approval) == []
    assert len(await requests.audited(approval)) == 1
    await requests.service.expire_due(limit=1000)


async def test_a_conversation_that_is_not_here_is_decided_all_the_same(requests: Requests) -> None:
    """R11.1: a thread of ``langgraph dev`` has no turns of ours; whoever resumes it wakes it."""
    approval = await requests.opened(conversation_id=new_id("conv"))

    assert (await requests.decides(approval)).approval.status == "approved"
    assert await requests.wakes(approval) == []


async def test_nobody_holds_the_row_while_a_system_is_asked(requests: Requests) -> None:
    """R12.4: a slow system keeps no other approver waiting."""
    approval, asked, answer = await requests.opened(), asyncio.Event(), asyncio.Event()

    async def slow(_: Approval) -> bool:
        asked.set()
        await answer.wait()
        return True

    first = asyncio.create_task(requests.service.decide(approval.id, decision(), by=ONE, still_true=slow))
    await asked.wait()
    async with asyncio.timeout(5):
        await requests.decides(approval, decision("reject"), by=TWO)
    answer.set()

    with pytest.raises(Conflict, match="already rejected by staff_2"):
        await first
