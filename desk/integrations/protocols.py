"""The business systems, as the tools see them. Every adapter answers these, whatever is behind it.

The customer is always an argument from the session; a system must refuse to show or change a record of anybody else,
and a record that is not there and one that is not yours raise the same ``RecordNotFound``.

Writes take ``key``, the idempotency key of the ledger: the same key again changes nothing and gives the first result.
They raise ``NotPossible`` when one of the system's own rules forbids it, ``SystemUnavailable`` when nothing was done,
and ``OutcomeUnknown`` when nobody can say.
"""

from datetime import datetime
from typing import Literal, Protocol, TypedDict

from desk.domain.contact import ContactPoints as ContactPoints
from desk.domain.money import Money

OrderStatus = Literal["processing", "shipped", "delivered", "cancelled"]
ContactField = Literal["name", "email", "phone", "address"]
AppointmentKind = Literal["showroom_visit", "design_consultation"]

Refused = Literal[
    "already_shipped", "already_cancelled", "not_cancelled", "already_refunded", "more_than_paid", "not_paid",
    "wrong_currency", "other_country", "account_closed", "account_open", "open_orders", "value_taken", "value_invalid",
    "slot_taken", "slot_past", "booking_over", "ticket_closed", "key_reused",
]  # fmt: skip
"""Why a system may refuse (``NotPossible.reason``). ``key_reused``: the key was used for something else before."""


class OrderItem(TypedDict):
    name: str
    quantity: int
    price: Money


class Order(TypedDict):
    number: str
    customer_id: str
    status: OrderStatus
    total: Money
    placed_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None
    delivery_address: str
    items: list[OrderItem]


class OrderSummary(TypedDict):
    number: str
    status: OrderStatus
    total: Money
    placed_at: datetime


class OrderList(TypedDict):
    orders: list[OrderSummary]
    """Newest first, at most 20."""


class Shipment(TypedDict):
    order_number: str
    tracking_number: str | None
    carrier: str | None
    status: Literal["not_shipped", "in_transit", "delivered"]
    last_scan: str | None
    expected_at: datetime | None


class OrderCancelled(TypedDict):
    number: str
    status: OrderStatus
    refunded: Money
    """What had been paid and goes back; zero when nothing was charged yet."""


class AddressChanged(TypedDict):
    number: str
    delivery_address: str
    previous_address: str


class Invoice(TypedDict):
    number: str
    order_number: str
    total: Money
    issued_at: datetime
    payment_status: Literal["paid", "open", "refunded", "cancelled"]
    """``cancelled``: nothing was charged and nothing will be."""
    payment_method: str
    """Masked: "Visa ending in 4242"."""


class RefundQuote(TypedDict):
    """What could be paid back for an order at this moment."""

    order_number: str
    customer_id: str
    order_status: OrderStatus
    paid: Money
    refunded: Money
    refundable: Money
    """Paid less what went back already; never negative."""
    payment_method: str
    """Where the money goes: the method that paid. Masked."""
    days_since_delivery: int | None
    """Whole days; None when it was not delivered."""


class Refund(TypedDict):
    reference: str
    order_number: str
    amount: Money
    payment_method: str


class PaymentMethod(TypedDict):
    method_id: str
    label: str
    """Masked: "Visa ending in 4242"."""


class PaymentMethods(TypedDict):
    current: PaymentMethod
    others: list[PaymentMethod]
    """Methods the customer stored with the secure form: never a number from a chat."""


class PaymentMethodChanged(TypedDict):
    method_id: str
    label: str
    previous_id: str
    previous_label: str


class Customer(TypedDict):
    customer_id: str
    name: str
    email: str
    phone: str | None
    address: str
    segment: Literal["standard", "vip"]
    locale: str
    status: Literal["active", "closed"]
    open_orders: int
    """Orders that are processing or shipped."""
    contact_changed_days: int | None
    """Whole days since e-mail, phone or address was changed last; None: never."""
    country: str
    """ISO 3166 code of the home address."""
    order_countries: list[str]
    """Countries this customer's orders went to, without repeats."""


class HistoryEntry(TypedDict):
    at: datetime
    what: str
    """A short sentence without contact data: "E-mail address changed", "Order HP-10001 placed"."""


class History(TypedDict):
    entries: list[HistoryEntry]
    """Newest first, at most 50."""


class ContactChanged(TypedDict):
    field: ContactField
    value: str
    previous: str


class AccountChanged(TypedDict):
    customer_id: str
    status: Literal["active", "closed"]


class NewsletterChanged(TypedDict):
    subscribed: bool
    previous: bool


class Ticket(TypedDict):
    reference: str
    subject: str
    status: Literal["open", "closed"]
    queue: str
    notes: list[str]
    created_at: datetime


class Slot(TypedDict):
    slot_id: str
    kind: AppointmentKind
    starts_at: datetime
    place: str


class Slots(TypedDict):
    slots: list[Slot]
    """Free ones, earliest first, at most 10."""


class Booking(TypedDict):
    reference: str
    customer_id: str
    kind: AppointmentKind
    starts_at: datetime
    place: str
    status: Literal["booked", "cancelled"]
    slot_id: str
    previous_slot_id: str | None
    """After a move: the slot it came from."""


class Bookings(TypedDict):
    bookings: list[Booking]
    """To come, earliest first, at most 10; cancelled ones are left out."""


class Orders(Protocol):
    """Order status, tracking, modification, cancellation."""

    async def get_order(self, number: str, *, customer_id: str) -> Order: ...
    async def list_orders(self, *, customer_id: str) -> OrderList: ...
    async def track_order(self, number: str, *, customer_id: str) -> Shipment: ...
    async def cancel_order(self, number: str, *, customer_id: str, key: str) -> OrderCancelled: ...
    async def reinstate_order(self, number: str, *, customer_id: str, key: str) -> Order:
        """Takes a cancellation back; ``NotPossible`` when money went back with it."""
        ...

    async def change_delivery_address(
        self, number: str, address: str, *, customer_id: str, key: str
    ) -> AddressChanged: ...


class Billing(Protocol):
    """Invoices, payment status, refunds, payment methods."""

    async def get_invoice(self, number: str, *, customer_id: str) -> Invoice: ...
    async def get_refund_quote(self, order_number: str, *, customer_id: str) -> RefundQuote: ...
    async def refund(self, order_number: str, amount: Money, *, customer_id: str, key: str) -> Refund: ...
    async def list_payment_methods(self, *, customer_id: str) -> PaymentMethods: ...
    async def change_payment_method(self, method_id: str, *, customer_id: str, key: str) -> PaymentMethodChanged: ...


class Crm(Protocol):
    """Customers: lookup, history, contact changes."""

    async def identify(self, *, email: str, order_number: str) -> str | None:
        """The customer's id when the order exists and was placed with this e-mail address, else None."""
        ...

    async def get_customer(self, *, customer_id: str) -> Customer: ...
    async def get_contact_points(self, *, customer_id: str) -> ContactPoints: ...
    async def get_history(self, *, customer_id: str) -> History: ...
    async def update_contact(
        self, field: ContactField, value: str, *, customer_id: str, key: str
    ) -> ContactChanged: ...
    async def set_newsletter(self, subscribed: str, *, customer_id: str, key: str) -> NewsletterChanged:
        """``subscribed`` is ``yes`` or ``no``."""
        ...

    async def close_account(self, *, customer_id: str, key: str) -> AccountChanged: ...
    async def reopen_account(self, *, customer_id: str, key: str) -> AccountChanged: ...


class Ticketing(Protocol):
    """Cases of the company's own service desk: create, update, route."""

    async def create_ticket(
        self, subject: str, description: str, queue: str, *, customer_id: str, key: str
    ) -> Ticket: ...
    async def get_ticket(self, reference: str, *, customer_id: str) -> Ticket: ...
    async def add_note(self, reference: str, note: str, *, customer_id: str, key: str) -> Ticket: ...
    async def route_ticket(self, reference: str, queue: str, *, customer_id: str, key: str) -> Ticket: ...
    async def close_ticket(self, reference: str, *, customer_id: str, key: str) -> Ticket: ...


class Scheduling(Protocol):
    """Slots, bookings, moves."""

    async def list_slots(self, kind: str, *, customer_id: str) -> Slots: ...
    async def list_bookings(self, *, customer_id: str) -> Bookings: ...
    async def book(self, slot_id: str, *, customer_id: str, key: str) -> Booking: ...
    async def move_booking(self, reference: str, slot_id: str, *, customer_id: str, key: str) -> Booking: ...
    async def cancel_booking(self, reference: str, *, customer_id: str, key: str) -> Booking: ...
