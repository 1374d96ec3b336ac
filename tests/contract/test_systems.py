"""What the five systems tell (R5.4): one suite, every adapter. What they do is in ``test_system_writes``."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from desk.db.pool import Pool
from desk.domain.clock import now
from desk.domain.errors import RecordNotFound, SystemUnavailable
from desk.integrations.protocols import (
    Bookings,
    ContactPoints,
    Customer,
    History,
    Invoice,
    Order,
    OrderList,
    PaymentMethods,
    RefundQuote,
    Shipment,
    Slots,
    Ticket,
)
from tests.contract.adapters import Adapters
from tools.results import plain

AVA, BEN, EMMA = "C-1001", "C-1002", "C-1005"
NO_NUMBERS = ["HP-99999", "", "' OR 1=1 --", "HP-10001\x00", "\ud800", "x" * 5000]

Read = Callable[[Adapters, str], Awaitable[Any]]
READS: dict[str, tuple[type, Read]] = {
    "get_order": (Order, lambda systems, who: systems.orders.get_order("HP-10003", customer_id=who)),
    "list_orders": (OrderList, lambda systems, who: systems.orders.list_orders(customer_id=who)),
    "track_order": (Shipment, lambda systems, who: systems.orders.track_order("HP-10003", customer_id=who)),
    "get_invoice": (Invoice, lambda systems, who: systems.billing.get_invoice("INV-HP-10003", customer_id=who)),
    "get_refund_quote": (
        RefundQuote,
        lambda systems, who: systems.billing.get_refund_quote("HP-10003", customer_id=who),
    ),
    "list_payment_methods": (
        PaymentMethods,
        lambda systems, who: systems.billing.list_payment_methods(customer_id=who),
    ),
    "get_customer": (Customer, lambda systems, who: systems.crm.get_customer(customer_id=who)),
    "get_contact_points": (ContactPoints, lambda systems, who: systems.crm.get_contact_points(customer_id=who)),
    "get_history": (History, lambda systems, who: systems.crm.get_history(customer_id=who)),
    "list_slots": (Slots, lambda systems, who: systems.scheduling.list_slots("showroom_visit", customer_id=who)),
    "list_bookings": (Bookings, lambda systems, who: systems.scheduling.list_bookings(customer_id=who)),
}
"""A read of Ava's with the record it promises; tickets have tests of their own, for she has none."""


def days_ago(moment: datetime | None) -> int:
    assert moment is not None
    return round((now() - moment) / timedelta(days=1))


@pytest.mark.parametrize(
    ("number", "customer", "status", "amount", "shipped", "delivered"),
    [
        ("HP-10001", AVA, "shipped", 8450, 2, None),
        ("HP-10002", AVA, "processing", 4200, None, None),
        ("HP-10003", AVA, "delivered", 12900, None, 10),
        ("HP-10004", AVA, "delivered", 3500, None, 5),
        ("HP-10005", AVA, "delivered", 6000, None, 200),
        ("HP-20001", BEN, "delivered", 25000, None, 3),
        ("HP-30001", "C-1003", "shipped", 1990, 1, None),
    ],
)
async def test_the_fixed_orders_are_as_promised(
    systems: Adapters, number: str, customer: str, status: str, amount: int, shipped: int | None, delivered: int | None
) -> None:
    """The sample pack's fixed records; each order's items add up to its total."""
    order = await systems.orders.get_order(number, customer_id=customer)

    assert (order["status"], order["total"]) == (status, {"amount": amount, "currency": "USD"})
    assert sum(item["quantity"] * item["price"]["amount"] for item in order["items"]) == amount
    assert shipped is None or days_ago(order["shipped_at"]) == shipped
    assert delivered is None or days_ago(order["delivered_at"]) == delivered


@pytest.mark.parametrize("read", READS)
async def test_a_read_has_the_promised_shape(systems: Adapters, read: str) -> None:
    """R5.6: what an adapter answers passes the executor's check."""
    shape, ask = READS[read]

    plain(await ask(systems, AVA), shape)


async def test_orders_and_parcels_in_every_state_have_the_promised_shape(systems: Adapters) -> None:
    """R5.6."""
    for number in ("HP-10001", "HP-10002"):
        plain(await systems.orders.get_order(number, customer_id=AVA), Order)
        plain(await systems.orders.track_order(number, customer_id=AVA), Shipment)
        plain(await systems.billing.get_refund_quote(number, customer_id=AVA), RefundQuote)


async def test_a_shipped_order_can_be_tracked(systems: Adapters) -> None:
    """R5.4."""
    shipment = await systems.orders.track_order("HP-10001", customer_id=AVA)

    assert (shipment["tracking_number"], shipment["status"]) == ("TRK-10001", "in_transit")


async def test_an_order_that_is_not_shipped_has_nothing_to_track(systems: Adapters) -> None:
    """R5.4."""
    shipment = await systems.orders.track_order("HP-10002", customer_id=AVA)

    assert (shipment["tracking_number"], shipment["status"]) == (None, "not_shipped")


async def test_an_invoice_names_its_order_and_a_masked_payment_method(systems: Adapters) -> None:
    """R5.4, R6.4."""
    invoice = await systems.billing.get_invoice("INV-HP-10001", customer_id=AVA)

    assert invoice["order_number"] == "HP-10001"
    assert invoice["total"] == {"amount": 8450, "currency": "USD"}
    assert invoice["payment_method"] == "Visa ending in 4242"


async def test_a_customer_lists_their_orders_newest_first(systems: Adapters) -> None:
    """R5.4."""
    listed = await systems.orders.list_orders(customer_id=AVA)

    assert [order["number"] for order in listed["orders"]] == [
        "HP-10002",
        "HP-10001",
        "HP-10004",
        "HP-10003",
        "HP-10005",
    ]


async def test_an_order_says_where_it_goes(systems: Adapters) -> None:
    """R5.4: home when nothing else was said."""
    to_her_home = await systems.orders.get_order("HP-10001", customer_id=AVA)
    to_his_studio = await systems.orders.get_order("HP-20001", customer_id=BEN)

    assert to_her_home["delivery_address"] == (await systems.crm.get_customer(customer_id=AVA))["address"]
    assert to_his_studio["delivery_address"] != (await systems.crm.get_customer(customer_id=BEN))["address"]


@pytest.mark.parametrize(
    ("number", "status", "paid", "days"),
    [("HP-10002", "processing", 0, None), ("HP-10001", "shipped", 8450, None), ("HP-10003", "delivered", 12900, 10)],
)
async def test_a_quote_says_what_was_paid_and_how_long_ago_it_was_delivered(
    systems: Adapters, number: str, status: str, paid: int, days: int | None
) -> None:
    """R5.6: a refund is decided on the systems' facts."""
    quote = await systems.billing.get_refund_quote(number, customer_id=AVA)

    assert (quote["order_status"], quote["days_since_delivery"]) == (status, days)
    assert quote["paid"] == quote["refundable"] == {"amount": paid, "currency": "USD"}
    assert quote["refunded"] == {"amount": 0, "currency": "USD"}
    assert quote["payment_method"] == "Visa ending in 4242"
    assert quote["customer_id"] == AVA


async def test_a_quote_leaves_nothing_of_what_went_back(systems: Adapters) -> None:
    """R5.6."""
    quote = await systems.billing.get_refund_quote("HP-10012", customer_id="C-1009")
    invoice = await systems.billing.get_invoice("INV-HP-10012", customer_id="C-1009")

    assert quote["refunded"] == quote["paid"] == {"amount": 11900, "currency": "USD"}
    assert quote["refundable"]["amount"] == 0
    assert invoice["payment_status"] == "refunded"


async def test_payment_methods_are_the_current_one_and_the_others(systems: Adapters) -> None:
    """R6.4: labels, never numbers."""
    methods = await systems.billing.list_payment_methods(customer_id=AVA)

    assert methods["current"]["label"] == "Visa ending in 4242"
    assert [method["label"] for method in methods["others"]] == ["Mastercard ending in 5100"]


async def test_a_customer_record_counts_open_orders_and_countries(systems: Adapters) -> None:
    """R5.3: facts that fraud rules look at."""
    ava = await systems.crm.get_customer(customer_id=AVA)
    oliver = await systems.crm.get_customer(customer_id="C-1015")

    assert (ava["open_orders"], ava["status"], ava["contact_changed_days"]) == (2, "active", None)
    assert (ava["country"], ava["order_countries"]) == ("US", ["US"])
    assert (oliver["country"], oliver["order_countries"]) == ("GB", ["FR"])


async def test_contact_points_are_the_seeded_ones(systems: Adapters) -> None:
    """R5.1: where a code goes."""
    assert await systems.crm.get_contact_points(customer_id=AVA) == {
        "email": "ava.moreno@example.com", "phone": "+12025550101", "previous_email": None, "previous_phone": None,
        "email_changed_at": None, "phone_changed_at": None,
    }  # fmt: skip


async def test_a_history_is_newest_first(systems: Adapters) -> None:
    """R5.4."""
    history = await systems.crm.get_history(customer_id=AVA)
    times = [entry["at"] for entry in history["entries"]]

    assert times == sorted(times, reverse=True)
    assert history["entries"][0]["what"] == "Order HP-10002 placed"


@pytest.mark.parametrize("kind", ["showroom_visit", "design_consultation"])
async def test_free_slots_are_to_come_and_in_order(systems: Adapters, kind: str) -> None:
    """R5.4: in the shop's own time, at most ten."""
    slots = (await systems.scheduling.list_slots(kind, customer_id=AVA))["slots"]

    assert len(slots) == 10
    assert {slot["kind"] for slot in slots} == {kind}
    assert now() < slots[0]["starts_at"] < now() + timedelta(days=5)
    assert slots == sorted(slots, key=lambda slot: slot["starts_at"])


async def test_an_unknown_kind_has_no_slots(systems: Adapters) -> None:
    """R5.4."""
    assert await systems.scheduling.list_slots("haircut", customer_id=AVA) == {"slots": []}


async def test_a_booked_slot_is_not_free_for_others_and_its_booking_not_seen(systems: Adapters) -> None:
    """R5.2."""
    (booking,) = (await systems.scheduling.list_bookings(customer_id=BEN))["bookings"]
    free = (await systems.scheduling.list_slots(booking["kind"], customer_id=AVA))["slots"]

    assert booking["slot_id"] not in [slot["slot_id"] for slot in free]
    assert await systems.scheduling.list_bookings(customer_id=AVA) == {"bookings": []}


async def test_a_past_ticket_is_there_with_its_notes(systems: Adapters) -> None:
    """R5.4, R5.6."""
    ticket = await systems.ticketing.get_ticket("CASE-5001", customer_id=EMMA)

    plain(ticket, Ticket)
    assert (ticket["status"], len(ticket["notes"])) == ("closed", 2)


@pytest.mark.parametrize("number", NO_NUMBERS, ids=lambda number: repr(number)[:20])
async def test_a_foreign_record_and_none_are_the_same_error(systems: Adapters, number: str) -> None:
    """A04, D10: the same type and the same sentence, whatever the number is made of."""
    for read, foreign in (
        (systems.orders.get_order, "HP-20001"),
        (systems.orders.track_order, "HP-20001"),
        (systems.billing.get_invoice, "INV-HP-20001"),
        (systems.billing.get_refund_quote, "HP-20001"),
        (systems.ticketing.get_ticket, "CASE-5001"),
    ):
        with pytest.raises(RecordNotFound) as of_foreign:
            await read(foreign, customer_id=AVA)
        with pytest.raises(RecordNotFound) as of_none:
            await read(number, customer_id=AVA)
        assert of_foreign.value.detail == of_none.value.detail


@pytest.mark.parametrize("read", READS)
async def test_a_stranger_sees_nothing(systems: Adapters, read: str) -> None:
    """R5.2: not even an empty list."""
    for customer in ("", "C-9999", "%", "C-1001' OR '1'='1"):
        with pytest.raises(RecordNotFound):
            await READS[read][1](systems, customer)


@pytest.mark.parametrize("email", ["ava.moreno@example.com", "Ava.MORENO@Example.com", " ava.moreno@example.com "])
async def test_an_address_and_an_order_that_belong_together_identify(systems: Adapters, email: str) -> None:
    """R5.1, level 1."""
    assert await systems.crm.identify(email=email, order_number="HP-10003") == AVA


@pytest.mark.parametrize(
    ("email", "number"),
    [
        ("ava.moreno@example.com", "HP-20001"),
        ("ben.okafor@example.com", "HP-10001"),
        ("ava.moreno@example.com", "HP-99999"),
        ("nobody@example.com", "HP-10001"),
        ("", "HP-10001"),
        ("%", "HP-10001"),
        ("ava.moreno@example.com", "%"),
        ("ava.moreno@example.com' OR '1'='1", "HP-10001"),
        ("ava.moreno@example.com\x00", "HP-10001"),
        ("ava.moreno@example.com", "\ud800"),
    ],
)
async def test_anything_else_identifies_nobody(systems: Adapters, email: str, number: str) -> None:
    """R5.1, D10."""
    assert await systems.crm.identify(email=email, order_number=number) is None


@pytest.mark.parametrize("read", READS)
async def test_a_closed_system_says_so(systems: Adapters, shop: Pool, read: str) -> None:
    """R12.4: the driver's errors do not get out."""
    await shop.close()

    with pytest.raises(SystemUnavailable):
        await READS[read][1](systems, AVA)


async def test_a_closed_system_identifies_nobody_and_says_so(systems: Adapters, shop: Pool) -> None:
    """R12.4."""
    await shop.close()

    with pytest.raises(SystemUnavailable):
        await systems.crm.identify(email="ava.moreno@example.com", order_number="HP-10001")
