"""Step-up (R5.1): a challenge asks for a one-time code before a sensitive action, bound to one proposal.

A code is derived from the installation's key, the challenge's id and the number of the send; so is the token of its
link. Neither is stored anywhere. An attempt is counted *before* its code is compared, in one statement, so parallel
guesses get no more comparisons than one after the other. Clocks are the database's.
"""

import hmac
import math
import re
import unicodedata
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString, Protocol

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from desk.db.pool import Pool
from desk.domain.contact import Factor
from desk.domain.errors import TooManyRequests
from desk.domain.ids import is_id, new_id
from desk.identity.factors import Choice
from desk.policies.models import StepUpPolicy

Connection = AsyncConnection[DictRow]

CODE_DIGITS = 6


class CodeOutbox(Protocol):
    """``desk.channels.outbox.Outbox``, as far as codes need it."""

    async def enqueue(
        self,
        connection: Connection,
        *,
        channel: Factor,
        kind: Any,
        key: str,
        conversation_id: str,
        customer_id: str,
        payload: dict[str, Any],
    ) -> None: ...
    def nudge(self) -> None: ...


class EnqueueWake(Protocol):
    """Stores the turn that goes on after a verification, on the given connection, once for each key; returns its id."""

    async def __call__(
        self, connection: Connection, conversation_id: str, *, key: str, wake: dict[str, Any]
    ) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A code that was asked for. Nothing in it is secret."""

    id: str
    proposal_id: str
    conversation_id: str
    customer_id: str
    action: str
    args_hash: str
    title: str
    factor: Factor
    sent_to: str
    """Masked."""
    sends: int
    attempts: int
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Verified:
    """The one success of a challenge. ``turn_id`` is the turn that goes on with it, when one was asked for."""

    challenge: Challenge
    turn_id: str | None


@dataclass(frozen=True, kw_only=True)
class WrongCode:
    attempts_left: int


@dataclass(frozen=True, kw_only=True)
class Expired:
    """The code is too old; another one may be sent."""


@dataclass(frozen=True, kw_only=True)
class UsedUp:
    """Too many codes were tried; only a new challenge helps."""


@dataclass(frozen=True, kw_only=True)
class NoChallenge:
    """Nothing waits for a code: none was asked for, or it was given already."""


Checked = Verified | WrongCode | Expired | UsedUp | NoChallenge


@dataclass(frozen=True, kw_only=True)
class CodeMessage:
    """What a sender needs to send a code, derived at that moment and kept nowhere."""

    factor: Factor
    destination: str = field(repr=False)
    title: str
    code: str = field(repr=False)
    link_token: str = field(repr=False)


class StepUp:
    """Asks for codes and checks them. ``key`` is the installation's secret."""

    def __init__(self, pool: Pool, *, key: bytes, policy: StepUpPolicy, outbox: CodeOutbox, wake: EnqueueWake) -> None:
        self._pool = pool
        self._key = hmac.digest(key, b"frontdesk step-up", "sha256")
        self._policy = policy
        self._outbox = outbox
        self._wake = wake

    async def open(
        self,
        *,
        proposal_id: str,
        conversation_id: str,
        customer_id: str,
        action: str,
        args_hash: str,
        title: str,
        choice: Choice,
    ) -> Challenge:
        """The proposal's challenge. Sends a code unless one is out that can still be used.

        Raises ``TooManyRequests`` beyond the limits on sending; then nothing was sent.
        """
        binding = {
            "proposal_id": proposal_id, "conversation_id": conversation_id, "customer_id": customer_id,
            "action": action, "args_hash": args_hash, "title": title,
            "factor": choice.factor, "destination": choice.destination, "sent_to": choice.masked,
        }  # fmt: skip
        async with self._pool.connection() as connection, connection.transaction():
            await self._lock(connection, binding)
            usable = await _row(
                connection, _USABLE, proposal_id=proposal_id, args_hash=args_hash, conversation_id=conversation_id,
                limit=self._policy.attempts,
            )  # fmt: skip
            if usable is not None:
                return _challenge(usable)
            challenge = await self._begin(connection, binding)
        self._outbox.nudge()
        return challenge

    async def check(self, conversation_id: str, code: str, *, wake: EnqueueWake | None = None) -> Checked:
        """Tries a code against the newest open challenge of the conversation.

        The turn that goes on is stored in the transaction that records the success; ``wake`` stores it in another way
        than usual. What it raises is raised, and the challenge is as it was.
        """
        row = await self._one(_COUNT, conversation_id=conversation_id, limit=self._policy.attempts)
        if row is None:
            return await self._why_not(conversation_id)
        challenge = _challenge(row)
        if not hmac.compare_digest(_digits(code), self._code(challenge.id, challenge.sends).encode()):
            left = self._policy.attempts - challenge.attempts
            await self._one(_WRONG, id=challenge.id, left=left)
            return WrongCode(attempts_left=left)
        verified = await self._verify(challenge.id, challenge.sends, by="code", wake=wake or self._wake)
        return verified or await self._why_not(conversation_id)

    async def resend(self, conversation_id: str) -> Challenge | None:
        """Sends another code for what the conversation waits for; earlier ones stop counting. None: nothing waits.

        After too many wrong codes it is a new challenge. Raises ``TooManyRequests`` beyond the limits on sending.
        """
        async with self._pool.connection() as connection, connection.transaction():
            seen = await _row(connection, _NEWEST, conversation_id=conversation_id)
            if seen is None:
                return None
            await self._lock(connection, seen)
            row = await _row(connection, _NEWEST, conversation_id=conversation_id)
            if row is None or row["id"] != seen["id"]:
                return None
            if row["attempts"] >= self._policy.attempts:
                challenge = await self._begin(connection, row)
            else:
                await self._require_within_limits(connection, row)
                again = await _row(
                    connection, _AGAIN, id=row["id"], minutes=timedelta(minutes=self._policy.code_minutes)
                )
                if again is None:
                    return None
                challenge = await self._send(connection, again)
        self._outbox.nudge()
        return challenge

    async def follow_link(self, token: str) -> Checked:
        """Verifies by the token of a link, as ``check`` does by a code."""
        found = self._of_token(token)
        if found is None:
            return NoChallenge()
        challenge_id, number = found
        verified = await self._verify(challenge_id, number, by="link", wake=self._wake)
        if verified is not None:
            return verified
        row = await self._one(_BY_ID, id=challenge_id)
        if row is None or row["status"] != "open" or row["sends"] != number:
            return NoChallenge()
        return UsedUp() if row["attempts"] >= self._policy.attempts else Expired()

    async def behind_link(self, token: str) -> Challenge | None:
        """What a link would confirm; None when it does not count (any more). Looking changes nothing."""
        found = self._of_token(token)
        if found is None:
            return None
        row = await self._one(_LIVE, id=found[0], number=found[1], limit=self._policy.attempts)
        return None if row is None else _challenge(row)

    async def open_challenge(self, conversation_id: str) -> Challenge | None:
        """The newest challenge that waits for a code, also when its code is too old or was tried too often."""
        row = await self._one(_NEWEST, conversation_id=conversation_id)
        return None if row is None else _challenge(row)

    async def grant(self, proposal_id: str, *, args_hash: str, conversation_id: str) -> datetime | None:
        """When exactly these arguments were verified in this conversation; None: never, or too long ago."""
        row = await self._one(
            _GRANT, proposal_id=proposal_id, args_hash=args_hash, conversation_id=conversation_id,
            valid=timedelta(minutes=self._policy.valid_minutes),
        )  # fmt: skip
        return None if row is None else row["verified_at"]

    async def met(self, proposal_id: str) -> Challenge | None:
        """The newest challenge of a proposal that was met."""
        row = await self._one(_MET, proposal_id=proposal_id)
        return None if row is None else _challenge(row)

    async def void(self, proposal_id: str) -> None:
        """The proposal is off: its code does not count any more, and neither does a verification."""
        await self._one(_VOID, proposal_id=proposal_id)

    async def message(self, challenge_id: str, number: int) -> CodeMessage | None:
        """What to send for this number of this challenge; None when it would be of no use any more."""
        row = await self._one(_LIVE, id=challenge_id, number=number, limit=self._policy.attempts)
        if row is None:
            return None
        return CodeMessage(
            factor=row["factor"],
            destination=row["destination"],
            title=row["title"],
            code=self._code(challenge_id, number),
            link_token=self._token(challenge_id, number),
        )

    async def _lock(self, connection: Connection, binding: dict[str, Any]) -> None:
        """Whatever counts against the same limits waits here for the end of the transaction."""
        keys = sorted(
            [
                f"step-up customer {binding['customer_id']}",
                f"step-up conversation {binding['conversation_id']}",
                f"step-up address {self._address_hash(binding['destination']).hex()}",
            ]
        )
        await connection.execute(_LOCK, {"keys": keys})

    async def _begin(self, connection: Connection, binding: dict[str, Any]) -> Challenge:
        """A new challenge in place of one that cannot be used any more."""
        await self._require_within_limits(connection, binding)
        await connection.execute(_REPLACE, {"proposal_id": binding["proposal_id"]})
        values = {**binding, "id": new_id("chal"), "minutes": timedelta(minutes=self._policy.code_minutes)}
        row = await _row(connection, _BEGIN, **values)
        assert row is not None, "an INSERT returns its row"
        return await self._send(connection, row)

    async def _send(self, connection: Connection, row: DictRow) -> Challenge:
        challenge = _challenge(row)
        await connection.execute(
            _SEND,
            {
                "customer_id": challenge.customer_id,
                "conversation_id": challenge.conversation_id,
                "address": self._address_hash(row["destination"]),
                "challenge": challenge.id,
                "proposal": challenge.proposal_id,
                "action": challenge.action,
                "factor": challenge.factor,
                "sent_to": challenge.sent_to,
                "number": challenge.sends,
            },
        )
        await self._outbox.enqueue(
            connection,
            channel=challenge.factor,
            kind="code",
            key=f"code:{challenge.id}:{challenge.sends}",
            conversation_id=challenge.conversation_id,
            customer_id=challenge.customer_id,
            payload={"challenge_id": challenge.id, "number": challenge.sends},
        )
        return challenge

    async def _require_within_limits(self, connection: Connection, binding: dict[str, Any]) -> None:
        policy = self._policy
        row = await _row(
            connection, _WAIT,
            customer_id=binding["customer_id"], conversation_id=binding["conversation_id"],
            address=self._address_hash(binding["destination"]),
            last=policy.sends - 1, window=timedelta(minutes=policy.sends_minutes), failures=policy.failures_per_day,
        )  # fmt: skip
        if row is not None and row["seconds"] is not None:
            seconds = max(1, math.ceil(row["seconds"]))
            raise TooManyRequests("Too many codes were asked for. Please try again later.", retry_after=seconds)

    async def _verify(
        self, challenge_id: str, number: int, *, by: Literal["code", "link"], wake: EnqueueWake
    ) -> Verified | None:
        # A code was counted before it was compared, a link was not; after the last attempt neither counts.
        attempts = self._policy.attempts - (by == "link")
        async with self._pool.connection() as connection, connection.transaction():
            row = await _row(connection, _VERIFY, id=challenge_id, number=number, attempts=attempts, by=by)
            if row is None:
                return None
            challenge = _challenge(row)
            turn_id = await wake(
                connection,
                challenge.conversation_id,
                key=f"verified:{challenge.id}",
                wake={"kind": "verified", "proposal_id": challenge.proposal_id, "challenge_id": challenge.id},
            )
        return Verified(challenge=challenge, turn_id=turn_id)

    async def _why_not(self, conversation_id: str) -> Expired | UsedUp | NoChallenge:
        row = await self._one(_NEWEST, conversation_id=conversation_id)
        if row is None:
            return NoChallenge()
        return UsedUp() if row["attempts"] >= self._policy.attempts else Expired()

    def _code(self, challenge_id: str, number: int) -> str:
        """Six digits; 2^256 is so much larger than a million that none is likelier than another."""
        value = int.from_bytes(self._derived("code", challenge_id, number)) % 10**CODE_DIGITS
        return f"{value:0{CODE_DIGITS}d}"

    def _token(self, challenge_id: str, number: int) -> str:
        seal = urlsafe_b64encode(self._derived("link", challenge_id, number)).decode().rstrip("=")
        return f"{challenge_id.removeprefix('chal_')}.{number}.{seal}"

    def _of_token(self, token: str) -> tuple[str, int] | None:
        """The challenge and number a token was made for; None for a token we did not make."""
        parts = re.fullmatch(r"([0-9a-z]{26})\.([1-9][0-9]{0,5})\.[A-Za-z0-9_-]{43}", token, re.ASCII)
        if parts is None or not is_id(f"chal_{parts[1]}", "chal"):
            return None
        challenge_id, number = f"chal_{parts[1]}", int(parts[2])
        ours = hmac.compare_digest(token, self._token(challenge_id, number))
        return (challenge_id, number) if ours else None

    def _derived(self, purpose: str, challenge_id: str, number: int) -> bytes:
        return hmac.digest(self._key, f"{purpose} {challenge_id} {number}".encode(), "sha256")

    def _address_hash(self, destination: str) -> bytes:
        return hmac.digest(self._key, f"address {destination.lower()}".encode("utf-8", "replace"), "sha256")

    async def _one(self, query: LiteralString, **values: object) -> DictRow | None:
        async with self._pool.connection() as connection:
            return await _row(connection, query, **values)


async def _row(connection: Connection, query: LiteralString, **values: object) -> DictRow | None:
    cursor = await connection.execute(query, values)
    return await cursor.fetchone() if cursor.description else None


def _challenge(row: DictRow) -> Challenge:
    return Challenge(**{name: row[name] for name in Challenge.__dataclass_fields__})


def _digits(code: str) -> bytes:
    """A code as people type it: spaces, hyphens and digits of other scripts do not matter."""
    folded = unicodedata.normalize("NFKC", code[:40])
    return re.sub(r"[\s-]", "", folded).encode("utf-8", "replace")


_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(%(keys)s::text[]) AS key"

_USABLE = """
SELECT * FROM step_up_challenges
WHERE proposal_id = %(proposal_id)s AND status = 'open' AND args_hash = %(args_hash)s
  AND conversation_id = %(conversation_id)s AND attempts < %(limit)s AND expires_at > clock_timestamp()
"""

_REPLACE = """
UPDATE step_up_challenges SET status = 'replaced', destination = NULL
WHERE proposal_id = %(proposal_id)s AND status = 'open'
"""

_BEGIN = """
INSERT INTO step_up_challenges (
    id, proposal_id, conversation_id, customer_id, action, args_hash, title, factor, destination, sent_to, expires_at)
VALUES (
    %(id)s, %(proposal_id)s, %(conversation_id)s, %(customer_id)s, %(action)s, %(args_hash)s, %(title)s, %(factor)s,
    %(destination)s, %(sent_to)s, clock_timestamp() + %(minutes)s)
RETURNING *
"""

_AGAIN = """
UPDATE step_up_challenges SET sends = sends + 1, expires_at = clock_timestamp() + %(minutes)s
WHERE id = %(id)s AND status = 'open'
RETURNING *
"""

_SEND = """
WITH old AS (
    DELETE FROM step_up_sends WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM step_up_sends WHERE at < clock_timestamp() - interval '2 days'
        LIMIT 20 FOR UPDATE SKIP LOCKED))
)
INSERT INTO step_up_sends (customer_id, conversation_id, challenge_id, address_hash)
VALUES (%(customer_id)s, %(conversation_id)s, %(challenge)s, %(address)s)
RETURNING audit_append('identity.challenge_sent', 'system', conversation_id, customer_id, jsonb_build_object(
    'challenge', %(challenge)s::text, 'proposal', %(proposal)s::text, 'tool', %(action)s::text,
    'factor', %(factor)s::text, 'sent_to', %(sent_to)s::text, 'number', %(number)s::int))
"""

# The send that has to leave the window first, for each of the three counts; and the wrong codes of a day.
_WAIT = """
SELECT extract(epoch FROM max(free_at) - clock_timestamp())::float8 AS seconds FROM (
    (SELECT at + %(window)s AS free_at FROM step_up_sends
     WHERE customer_id = %(customer_id)s AND at > clock_timestamp() - %(window)s
     ORDER BY at DESC OFFSET %(last)s LIMIT 1)
    UNION ALL
    (SELECT at + %(window)s FROM step_up_sends
     WHERE conversation_id = %(conversation_id)s AND at > clock_timestamp() - %(window)s
     ORDER BY at DESC OFFSET %(last)s LIMIT 1)
    UNION ALL
    (SELECT at + %(window)s FROM step_up_sends
     WHERE address_hash = %(address)s AND at > clock_timestamp() - %(window)s
     ORDER BY at DESC OFFSET %(last)s LIMIT 1)
    UNION ALL
    (SELECT min(created_at) + interval '1 day' FROM step_up_challenges
     WHERE customer_id = %(customer_id)s AND created_at > clock_timestamp() - interval '1 day'
     HAVING sum(attempts - (status = 'verified')::int) >= %(failures)s)
) AS counts
"""

_NEWEST = """
SELECT * FROM step_up_challenges WHERE conversation_id = %(conversation_id)s AND status = 'open'
ORDER BY created_at DESC, id DESC LIMIT 1
"""

# The row is locked by the update; whoever waited for it sees the count of those before.
_COUNT = """
UPDATE step_up_challenges SET attempts = attempts + 1
WHERE id = (
    SELECT id FROM step_up_challenges WHERE conversation_id = %(conversation_id)s AND status = 'open'
    ORDER BY created_at DESC, id DESC LIMIT 1)
  AND status = 'open' AND attempts < %(limit)s AND expires_at > clock_timestamp()
RETURNING *
"""

_MET = """
SELECT * FROM step_up_challenges WHERE proposal_id = %(proposal_id)s AND status = 'verified'
 ORDER BY verified_at DESC LIMIT 1
"""

_BY_ID = "SELECT * FROM step_up_challenges WHERE id = %(id)s"

_LIVE = """
SELECT * FROM step_up_challenges
WHERE id = %(id)s AND status = 'open' AND sends = %(number)s AND attempts < %(limit)s
  AND expires_at > clock_timestamp()
"""

# Whoever reads the codes that are sent is neither a stranger nor a pump: a met challenge frees its place again.
_VERIFY = """
WITH met AS (
UPDATE step_up_challenges SET status = 'verified', verified_at = clock_timestamp(), destination = NULL
WHERE id = %(id)s AND status = 'open' AND sends = %(number)s AND attempts <= %(attempts)s
  AND expires_at > clock_timestamp()
RETURNING *
), freed AS (
    DELETE FROM step_up_sends USING met WHERE step_up_sends.challenge_id = met.id
)
SELECT met.*, audit_append('identity.verified', 'customer', conversation_id, customer_id, jsonb_build_object(
    'challenge', id, 'proposal', proposal_id, 'tool', action, 'args_hash', args_hash, 'by', %(by)s::text))
  FROM met
"""

_WRONG = """
SELECT audit_append(
    CASE WHEN %(left)s > 0 THEN 'identity.failed' ELSE 'identity.locked' END, 'customer', conversation_id, customer_id,
    jsonb_build_object('challenge', id, 'proposal', proposal_id, 'attempts_left', %(left)s::int))
FROM step_up_challenges WHERE id = %(id)s
"""

_GRANT = """
SELECT verified_at FROM step_up_challenges
WHERE proposal_id = %(proposal_id)s AND args_hash = %(args_hash)s AND conversation_id = %(conversation_id)s
  AND status = 'verified' AND verified_at > clock_timestamp() - %(valid)s
ORDER BY verified_at DESC LIMIT 1
"""

_VOID = """
UPDATE step_up_challenges SET status = 'void', destination = NULL
WHERE proposal_id = %(proposal_id)s AND status IN ('open', 'verified')
"""
