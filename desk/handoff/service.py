"""Opens tickets: the hand-over of a conversation to a queue of people."""

from psycopg.types.json import Jsonb

from desk.db.pool import Pool
from desk.domain.ids import new_id
from desk.handoff.packet import Escalation, HandoffNotice, Packet
from desk.policies.models import PolicySet

_OPEN = """
WITH opened AS (
    INSERT INTO tickets (id, conversation_id, turn_id, queue, priority, reason, packet)
    VALUES (%(id)s, %(conversation)s, %(turn)s, %(queue)s, %(priority)s, %(reason)s, %(packet)s)
    ON CONFLICT (conversation_id, turn_id) DO NOTHING
    RETURNING *
)
SELECT audit_append('handoff.created', 'assistant', conversation_id, packet->>'customer_id', jsonb_build_object(
           'ticket', id, 'turn', turn_id, 'queue', queue, 'priority', priority, 'rule', packet->'trigger'))
  FROM opened
"""

_SHOW = """
SELECT id, queue, (
    SELECT count(*) FROM tickets AS ahead
    WHERE ahead.queue = tickets.queue AND ahead.status = 'open' AND ahead.created_at <= tickets.created_at
) AS position
FROM tickets WHERE conversation_id = %(conversation)s AND turn_id = %(turn)s
"""


class HandoffService:
    """The queues of the pack, backed by the ``tickets`` table."""

    def __init__(self, pool: Pool, *, policies: PolicySet) -> None:
        self._pool = pool
        self._policies = policies

    async def open(
        self, conversation_id: str, *, turn_id: str, escalation: Escalation, packet: Packet
    ) -> HandoffNotice:
        """Opens the turn's ticket. A turn that runs again gets the ticket it already opened."""
        values = {
            "id": new_id("tick"),
            "conversation": conversation_id,
            "turn": turn_id,
            "queue": escalation["queue"],
            "priority": escalation["priority"],
            "reason": escalation["reason"],
            "packet": Jsonb(packet),
        }
        async with self._pool.connection() as connection:
            await connection.execute(_OPEN, values)
            row = await (await connection.execute(_SHOW, values)).fetchone()
        assert row is not None, "the statement before stored it"
        return {
            "ticket_id": row["id"],
            "queue": row["queue"],
            "position": row["position"],
            "eta_seconds": self._policies.queues[row["queue"]].reply_seconds,
        }
