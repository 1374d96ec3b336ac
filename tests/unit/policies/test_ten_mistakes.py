"""A pack with ten different mistakes says all ten at once, each with file, line and key (R1.1)."""

import pytest

from desk.domain.errors import PackError
from desk.policies.loader import load_pack
from tests.unit.policies.packs import PackCopy

# File, what is there, what is written instead, the key that is told, what is said about it.
MISTAKES = [
    ("intents/order_status.yaml", "type: order_number", "type: oder_number", "fields[0].type", "mean order_number?"),
    ("intents/cancel_order.yaml", "queue: orders", "queue: oders", "queue", "did you mean orders?"),
    ("intents/greeting.yaml", "template: greeting", "template: greting", "reply.template", "did you mean greeting?"),
    ("intents/track_order.yaml", "tool: track_order", "tool: trace_order", "actions[0].tool", "mean track_order?"),
    ("intents/warranty.yaml", "areas: [warranty]", "areas: [waranty]", "areas[0]", "did you mean warranty?"),
    ("queues.yaml", "hours: every", "ours: every", "[8].ours", "did you mean hours?"),
    ("tools.yaml", "level: 1", "level: high", "[0].level", "Use 0, 1 or 2"),
    ("knowledge/gift-cards.md", "next_review: 2027", "next_review: 2026", "next_review", "must be after effective"),
    ("pack.yaml", "clarify: clarify\n", "clarify: order_status\n", "system_replies.clarify", "{order.number}"),
    ("checks/paraphrases.yaml", "intent: order_status", "intent: order_state", "[0].intent", "mean order_status?"),
]  # fmt: skip


def test_ten_different_mistakes_are_ten_clear_errors_in_one_run(pack: PackCopy) -> None:
    """R1.1: nothing hides behind the first mistake, and none is told twice."""
    lines = [pack.replace(file, old, new) for file, old, new, _, _ in MISTAKES]

    problems = pack.problems()

    for line, (file, _, _, key, message) in zip(lines, MISTAKES, strict=True):
        told = [problem for problem in problems if problem.startswith(f"{file}:{line}: {key}: ")]
        assert any(message in problem for problem in told), (file, line, key, problems)
    assert len(problems) == len(MISTAKES), problems


def test_loading_a_broken_pack_raises_every_problem(pack: PackCopy) -> None:
    """R1.1"""
    pack.replace("queues.yaml", "title: Billing", "titel: Billing")
    pack.replace("tools.yaml", "level: 1", "level: 7")

    with pytest.raises(PackError) as raised:
        load_pack(pack.path)

    assert [problem.split(":")[0] for problem in raised.value.problems] == ["queues.yaml", "tools.yaml"]
