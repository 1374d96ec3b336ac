"""What a conversation leaves in the audit log (R6.7)."""

from typing import Any

from desk.db.pool import Pool
from desk.integrations.seed import seed
from graph.bootstrap import Desk
from tests.integration.turns.conftest import OpenDesk
from tests.integration.turns.desks import (
    EMAIL,
    LEGAL,
    ORDER,
    QUESTION,
    completed,
    new_conversation,
    rows,
    say,
)


async def _talk(desk: Desk, *texts: str) -> str:
    conversation_id = await new_conversation(desk)
    for number, text in enumerate(texts):
        await say(desk, conversation_id, text, key=f"m{number}")
        await completed(desk, conversation_id, turns=number + 1)
    return conversation_id


async def _entries(pool: Pool, conversation_id: str) -> list[dict[str, Any]]:
    return await rows(pool, "SELECT * FROM audit_entries WHERE conversation_id = %s ORDER BY position", conversation_id)


async def test_how_a_message_was_understood(open_desk: OpenDesk) -> None:
    desk = await open_desk()
    conversation_id = await _talk(desk, QUESTION)
    started, classified = await _entries(desk.pool, conversation_id)

    assert (started["action"], started["detail"]["disclosed"]) == ("conversation.started", True)
    assert (classified["action"], classified["actor"]) == ("conversation.classified", "assistant")
    assert classified["detail"]["intents"][0]["intent"] == "returns_policy"
    assert 0 < classified["detail"]["intents"][0]["confidence"] <= 1
    (turn,) = await rows(desk.pool, "SELECT id FROM turns WHERE conversation_id = %s", conversation_id)
    assert classified["detail"]["turn"] == turn["id"]
    assert QUESTION not in str(classified), "what customers wrote is not in the log"


async def test_a_refusal_with_its_rule_and_the_ticket(open_desk: OpenDesk) -> None:
    """R1.4: the rule's id is logged."""
    desk = await open_desk()
    entries = {entry["action"]: entry["detail"] for entry in await _entries(desk.pool, await _talk(desk, LEGAL))}

    assert entries["policy.refused"]["rule"] == "legal_advice"
    assert entries["handoff.created"]["rule"] == "legal_advice"
    assert entries["handoff.created"]["ticket"].startswith("tick_")


async def test_an_escalation_that_is_no_refusal(open_desk: OpenDesk) -> None:
    desk = await open_desk()
    entries = {e["action"]: e["detail"] for e in await _entries(desk.pool, await _talk(desk, "I want a human."))}

    assert entries["policy.escalated"]["node"] == "plan"
    assert "policy.refused" not in entries


async def test_who_was_identified_and_who_failed(open_desk: OpenDesk) -> None:
    desk = await open_desk()
    await seed(desk.pool, desk.policies)
    entries = await _entries(desk.pool, await _talk(desk, ORDER, EMAIL))
    (identified,) = [entry for entry in entries if entry["action"].startswith("identity.")]
    assert (identified["action"], identified["customer_id"]) == ("identity.identified", "C-1001")
    assert EMAIL not in str(entries)
    assert entries[-1]["customer_id"] == "C-1001", "from then on entries know whose they are"

    entries = await _entries(desk.pool, await _talk(desk, ORDER, "somebody.else@example.com"))
    (failed,) = [entry for entry in entries if entry["action"].startswith("identity.")]
    assert (failed["action"], failed["customer_id"]) == ("identity.failed", None)


async def test_the_pack_in_force(open_desk: OpenDesk) -> None:
    desk = await open_desk()
    loaded = await rows(desk.pool, "SELECT detail FROM audit_entries WHERE action = 'pack.loaded'")

    assert [entry["detail"]["version"] for entry in loaded] == [desk.policies.version]


async def test_a_desk_that_closes_leaves_nothing_unsealed(open_desk: OpenDesk, pool: Pool) -> None:
    desk = await open_desk()
    await _talk(desk, QUESTION)
    await desk.audit.close()

    assert await rows(pool, "SELECT FROM audit_entries WHERE number IS NULL") == []
    assert (await desk.audit.verify()).valid
