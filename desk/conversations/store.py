"""Conversations: who opened one, who may enter it, what was said in it."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk.db.pool import Pool
from desk.domain.conversation import Channel
from desk.domain.errors import NotAuthenticated, NotFound
from desk.domain.ids import is_id, new_id


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """A row of ``conversations``; ``last_event`` is the number of the newest event when it was read."""

    id: str
    channel: Channel
    locale: str
    status: str
    customer_id: str | None
    created_at: datetime
    last_event: int


@dataclass(frozen=True, kw_only=True)
class Session:
    """A fresh conversation and the only token that opens it."""

    conversation_id: str
    token: str


class ConversationStore:
    """Opens conversations and reads them. A token opens exactly one."""

    def __init__(self, pool: Pool, *, secret: bytes) -> None:
        self._pool = pool
        self._secret = secret

    async def start(
        self, *, channel: Channel, locale: str, pack_version: str, customer_id: str | None = None
    ) -> Session:
        """Stores a new conversation. ``customer_id`` comes from a verified token of the host, never from text."""
        session = Session(conversation_id=new_id("conv"), token=secrets.token_urlsafe(32))
        async with self._pool.connection() as connection:
            await connection.execute(
                _START,
                (session.conversation_id, channel, locale, customer_id, self._hash(session.token), pack_version),
            )
        return session

    async def enter(self, conversation_id: str, token: str | None) -> Conversation:
        """The conversation this token opens.

        Raises ``NotAuthenticated`` without a token that opens any conversation, and the same ``NotFound`` for a
        conversation that does not exist and for one that this token does not open.
        """
        if not token or len(token) > 200:
            raise NotAuthenticated("Send the session token of this conversation as a bearer token.")
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT id, channel, locale, status, customer_id, created_at, last_event FROM conversations"
                " WHERE session_hash = %s",
                (self._hash(token),),
            )
            row = await cursor.fetchone()
        if row is None:
            raise NotAuthenticated("This session token is not valid.")
        if not is_id(conversation_id, "conv") or row["id"] != conversation_id:
            raise NotFound("There is no such conversation.")
        return Conversation(**row)

    async def transcript(self, conversation_id: str) -> list[dict[str, Any]]:
        """Every message in order: ``message_id, turn_id, role, text, sources, options, at``."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT id AS message_id, turn_id, role, text, sources, options, at FROM messages"
                " WHERE conversation_id = %s ORDER BY position",
                (conversation_id,),
            )
            return [dict(row) for row in await cursor.fetchall()]

    def _hash(self, token: str) -> bytes:
        return hmac.digest(self._secret, token.encode("utf-8", "replace"), hashlib.sha256)


# Every conversation starts with the disclosure that an assistant answers; that it did is on record (R6.6).
_START = """
WITH started AS (
    INSERT INTO conversations (id, channel, locale, customer_id, session_hash, pack_version)
    VALUES (%s, %s, %s, %s, %s, %s) RETURNING *
)
SELECT audit_append('conversation.started', 'customer', id, customer_id, jsonb_build_object(
           'channel', channel, 'locale', locale, 'pack', pack_version, 'disclosed', true))
  FROM started
"""
