"""What every sender of messages keeps to."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol

from desk.domain.errors import FrontdeskError


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message as it goes to one customer. It exists only while it is being sent: its words may be a code."""

    id: str
    """The same for every attempt, so that a repeat can be recognised."""
    created_at: datetime
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    link: str | None = field(default=None, repr=False)


class DeliveryFailed(FrontdeskError):
    """``permanent``: trying again is of no use. ``reason`` is one word or number, never an address or a text."""

    code: ClassVar[str] = "delivery_failed"
    status: ClassVar[int] = 502
    title: ClassVar[str] = "A message could not be sent"

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(f"The message was not accepted ({reason}).")
        self.reason = reason
        self.permanent = permanent


class Sender(Protocol):
    """Sends messages of one channel."""

    async def send(self, message: Outgoing) -> None:
        """Returns once somebody else is responsible for the message. Raises ``DeliveryFailed``."""
        ...

    async def check(self) -> None:
        """Asks the provider whether it would take a message, and sends none. Raises ``DeliveryFailed``."""
        ...

    async def close(self) -> None: ...
