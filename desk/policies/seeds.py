"""The rows of ``seed/*.yaml``: what the reference systems hold in a demo. Amounts are minor units."""

from typing import Annotated, Literal

from pydantic import Field

from desk.policies.base import Identifier, PackModel

Offset = Annotated[str, Field(pattern=r"^[+-]\d{1,4}d$")]
"""Days from the moment of seeding: ``-10d``, ``+3d``."""

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""ISO 3166 code."""


class SeedCustomer(PackModel):
    id: Annotated[str, Field(pattern=r"^C-\d{4}$")]
    name: str
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    phone: Annotated[str, Field(pattern=r"^\+\d{8,15}$")]
    segment: Literal["standard", "vip"]
    locale: str
    address: str
    country: Country


class SeedPaymentMethod(PackModel):
    method_id: str
    customer_id: str
    label: str
    """Masked: "Visa ending in 4242"."""
    current: bool = False
    """Exactly one of a customer's methods is."""


class SeedItem(PackModel):
    name: str
    quantity: int = Field(ge=1)
    price: int = Field(ge=0)
    """Of one piece, in minor units."""


class SeedOrder(PackModel):
    number: str
    customer_id: str
    status: Literal["processing", "shipped", "delivered", "cancelled"]
    total: int = Field(ge=0)
    """Minor units of the pack's currency; the items add up to it."""
    placed_at: Offset
    shipped_at: Offset | None = None
    delivered_at: Offset | None = None
    delivery_address: str | None = None
    """Without one the order goes to the customer's home."""
    delivery_country: Country | None = None
    items: tuple[SeedItem, ...] = Field(min_length=1)


class SeedShipment(PackModel):
    order_number: str
    tracking_number: str | None = None
    carrier: str | None = None
    status: Literal["not_shipped", "in_transit", "delivered"]
    last_scan: str | None = None
    expected_at: Offset | None = None


class SeedInvoice(PackModel):
    number: str
    order_number: str
    total: int = Field(ge=0)
    issued_at: Offset
    payment_status: Literal["paid", "open", "refunded"]
    payment_method: str
    """Masked: "Visa ending in 4242"."""


class SeedTicket(PackModel):
    reference: str
    customer_id: str
    subject: str
    description: str
    queue: Identifier
    status: Literal["open", "closed"]
    created_at: Offset
    notes: tuple[str, ...] = ()


class SeedSlots(PackModel):
    """Slots of one kind and place: every time on every such day of a span."""

    kind: Literal["showroom_visit", "design_consultation"]
    place: str
    code: Annotated[str, Field(pattern=r"^[A-Z]{2,6}$")]
    """What the slots' ids begin with: ``SV-20261125-1000``."""
    from_day: int = Field(ge=1)
    """Days after the day of seeding: never in the past."""
    to_day: int = Field(le=60)
    days: tuple[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], ...]
    times: tuple[Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")], ...]
    """In the pack's timezone."""


class SeedBooking(PackModel):
    reference: str
    customer_id: str
    kind: Literal["showroom_visit", "design_consultation"]
    slot: int = Field(ge=1)
    """Which one of the kind, counted from the first to come."""
