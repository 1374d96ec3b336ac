"""From a row of the outbox to the words a customer reads: a code is derived here, a moment before it is sent."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from desk.channels.base import Outgoing
from desk.channels.outbox import Due
from desk.domain.contact import ContactPoints
from desk.identity.step_up import StepUp
from desk.policies.models import PolicySet

FindContact = Callable[[str], Awaitable[ContactPoints]]
"""The CRM's contact points of a customer id."""


@dataclass(frozen=True, kw_only=True)
class MessageWriter:
    """Writes what is due. ``public_url`` is where customers reach this server; None: mails hold no link."""

    policies: PolicySet
    step_up: StepUp
    find_contact: FindContact
    public_url: str | None

    async def __call__(self, due: Due) -> Outgoing | None:
        """The message; None when it is of no use any more."""
        match due.kind:
            case "code":
                return await self._code(due)
            case "notice":
                return await self._notice(due)
            case "reminder":
                return _reminder(due)

    async def _code(self, due: Due) -> Outgoing | None:
        found = await self.step_up.message(due.payload["challenge_id"], due.payload["number"])
        if found is None:
            return None
        policy = self.policies.step_up
        link = f"{self.public_url.rstrip('/')}/v1/verify/{found.link_token}" if self.public_url else None
        template = policy.templates.sms
        if found.factor == "email":
            template = policy.templates.email_with_link if link else policy.templates.email
        values = {
            "assistant.name": self.policies.assistant.name, "shop.name": self.policies.title, "title": found.title,
            "code": found.code, "minutes": str(policy.code_minutes), "link": link or "",
        }  # fmt: skip
        return Outgoing(
            id=due.id,
            created_at=due.created_at,
            to=found.destination,
            subject=policy.templates.email_subject,
            text=self.policies.replies[template].render(values),
            code=found.code,
            link=link,
        )

    async def _notice(self, due: Due) -> Outgoing | None:
        assert due.customer_id is not None, "the table asks for it"
        contact = await self.find_contact(due.customer_id)
        return Outgoing(
            id=due.id,
            created_at=due.created_at,
            to=contact["email"],
            subject=due.payload["subject"],
            text=due.payload["text"],
        )


def _reminder(due: Due) -> Outgoing:
    """To a colleague, at the address the pack gives."""
    return Outgoing(
        id=due.id,
        created_at=due.created_at,
        to=due.payload["to"],
        subject=due.payload["subject"],
        text=due.payload["text"],
    )
