"""The gate: every pair of intent and tool, every level, every argument nobody should send (R5.2, D09, D10)."""

import itertools

import pytest

from desk.domain.conversation import Actor
from desk.policies.models import AllowedAction, PolicySet
from tools.calls import ToolCall
from tools.policy import Allow, Deny, StepUp, gate

ANONYMOUS: Actor = {"customer_id": None, "level": 0}
IDENTIFIED: Actor = {"customer_id": "C-1001", "level": 1}

HOSTILE_NUMBERS = [
    "o1' OR '1'='1", "../../o2", "o1; o2", "o1\x00", "HP-10001\x00", "A" * 5000, "", " ", "HP-10001 ", "\nHP-10001",
    "HP-10001\n", "HP-10001--", "HP_10001", "HP-10001/..", "%00", "HP-10001%27", "ＨＰ-10001", "HP-١٠٠٠١", "\ud800",
    "HP-10001\u200b", "{{config}}", "%s%s%n", "hp-10001", "-100", "1e3", "49.999999", "50 EUR", "HP-1-2-3-4",
    "NULL;DROP TABLE shop.orders", "C-1001 OR TRUE", '{"$ne": null}', "HP-10001,HP-10002", "*", "%",
]  # fmt: skip


def call(tool: str, **arguments: str) -> ToolCall:
    return {"id": "call_1", "tool": tool, "arguments": arguments}


def fitting(policies: PolicySet, tool: str) -> ToolCall:
    """A call whose arguments are all right."""
    fields = [argument for argument in policies.tools[tool].arguments if argument.source == "field"]
    return call(tool, **{field.name: "HP-10001" for field in fields})


def test_an_intent_can_run_only_the_tools_it_lists(retail: PolicySet) -> None:
    """R5.2: every pair of the sample pack; who lists nothing runs nothing."""
    for intent, tool in itertools.product(retail.intents.values(), retail.tools.values()):
        verdict = gate(fitting(retail, tool.name), intent=intent, tool=tool, actor=IDENTIFIED)

        listed = tool.name in {action.tool for action in intent.actions}
        expected = (
            (StepUp(level=2) if max(intent.level, tool.level) == 2 else Allow())
            if listed
            else Deny(reason="tool_not_allowed")
        )
        assert verdict == expected, (intent.id, tool.name)


def test_the_pack_has_pairs_of_both_kinds(retail: PolicySet) -> None:
    """The table above proves something: some pairs are allowed, most are not."""
    allowed = [(name, action.tool) for name, intent in retail.intents.items() for action in intent.actions]

    assert 3 <= len(allowed) < len(retail.intents) * len(retail.tools) / 2


def test_an_anonymous_customer_is_asked_to_prove_more_by_every_tool(retail: PolicySet) -> None:
    """R5.1: no tool of the sample pack runs at level 0."""
    for intent in retail.intents.values():
        for action in intent.actions:
            verdict = gate(fitting(retail, action.tool), intent=intent, tool=retail.tools[action.tool], actor=ANONYMOUS)
            assert isinstance(verdict, StepUp), (intent.id, action.tool)


@pytest.mark.parametrize("tool_level", [0, 1, 2])
@pytest.mark.parametrize("intent_level", [0, 1, 2])
@pytest.mark.parametrize("actor_level", [0, 1, 2])
def test_the_higher_of_tool_and_intent_sets_the_level(
    retail: PolicySet, tool_level: int, intent_level: int, actor_level: int
) -> None:
    """R5.1, R5.2."""
    tool = retail.tools["get_order"].model_copy(update={"level": tool_level})
    intent = retail.intents["order_status"].model_copy(update={"level": intent_level})
    actor: Actor = {"customer_id": "C-1001" if actor_level else None, "level": actor_level}

    verdict = gate(call("get_order", order_number="HP-10001"), intent=intent, tool=tool, actor=actor)

    # A tool that takes the customer from the session needs a customer, whatever the pack says of its level.
    needed = max(tool_level, intent_level, 1)
    assert verdict == (Allow() if actor_level >= needed else StepUp(level=needed))


def test_a_level_without_a_customer_is_no_identification(retail: PolicySet) -> None:
    """R5.2."""
    nobody: Actor = {"customer_id": None, "level": 2}

    verdict = gate(
        call("get_order", order_number="HP-10001"),
        intent=retail.intents["order_status"], tool=retail.tools["get_order"], actor=nobody,
    )  # fmt: skip

    assert verdict == StepUp(level=1)


@pytest.mark.parametrize("number", HOSTILE_NUMBERS, ids=lambda number: repr(number)[:30])
def test_a_number_that_is_none_is_denied(retail: PolicySet, number: str) -> None:
    """D09, D10, R5.6: an allow-list of characters, before any system hears of it."""
    for tool, intent, name in (
        ("get_order", "order_status", "order_number"),
        ("track_order", "track_order", "order_number"),
        ("get_invoice", "invoice_copy", "invoice_number"),
    ):
        verdict = gate(
            call(tool, **{name: number}), intent=retail.intents[intent], tool=retail.tools[tool], actor=IDENTIFIED
        )
        assert verdict == Deny(reason="argument_invalid")


@pytest.mark.parametrize(
    "value", [None, 1, True, 10**30, 1.5, float("nan"), ["HP-10001"], {"number": "HP-10001"}, b"HP-1"]
)
def test_an_argument_that_is_no_text_is_denied(retail: PolicySet, value: object) -> None:
    """D09: a model's output is not what its type says."""
    proposed: ToolCall = {"id": "call_1", "tool": "get_order", "arguments": {"order_number": value}}  # type: ignore[dict-item]

    verdict = gate(
        proposed, intent=retail.intents["order_status"], tool=retail.tools["get_order"], actor=IDENTIFIED
    )  # fmt: skip

    assert verdict == Deny(reason="argument_invalid")


@pytest.mark.parametrize("extra", ["customer_id", "level", "role", "is_admin", "limit", "order_number "])
def test_an_unexpected_argument_is_denied(retail: PolicySet, extra: str) -> None:
    """A06 for tools: the customer, above all, is never an argument."""
    proposed = call("get_order", **{"order_number": "HP-10001", extra: "C-1002"})

    verdict = gate(
        proposed, intent=retail.intents["order_status"], tool=retail.tools["get_order"], actor=IDENTIFIED
    )  # fmt: skip

    assert verdict == Deny(reason="arguments_unexpected")


def test_a_missing_argument_is_denied(retail: PolicySet) -> None:
    """R5.6."""
    verdict = gate(
        call("get_order"), intent=retail.intents["order_status"], tool=retail.tools["get_order"], actor=IDENTIFIED
    )

    assert verdict == Deny(reason="arguments_missing")


@pytest.mark.parametrize("risk", ["write", "high"])
def test_a_writing_tool_stays_shut_without_confirmation(retail: PolicySet, risk: str) -> None:
    """R5.3, R5.8: until the customer confirms and a ledger keeps it, nothing writes, whoever asks."""
    tool = retail.tools["get_order"].model_copy(update={"risk": risk})
    verified: Actor = {"customer_id": "C-1001", "level": 2}

    verdict = gate(
        call("get_order", order_number="HP-10001"), intent=retail.intents["order_status"], tool=tool, actor=verified
    )

    assert verdict == Deny(reason="writes_not_allowed")


def test_a_call_is_not_run_as_another_tool(retail: PolicySet) -> None:
    """R5.2: the tool looked up and the tool named are the same, or nothing runs."""
    intent = retail.intents["order_status"].model_copy(
        update={"actions": (AllowedAction(tool="get_order"), AllowedAction(tool="track_order"))}
    )

    verdict = gate(
        call("track_order", order_number="HP-10001"), intent=intent, tool=retail.tools["get_order"], actor=IDENTIFIED
    )

    assert verdict == Deny(reason="tool_not_allowed")
