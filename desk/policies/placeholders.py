"""Which values a template or prompt may use, in one table.

Nodes fill exactly these; the loader refuses any other ``{placeholder}``.
"""

from desk.policies.models import Intent, ToolSpec

ALWAYS = frozenset({"assistant.name", "assistant.disclosure", "shop.name"})
"""Every reply."""

HANDED_OVER = ALWAYS | {"ticket_id", "queue.title", "queue.hours", "queue.reply_within"}
"""Replies after a ticket exists: triggers, refusals, intents a person handles."""

SITUATIONS: dict[str, frozenset[str]] = {
    "ask_identification_email": ALWAYS,
    "ask_identification_order_number": ALWAYS,
    "field_not_valid": ALWAYS | {"question"},
    "record_not_found": ALWAYS,
    "clarify": ALWAYS | {"options"},
    "dont_know": ALWAYS,
    "out_of_scope": ALWAYS,
    "card_number_seen": ALWAYS,
    "frustration_offer": ALWAYS,
    "next_request": ALWAYS | {"title"},
    "already_escalated": HANDED_OVER,
    "turn_failed": ALWAYS,
}
"""Values of each field of ``SystemReplies`` that names a template."""

PROMPTS: dict[str, frozenset[str]] = {
    "understand": frozenset({"assistant.name", "shop.name", "intents", "refusals", "fields"}),
    "answer": frozenset({"assistant.name", "shop.name", "refusals"}),
}
"""The prompts a pack must have, with their values."""


def reply_values(intent: Intent, *, tools: dict[str, ToolSpec]) -> frozenset[str]:
    """Values a template of this intent may use: ``{order.total}``, ``{order_number}`` …"""
    match intent.handling:
        case "person":
            return HANDED_OVER
        case "workflow":
            named = [tools[action.tool] for action in intent.actions if action.tool in tools]
            records = {f"{tool.record}.{name}" for tool in named for name in tool.result_fields}
            return ALWAYS | records | {spec.name for spec in intent.fields}
        case _:
            return ALWAYS
