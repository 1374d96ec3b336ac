"""Where a customer can be reached: the word the systems and the identity checks share."""

from datetime import datetime
from typing import Literal, TypedDict

Factor = Literal["email", "sms"]
"""What a one-time code can be sent by."""


class ContactPoints(TypedDict):
    """Where a customer can be reached. Only ``desk.identity`` reads it; it never enters the graph.

    After several changes within a short time, ``previous_…`` is the value from before the first of them.
    """

    email: str
    phone: str | None
    previous_email: str | None
    previous_phone: str | None
    email_changed_at: datetime | None
    phone_changed_at: datetime | None
