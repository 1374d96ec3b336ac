"""The executor's writes: with everybody's agreement, under the ledger, one effect whatever happens (R5.5, R5.8)."""

import asyncio
import json
from typing import Any

import pytest

from desk.approvals.models import Decision
from desk.approvals.proposals import Proposal
from desk.domain.clock import now
from desk.domain.conversation import Actor
from desk.domain.errors import (
    IntegrationError,
    NotPossible,
    OutcomeUnknown,
    RecordNotFound,
    SystemUnavailable,
)
from desk.policies.models import AllowedAction
from tests.fakes.systems import MemorySystems, order
from tests.unit.tools.counter import APPROVER, AVA, QUOTE, Counter, OddBilling, true
from tools.executor import Attempt, Place
from tools.ledger import Ledger
from tools.policy import Confirm, Deny, NeedApproval, StepUp

LARGE = QUOTE | {"order_number": "HP-10003", "refundable": {"amount": 12900, "currency": "USD"}}
REFUND = {"order_number": "HP-10004", "amount": "35.00"}


def odd(
    counter: Counter, *script: Any, honours: bool = True, quote: Any = QUOTE, **changes: Any
) -> tuple[Counter, OddBilling]:
    """The counter with a billing system that misbehaves."""
    billing = OddBilling(*script, honours_keys=honours, quote=quote)
    replaying = ("billing",) if honours else ()
    return counter.changed(systems={"billing": billing}, replaying=replaying, timeout=0.1, **changes), billing


async def ledger_of(counter: Counter) -> list[dict[str, Any]]:
    return await counter.rows("SELECT * FROM actions WHERE risk <> 'read' ORDER BY id")


# --- the real shop


async def test_a_refund_everybody_agreed_to_is_made_once_and_written_down(shop_counter: Counter) -> None:
    """R5.5, R5.6, R6.7: before and after, with what it was decided on; asked for again it is the same refund."""
    counter = shop_counter
    facts = await counter.quote("get_refund_quote", intent="return_and_refund", order_number="HP-10004")
    proposal = await counter.proposes(**REFUND)

    first: Any = await counter.writes(proposal, facts=facts)
    second: Any = await counter.writes(proposal, facts=facts)

    (action,) = await ledger_of(counter)
    assert await counter.refunds() == [3500]
    assert first["outcome"] == "succeeded"
    assert set(first["data"]) == set(counter.policies.tools["refund"].result_fields)
    assert second | {"call_id": ""} == first | {"call_id": ""}
    expected = {
        "key": proposal.id, "proposal_id": proposal.id, "customer_id": "C-1001", "conversation_id": "conv_1",
        "turn_id": "turn_2", "intent": "return_and_refund", "tool": "refund", "risk": "high", "args": REFUND,
        "amount": 3500, "decision": "allowed", "approval_id": None, "outcome": "succeeded", "detail": None,
        "result": first["data"],
    }  # fmt: skip
    assert {name: action[name] for name in expected} == expected
    audited = await counter.rows(
        "SELECT action, detail FROM audit_entries WHERE detail ->> 'action' = %s ORDER BY position", action["id"]
    )
    assert [entry["action"] for entry in audited] == ["tool.started", "tool.finished"]
    assert audited[1]["detail"]["outcome"] == "succeeded"


async def test_without_one_of_them_nothing_happens(shop_counter: Counter) -> None:
    """R5.1, R5.3, R5.8: the code, the yes, the approver; the ledger holds only what ran."""
    counter = shop_counter
    facts = await counter.quote("get_refund_quote", intent="return_and_refund", order_number="HP-10003")
    proposal = await counter.proposes(order_number="HP-10003", amount="129.00", ready=False)

    async def stopped() -> Any:
        outcome = await counter.writes(proposal, facts=facts)
        assert isinstance(outcome, Attempt)
        assert await counter.refunds("HP-10003") == []
        assert await ledger_of(counter) == []
        return outcome.stopped

    assert await stopped() == StepUp(level=2)
    await counter.proves(proposal)
    assert await stopped() == Confirm()
    await counter.proposals.confirm(proposal.id, turn_id="turn_yes")
    assert isinstance(await stopped(), NeedApproval)
    approval = await counter.asks_approver(proposal)
    assert isinstance(await stopped(), NeedApproval)
    await counter.approvals.decide(approval.id, Decision(type="approve"), by=APPROVER, still_true=true)
    done: Any = await counter.writes(proposal, facts=facts)

    assert done["outcome"] == "succeeded"
    assert await counter.refunds("HP-10003") == [12900]
    (action,) = await ledger_of(counter)
    assert (action["decision"], action["approval_id"]) == ("approved", approval.id)


@pytest.mark.parametrize("decided", ["rejected", "expired", "superseded"])
async def test_no_other_decision_lets_it_run(counter: Counter, decided: str) -> None:
    """R5.3."""
    counter, billing = odd(counter, quote=LARGE)
    proposal = await counter.proposes(order_number="HP-10003", amount="129.00")
    approval = await counter.asks_approver(proposal)
    match decided:
        case "rejected":
            said = Decision(type="reject", reason="No.")
            await counter.approvals.decide(approval.id, said, by=APPROVER, still_true=true)
        case "expired":
            await counter.rows("UPDATE approvals SET expires_at = now() - interval '1 second'")
            await counter.approvals.expire_due()
        case "superseded":
            await counter.approvals.supersede(approval.id, reason="")

    outcome = await counter.writes(proposal, facts=LARGE)

    assert isinstance(outcome, Attempt)
    assert isinstance(outcome.stopped, NeedApproval)
    assert billing.calls == []


async def test_what_an_approver_made_of_it_is_what_runs(counter: Counter) -> None:
    """R5.3: the lowered amount, and no other one; also not the amount that was asked for."""
    counter, billing = odd(counter, quote=LARGE)
    proposal = await counter.proposes(order_number="HP-10003", amount="129.00")
    await counter.approves(proposal, Decision(type="edit", args={"amount": "120.00"}))

    asked = await counter.writes(proposal, facts=LARGE)
    between = await counter.writes(proposal, facts=LARGE, amount="125.00")
    done: Any = await counter.writes(proposal, facts=LARGE, amount="120.00")

    assert isinstance(asked, Attempt)
    assert isinstance(between, Attempt)
    assert done["outcome"] == "succeeded"
    assert billing.effects == [(proposal.id, 12000)]


@pytest.mark.parametrize("changes", [{"amount": "34.00"}, {"order_number": "HP-10003"}])
async def test_a_code_and_a_yes_are_for_exactly_what_was_proposed(counter: Counter, changes: dict[str, str]) -> None:
    """B05."""
    counter, billing = odd(counter)
    proposal = await counter.proposes(**REFUND)

    outcome = await counter.writes(proposal, **changes)

    assert outcome == Attempt(stopped=StepUp(level=2), signals=getattr(outcome, "signals", None))
    assert billing.calls == []


async def test_a_code_for_another_tool_does_not_count(counter: Counter) -> None:
    """B05: the same arguments under another name."""
    cancel = await counter.proposes("cancel_order", intent="cancel_order", order_number="HP-10002")
    call: Any = {"id": "call_1", "tool": "reinstate_order", "arguments": cancel.arguments, "purpose": "answer"}
    intents = counter.policies.intents
    either = intents["cancel_order"].model_copy(
        update={"actions": (AllowedAction(tool="reinstate_order"), AllowedAction(tool="get_order"))}
    )

    outcome = await counter.executor.write(
        call, intent=either, actor=AVA, place=Place(conversation_id="conv_1", turn_id="turn_2"), proposal=cancel,
        facts={"status": "cancelled"},
    )  # fmt: skip

    assert isinstance(outcome, Attempt)
    assert outcome.stopped == StepUp(level=2)


@pytest.mark.parametrize("whose", ["customer", "conversation"])
async def test_a_proposal_of_somebody_else_is_denied(counter: Counter, whose: str) -> None:
    """R5.2, B05: of another customer, or of another conversation."""
    counter, billing = odd(counter)
    proposal = await counter.proposes(**REFUND)
    ben: Actor = {"customer_id": "C-1002", "level": 2}

    outcome: Any = await counter.writes(
        proposal,
        actor=ben if whose == "customer" else AVA,
        place=Place(conversation_id="conv_2", turn_id="turn_9") if whose == "conversation" else None,
    )

    assert (outcome["outcome"], outcome["tool"], billing.calls) == ("denied", "unknown", [])


async def test_a_proposal_that_was_withdrawn_does_not_run(counter: Counter) -> None:
    """C04: neither before an approval nor after one."""
    counter, billing = odd(counter)
    plain, agreed = await counter.proposes(**REFUND), await counter.proposes(**REFUND)
    await counter.approves(agreed)
    for proposal in (plain, agreed):
        await counter.proposals.close(proposal.id, status="withdrawn")

        assert isinstance(await counter.writes(proposal), Attempt)
    assert billing.calls == []


@pytest.mark.parametrize("tool", ["get_order", "no_such_tool", "get_refund_quote"])
async def test_what_does_not_write_is_not_written(counter: Counter, tool: str) -> None:
    proposal = await counter.proposes(tool, order_number="HP-10004", ready=False)

    outcome: Any = await counter.writes(proposal)

    assert (outcome["outcome"], outcome["detail"]) == ("denied", "tool_unknown")


async def test_a_denied_write_is_recorded_with_its_proposal(counter: Counter) -> None:
    """R5.5, D09."""
    counter, billing = odd(counter)
    proposal = await counter.proposes(order_number="HP-10004", amount="0.00")

    outcome: Any = await counter.writes(proposal)

    (action,) = await ledger_of(counter)
    assert (outcome["outcome"], outcome["detail"]) == ("denied", "amount_out_of_bounds")
    assert (action["proposal_id"], action["risk"], action["outcome"]) == (proposal.id, "high", "denied")
    assert billing.calls == []


async def test_a_requirement_that_is_not_met_stops_it(counter: Counter) -> None:
    """R5.2."""
    counter, billing = odd(counter)
    proposal = await counter.proposes(**REFUND)

    outcome = await counter.writes(proposal, facts=QUOTE | {"order_status": "shipped"})

    assert isinstance(outcome, Attempt)
    assert isinstance(outcome.stopped, Deny)
    assert billing.calls == []


async def test_a_card_number_in_an_argument_is_masked_in_the_ledger(counter: Counter) -> None:
    """R6.4, K01."""
    address = "4111 1111 1111 1111 Main Street"
    proposal = await counter.proposes(
        "change_delivery_address", intent="change_delivery_address", order_number="HP-10002", delivery_address=address,
        facts={},
    )  # fmt: skip

    class Orders(MemorySystems):
        async def change_delivery_address(self, number: str, to: str, *, customer_id: str, key: str) -> Any:
            return {"number": number, "delivery_address": "somewhere", "previous_address": "elsewhere"}

    counter = counter.changed(systems={"orders": Orders({("C-1001", "HP-10002"): order("HP-10002", "C-1001")})})
    facts = await counter.quote("get_delivery", intent="change_delivery_address", order_number="HP-10002")
    outcome: Any = await counter.writes(proposal, facts=facts)

    (action,) = await ledger_of(counter)
    assert outcome["outcome"] == "succeeded"
    assert "4111 1111" not in json.dumps(action, default=str)
    assert action["args"]["order_number"] == "HP-10002"


@pytest.mark.parametrize(
    "changed", [{"refundable": {"amount": 3600, "currency": "USD"}}, {"payment_method": "Visa ending in 1111"}, "away"]
)
async def test_facts_that_are_not_what_the_system_says_are_not_acted_on(counter: Counter, changed: Any) -> None:
    """C08, R6.1: a client may have sent them along; a system that cannot say counts as no."""
    counter, billing = odd(counter)
    proposal = await counter.proposes(**REFUND)
    if changed == "away":
        billing.quote = {}
    else:
        billing.quote |= changed

    outcome: Any = await counter.writes(proposal)

    assert (outcome["outcome"], outcome["detail"], billing.calls) == ("denied", "facts_changed", [])


async def test_a_day_that_passed_is_no_other_fact(counter: Counter) -> None:
    """R5.3."""
    counter, billing = odd(counter)
    proposal = await counter.proposes(**REFUND)
    billing.quote["days_since_delivery"] = 6

    outcome: Any = await counter.writes(proposal)

    assert outcome["outcome"] == "succeeded"


# --- systems that misbehave

AWAY, LOST = SystemUnavailable("away"), OutcomeUnknown("lost")
REFUSED = NotPossible("no", reason="more_than_paid")

HONOURING = [
    # script, outcome told, effects, calls
    ([], "succeeded", 1, 1),
    ([AWAY], "failed", 0, 1),
    ([RecordNotFound("none")], "not_found", 0, 1),
    ([REFUSED], "refused", 0, 1),
    ([LOST], "succeeded", 1, 2),
    ([("done", LOST)], "succeeded", 1, 2),
    ([("done", IntegrationError("odd"))], "succeeded", 1, 2),
    (["hangs"], "succeeded", 1, 2),
    (["done, hangs"], "succeeded", 1, 2),
    ([("done", TimeoutError())], "succeeded", 1, 2),
    ([("answers", "ok")], "succeeded", 1, 2),
    ([LOST, LOST, LOST], "unknown", 0, 3),
    (["done, hangs", "hangs", "hangs"], "unknown", 1, 3),
    ([("answers", {})] * 3, "unknown", 1, 3),
    ([("done", LOST), AWAY], "succeeded", 1, 3),
    ([("done", LOST), AWAY, AWAY], "unknown", 1, 3),
    ([LOST, REFUSED], "refused", 0, 2),
    ([("done", ValueError("relation does not exist"))], "unknown", 1, 1),
    ([("done", KeyError("customer_id"))], "unknown", 1, 1),
    ([NotPossible("no", reason="key_reused")], "unknown", 0, 1),
]
NOT_HONOURING = [
    ([], "succeeded", 1, 1),
    ([AWAY], "failed", 0, 1),
    ([REFUSED], "refused", 0, 1),
    ([LOST], "unknown", 0, 1),
    ([("done", LOST)], "unknown", 1, 1),
    (["hangs"], "unknown", 0, 1),
    (["done, hangs"], "unknown", 1, 1),
    ([("answers", {"reference": 7})], "unknown", 1, 1),
    ([("answers", {"lc": 1, "type": "secret"})], "unknown", 1, 1),
    ([("done", RuntimeError("anything"))], "unknown", 1, 1),
]


@pytest.mark.parametrize(
    ("honours", "script", "told", "effects", "calls"),
    [(True, *row) for row in HONOURING] + [(False, *row) for row in NOT_HONOURING],
    ids=lambda value: str(value)[:50],
)
async def test_one_effect_whatever_the_system_does(
    counter: Counter, honours: bool, script: list[Any], told: str, effects: int, calls: int
) -> None:
    """R5.5: with the same key where the system honours keys, never a second time where it does not. Asked for again, it
    is what it was: nothing is repeated, and what is unknown stays so."""
    counter, billing = odd(counter, *script, honours=honours)
    proposal = await counter.proposes(**REFUND)

    first: Any = await counter.writes(proposal)
    second: Any = await counter.writes(proposal)

    assert first["outcome"] == told
    assert (len(billing.effects), len(billing.calls)) == (effects, calls)
    assert set(billing.calls) == {proposal.id}
    assert second | {"call_id": ""} == first | {"call_id": ""}
    ((outcome, _),) = await counter.outcomes(proposal)
    assert outcome == {"not_found": "failed", "refused": "failed"}.get(told, told)
    assert told != "succeeded" or first["data"]["amount"] == {"amount": 3500, "currency": "USD"}


async def test_a_refusal_in_words_of_the_systems_own_is_kept_as_a_refusal(counter: Counter) -> None:
    """R5.6: its words go into no row."""
    counter, _ = odd(counter, NotPossible("no", reason="SELECT secret FROM cards"))
    proposal = await counter.proposes(**REFUND)

    first: Any = await counter.writes(proposal)
    second: Any = await counter.writes(proposal)

    assert (first["outcome"], first["detail"]) == (second["outcome"], second["detail"]) == ("refused", "refused")
    assert "secret" not in json.dumps(await ledger_of(counter), default=str)


async def test_a_record_of_somebody_else_after_a_write_is_for_a_person(counter: Counter) -> None:
    """R5.2, R6.1: nothing of it is told."""

    class Scheduling:
        async def book(self, slot_id: str, *, customer_id: str, key: str) -> Any:
            return {
                "reference": "BK-1", "customer_id": "C-1002", "kind": "showroom_visit", "starts_at": now(),
                "place": "x", "status": "booked", "slot_id": slot_id, "previous_slot_id": None,
            }  # fmt: skip

    counter = counter.changed(systems={"scheduling": Scheduling()})
    proposal = await counter.proposes("book_appointment", intent="book_appointment", facts={}, slot_id="SV-1")

    outcome: Any = await counter.writes(proposal, facts={})

    assert (outcome["outcome"], outcome["data"]) == ("unknown", {})


# --- attempts that die on the way


async def killed(counter: Counter, billing: OddBilling, proposal: Proposal) -> None:
    """An attempt that dies while it waits for the system: nothing after that is written."""
    attempt = asyncio.create_task(counter.writes(proposal))
    await billing.reached.wait()
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    assert await counter.outcomes(proposal) == [("started", None)]


@pytest.mark.parametrize("step", ["hangs", "done, hangs"])
async def test_a_second_attempt_finishes_what_died_where_the_system_honours_keys(counter: Counter, step: str) -> None:
    """R5.5."""
    counter, billing = odd(counter, step)
    counter = counter.changed(systems={"billing": billing}, timeout=5.0)
    proposal = await counter.proposes(**REFUND)
    await killed(counter, billing, proposal)

    outcome: Any = await counter.writes(proposal)

    assert outcome["outcome"] == "succeeded"
    assert billing.effects == [(proposal.id, 3500)]
    assert await counter.outcomes(proposal) == [("succeeded", None)]


@pytest.mark.parametrize("step", ["hangs", "done, hangs"])
async def test_a_second_attempt_asks_a_person_where_it_does_not(counter: Counter, step: str) -> None:
    """R5.5: unknown, and never called again."""
    counter, billing = odd(counter, step, honours=False)
    counter = counter.changed(systems={"billing": billing}, replaying=(), timeout=5.0)
    proposal = await counter.proposes(**REFUND)
    await killed(counter, billing, proposal)

    outcomes: list[Any] = [await counter.writes(proposal) for _ in range(3)]

    assert [outcome["outcome"] for outcome in outcomes] == ["unknown"] * 3
    assert len(billing.calls) == 1
    assert await counter.outcomes(proposal) == [("unknown", "interrupted")]


async def test_what_was_begun_goes_on_as_it_was_begun_although_the_facts_show_its_effect(counter: Counter) -> None:
    """R5.5: after the crash nothing is left to refund, so the plan makes another call; the first one is finished."""
    counter, billing = odd(counter, "done, hangs")
    counter = counter.changed(systems={"billing": billing}, timeout=5.0)
    proposal = await counter.proposes(**REFUND)
    await killed(counter, billing, proposal)
    await counter.codes.age(minutes=60)

    outcome: Any = await counter.writes(
        proposal, amount="0.00", facts=QUOTE | {"refundable": {"amount": 0, "currency": "USD"}}
    )

    assert outcome["outcome"] == "succeeded"
    assert outcome["data"]["amount"] == {"amount": 3500, "currency": "USD"}
    assert billing.effects == [(proposal.id, 3500)]


async def test_what_an_approver_made_of_it_is_what_goes_on(counter: Counter) -> None:
    """R5.5: also after a crash, whatever is planned then."""
    counter, billing = odd(counter, "hangs")
    counter = counter.changed(systems={"billing": billing}, timeout=5.0)
    proposal = await counter.proposes(**REFUND)
    await counter.approves(proposal, Decision(type="edit", args={"amount": "20.00"}))
    attempt = asyncio.create_task(counter.writes(proposal, amount="20.00"))
    await billing.reached.wait()
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)

    outcome: Any = await counter.writes(proposal)

    assert outcome["outcome"] == "succeeded"
    assert billing.effects == [(proposal.id, 2000)]


@pytest.mark.parametrize("answer", [AWAY, LOST])
async def test_a_system_that_is_away_after_a_crash_tells_nothing_about_what_was_before(
    counter: Counter, answer: Exception
) -> None:
    """R5.5: 'it did nothing' is true of this call only."""
    counter, billing = odd(counter, "done, hangs", answer, answer, answer)
    counter = counter.changed(systems={"billing": billing}, timeout=5.0)
    proposal = await counter.proposes(**REFUND)
    await killed(counter, billing, proposal)

    outcome: Any = await counter.writes(proposal)

    assert outcome["outcome"] == "unknown"
    assert len(billing.effects) == 1


async def test_a_tool_that_is_gone_or_takes_other_arguments_leaves_it_to_a_person(counter: Counter) -> None:
    """R5.5, R9.2: what was begun under an older pack."""
    for change in ("gone", "other arguments"):
        begun, billing = odd(counter, "hangs")
        begun = begun.changed(systems={"billing": billing}, timeout=5.0)
        proposal = await begun.proposes(**REFUND)
        await killed(begun, billing, proposal)
        call: Any = {"id": "c", "tool": "cancel_order", "arguments": {"order_number": "HP-1"}, "purpose": "answer"}
        tools = dict(counter.policies.tools)
        if change == "gone":
            del tools["refund"]
        else:
            call = call | {"tool": "refund", "arguments": proposal.arguments}
            extra = (
                tools["refund"].arguments[0].model_copy(update={"name": "why", "constant": "x", "source": "constant"})
            )
            tools["refund"] = tools["refund"].model_copy(update={"arguments": (*tools["refund"].arguments, extra)})
        begun.executor.registry._tools = {  # the pack of a later release, behind the same systems
            name: begun.executor.registry._tools[name].__class__(
                spec=spec, operation=begun.executor.registry._tools[name].operation
            )
            for name, spec in tools.items()
        }

        outcome: Any = await begun.executor.write(
            call, intent=begun.policies.intents["return_and_refund"], actor=AVA,
            place=Place(conversation_id="conv_1", turn_id="turn_2"), proposal=proposal, facts=QUOTE,
        )  # fmt: skip

        assert (outcome["outcome"], outcome["detail"]) == ("unknown", "interrupted")
        assert len(billing.calls) == 1


class ForgetfulLedger(Ledger):
    """The database goes away between the effect and the row, so many times."""

    times = 1

    async def finish(self, *args: Any, **kwargs: Any) -> bool:
        if self.times:
            self.times -= 1
            raise ConnectionError("the database went away")
        return await super().finish(*args, **kwargs)


@pytest.mark.parametrize("honours", [True, False])
async def test_a_database_that_goes_away_before_the_outcome_is_written(counter: Counter, honours: bool) -> None:
    """R5.5, R12.4: the turn fails and runs again: one effect, or a person."""
    counter, billing = odd(counter, honours=honours, ledger=ForgetfulLedger(counter.pool))
    proposal = await counter.proposes(**REFUND)

    with pytest.raises(ConnectionError):
        await counter.writes(proposal)
    outcome: Any = await counter.writes(proposal)

    assert outcome["outcome"] == ("succeeded" if honours else "unknown")
    assert len(billing.effects) == 1


async def test_without_a_ledger_row_nothing_runs(counter: Counter) -> None:
    """R5.5."""

    class NoLedger(Ledger):
        async def begin_write(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionError("the database went away")

    counter, billing = odd(counter, ledger=NoLedger(counter.pool))
    proposal = await counter.proposes(**REFUND)

    with pytest.raises(ConnectionError):
        await counter.writes(proposal)

    assert billing.calls == []


async def test_two_attempts_at_once_are_one_effect_and_are_told_the_same(counter: Counter) -> None:
    """R5.5: a runner that lost its lease without knowing, and the one that took over."""
    counter, billing = odd(counter)
    for _ in range(20):
        await counter.rows("DELETE FROM actions")
        await counter.codes.age(minutes=60)
        billing.effects.clear()
        proposal = await counter.proposes(**REFUND)

        told: list[Any] = await asyncio.gather(*(counter.writes(proposal) for _ in range(3)))

        assert billing.effects == [(proposal.id, 3500)]
        assert {outcome["outcome"] for outcome in told} == {"succeeded"}
        assert len({outcome["action_id"] for outcome in told}) == 1


async def test_who_ends_later_tells_what_was_written_first(counter: Counter) -> None:
    """R5.5: one attempt hangs until the other is done; its own failure is not the truth."""
    counter, billing = odd(counter, "hangs", None, REFUSED)
    counter = counter.changed(systems={"billing": billing}, timeout=0.5)
    proposal = await counter.proposes(**REFUND)

    slow = asyncio.create_task(counter.writes(proposal))
    await billing.reached.wait()
    quick: Any = await counter.writes(proposal)
    late: Any = await slow

    assert quick["outcome"] == late["outcome"] == "succeeded"
    assert len(billing.effects) == 1


# --- switches


class LateSwitches:
    """Nothing is off when the gate looks; afterwards a switch is."""

    def __init__(self) -> None:
        self.looks = 0

    async def is_off(self, *, tool: str | None = None, intent: str | None = None) -> str | None:
        self.looks += 1
        return "refund" if self.looks > 1 else None


async def test_a_switch_between_the_decision_and_the_effect_stops_it(counter: Counter) -> None:
    """R9.3."""
    counter, billing = odd(counter, switches=LateSwitches())
    proposal = await counter.proposes(**REFUND)

    outcome: Any = await counter.writes(proposal)

    assert (outcome["outcome"], outcome["detail"], billing.calls) == ("denied", "switched_off", [])
    assert await counter.outcomes(proposal) == [("denied", "switched_off")]


async def test_a_switch_after_a_crash_does_not_say_that_nothing_was_done(counter: Counter) -> None:
    """R9.3, R5.5: nobody knows, and the switch forbids to ask."""
    counter, billing = odd(counter, "done, hangs")
    counter = counter.changed(systems={"billing": billing}, timeout=5.0)
    proposal = await counter.proposes(**REFUND)
    await killed(counter, billing, proposal)
    await counter.switches.set("refund", off=True, by="staff_1")

    outcome: Any = await counter.writes(proposal)

    assert (outcome["outcome"], outcome["detail"], len(billing.calls)) == ("unknown", "switched_off", 1)


# --- what the gate is told


async def test_two_conversations_at_once_do_not_get_around_the_limit_of_the_day(counter: Counter) -> None:
    """R5.3: each alone is below it, both together are not: one runs, the other one waits for a person."""

    class Meeting(Ledger):
        """Both have looked at what was spent before either begins."""

        barrier = asyncio.Barrier(2)
        looks = 0

        async def history(self, *, customer_id: str, tool: str, but: str | None) -> tuple[int, int]:
            seen = await super().history(customer_id=customer_id, tool=tool, but=but)
            self.looks += 1
            if self.looks <= 2:
                await self.barrier.wait()
            return seen

    counter, billing = odd(counter, quote=LARGE, ledger=Meeting(counter.pool))
    proposals = [
        await counter.proposes(order_number="HP-10003", amount="60.00", conversation=name)
        for name in ("conv_1", "conv_2")
    ]

    outcomes = await asyncio.gather(*(counter.writes(proposal, facts=LARGE) for proposal in proposals))

    waits = [outcome for outcome in outcomes if isinstance(outcome, Attempt)]
    assert len(waits) == len(billing.effects) == 1
    assert isinstance(waits[0].stopped, NeedApproval)
    assert waits[0].stopped.needed.rules == ("refunds_of_the_day_above_100",)


@pytest.mark.parametrize(
    "customer",
    [
        SystemUnavailable("away"), TimeoutError(), KeyError("country"), None, "garbage", {}, {"customer_id": "C-1001"},
        {"contact_changed_days": "3", "country": "US", "order_countries": ["US"]},
    ],
    ids=str,
)  # fmt: skip
async def test_a_customer_system_that_answers_oddly_makes_nothing_easier(counter: Counter, customer: Any) -> None:
    """R5.3, R12.4: signs of fraud that cannot be read ask for a person."""

    class OddCrm:
        async def get_customer(self, *, customer_id: str) -> Any:
            if isinstance(customer, Exception):
                raise customer
            return customer

    billing = OddBilling()
    counter = counter.changed(systems={"billing": billing, "crm": OddCrm()})
    proposal = await counter.proposes(**REFUND)

    outcome = await counter.writes(proposal)

    assert isinstance(outcome, Attempt)
    assert isinstance(outcome.stopped, NeedApproval)
    assert outcome.stopped.needed.rules == ("refund_after_contact_change", "refund_to_another_country")
    assert billing.calls == []


@pytest.mark.parametrize(
    ("known", "rules"),
    [
        ({}, None),
        ({"contact_changed_days": 7}, ("refund_after_contact_change",)),
        ({"contact_changed_days": 8}, None),
        ({"order_countries": ["US", "FR"]}, ("refund_to_another_country",)),
        ({"order_countries": []}, None),
    ],
)
async def test_signs_of_fraud_come_from_the_customer_system(
    counter: Counter, known: dict[str, Any], rules: tuple[str, ...] | None
) -> None:
    """R5.3."""

    class Crm:
        async def get_customer(self, *, customer_id: str) -> Any:
            return {
                "customer_id": customer_id, "name": "Ava", "email": "a@example.com", "phone": None, "address": "x",
                "segment": "standard", "locale": "en", "status": "active", "open_orders": 0,
                "contact_changed_days": None, "country": "US", "order_countries": ["US"],
            } | known  # fmt: skip

    counter = counter.changed(systems={"billing": OddBilling(), "crm": Crm()})

    outcome: Any = await counter.writes(await counter.proposes(**REFUND))

    assert (outcome.stopped.needed.rules if isinstance(outcome, Attempt) else None) == rules


# --- taking an action back


async def booked(counter: Counter) -> tuple[Any, Any]:
    """A cancelled order in the real shop, and the proposal to reinstate it."""
    cancel = await counter.proposes("cancel_order", intent="cancel_order", facts={}, order_number="HP-10002")
    facts = await counter.quote("get_order", intent="order_status", order_number="HP-10002")
    done: Any = await counter.writes(cancel, facts=facts)
    assert done["outcome"] == "succeeded"
    undo = await counter.proposes(
        "reinstate_order", intent=None, facts={}, compensates=done["action_id"], order_number="HP-10002"
    )
    return done, undo


async def test_an_action_is_taken_back_when_somebody_else_agrees(shop_counter: Counter) -> None:
    """R5.7: its row says so, and the second one says what it took back; asked for again, nothing is done."""
    counter = shop_counter
    done, undo = await booked(counter)

    before = await counter.takes_back(undo)
    await counter.approves(undo)
    first: Any = await counter.takes_back(undo)
    second: Any = await counter.takes_back(undo)

    assert isinstance(before, Attempt)
    assert isinstance(before.stopped, NeedApproval)
    assert first["outcome"] == second["outcome"] == "succeeded"
    rows = await ledger_of(counter)
    assert [(row["id"], row["outcome"]) for row in rows] == [
        (done["action_id"], "compensated"), (first["action_id"], "succeeded"),
    ]  # fmt: skip
    (order,) = await counter.rows("SELECT status FROM shop.orders WHERE number = 'HP-10002'")
    assert order["status"] == "processing"
    marks = await counter.rows("SELECT actor, detail FROM audit_entries WHERE action = 'action.compensated'")
    assert [(mark["actor"], mark["detail"]["with"]) for mark in marks] == [("staff_9", first["action_id"])]


async def test_a_compensation_that_died_before_its_mark_is_marked_by_the_next_attempt(shop_counter: Counter) -> None:
    """R5.5, R5.7."""

    class Interrupted(Ledger):
        times = 1

        async def compensated(self, *args: Any, **kwargs: Any) -> None:
            if self.times:
                self.times -= 1
                raise ConnectionError("the database went away")
            await super().compensated(*args, **kwargs)

    counter = shop_counter.changed(ledger=Interrupted(shop_counter.pool))
    _, undo = await booked(counter)
    await counter.approves(undo)

    with pytest.raises(ConnectionError):
        await counter.takes_back(undo)
    await counter.takes_back(undo)

    assert [row["outcome"] for row in await ledger_of(counter)] == ["compensated", "succeeded"]


async def test_an_action_is_taken_back_once_however_often_it_was_asked_for(shop_counter: Counter) -> None:
    """R5.7: two members of staff ask, both are agreed to; the second one is denied."""
    counter = shop_counter
    done, undo = await booked(counter)
    again = await counter.proposes(
        "reinstate_order", intent=None, facts={}, compensates=done["action_id"], order_number="HP-10002"
    )
    await counter.approves(undo)
    await counter.approves(again)

    first: Any = await counter.takes_back(undo)
    second: Any = await counter.takes_back(again)

    assert first["outcome"] == "succeeded"
    assert (second["outcome"], second["detail"]) == ("denied", "nothing_to_compensate")


@pytest.mark.parametrize(
    ("changes", "detail"), [({"order_number": "x'"}, "argument_invalid"), ({"extra": "x"}, "arguments_unexpected")]
)
async def test_taking_back_has_its_own_bars(shop_counter: Counter, changes: dict[str, str], detail: str) -> None:
    """R5.7, D10."""
    counter = shop_counter
    _, undo = await booked(counter)
    await counter.approves(undo)

    outcome: Any = await counter.takes_back(undo, **changes)

    assert (outcome["outcome"], outcome["detail"]) == ("denied", detail)


async def test_what_an_approver_agreed_to_is_what_is_taken_back(shop_counter: Counter) -> None:
    """B05 for staff: other arguments are not agreed to."""
    counter = shop_counter
    _, undo = await booked(counter)
    await counter.approves(undo)

    outcome = await counter.takes_back(undo, order_number="HP-10001")

    assert isinstance(outcome, Attempt)


async def test_a_compensation_whose_tool_is_gone_is_denied(counter: Counter) -> None:
    """R9.2."""
    undo = await counter.proposes("no_such_tool", intent=None, facts={}, compensates="act_" + "0" * 26)

    outcome: Any = await counter.takes_back(undo)

    assert (outcome["outcome"], outcome["detail"]) == ("denied", "tool_unknown")
