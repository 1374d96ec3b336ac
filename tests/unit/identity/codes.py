"""A step-up on a real database with the real outbox; the test reads a code as the sender would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from desk.channels.outbox import Outbox
from desk.db.pool import Pool
from desk.domain.contact import Factor
from desk.identity.factors import Choice, mask
from desk.identity.step_up import Challenge, CodeMessage, StepUp
from desk.policies.models import StepUpPolicy

KEY = b"k" * 32


@dataclass
class Wakes:
    """Remembers which turns were asked for; ``fail`` breaks the transaction they are part of."""

    keys: list[str] = field(default_factory=list)
    fail: bool = False

    async def __call__(self, connection: Any, conversation_id: str, *, key: str, wake: Mapping[str, Any]) -> str:
        if self.fail:
            raise RuntimeError("the turn could not be stored")
        self.keys.append(key)
        return f"turn_of_{conversation_id}"


@dataclass(frozen=True, kw_only=True)
class Codes:
    pool: Pool
    step_up: StepUp
    wakes: Wakes

    @classmethod
    def on(cls, pool: Pool, policy: StepUpPolicy) -> "Codes":
        wakes = Wakes()
        step_up = StepUp(pool, key=KEY, policy=policy, outbox=Outbox(pool), wake=wakes)
        return cls(pool=pool, step_up=step_up, wakes=wakes)

    async def ask(
        self,
        proposal: str = "prop_1",
        *,
        conversation: str = "conv_1",
        customer: str = "C-1",
        args_hash: str = "hash-1",
        factor: Factor = "email",
        to: str = "ava@example.com",
    ) -> Challenge:
        choice = Choice(factor=factor, destination=to, masked=mask(factor, to))
        return await self.step_up.open(
            proposal_id=proposal, conversation_id=conversation, customer_id=customer, action="refund",
            args_hash=args_hash, title="Refund 35.00 USD", choice=choice,
        )  # fmt: skip

    async def message(self, challenge: Challenge) -> CodeMessage:
        message = await self.step_up.message(challenge.id, challenge.sends)
        assert message is not None
        return message

    async def code(self, challenge: Challenge) -> str:
        return (await self.message(challenge)).code

    async def age(self, minutes: float) -> None:
        """Everything that happened so far happened so much earlier."""
        shift = {"shift": minutes * 60}
        async with self.pool.connection() as connection:
            await connection.execute(
                "UPDATE step_up_challenges SET created_at = created_at - make_interval(secs => %(shift)s),"
                " expires_at = expires_at - make_interval(secs => %(shift)s),"
                " verified_at = verified_at - make_interval(secs => %(shift)s)",
                shift,
            )
            await connection.execute("UPDATE step_up_sends SET at = at - make_interval(secs => %(shift)s)", shift)

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            return list(await (await connection.execute(query)).fetchall())

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"])


def wrong(code: str) -> str:
    """A code that is not this one."""
    return f"{(int(code) + 1) % 1_000_000:06d}"
