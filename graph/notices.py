"""What a customer is told outside of the conversation, because they may have left it: the outcome of a decision.

An approver may decide days later. The words are those of the conversation's own turn, stored in its transaction.
"""

from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from desk.approvals.proposals import ProposalStore
from desk.channels.outbox import Outbox
from desk.conversations.inbox import OwedTurn
from desk.policies.models import PolicySet
from graph.state import Reply


@dataclass(frozen=True, kw_only=True)
class Notices:
    """Puts a message into the outbox for turns that a decision began."""

    proposals: ProposalStore
    outbox: Outbox
    policies: PolicySet

    def wanted(self, turn: OwedTurn) -> bool:
        """A code or a question is answered by somebody who is there; a decision comes when it comes."""
        return turn.wake is not None and turn.wake["kind"] in ("approval", "question")

    async def store(self, connection: AsyncConnection[DictRow], turn: OwedTurn, reply: Reply) -> None:
        """In the transaction that ends the turn; the same turn again changes nothing."""
        assert turn.wake is not None, "asked before"
        proposal = await self.proposals.find_on(connection, turn.wake["proposal_id"])
        if proposal is None:
            return
        await self.outbox.enqueue(
            connection,
            channel="email",
            kind="notice",
            key=f"notice:{turn.turn_id}",
            conversation_id=turn.conversation_id,
            customer_id=proposal.customer_id,
            payload={"subject": self.policies.system_replies.notice_subject, "text": reply["text"]},
        )
