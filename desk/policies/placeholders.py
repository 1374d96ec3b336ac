"""Which values a template or prompt may use, in one table.

Nodes fill exactly these; the loader refuses any other ``{placeholder}``.
"""

from desk.policies.models import Intent, ToolSpec

ALWAYS = frozenset({"assistant.name", "assistant.disclosure", "shop.name"})
"""Every reply."""

HANDED_OVER = ALWAYS | {"ticket_id", "queue.title", "queue.hours", "queue.reply_within"}
"""Replies after a ticket exists: triggers, refusals, intents a person handles."""

QUOTED = HANDED_OVER | {"first.title", "first.quote", "second.title", "second.quote"}
"""Replies of triggers on a conflict."""

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
    "verification_sent": ALWAYS | {"title", "sent_to", "minutes"},
    "taken_back": ALWAYS | {"title"},
    "not_taken_back": ALWAYS | {"title"},
    "verification_wrong": ALWAYS | {"attempts_left"},
    "verification_expired": ALWAYS,
    "verification_used_up": ALWAYS,
    "verification_too_many": ALWAYS,
    "confirmation_unclear": ALWAYS | {"question"},
    "not_confirmed": ALWAYS | {"title"},
    "changed_meanwhile": ALWAYS | {"title"},
    "awaiting_approval": ALWAYS | {"title"},
    "approval_rejected": ALWAYS | {"title", "reason"},
    "approval_expired": ALWAYS | {"title"},
    "approval_question": ALWAYS | {"title", "question"},
    "withdrawn": ALWAYS | {"title"},
    "too_late_to_stop": ALWAYS | {"title"},
    "nothing_to_stop": ALWAYS,
    "action_refused": ALWAYS | {"title"},
}
"""Values of each field of ``SystemReplies`` that names a template."""

CODE = frozenset({"assistant.name", "shop.name", "code", "title", "minutes"})
"""Messages with a one-time code; ``{title}`` says what it is for."""

CODE_MESSAGES: dict[str, frozenset[str]] = {"email": CODE, "email_with_link": CODE | {"link"}, "sms": CODE}
"""Values of each field of ``StepUpTemplates`` that names a template."""

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


def action_values(tool: ToolSpec, *, tools: dict[str, ToolSpec]) -> frozenset[str]:
    """Values a template about a planned action may use: the call's arguments and the facts of its quote."""
    quote = tools.get(tool.quote or "")
    facts = {f"{quote.record}.{name}" for name in quote.result_fields} if quote else set()
    return ALWAYS | facts | {"title"} | {argument.name for argument in tool.arguments if argument.source != "session"}
