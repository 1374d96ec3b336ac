"""The contract of orders, billing and CRM (R5.4): one suite, every adapter."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from desk.db.pool import Pool
from desk.domain.clock import now
from desk.domain.errors import RecordNotFound, SystemUnavailable
from desk.integrations.postgres.billing import PostgresBilling
from desk.integrations.postgres.crm import PostgresCrm
from desk.integrations.postgres.orders import PostgresOrders
from desk.integrations.protocols import Billing, Crm, Invoice, Order, Orders, Shipment
from tools.results import plain

AVA, BEN = "C-1001", "C-1002"
NO_NUMBERS = ["HP-99999", "", "' OR 1=1 --", "HP-10001\x00", "\ud800", "x" * 5000]


@dataclass(frozen=True, kw_only=True)
class Adapters:
    orders: Orders
    billing: Billing
    crm: Crm


@pytest.fixture(params=["postgres"])
async def systems(request: pytest.FixtureRequest, shop: Pool) -> AsyncIterator[Adapters]:
    """Every adapter, holding the sample pack's records."""
    match request.param:
        case "postgres":
            yield Adapters(
                orders=PostgresOrders(pool=shop), billing=PostgresBilling(pool=shop), crm=PostgresCrm(pool=shop)
            )


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


async def test_records_have_the_promised_shape(systems: Adapters) -> None:
    """R5.6: what an adapter answers passes the executor's check."""
    for number in ("HP-10001", "HP-10002", "HP-10003"):
        plain(await systems.orders.get_order(number, customer_id=AVA), Order)
        plain(await systems.orders.track_order(number, customer_id=AVA), Shipment)
        plain(await systems.billing.get_invoice(f"INV-{number}", customer_id=AVA), Invoice)


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


@pytest.mark.parametrize("number", NO_NUMBERS, ids=lambda number: repr(number)[:20])
async def test_a_foreign_record_and_none_are_the_same_error(systems: Adapters, number: str) -> None:
    """A04, D10: the same type and the same sentence, whatever the number is made of."""
    for read, foreign in (
        (systems.orders.get_order, "HP-20001"),
        (systems.orders.track_order, "HP-20001"),
        (systems.billing.get_invoice, "INV-HP-20001"),
    ):
        with pytest.raises(RecordNotFound) as of_foreign:
            await read(foreign, customer_id=AVA)
        with pytest.raises(RecordNotFound) as of_none:
            await read(number, customer_id=AVA)
        assert of_foreign.value.detail == of_none.value.detail


@pytest.mark.parametrize("customer", ["", "C-9999", "%", "C-1001' OR '1'='1"])
async def test_a_stranger_sees_nothing(systems: Adapters, customer: str) -> None:
    """R5.2."""
    with pytest.raises(RecordNotFound):
        await systems.orders.get_order("HP-10001", customer_id=customer)


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


async def test_a_closed_system_says_so(systems: Adapters, shop: Pool) -> None:
    """R12.4: the driver's errors do not get out."""
    await shop.close()

    with pytest.raises(SystemUnavailable):
        await systems.orders.get_order("HP-10001", customer_id=AVA)
    with pytest.raises(SystemUnavailable):
        await systems.billing.get_invoice("INV-HP-10001", customer_id=AVA)
    with pytest.raises(SystemUnavailable):
        await systems.crm.identify(email="ava.moreno@example.com", order_number="HP-10001")
