"""What the five systems do (R5.4, R5.5): one suite, every adapter, each test on a shop of its own."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest

from desk.db.pool import Pool
from desk.domain.errors import IntegrationError, NotPossible, RecordNotFound, SystemUnavailable
from desk.domain.money import Money
from desk.integrations.protocols import (
    AccountChanged,
    AddressChanged,
    Billing,
    Booking,
    ContactChanged,
    Crm,
    NewsletterChanged,
    Order,
    OrderCancelled,
    Orders,
    PaymentMethodChanged,
    Refund,
    Scheduling,
    Ticket,
    Ticketing,
)
from tests.contract.adapters import Adapters
from tools.results import plain

AVA, BEN, DANIEL, KWAME = "C-1001", "C-1002", "C-1004", "C-1011"
HOME = "7 Hill Street, Portland, ME 04101, United States"


def usd(amount: int) -> Money:
    return {"amount": amount, "currency": "USD"}


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a write can be about: a ticket and a booking of Ava's, and free slots."""

    ticket: str
    booking: str
    visits: list[str]
    consultations: list[str]


@pytest.fixture
async def given(writable: Adapters) -> Given:
    visits = [
        slot["slot_id"] for slot in (await writable.scheduling.list_slots("showroom_visit", customer_id=AVA))["slots"]
    ]
    consultations = [
        slot["slot_id"]
        for slot in (await writable.scheduling.list_slots("design_consultation", customer_id=AVA))["slots"]
    ]
    ticket = await writable.ticketing.create_ticket("Lamp", "It flickers.", "returns", customer_id=AVA, key="given-1")
    booking = await writable.scheduling.book(visits[0], customer_id=AVA, key="given-2")
    return Given(
        ticket=ticket["reference"], booking=booking["reference"], visits=visits[1:], consultations=consultations
    )


Do = Callable[[Adapters, Given, str, str], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write: ``do(systems, given, customer, key)``; ``otherwise`` the same with other arguments, if it has any."""

    shape: type
    do: Do
    otherwise: Do | None = None
    before: Do | None = None
    """What must have happened for it to be possible."""
    customer: str = AVA
    of_a_record: bool = True
    """Whether it names a record that belongs to somebody."""


WRITES: dict[str, Write] = {
    "cancel_order": Write(
        shape=OrderCancelled,
        do=lambda systems, given, who, key: systems.orders.cancel_order("HP-10002", customer_id=who, key=key),
        otherwise=lambda systems, given, who, key: systems.orders.cancel_order("HP-10001", customer_id=who, key=key),
    ),
    "reinstate_order": Write(
        shape=Order,
        before=lambda systems, given, who, key: systems.orders.cancel_order("HP-10002", customer_id=who, key=key),
        do=lambda systems, given, who, key: systems.orders.reinstate_order("HP-10002", customer_id=who, key=key),
        otherwise=lambda systems, given, who, key: systems.orders.reinstate_order("HP-10001", customer_id=who, key=key),
    ),
    "change_delivery_address": Write(
        shape=AddressChanged,
        do=lambda systems, given, who, key: systems.orders.change_delivery_address(
            "HP-10002", HOME, customer_id=who, key=key
        ),
        otherwise=lambda systems, given, who, key: systems.orders.change_delivery_address(
            "HP-10002", HOME.upper(), customer_id=who, key=key
        ),
    ),
    "refund": Write(
        shape=Refund,
        do=lambda systems, given, who, key: systems.billing.refund("HP-10003", usd(4000), customer_id=who, key=key),
        otherwise=lambda systems, given, who, key: systems.billing.refund(
            "HP-10003", usd(4001), customer_id=who, key=key
        ),
    ),
    "change_payment_method": Write(
        shape=PaymentMethodChanged,
        do=lambda systems, given, who, key: systems.billing.change_payment_method(
            "PM-1001-2", customer_id=who, key=key
        ),
        otherwise=lambda systems, given, who, key: systems.billing.change_payment_method(
            "PM-1001-1", customer_id=who, key=key
        ),
    ),
    "update_contact": Write(
        shape=ContactChanged,
        of_a_record=False,
        do=lambda systems, given, who, key: systems.crm.update_contact(
            "email", "ava@new.example", customer_id=who, key=key
        ),
        otherwise=lambda systems, given, who, key: systems.crm.update_contact(
            "phone", "+12025550190", customer_id=who, key=key
        ),
    ),
    "set_newsletter": Write(
        shape=NewsletterChanged,
        of_a_record=False,
        do=lambda systems, given, who, key: systems.crm.set_newsletter("yes", customer_id=who, key=key),
        otherwise=lambda systems, given, who, key: systems.crm.set_newsletter("no", customer_id=who, key=key),
    ),
    "close_account": Write(
        shape=AccountChanged,
        of_a_record=False,
        customer=DANIEL,
        do=lambda systems, given, who, key: systems.crm.close_account(customer_id=who, key=key),
    ),
    "reopen_account": Write(
        shape=AccountChanged,
        of_a_record=False,
        customer=DANIEL,
        before=lambda systems, given, who, key: systems.crm.close_account(customer_id=who, key=key),
        do=lambda systems, given, who, key: systems.crm.reopen_account(customer_id=who, key=key),
    ),
    "create_ticket": Write(
        shape=Ticket,
        of_a_record=False,
        do=lambda systems, given, who, key: systems.ticketing.create_ticket(
            "Mug", "It is chipped.", "returns", customer_id=who, key=key
        ),
        otherwise=lambda systems, given, who, key: systems.ticketing.create_ticket(
            "Mug", "It is broken.", "returns", customer_id=who, key=key
        ),
    ),
    "add_note": Write(
        shape=Ticket,
        do=lambda systems, given, who, key: systems.ticketing.add_note(
            given.ticket, "Photos sent.", customer_id=who, key=key
        ),
        otherwise=lambda systems, given, who, key: systems.ticketing.add_note(
            given.ticket, "No photos.", customer_id=who, key=key
        ),
    ),
    "route_ticket": Write(
        shape=Ticket,
        do=lambda systems, given, who, key: systems.ticketing.route_ticket(
            given.ticket, "billing", customer_id=who, key=key
        ),
        otherwise=lambda systems, given, who, key: systems.ticketing.route_ticket(
            given.ticket, "orders", customer_id=who, key=key
        ),
    ),
    "close_ticket": Write(
        shape=Ticket,
        do=lambda systems, given, who, key: systems.ticketing.close_ticket(given.ticket, customer_id=who, key=key),
        otherwise=lambda systems, given, who, key: systems.ticketing.close_ticket("CASE-1", customer_id=who, key=key),
    ),
    "book": Write(
        shape=Booking,
        of_a_record=False,
        do=lambda systems, given, who, key: systems.scheduling.book(given.visits[0], customer_id=who, key=key),
        otherwise=lambda systems, given, who, key: systems.scheduling.book(given.visits[1], customer_id=who, key=key),
    ),
    "move_booking": Write(
        shape=Booking,
        do=lambda systems, given, who, key: systems.scheduling.move_booking(
            given.booking, given.visits[0], customer_id=who, key=key
        ),
        otherwise=lambda systems, given, who, key: systems.scheduling.move_booking(
            given.booking, given.visits[1], customer_id=who, key=key
        ),
    ),
    "cancel_booking": Write(
        shape=Booking,
        do=lambda systems, given, who, key: systems.scheduling.cancel_booking(given.booking, customer_id=who, key=key),
        otherwise=lambda systems, given, who, key: systems.scheduling.cancel_booking("AP-1", customer_id=who, key=key),
    ),
}
every_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


async def prepared(write: Write, systems: Adapters, given: Given) -> None:
    if write.before is not None:
        await write.before(systems, given, write.customer, "before-1")


async def everything(systems: Adapters, given: Given, customer: str) -> dict[str, Any]:
    """All that the systems tell about a customer."""
    numbers = [order["number"] for order in (await systems.orders.list_orders(customer_id=customer))["orders"]]
    return {
        "orders": [await systems.orders.get_order(number, customer_id=customer) for number in numbers],
        "invoices": [await systems.billing.get_invoice(f"INV-{number}", customer_id=customer) for number in numbers],
        "refunded": [
            (await systems.billing.get_refund_quote(number, customer_id=customer))["refunded"] for number in numbers
        ],
        "methods": await systems.billing.list_payment_methods(customer_id=customer),
        "customer": await systems.crm.get_customer(customer_id=customer),
        "contact": await systems.crm.get_contact_points(customer_id=customer),
        "history": await systems.crm.get_history(customer_id=customer),
        "bookings": await systems.scheduling.list_bookings(customer_id=customer),
        "ticket": await systems.ticketing.get_ticket(given.ticket, customer_id=customer) if customer == AVA else None,
    }


async def reason_of(call: Awaitable[Any]) -> str:
    with pytest.raises(NotPossible) as refused:
        await call
    return refused.value.reason


def test_the_suite_knows_every_write_of_the_protocols() -> None:
    """R5.4: a write added later without a row in the table fails here."""
    promised = {
        name: get_type_hints(method)["return"]
        for protocol in (Orders, Billing, Crm, Ticketing, Scheduling)
        for name, method in inspect.getmembers(protocol, inspect.isfunction)
        if "key" in inspect.signature(method).parameters
    }

    assert {name: write.shape for name, write in WRITES.items()} == promised


# Every write ---------------------------------------------------------------------------------------------------------


@every_write
async def test_a_write_answers_with_the_promised_shape(writable: Adapters, given: Given, write: Write) -> None:
    """R5.6."""
    await prepared(write, writable, given)

    plain(await write.do(writable, given, write.customer, "key-1"), write.shape)


@every_write
async def test_the_same_key_again_changes_nothing_and_gives_the_first_result(
    writable: Adapters, given: Given, write: Write
) -> None:
    """R5.5: at most once, however often it is repeated."""
    await prepared(write, writable, given)
    first = await write.do(writable, given, write.customer, "key-1")
    after_the_first = await everything(writable, given, write.customer)

    again = await write.do(writable, given, write.customer, "key-1")

    assert again == first
    assert await everything(writable, given, write.customer) == after_the_first


@every_write
async def test_five_calls_at_once_with_one_key_are_one_effect(writable: Adapters, given: Given, write: Write) -> None:
    """R5.5, G09: all of them are told the same."""
    await prepared(write, writable, given)
    entries = len((await writable.crm.get_history(customer_id=write.customer))["entries"])

    results = await asyncio.gather(*(write.do(writable, given, write.customer, "key-1") for _ in range(5)))

    assert [result == results[0] for result in results] == [True] * 5
    history = await writable.crm.get_history(customer_id=write.customer)
    assert len(history["entries"]) - entries <= 1
    if write.shape is Refund:
        quote = await writable.billing.get_refund_quote("HP-10003", customer_id=AVA)
        assert quote["refunded"] == usd(4000)
    if WRITES["add_note"] is write:
        assert (await writable.ticketing.get_ticket(given.ticket, customer_id=AVA))["notes"] == ["Photos sent."]


@every_write
async def test_a_key_belongs_to_its_first_request(writable: Adapters, given: Given, write: Write) -> None:
    """R5.5, G09: other arguments, another operation and another customer are refused under it."""
    await prepared(write, writable, given)
    await write.do(writable, given, write.customer, "key-1")
    before = await everything(writable, given, write.customer)

    if write.otherwise is not None:
        assert await reason_of(write.otherwise(writable, given, write.customer, "key-1")) == "key_reused"
    other = writable.crm.update_contact("name", "Somebody Else", customer_id=write.customer, key="key-1")
    assert await reason_of(other) == "key_reused"
    foreign = writable.crm.update_contact("name", "Somebody Else", customer_id=BEN, key="key-1")
    assert await reason_of(foreign) == "key_reused"

    assert await everything(writable, given, write.customer) == before
    assert (await writable.crm.get_customer(customer_id=BEN))["name"] == "Ben Okafor"


@every_write
async def test_what_was_refused_leaves_its_key_free(writable: Adapters, given: Given, write: Write) -> None:
    """R5.5: nothing was changed, so nothing is remembered."""
    await prepared(write, writable, given)
    with pytest.raises(IntegrationError):
        await write.do(writable, given, "C-9999", "key-1")

    plain(await write.do(writable, given, write.customer, "key-1"), write.shape)


@pytest.mark.parametrize("name", [name for name, write in WRITES.items() if write.of_a_record])
async def test_a_foreign_record_cannot_be_written_and_looks_like_none(
    writable: Adapters, given: Given, name: str
) -> None:
    """A04, R5.2: the same type and the same sentence as for a record that is not there."""
    write = WRITES[name]
    await prepared(write, writable, given)
    before = await everything(writable, given, AVA)
    nothing = Given(ticket="CASE-1", booking="AP-1", visits=given.visits, consultations=[])
    not_there: dict[str, Callable[[], Awaitable[Any]]] = {
        "cancel_order": lambda: writable.orders.cancel_order("HP-1", customer_id=BEN, key="key-2"),
        "reinstate_order": lambda: writable.orders.reinstate_order("HP-1", customer_id=BEN, key="key-2"),
        "change_delivery_address": lambda: writable.orders.change_delivery_address(
            "HP-1", HOME, customer_id=BEN, key="key-2"
        ),
        "refund": lambda: writable.billing.refund("HP-1", usd(1), customer_id=BEN, key="key-2"),
        "change_payment_method": lambda: writable.billing.change_payment_method("PM-1", customer_id=BEN, key="key-2"),
    }

    with pytest.raises(RecordNotFound) as of_foreign:
        await write.do(writable, given, BEN, "key-1")
    with pytest.raises(RecordNotFound) as of_none:
        await not_there.get(name, lambda: write.do(writable, nothing, BEN, "key-2"))()

    assert of_foreign.value.detail == of_none.value.detail
    assert await everything(writable, given, AVA) == before


@every_write
async def test_a_stranger_can_write_nothing(writable: Adapters, given: Given, write: Write) -> None:
    """R5.2."""
    for customer in ("", "C-9999", "%", "C-1001\x00", "\ud800"):
        with pytest.raises(RecordNotFound):
            await write.do(writable, given, customer, "key-1")


@pytest.mark.parametrize("name", sorted(WRITES.keys() - {"close_account", "reopen_account"}))
async def test_a_closed_account_accepts_no_write_but_its_reopening(
    writable: Adapters, given: Given, own_shop: Pool, name: str
) -> None:
    """R5.4."""
    write = WRITES[name]
    await prepared(write, writable, given)
    async with own_shop.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # she has open orders
        await connection.execute("UPDATE shop.customers SET status = 'closed' WHERE id = 'C-1001'")

    assert await reason_of(write.do(writable, given, AVA, "key-1")) == "account_closed"
    await writable.crm.reopen_account(customer_id=AVA, key="key-2")
    plain(await write.do(writable, given, AVA, "key-1"), write.shape)


@every_write
async def test_a_closed_system_did_nothing_and_says_so(
    writable: Adapters, given: Given, own_shop: Pool, write: Write
) -> None:
    """R12.4."""
    await own_shop.close()

    with pytest.raises(SystemUnavailable):
        await write.do(writable, given, write.customer, "key-1")


# Orders --------------------------------------------------------------------------------------------------------------


async def test_an_unpaid_order_is_just_cancelled(writable: Adapters) -> None:
    """R1.3: nothing was charged, nothing goes back, and nothing will be charged."""
    cancelled = await writable.orders.cancel_order("HP-10002", customer_id=AVA, key="k1")

    assert cancelled == {"number": "HP-10002", "status": "cancelled", "refunded": usd(0)}
    assert (await writable.orders.get_order("HP-10002", customer_id=AVA))["status"] == "cancelled"
    assert (await writable.billing.get_invoice("INV-HP-10002", customer_id=AVA))["payment_status"] == "cancelled"


async def test_a_paid_order_gets_its_money_back_when_it_is_cancelled(writable: Adapters) -> None:
    """R1.3: what went back already does not go back twice."""
    await writable.billing.refund("HP-10014", usd(800), customer_id=KWAME, key="k1")

    cancelled = await writable.orders.cancel_order("HP-10014", customer_id=KWAME, key="k2")

    assert cancelled["refunded"] == usd(4000)
    quote = await writable.billing.get_refund_quote("HP-10014", customer_id=KWAME)
    assert (quote["refunded"], quote["refundable"]) == (usd(4800), usd(0))
    assert (await writable.billing.get_invoice("INV-HP-10014", customer_id=KWAME))["payment_status"] == "refunded"
    more = writable.billing.refund("HP-10014", usd(1), customer_id=KWAME, key="k3")
    assert await reason_of(more) == "more_than_paid"


@pytest.mark.parametrize("number", ["HP-10001", "HP-10003"])
async def test_what_was_shipped_can_neither_be_cancelled_nor_sent_elsewhere(writable: Adapters, number: str) -> None:
    """R1.3."""
    before = await writable.orders.get_order(number, customer_id=AVA)

    assert await reason_of(writable.orders.cancel_order(number, customer_id=AVA, key="k1")) == "already_shipped"
    moved = writable.orders.change_delivery_address(number, HOME, customer_id=AVA, key="k2")
    assert await reason_of(moved) == "already_shipped"
    assert await reason_of(writable.orders.reinstate_order(number, customer_id=AVA, key="k3")) == "not_cancelled"

    assert await writable.orders.get_order(number, customer_id=AVA) == before


async def test_a_cancelled_order_can_be_neither_cancelled_again_nor_sent_elsewhere(writable: Adapters) -> None:
    """R1.3."""
    await writable.orders.cancel_order("HP-10002", customer_id=AVA, key="k1")

    again = writable.orders.cancel_order("HP-10002", customer_id=AVA, key="k2")
    moved = writable.orders.change_delivery_address("HP-10002", HOME, customer_id=AVA, key="k3")
    assert [await reason_of(again), await reason_of(moved)] == ["already_cancelled", "already_cancelled"]


async def test_a_cancellation_is_taken_back_while_no_money_moved(writable: Adapters) -> None:
    """R5.7."""
    before = await writable.orders.get_order("HP-10002", customer_id=AVA)
    await writable.orders.cancel_order("HP-10002", customer_id=AVA, key="k1")
    await writable.orders.cancel_order("HP-10014", customer_id=KWAME, key="k2")

    assert await writable.orders.reinstate_order("HP-10002", customer_id=AVA, key="k3") == before
    refunded = writable.orders.reinstate_order("HP-10014", customer_id=KWAME, key="k4")
    assert await reason_of(refunded) == "already_refunded"
    processing = writable.orders.reinstate_order("HP-10002", customer_id=AVA, key="k5")
    assert await reason_of(processing) == "not_cancelled"


async def test_a_new_delivery_address_tells_the_old_one(writable: Adapters) -> None:
    """R5.7: what a compensation needs."""
    before = await writable.orders.get_order("HP-10002", customer_id=AVA)

    changed = await writable.orders.change_delivery_address("HP-10002", HOME, customer_id=AVA, key="k1")

    assert changed == {
        "number": "HP-10002", "delivery_address": HOME, "previous_address": before["delivery_address"],
    }  # fmt: skip
    assert await writable.orders.get_order("HP-10002", customer_id=AVA) == before | {"delivery_address": HOME}


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("12 King Street, Toronto, Canada", "other_country"),
        ("12 King Street, London, UK.", "other_country"),
        ("", "value_invalid"),
        ("x", "value_invalid"),
        ("1 Main Street\nPortland", "value_invalid"),
        ("1 Main Street\x00, Portland", "value_invalid"),
        ("1 Main Street \ud800, Portland", "value_invalid"),
        ("x" * 5000, "value_invalid"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_an_address_must_be_one_and_in_the_orders_country(
    writable: Adapters, address: str, reason: str
) -> None:  # fmt: skip
    """R1.3, D10."""
    changed = writable.orders.change_delivery_address("HP-10002", address, customer_id=AVA, key="k1")

    assert await reason_of(changed) == reason


# Billing -------------------------------------------------------------------------------------------------------------


async def test_refunds_go_back_to_where_the_money_came_from(writable: Adapters) -> None:
    """R1.3: a changed payment method changes nothing about that."""
    await writable.billing.change_payment_method("PM-1001-2", customer_id=AVA, key="k1")

    refund = await writable.billing.refund("HP-10003", usd(12900), customer_id=AVA, key="k2")

    assert refund["amount"] == usd(12900)
    assert (refund["order_number"], refund["payment_method"]) == ("HP-10003", "Visa ending in 4242")
    assert (await writable.billing.get_invoice("INV-HP-10003", customer_id=AVA))["payment_status"] == "refunded"


async def test_refunds_together_never_exceed_what_was_paid(writable: Adapters) -> None:
    """R5.4: the last cent goes back, one more does not."""
    first = await writable.billing.refund("HP-10004", usd(2000), customer_id=AVA, key="k1")
    assert (
        await reason_of(writable.billing.refund("HP-10004", usd(1501), customer_id=AVA, key="k2")) == "more_than_paid"
    )
    second = await writable.billing.refund("HP-10004", usd(1500), customer_id=AVA, key="k3")
    assert await reason_of(writable.billing.refund("HP-10004", usd(1), customer_id=AVA, key="k4")) == "more_than_paid"

    quote = await writable.billing.get_refund_quote("HP-10004", customer_id=AVA)
    assert first["reference"] != second["reference"]
    assert (quote["refunded"], quote["refundable"]) == (usd(3500), usd(0))


@pytest.mark.parametrize(
    ("number", "amount", "reason"),
    [
        ("HP-10003", usd(0), "value_invalid"),
        ("HP-10003", usd(-100), "value_invalid"),
        ("HP-10003", usd(12901), "more_than_paid"),
        ("HP-10003", usd(2**63 - 1), "more_than_paid"),
        ("HP-10003", usd(10**30), "value_invalid"),
        ("HP-10003", {"amount": 49.999, "currency": "USD"}, "value_invalid"),
        ("HP-10003", {"amount": True, "currency": "USD"}, "value_invalid"),
        ("HP-10003", {"amount": "100", "currency": "USD"}, "value_invalid"),
        ("HP-10003", {"amount": 100, "currency": "EUR"}, "wrong_currency"),
        ("HP-10003", {"amount": 100, "currency": "usd"}, "wrong_currency"),
        ("HP-10003", {"amount": 100, "currency": ""}, "wrong_currency"),
        ("HP-10002", usd(100), "not_paid"),
    ],
    ids=str,
)
async def test_a_refund_that_makes_no_sense_is_refused(
    writable: Adapters, number: str, amount: Money, reason: str
) -> None:
    """D09."""
    assert await reason_of(writable.billing.refund(number, amount, customer_id=AVA, key="k1")) == reason
    quote = await writable.billing.get_refund_quote(number, customer_id=AVA)
    assert quote["refunded"] == usd(0)


async def test_a_changed_payment_method_changes_places_with_the_old_one(writable: Adapters) -> None:
    """R5.7."""
    changed = await writable.billing.change_payment_method("PM-1001-2", customer_id=AVA, key="k1")

    assert changed == {
        "method_id": "PM-1001-2", "label": "Mastercard ending in 5100",
        "previous_id": "PM-1001-1", "previous_label": "Visa ending in 4242",
    }  # fmt: skip
    methods = await writable.billing.list_payment_methods(customer_id=AVA)
    assert methods["current"]["method_id"] == "PM-1001-2"
    assert [method["method_id"] for method in methods["others"]] == ["PM-1001-1"]


# Customers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Ava Moreno-Diaz"), ("email", "ava@new.example"), ("phone", "+12025550190"), ("address", HOME)],
)
async def test_a_changed_contact_tells_the_old_value_and_shows_everywhere(
    writable: Adapters, field: Any, value: str
) -> None:
    """R5.7, R5.3: a recent change is a fact that fraud rules look at; a name is none."""
    before: dict[str, Any] = {**await writable.crm.get_customer(customer_id=AVA)}

    changed = await writable.crm.update_contact(field, value, customer_id=AVA, key="k1")

    after = await writable.crm.get_customer(customer_id=AVA)
    assert changed == {"field": field, "value": value, "previous": before[field]}
    assert after == before | {field: value, "contact_changed_days": None if field == "name" else 0}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("email", "BEN.okafor@example.com", "value_taken"),
        ("email", "ava", "value_invalid"),
        ("email", "ava@x@y.example", "value_invalid"),
        ("email", "ava moreno@example.com", "value_invalid"),
        ("email", "ava@example.com\r\nBcc: x@example.com", "value_invalid"),
        ("phone", "12025550190", "value_invalid"),
        ("phone", "+1202555019a", "value_invalid"),
        ("phone", "", "value_invalid"),
        ("name", "   ", "value_invalid"),
        ("name", "Ava\x00", "value_invalid"),
        ("name", "x" * 500, "value_invalid"),
        ("address", "\x1b[31mred street 5", "value_invalid"),
        ("segment", "vip", "value_invalid"),
        ("id", "C-1002", "value_invalid"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_contact_that_makes_no_sense_is_refused(
    writable: Adapters, field: Any, value: str, reason: str
) -> None:  # fmt: skip
    """D10, F06."""
    before = await writable.crm.get_customer(customer_id=AVA)

    assert await reason_of(writable.crm.update_contact(field, value, customer_id=AVA, key="k1")) == reason
    assert await writable.crm.get_customer(customer_id=AVA) == before


@pytest.mark.parametrize("last", ["third@new.example", "ava.moreno@example.com"])
async def test_who_changes_an_address_twice_does_not_lose_the_true_one(writable: Adapters, last: str) -> None:
    """R5.1: after a change codes go to the old address, and a thief must not make that his own."""
    await writable.crm.update_contact("email", "thief@new.example", customer_id=AVA, key="k1")
    await writable.crm.update_contact("email", last, customer_id=AVA, key="k2")
    await writable.crm.update_contact("phone", "+12025550190", customer_id=AVA, key="k3")
    await writable.crm.update_contact("phone", "+12025550191", customer_id=AVA, key="k4")

    points = await writable.crm.get_contact_points(customer_id=AVA)

    assert (points["email"], points["previous_email"]) == (last, "ava.moreno@example.com")
    assert (points["phone"], points["previous_phone"]) == ("+12025550191", "+12025550101")
    assert points["email_changed_at"] is not None
    assert points["phone_changed_at"] is not None


async def test_a_move_abroad_moves_the_country(writable: Adapters) -> None:
    """R5.3: country mismatch is a fraud signal."""
    await writable.crm.update_contact("address", "12 King Street, Toronto, Canada", customer_id=AVA, key="k1")

    customer = await writable.crm.get_customer(customer_id=AVA)

    assert (customer["country"], customer["order_countries"]) == ("CA", ["US"])


async def test_the_newsletter_is_yes_or_no(writable: Adapters) -> None:
    """R5.7."""
    on = await writable.crm.set_newsletter("yes", customer_id=AVA, key="k1")
    again = await writable.crm.set_newsletter("yes", customer_id=AVA, key="k2")
    off = await writable.crm.set_newsletter("no", customer_id=AVA, key="k3")

    assert [on, again, off] == [
        {"subscribed": True, "previous": False}, {"subscribed": True, "previous": True},
        {"subscribed": False, "previous": True},
    ]  # fmt: skip
    assert await reason_of(writable.crm.set_newsletter("maybe", customer_id=AVA, key="k4")) == "value_invalid"


async def test_an_account_closes_once_and_opens_once(writable: Adapters) -> None:
    """R1.3, R5.7."""
    assert await reason_of(writable.crm.reopen_account(customer_id=DANIEL, key="k1")) == "account_open"
    closed = await writable.crm.close_account(customer_id=DANIEL, key="k2")
    assert await reason_of(writable.crm.close_account(customer_id=DANIEL, key="k3")) == "account_closed"
    assert (await writable.crm.get_customer(customer_id=DANIEL))["status"] == "closed"
    opened = await writable.crm.reopen_account(customer_id=DANIEL, key="k4")

    assert closed == {"customer_id": DANIEL, "status": "closed"}
    assert opened == {"customer_id": DANIEL, "status": "active"}


async def test_an_account_with_open_orders_stays_open(writable: Adapters) -> None:
    """R1.3."""
    assert await reason_of(writable.crm.close_account(customer_id=AVA, key="k1")) == "open_orders"
    assert (await writable.crm.get_customer(customer_id=AVA))["status"] == "active"


async def test_a_history_tells_what_was_done_and_no_contact_data(writable: Adapters) -> None:
    """R6.5."""
    await writable.crm.update_contact("email", "ava@new.example", customer_id=AVA, key="k1")
    await writable.crm.update_contact("phone", "+12025550190", customer_id=AVA, key="k2")
    await writable.billing.refund("HP-10003", usd(100), customer_id=AVA, key="k3")
    await writable.orders.change_delivery_address("HP-10002", HOME, customer_id=AVA, key="k4")

    history = await writable.crm.get_history(customer_id=AVA)

    assert [entry["what"] for entry in history["entries"][:4]] == [
        "Delivery address of order HP-10002 changed", "Refund for order HP-10003", "Phone number changed",
        "E-mail address changed",
    ]  # fmt: skip


# Ticketing -----------------------------------------------------------------------------------------------------------


async def test_a_ticket_is_opened_noted_routed_and_closed(writable: Adapters) -> None:
    """R5.4."""
    opened = await writable.ticketing.create_ticket("Mug", "Chipped.", "returns", customer_id=AVA, key="k1")
    reference = opened["reference"]
    await writable.ticketing.add_note(reference, "First.", customer_id=AVA, key="k2")
    await writable.ticketing.add_note(reference, "Second.", customer_id=AVA, key="k3")
    await writable.ticketing.route_ticket(reference, "billing", customer_id=AVA, key="k4")
    closed = await writable.ticketing.close_ticket(reference, customer_id=AVA, key="k5")

    assert (opened["status"], opened["queue"], opened["notes"]) == ("open", "returns", [])
    assert closed == opened | {"status": "closed", "queue": "billing", "notes": ["First.", "Second."]}
    assert await writable.ticketing.get_ticket(reference, customer_id=AVA) == closed


async def test_a_closed_ticket_stays_as_it_is(writable: Adapters, given: Given) -> None:
    """R5.4."""
    closed = await writable.ticketing.close_ticket(given.ticket, customer_id=AVA, key="k1")

    for call in (
        writable.ticketing.add_note(given.ticket, "More.", customer_id=AVA, key="k2"),
        writable.ticketing.route_ticket(given.ticket, "billing", customer_id=AVA, key="k3"),
        writable.ticketing.close_ticket(given.ticket, customer_id=AVA, key="k4"),
    ):
        assert await reason_of(call) == "ticket_closed"
    assert await writable.ticketing.get_ticket(given.ticket, customer_id=AVA) == closed


@pytest.mark.parametrize(
    ("subject", "description", "queue"),
    [("", "x", "returns"), ("  ", "x", "returns"), ("x" * 201, "x", "returns"), ("x", "y" * 2001, "returns"),
     ("x", "y\x00", "returns"), ("x", "y", ""), ("x", "y", "Returns; DROP")],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
async def test_a_ticket_that_makes_no_sense_is_refused(
    writable: Adapters, subject: str, description: str, queue: str
) -> None:
    """D10."""
    created = writable.ticketing.create_ticket(subject, description, queue, customer_id=AVA, key="k1")

    assert await reason_of(created) == "value_invalid"


# Scheduling ----------------------------------------------------------------------------------------------------------


async def free(systems: Adapters, kind: str = "showroom_visit") -> list[str]:
    return [slot["slot_id"] for slot in (await systems.scheduling.list_slots(kind, customer_id=BEN))["slots"]]


async def test_a_booked_slot_is_free_for_nobody(writable: Adapters, given: Given) -> None:
    """R5.4: not for its own customer either."""
    booking = await writable.scheduling.book(given.visits[0], customer_id=AVA, key="k1")

    assert (booking["status"], booking["slot_id"], booking["previous_slot_id"]) == ("booked", given.visits[0], None)
    assert given.visits[0] not in await free(writable)
    for customer in (AVA, BEN):
        taken = writable.scheduling.book(given.visits[0], customer_id=customer, key=f"k2-{customer}")
        assert await reason_of(taken) == "slot_taken"
    assert booking in (await writable.scheduling.list_bookings(customer_id=AVA))["bookings"]


async def test_a_moved_booking_frees_its_old_slot_and_remembers_it(writable: Adapters, given: Given) -> None:
    """R5.7."""
    booked = await writable.scheduling.book(given.visits[0], customer_id=AVA, key="k1")

    moved = await writable.scheduling.move_booking(booked["reference"], given.visits[1], customer_id=AVA, key="k2")

    assert (moved["slot_id"], moved["previous_slot_id"]) == (given.visits[1], given.visits[0])
    assert moved["starts_at"] > booked["starts_at"]
    assert given.visits[0] in await free(writable)
    assert given.visits[1] not in await free(writable)


async def test_a_booking_moves_only_to_a_free_slot_of_its_kind(writable: Adapters, given: Given) -> None:
    """R5.4."""
    await writable.scheduling.book(given.visits[0], customer_id=BEN, key="k1")
    before = await writable.scheduling.list_bookings(customer_id=AVA)

    async def reason(slot: str, key: str) -> str:
        return await reason_of(writable.scheduling.move_booking(given.booking, slot, customer_id=AVA, key=key))

    assert await reason(given.visits[0], "k2") == "slot_taken"
    assert await reason(before["bookings"][0]["slot_id"], "k3") == "slot_taken"
    assert await reason(given.consultations[0], "k4") == "value_invalid"
    with pytest.raises(RecordNotFound):
        await writable.scheduling.move_booking(given.booking, "SV-1", customer_id=AVA, key="k5")
    assert await writable.scheduling.list_bookings(customer_id=AVA) == before


async def test_a_cancelled_booking_frees_its_slot_and_is_over(writable: Adapters, given: Given) -> None:
    """R1.3."""
    cancelled = await writable.scheduling.cancel_booking(given.booking, customer_id=AVA, key="k1")

    assert cancelled["status"] == "cancelled"
    assert cancelled["slot_id"] in await free(writable)
    assert await writable.scheduling.list_bookings(customer_id=AVA) == {"bookings": []}
    again = writable.scheduling.cancel_booking(given.booking, customer_id=AVA, key="k2")
    moved = writable.scheduling.move_booking(given.booking, given.visits[0], customer_id=AVA, key="k3")
    assert [await reason_of(again), await reason_of(moved)] == ["booking_over", "booking_over"]


async def test_nothing_is_booked_in_the_past_and_nothing_past_is_moved(
    writable: Adapters, given: Given, own_shop: Pool
) -> None:
    """R5.4."""
    past, held = given.visits[0], (await writable.scheduling.list_bookings(customer_id=AVA))["bookings"][0]
    async with own_shop.connection() as connection:
        query = "UPDATE shop.slots SET starts_at = now() - interval '1 minute' WHERE id = %s"
        await connection.execute(query, (past,))

        assert past not in await free(writable)
        assert await reason_of(writable.scheduling.book(past, customer_id=AVA, key="k1")) == "slot_past"
        moved = writable.scheduling.move_booking(held["reference"], past, customer_id=AVA, key="k2")
        assert await reason_of(moved) == "slot_past"

        await connection.execute(query, (held["slot_id"],))
        for call in (
            writable.scheduling.move_booking(held["reference"], given.visits[1], customer_id=AVA, key="k3"),
            writable.scheduling.cancel_booking(held["reference"], customer_id=AVA, key="k4"),
        ):
            assert await reason_of(call) == "booking_over"


async def test_an_unknown_slot_is_no_record(writable: Adapters) -> None:
    """R5.4, D10."""
    for slot in ("SV-1", "", "SV-1\x00", "\ud800"):
        with pytest.raises(RecordNotFound):
            await writable.scheduling.book(slot, customer_id=AVA, key="k1")
