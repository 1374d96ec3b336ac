"""The gate: every pair of intent and tool, every level, every argument nobody should send (R5.2, R5.3, D09, D10)."""

import itertools
import operator
import re
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.domain.conversation import Actor
from desk.policies.models import AllowedAction, Condition, PolicySet, Requirement
from tests.unit.tools.calls import ANONYMOUS, FITTING, IDENTIFIED, QUIET, call, facts_for, fitting, money, verdict
from tools.calls import ToolCall
from tools.policy import (
    PATTERNS,
    Allow,
    Confirm,
    Deny,
    Evidence,
    NeedApproval,
    StepUp,
    Verdict,
    gate,
    gate_compensation,
    needed_level,
)

DONE = {"is_verified": True, "is_confirmed": True, "is_approved": True}
TOO_MUCH = Deny(
    reason="amount_out_of_bounds",
    requirement=Requirement(value="argument.amount", reply="refund_more_than_paid"),
)
"""What an amount above the bound gets: the pack has a sentence for it."""

HOSTILE_NUMBERS = [
    "o1' OR '1'='1", "../../o2", "o1; o2", "o1\x00", "HP-10001\x00", "A" * 5000, "", " ", "HP-10001 ", "\nHP-10001",
    "HP-10001\n", "HP-10001--", "HP_10001", "HP-10001/..", "%00", "HP-10001%27", "ＨＰ-10001", "HP-١٠٠٠١", "\ud800",
    "HP-10001\u200b", "{{config}}", "%s%s%n", "hp-10001", "-100", "1e3", "49.999999", "50 EUR", "HP-1-2-3-4",
    "NULL;DROP TABLE shop.orders", "C-1001 OR TRUE", '{"$ne": null}', "HP-10001,HP-10002", "*", "%",
]  # fmt: skip
HOSTILE_AMOUNTS = [
    "-100", "-1.00", "+1.00", "1e3", "1E3", "49.999999", "49.9", "49.", ".50", "49", "NaN", "Infinity", "inf", "0",
    "0.0", str(10**30), f"{10**30}.00", "12345678.00", "50 EUR", "EUR 50.00", "$50.00", "50.00 USD", "50,00",
    "1,000.00", " 50.00", "50.00 ", "50.00\n", "\n50.00", "5 0.00", "５０.００", "٥٠.٠٠", "0x10", "1_000.00", "50.00;",
    "50.00\x00", "", "50.00-", "--50.00", "1/2", "50.0０", "²0.00",
]  # fmt: skip
NO_TEXTS = [None, 1, True, 10**30, 1.5, float("nan"), ["HP-10001"], {"number": "HP-10001"}, b"HP-1"]


# --- intent × tool × level × evidence


def test_every_pair_every_level_and_every_piece_of_evidence_gets_the_verdict_of_the_pack(retail: PolicySet) -> None:
    """R5.1, R5.2, R5.3, R5.8: the whole table, stated a second time in few words."""
    always = {name for rule in retail.approvals.values() if not rule.when for name in rule.tools}
    pairs = itertools.product(retail.intents.values(), retail.tools.values(), (0, 1, 2))
    for intent, tool, level in pairs:
        actor: Actor = {"customer_id": "C-1001" if level else None, "level": level}
        needed = max(1, tool.level, intent.level)
        for verified, confirmed, approved in itertools.product((False, True), repeat=3):
            given_ = {"is_verified": verified, "is_confirmed": confirmed, "is_approved": approved}
            said = verdict(retail, intent.id, fitting(tool), actor=actor, **given_)

            where = (intent.id, tool.name, level, given_)
            if tool.name not in {action.tool for action in intent.actions}:
                assert said == Deny(reason="tool_not_allowed"), where
            elif level == 0:
                assert said == StepUp(level=needed), where
            elif tool.risk == "read":
                assert said == (Allow() if verified or level >= needed else StepUp(level=needed)), where
            elif needed == 2 and not verified:
                assert said == StepUp(level=2), where
            elif not confirmed:
                assert said == Confirm(), where
            elif tool.name in always and not approved:
                assert isinstance(said, NeedApproval), where
            else:
                assert said == Allow(), where


def test_the_pack_has_pairs_of_both_kinds(retail: PolicySet) -> None:
    """The table above proves something: some pairs are allowed, most are not, and some of them write."""
    allowed = [(name, action.tool) for name, intent in retail.intents.items() for action in intent.actions]

    assert 3 <= len(allowed) < len(retail.intents) * len(retail.tools) / 2
    assert {retail.tools[tool].risk for _, tool in allowed} == {"read", "write", "high"}


@pytest.mark.parametrize("tool_level", [0, 1, 2])
@pytest.mark.parametrize("intent_level", [0, 1, 2])
@pytest.mark.parametrize("actor_level", [0, 1, 2])
@pytest.mark.parametrize("purpose", ["answer", "facts"])
def test_the_higher_of_tool_and_intent_sets_the_level(
    retail: PolicySet, tool_level: int, intent_level: int, actor_level: int, purpose: str
) -> None:
    """R5.1, R5.2: facts to plan with are read at the tool's own level."""
    tool = retail.tools["get_order"].model_copy(update={"level": tool_level})
    intent = retail.intents["order_status"].model_copy(update={"level": intent_level})
    actor: Actor = {"customer_id": "C-1001" if actor_level else None, "level": actor_level}  # type: ignore[typeddict-item]

    said = gate(
        call("get_order", purpose=purpose, order_number="HP-10001"),
        intent=intent, tool=tool, actor=actor, evidence=Evidence(), currency="USD",
    )  # fmt: skip

    # A tool that takes the customer from the session needs a customer, whatever the pack says of its level.
    needed = max(tool_level, intent_level if purpose == "answer" else 0, 1)
    assert said == (Allow() if actor_level >= needed else StepUp(level=needed))


def test_a_tool_without_a_customer_may_need_no_level(retail: PolicySet) -> None:
    """R5.1."""
    tool = retail.tools["get_order"].model_copy(update={"level": 0, "arguments": ()})

    assert needed_level(tool, intent=retail.intents["greeting"], purpose="answer") == 0
    assert needed_level(retail.tools["get_order"], intent=retail.intents["greeting"], purpose="answer") == 1


def test_a_level_without_a_customer_is_no_identification(retail: PolicySet) -> None:
    """R5.2."""
    nobody: Actor = {"customer_id": None, "level": 2}

    assert verdict(retail, "order_status", call("get_order", order_number="HP-10001"), actor=nobody) == StepUp(level=1)
    refund = fitting(retail.tools["refund"])
    assert verdict(retail, "return_and_refund", refund, actor=nobody, **DONE) == StepUp(level=2)


def test_a_session_of_level_2_does_not_replace_the_code_for_a_write(retail: PolicySet) -> None:
    """R5.1, B05: what a write needs is a code for exactly this."""
    verified: Actor = {"customer_id": "C-1001", "level": 2}

    said = verdict(retail, "return_and_refund", fitting(retail.tools["refund"]), actor=verified, is_confirmed=True)

    assert said == StepUp(level=2)


def test_a_call_is_not_run_as_another_tool(retail: PolicySet) -> None:
    """R5.2: the tool looked up and the tool named are the same, or nothing runs."""
    intent = retail.intents["order_status"].model_copy(
        update={"actions": (AllowedAction(tool="get_order"), AllowedAction(tool="track_order"))}
    )

    said = gate(
        call("track_order", order_number="HP-10001"),
        intent=intent, tool=retail.tools["get_order"], actor=IDENTIFIED, evidence=Evidence(), currency="USD",
    )  # fmt: skip

    assert said == Deny(reason="tool_not_allowed")


# --- the order of the verdicts


def test_the_gate_asks_in_the_order_of_a_requests_life(retail: PolicySet) -> None:
    """R5.3: what is not allowed is denied before anybody is asked; each step leads to the next one only."""
    intent = retail.intents["return_and_refund"].model_copy(
        update={"actions": (AllowedAction(tool="refund", up_to=20000),)}
    )
    bad, high, asked = "HP 1", "250.00", "129.00"
    facts = facts_for(retail.tools["refund"])
    late = {**facts, "days_since_delivery": 31}
    off = {"switched_off": "all"}

    def said(amount: str, number: str = "HP-10003", *, actor: Actor = IDENTIFIED, **known: Any) -> Verdict:
        return gate(
            call("refund", order_number=number, amount=amount),
            intent=intent, tool=retail.tools["refund"], actor=actor, currency="USD",
            evidence=Evidence(**{"signals": QUIET} | known), rules=retail.approvals.values(),
        )  # fmt: skip

    assert said(high, bad, actor=ANONYMOUS, facts=late, **off, **DONE) == Deny(reason="switched_off")
    assert said(high, bad, actor=ANONYMOUS, facts=late, **DONE) == Deny(reason="argument_invalid")
    assert said(high, actor=ANONYMOUS, facts=late, **DONE) == StepUp(level=2)
    unmet = said(high, facts=late, **DONE)
    assert isinstance(unmet, Deny)
    assert unmet.requirement is not None
    assert unmet.requirement.trigger == "policy_exception"
    assert said(high, facts={**facts, "refundable": money(24999)}, **DONE) == TOO_MUCH
    assert said(high, facts=facts, **DONE) == Deny(reason="above_intent_limit")
    assert said(asked, facts=facts) == StepUp(level=2)
    assert said(asked, facts=facts, is_verified=True) == Confirm()
    waits = said(asked, facts=facts, is_verified=True, is_confirmed=True)
    assert isinstance(waits, NeedApproval)
    assert waits.needed.rules == ("refund_above_100", "refunds_of_the_day_above_100")
    assert said(asked, facts=facts, **DONE) == Allow()


@pytest.mark.parametrize("known", [{"is_verified": True, "is_approved": True}, {"is_approved": True}])
def test_an_approval_replaces_neither_the_code_nor_the_yes(retail: PolicySet, known: dict[str, bool]) -> None:
    """R5.8."""
    said = verdict(retail, "return_and_refund", fitting(retail.tools["refund"]), **known)

    assert isinstance(said, Confirm if "is_verified" in known else StepUp)


def test_a_switch_stops_what_everybody_agreed_to(retail: PolicySet) -> None:
    """R9.3."""
    refund = fitting(retail.tools["refund"])

    assert verdict(retail, "return_and_refund", refund, **DONE) == Allow()
    assert verdict(retail, "return_and_refund", refund, **DONE, switched_off="refund") == Deny(reason="switched_off")


# --- requirements and money


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"order_status": "cancelled"}, "refund_cancelled"),
        ({"order_status": "shipped"}, "refund_not_delivered"),
        ({"order_status": None}, "refund_cancelled"),
        ({"refundable": money(0)}, "refund_nothing_left"),
        ({"days_since_delivery": 31}, "policy_exception"),
        ({"days_since_delivery": None}, "policy_exception"),
    ],
)
def test_a_requirement_that_is_not_met_says_what_is_said_instead(
    retail: PolicySet, facts: dict[str, Any], says: str
) -> None:
    """R5.2: the pack's words, whatever anybody proved. An order with nothing left has no amount to ask for either."""
    tool = retail.tools["refund"]
    amount = "0.00" if "refundable" in facts else "20.00"

    said = verdict(retail, "return_and_refund", fitting(tool, amount=amount), facts=facts_for(tool) | facts, **DONE)

    assert isinstance(said, Deny)
    assert said.reason == "requirement_not_met"
    assert said.requirement is not None
    assert says in (said.requirement.reply, said.requirement.trigger)


def test_a_fact_nobody_knows_meets_no_requirement(retail: PolicySet) -> None:
    """R5.2: every requirement of every tool, with the facts missing one at a time."""
    for intent in retail.intents.values():
        for tool in (retail.tools[action.tool] for action in intent.actions):
            for missing in facts_for(tool):
                facts = {name: value for name, value in facts_for(tool).items() if name != missing}
                said = verdict(retail, intent.id, fitting(tool), facts=facts, **DONE)
                assert isinstance(said, Deny), (intent.id, tool.name, missing)


@pytest.mark.parametrize(
    ("amount", "refundable", "said"),
    [
        ("35.00", money(3500), Allow()),
        ("0.01", money(3500), Allow()),
        ("35.01", money(3500), TOO_MUCH),
        ("9999999.99", money(3500), TOO_MUCH),
        ("0.00", money(3500), Deny(reason="amount_out_of_bounds")),
        ("000.00", money(3500), Deny(reason="amount_out_of_bounds")),
        ("35.00", money(3500, "EUR"), Deny(reason="amount_out_of_bounds")),
        ("35.00", {"amount": 3500}, Deny(reason="amount_out_of_bounds")),
        ("35.00", 3500, Deny(reason="amount_out_of_bounds")),
        ("35.00", {"amount": 3500.0, "currency": "USD"}, Deny(reason="amount_out_of_bounds")),
    ],
)
def test_an_amount_is_bounded_by_what_the_system_says(
    retail: PolicySet, amount: str, refundable: object, said: Verdict
) -> None:
    """D09: 0 < amount <= what is left, in the same currency."""
    tool = retail.tools["refund"].model_copy(update={"requires": ()})

    found = gate(
        fitting(tool, amount=amount),
        intent=retail.intents["return_and_refund"], tool=tool, actor=IDENTIFIED, currency="USD",
        evidence=Evidence(facts={"refundable": refundable}, **DONE),
    )  # fmt: skip

    assert found == said


@pytest.mark.parametrize(
    ("amount", "spent", "signals", "rules"),
    [
        ("100.00", 0, {}, ()),
        ("100.01", 0, {}, ("refund_above_100", "refunds_of_the_day_above_100")),
        ("60.00", 4000, {}, ()),
        ("60.00", 4001, {}, ("refunds_of_the_day_above_100",)),
        ("1.00", 0, {"actions_30_days": 2}, ()),
        ("1.00", 0, {"actions_30_days": 3}, ("many_refunds",)),
        ("1.00", 0, {"contact_changed_days": 8}, ()),
        ("1.00", 0, {"contact_changed_days": 7}, ("refund_after_contact_change",)),
        ("1.00", 0, {"country_mismatch": True}, ("refund_to_another_country",)),
        ("1000.01", 0, {}, ("refund_above_100", "refunds_of_the_day_above_100", "refund_above_1000")),
    ],
)
def test_a_rule_that_applies_asks_for_a_person(
    retail: PolicySet, amount: str, spent: int, signals: dict[str, Any], rules: tuple[str, ...]
) -> None:
    """R5.3: threshold, total of the day, velocity, change of contact, country; each one alone."""
    refund = fitting(retail.tools["refund"], amount=amount)
    known = {"spent_today": spent, "signals": QUIET | signals, "is_verified": True, "is_confirmed": True}

    said = verdict(retail, "return_and_refund", refund, **known)

    assert said == Allow() if not rules else isinstance(said, NeedApproval)
    if isinstance(said, NeedApproval):
        assert said.needed.rules == rules
        assert said.needed.people == (2 if "refund_above_1000" in rules else 1)
    assert verdict(retail, "return_and_refund", refund, **known, is_approved=True) == Allow()


def test_signals_nobody_could_find_out_ask_for_a_person(retail: PolicySet) -> None:
    """R5.3, R12.4: a customer system that is away makes nothing easier."""
    known = {"is_verified": True, "is_confirmed": True}

    said = verdict(
        retail, "return_and_refund", fitting(retail.tools["refund"]), signals={"actions_30_days": 0}, **known
    )

    assert isinstance(said, NeedApproval)
    assert said.needed.rules == ("refund_after_contact_change", "refund_to_another_country")


# --- arguments nobody should send


@pytest.mark.parametrize("number", HOSTILE_NUMBERS, ids=lambda number: repr(number)[:30])
def test_a_number_that_is_none_is_denied(retail: PolicySet, number: str) -> None:
    """D10, R5.6: an allow-list of characters, before any system hears of it; in every tool that takes one."""
    tried = 0
    for intent in retail.intents.values():
        for tool in (retail.tools[action.tool] for action in intent.actions):
            for argument in tool.arguments:
                if argument.type in ("order_number", "invoice_number"):
                    said = verdict(retail, intent.id, fitting(tool, **{argument.name: number}), **DONE)
                    assert said == Deny(reason="argument_invalid"), (intent.id, tool.name)
                    tried += 1
    assert tried >= 6


@pytest.mark.parametrize("amount", HOSTILE_AMOUNTS, ids=lambda amount: repr(amount)[:30])
def test_an_amount_that_is_none_is_denied(retail: PolicySet, amount: str) -> None:
    """D09."""
    said = verdict(retail, "return_and_refund", fitting(retail.tools["refund"], amount=amount), **DONE)

    assert said == Deny(reason="argument_invalid")


@pytest.mark.parametrize("value", [*NO_TEXTS, "' OR 1=1", "a b", "x" * 200, "../x", "a\x00", "-", ":", "", "ä", "x\n"])
@pytest.mark.parametrize("kind", ["reference", "choice"])
def test_a_reference_and_a_choice_are_words(retail: PolicySet, kind: str, value: Any) -> None:
    """D10: in every tool that takes one."""
    tried = 0
    for tool in retail.tools.values():
        names = [argument.name for argument in tool.arguments if argument.type == kind and argument.source == "field"]
        for name in names:
            intent = retail.intents["greeting"].model_copy(update={"actions": (AllowedAction(tool=tool.name),)})
            said = gate(
                fitting(tool, **{name: value}),
                intent=intent, tool=tool, actor=IDENTIFIED, currency="USD",
                evidence=Evidence(facts=facts_for(tool), **DONE),
            )  # fmt: skip
            assert said == Deny(reason="argument_invalid"), tool.name
            tried += 1
    assert tried


def test_a_text_is_one_line_without_what_cannot_be_seen() -> None:
    """D06, D10: no control, format or tag character of all Unicode, no separator of lines, no half of a pair."""
    unseen = [
        chr(code) for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]  # fmt: skip

    assert len(unseen) > 2000
    assert [repr(letter) for letter in unseen if PATTERNS["text"].fullmatch(f"12 Elm{letter}Street")] == []
    assert PATTERNS["text"].fullmatch("12 rue de l'Élysée, Bât. 3 — 北京 🏠 (côté cour)")
    assert not PATTERNS["text"].fullmatch("x" * 501)
    assert not PATTERNS["text"].fullmatch("")


@pytest.mark.parametrize("value", NO_TEXTS, ids=lambda value: repr(value)[:30])
def test_an_argument_that_is_no_text_is_denied(retail: PolicySet, value: object) -> None:
    """D09: a model's output is not what its type says."""
    for intent, tool, name in (
        ("order_status", "get_order", "order_number"),
        ("return_and_refund", "refund", "amount"),
        ("return_and_refund", "refund", "order_number"),
    ):
        said = verdict(retail, intent, fitting(retail.tools[tool], **{name: value}), **DONE)
        assert said == Deny(reason="argument_invalid")


@pytest.mark.parametrize("extra", ["customer_id", "level", "role", "is_admin", "limit", "order_number ", "key"])
def test_an_unexpected_argument_is_denied(retail: PolicySet, extra: str) -> None:
    """A06 for tools: the customer, above all, is never an argument."""
    refund = fitting(retail.tools["refund"], **{extra: "C-1002"})

    assert verdict(retail, "return_and_refund", refund, **DONE) == Deny(reason="arguments_unexpected")


def test_a_missing_argument_is_denied(retail: PolicySet) -> None:
    """R5.6."""
    assert verdict(retail, "order_status", call("get_order"), **DONE) == Deny(reason="arguments_missing")
    part = call("refund", order_number="HP-10003")
    assert verdict(retail, "return_and_refund", part, **DONE) == Deny(reason="arguments_missing")


def test_a_constant_of_the_pack_is_not_the_callers_to_choose(retail: PolicySet) -> None:
    """R5.6: in every tool that has one."""
    tools = [tool for tool in retail.tools.values() if any(argument.constant for argument in tool.arguments)]
    assert tools
    for tool in tools:
        intent = retail.intents["greeting"].model_copy(update={"actions": (AllowedAction(tool=tool.name),)})
        for argument in tool.arguments:
            if argument.constant is None:
                continue
            for value, expected in ((argument.constant, Allow()), ("other", Deny(reason="argument_invalid"))):
                said = gate(
                    fitting(tool, **{argument.name: value}),
                    intent=intent, tool=tool, actor=IDENTIFIED, currency="USD",
                    evidence=Evidence(facts=facts_for(tool), **DONE),
                )  # fmt: skip
                assert said == expected, tool.name


# --- compensations


def test_taking_an_action_back_always_waits_for_somebody_else(retail: PolicySet) -> None:
    """R5.7: every tool that takes another one's action back; a code or a yes of the customer is not asked for."""
    undoing = {tool.compensation.tool for tool in retail.tools.values() if tool.compensation}
    assert len(undoing) >= 5
    for name in undoing:
        tool = retail.tools[name]
        proved = Evidence(is_verified=True, is_confirmed=True)
        waits = gate_compensation(fitting(tool), tool=tool, evidence=proved)
        assert isinstance(waits, NeedApproval)
        assert waits.needed.people == 1
        assert gate_compensation(fitting(tool), tool=tool, evidence=Evidence(is_approved=True)) == Allow()


@pytest.mark.parametrize(
    ("changes", "known", "reason"),
    [
        ({}, {"switched_off": "all"}, "switched_off"),
        ({"order_number": "x'"}, {}, "argument_invalid"),
        ({"customer_id": "C-1"}, {}, "arguments_unexpected"),
        ({"amount": "0.00"}, {}, "amount_out_of_bounds"),
        ({"amount": "-1.00"}, {}, "argument_invalid"),
    ],
)
def test_taking_back_has_the_same_bars(
    retail: PolicySet, changes: dict[str, str], known: dict[str, Any], reason: str
) -> None:
    """R5.7, R9.3, D09."""
    tool = retail.tools["refund"]

    said = gate_compensation(fitting(tool, **changes), tool=tool, evidence=Evidence(is_approved=True, **known))

    assert said == Deny(reason=reason)


# --- a second statement of the policy


def may_run(
    policies: PolicySet, intent: str, proposed: ToolCall, *, actor: Actor, evidence: Evidence, shapes: Mapping[str, str]
) -> bool:
    """Whether the pack lets this call run now. Written apart from the gate, to be compared with it."""
    tool, arguments = policies.tools[proposed["tool"]], proposed["arguments"]
    action = {action.tool: action for action in policies.intents[intent].actions}.get(tool.name)
    taken = {argument.name: argument for argument in tool.arguments if argument.source != "session"}
    if action is None or evidence.switched_off or actor["customer_id"] is None or actor["level"] < 1:
        return False
    if set(taken) != set(arguments):
        return False
    for name, value in arguments.items():
        if not isinstance(value, str) or not re.fullmatch(shapes[taken[name].type], value):
            return False
        if taken[name].constant not in (None, value):
            return False
    needed = max(tool.level, policies.intents[intent].level)
    if tool.risk == "read":
        return needed < 2 or actor["level"] == 2 or evidence.is_verified
    if not evidence.is_confirmed or (needed == 2 and not evidence.is_verified):
        return False
    world: dict[str, Any] = {f"fact.{name}": value for name, value in evidence.facts.items()}
    world |= {f"signal.{name}": value for name, value in evidence.signals.items()}
    world |= {f"argument.{name}": value for name, value in arguments.items()}
    if tool.amount:
        cents = int(arguments[tool.amount].replace(".", ""))
        world |= {"amount": cents, "daily_total": cents + evidence.spent_today}
        left = evidence.facts.get("refundable")
        if left is None or left["currency"] != policies.currency or not 0 < cents <= left["amount"]:
            return False
        if action.up_to and cents > action.up_to:
            return False
    if not all(condition.value in world and true_of(condition, world) for condition in tool.requires):
        return False
    asks = any(
        tool.name in rule.tools and all(rule_.value not in world or true_of(rule_, world) for rule_ in rule.when)
        for rule in policies.approvals.values()
    )
    return evidence.is_approved or not asks


def true_of(condition: Condition, world: Mapping[str, Any]) -> bool:
    value = world[condition.value]
    value = value["amount"] if isinstance(value, dict) else value
    comparisons = {"above": operator.gt, "at_most": operator.le, "equals": operator.eq}
    wanted = {name: getattr(condition, name) for name in comparisons if getattr(condition, name) is not None}
    if value is None or any(not comparisons[name](value, bound) for name, bound in wanted.items()):
        return False
    return (not condition.one_of or value in condition.one_of) and value not in condition.none_of


SHAPES = {
    "order_number": "[A-Z0-9]{1,12}(-[A-Z0-9]{1,12}){0,3}",
    "invoice_number": "[A-Z0-9]{1,12}(-[A-Z0-9]{1,12}){0,3}",
    "reference": "[A-Za-z0-9]{1,32}([-_:][A-Za-z0-9]{1,32}){0,5}",
    "choice": "[a-z0-9][a-z0-9_-]{0,47}",
    "money": "[0-9]{1,7}[.][0-9]{2}",
    "text": r"[^\x00\n\ud800]{1,500}",
}
VALUES = st.sampled_from(
    [*FITTING.values(), "0.00", "0.01", "120.00", "6000.00", "-1.00", "x'", "", "a\x00", "no", None]
)


@st.composite
def situations(draw: st.DrawFn, policies: PolicySet) -> tuple[str, ToolCall, Actor, Evidence]:
    """Mostly a call that could run, with some things changed."""
    allowed = [(name, action.tool) for name, intent in policies.intents.items() for action in intent.actions]
    intent, name = draw(st.sampled_from(allowed))
    if draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from(sorted(policies.tools)))
    tool = policies.tools[name]
    names = [argument.name for argument in tool.arguments] + ["extra"]
    changes = draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=1))
    proposed = fitting(tool, **(changes if draw(st.booleans()) else {}))
    if "amount" in proposed["arguments"] and draw(st.booleans()):
        proposed["arguments"]["amount"] = draw(st.sampled_from(["0.00", "99.99", "100.01", "1000.01", "5000.01"]))
    facts = facts_for(tool)
    odd = st.sampled_from([None, 0, 1, 30, 31, "processing", "delivered", "cancelled", "active"])
    for fact in list(facts):
        if draw(st.integers(0, 5)) == 0:
            if isinstance(facts[fact], dict):
                facts[fact] = money(
                    draw(st.sampled_from([0, 1999, 2000, 10**7])), draw(st.sampled_from(["USD", "EUR"]))
                )
            elif draw(st.booleans()):
                facts[fact] = draw(odd)
            else:
                del facts[fact]
    signals = {name: value for name, value in QUIET.items() if draw(st.integers(0, 9))}
    signals |= draw(st.sampled_from([{}, {}, {"actions_30_days": 3}, {"contact_changed_days": 1}]))
    level = draw(st.sampled_from([0, 1, 1, 2]))
    customer = draw(st.sampled_from(["C-1001", "C-1001", None]))
    evidence = Evidence(
        switched_off=draw(st.sampled_from([None, None, None, "all"])), facts=facts, signals=signals,
        spent_today=draw(st.sampled_from([0, 0, 8001])), is_verified=draw(st.integers(0, 3)) > 0,
        is_confirmed=draw(st.integers(0, 3)) > 0, is_approved=draw(st.booleans()),
    )  # fmt: skip
    return intent, proposed, {"customer_id": customer, "level": level}, evidence  # type: ignore[typeddict-item]


def test_the_gate_allows_exactly_what_the_second_statement_does(retail: PolicySet) -> None:
    """R5.2, R5.3, R5.8, R6.1."""
    verdicts = {"ran": 0, "did not": 0}

    @settings(max_examples=1500, deadline=None, derandomize=True, database=None)
    @given(situations(retail))
    def holds(situation: tuple[str, ToolCall, Actor, Evidence]) -> None:
        intent, proposed, actor, evidence = situation
        said = gate(
            proposed, intent=retail.intents[intent], tool=retail.tools[proposed["tool"]], actor=actor,
            evidence=evidence, currency=retail.currency, rules=retail.approvals.values(),
        )  # fmt: skip
        expected = may_run(retail, intent, proposed, actor=actor, evidence=evidence, shapes=SHAPES)
        assert isinstance(said, Allow) == expected
        verdicts["ran" if expected else "did not"] += 1

    holds()
    assert min(verdicts.values()) > 100, "both happened often enough to mean something"
