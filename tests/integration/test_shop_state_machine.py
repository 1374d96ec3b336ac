"""Orders, refunds and appointments against a model in memory (R5.4, R5.5): any order of events, two customers, keys
used again, and the warehouse in between."""

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from desk.db.pool import Pool, open_pool
from desk.domain.errors import NotPossible, RecordNotFound
from tests.contract.adapters import Adapters, postgres_systems

CUSTOMERS = ("ava", "ben")
ORDERS = range(4)  # two of each customer: one paid with the order, one charged when it ships
SLOTS = range(3)
PRICE = 1000

_FOUND = """
SELECT (SELECT jsonb_agg(jsonb_build_array(status, paid, refunded, (
            SELECT coalesce(sum(amount), 0) FROM shop.refunds WHERE order_number = orders.number)) ORDER BY number)
          FROM shop.orders WHERE number LIKE 'HP-' || %(number)s || '-_') AS orders,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(customer_id, slot_id) ORDER BY customer_id, slot_id), '[]')
          FROM shop.bookings WHERE status = 'booked' AND slot_id LIKE 'SV-' || %(number)s || '-_') AS bookings,
       (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]')
          FROM shop.customers WHERE status = 'active' AND id LIKE '%%-' || %(number)s) AS open
"""

customers = st.sampled_from(CUSTOMERS)
orders = st.sampled_from(ORDERS)
slots = st.sampled_from(SLOTS)
amounts = st.sampled_from([-1, 0, 1, 400, 600, PRICE, PRICE + 1])
keys = st.sampled_from([None, None, "again-1", "again-2"])
"""Most calls have a fresh key; two keys are used over and over, for whatever comes."""


@dataclass
class OrderModel:
    owner: str
    paid: int
    status: str = "processing"
    refunded: int = 0


@dataclass
class Model:
    """What the shop should be like."""

    orders: list[OrderModel]
    open: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(CUSTOMERS, True))
    bookings: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Booking number: customer and slot."""
    keys: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Key: what was asked and what was answered."""

    def holder(self, slot: int) -> str | None:
        return next((who for who, held in self.bookings.values() if held == slot), None)

    def has_open_orders(self, who: str) -> bool:
        return any(order.owner == who and order.status in ("processing", "shipped") for order in self.orders)


class ShopMachine(RuleBasedStateMachine):
    loop: ClassVar[asyncio.Runner]
    pool: ClassVar[Pool]
    examples: ClassVar[Iterator[int]] = itertools.count(1)

    @initialize()
    def open_shop(self) -> None:
        self.number = next(self.examples)
        self.fresh = itertools.count(1)
        self.systems: Adapters = postgres_systems(self.pool)
        self.model = Model(
            orders=[OrderModel(owner=CUSTOMERS[order % 2], paid=PRICE if order < 2 else 0) for order in ORDERS]
        )
        self.references: list[str] = []
        self.run(self._fill())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(work)

    def customer(self, who: str) -> str:
        return f"{who}-{self.number}"

    def order(self, order: int) -> str:
        return f"HP-{self.number}-{order}"

    def slot(self, slot: int) -> str:
        return f"SV-{self.number}-{slot}"

    async def _fill(self) -> None:
        async with self.pool.connection() as connection, connection.transaction():
            for who in CUSTOMERS:
                await connection.execute(
                    "INSERT INTO shop.customers (id, name, email, segment, locale, address, country) VALUES"
                    " (%s, 'Somebody', %s, 'standard', 'en', '1 Main Street', 'US')",
                    (self.customer(who), f"{self.customer(who)}@example.com"),
                )
            for number, order in enumerate(self.model.orders):
                await connection.execute(
                    "INSERT INTO shop.orders (number, customer_id, status, total, currency, placed_at,"
                    " delivery_address, delivery_country) VALUES (%s, %s, 'processing', %s, 'USD', now(),"
                    " '1 Main Street', 'US')",
                    (self.order(number), self.customer(order.owner), PRICE),
                )
                if order.paid:
                    await self._charge(connection, number)
            for slot in SLOTS:
                await connection.execute(
                    "INSERT INTO shop.slots VALUES (%s, 'showroom_visit', now() + interval '1 day', 'Showroom')",
                    (self.slot(slot),),
                )

    async def _charge(self, connection: Any, number: int) -> None:
        await connection.execute(
            "INSERT INTO shop.payments (order_number, customer_id, amount, currency, method)"
            " VALUES (%s, %s, %s, 'USD', 'PayPal')",
            (self.order(number), self.customer(self.model.orders[number].owner), PRICE),
        )

    # What anybody may try -------------------------------------------------------------------------------------------

    def attempt(self, request: tuple[Any, ...], expected: str, call: Any, *, key: str | None) -> Any:
        """Makes the call and compares what is told; returns the answer when it was done for the first time."""
        name = f"{self.number}-{key or next(self.fresh)}"
        known = self.model.keys.get(name)
        if known is not None and known[0] == request:
            expected = "again"
        elif known is not None and (known[0][1] == request[1] or expected == "done"):
            expected = "key_reused"  # of a stranger's key one hears only at the end
        told, answer = self.run(self._told(call(name)))
        assert told == ("done" if expected == "again" else expected)
        if told != "done":
            return None
        if known is not None:
            assert answer == known[1]
            return None
        self.model.keys[name] = (request, answer)
        return answer

    async def _told(self, call: Coroutine[Any, Any, Any]) -> tuple[str, Any]:
        try:
            return "done", await call
        except RecordNotFound:
            return "not_found", None
        except NotPossible as refused:
            return refused.reason, None

    def of_an_order(self, who: str, order: int, reason: str | None) -> str:
        """What comes first: whose it is, then the order's own rule, then the account."""
        if self.model.orders[order].owner != who:
            return "not_found"
        return reason or ("done" if self.model.open[who] else "account_closed")

    @rule(who=customers, order=orders, amount=amounts, key=keys)
    def refund(self, who: str, order: int, amount: int, key: str | None) -> None:
        model = self.model.orders[order]
        reason = None
        if amount <= 0:
            reason = "value_invalid"
        elif not self.model.open[who]:
            reason = "account_closed"
        elif model.paid == 0:
            reason = "not_paid"
        elif model.refunded + amount > model.paid:
            reason = "more_than_paid"
        answer = self.attempt(
            ("refund", who, order, amount),
            self.of_an_order(who, order, reason),
            lambda name: self.systems.billing.refund(
                self.order(order), {"amount": amount, "currency": "USD"}, customer_id=self.customer(who), key=name
            ),
            key=key,
        )
        if answer is not None:
            model.refunded += amount

    @rule(who=customers, order=orders, key=keys)
    def cancel(self, who: str, order: int, key: str | None) -> None:
        model = self.model.orders[order]
        reasons = {"cancelled": "already_cancelled", "shipped": "already_shipped", "delivered": "already_shipped"}
        answer = self.attempt(
            ("cancel", who, order),
            self.of_an_order(who, order, reasons.get(model.status)),
            lambda name: self.systems.orders.cancel_order(self.order(order), customer_id=self.customer(who), key=name),
            key=key,
        )
        if answer is not None:
            assert answer["refunded"]["amount"] == model.paid - model.refunded
            model.status, model.refunded = "cancelled", model.paid

    @rule(who=customers, order=orders, key=keys)
    def reinstate(self, who: str, order: int, key: str | None) -> None:
        model = self.model.orders[order]
        reason = None
        if model.status != "cancelled":
            reason = "not_cancelled"
        elif model.refunded:
            reason = "already_refunded"
        answer = self.attempt(
            ("reinstate", who, order),
            self.of_an_order(who, order, reason),
            lambda name: self.systems.orders.reinstate_order(
                self.order(order), customer_id=self.customer(who), key=name
            ),
            key=key,
        )
        if answer is not None:
            model.status = "processing"

    @rule(order=orders)
    def the_warehouse_goes_on(self, order: int) -> None:
        """Ships what is packed, charging it if nothing was; delivers what is shipped."""
        model = self.model.orders[order]

        async def go_on() -> None:
            async with self.pool.connection() as connection, connection.transaction():
                if model.status == "processing" and not model.paid:
                    await self._charge(connection, order)
                await connection.execute(
                    "UPDATE shop.orders SET status = %s, shipped_at = coalesce(shipped_at, now()),"
                    " delivered_at = CASE status WHEN 'shipped' THEN now() END WHERE number = %s",
                    ("shipped" if model.status == "processing" else "delivered", self.order(order)),
                )

        if model.status in ("processing", "shipped"):
            self.run(go_on())
            model.paid = PRICE
            model.status = "shipped" if model.status == "processing" else "delivered"

    @rule(who=customers, slot=slots, key=keys)
    def book(self, who: str, slot: int, key: str | None) -> None:
        expected = "slot_taken" if self.model.holder(slot) else "done" if self.model.open[who] else "account_closed"
        answer = self.attempt(
            ("book", who, slot),
            expected,
            lambda name: self.systems.scheduling.book(self.slot(slot), customer_id=self.customer(who), key=name),
            key=key,
        )
        if answer is not None:
            self.references.append(answer["reference"])
            self.model.bookings[len(self.references) - 1] = (who, slot)

    def of_a_booking(self, who: str, booking: int, slot: int | None) -> str:
        owners = {number: asked[1] for number, (asked, _) in enumerate(self._booked())}
        if owners.get(booking) != who:
            return "not_found"
        if booking not in self.model.bookings:
            return "booking_over"
        if slot is not None and self.model.holder(slot):
            return "slot_taken"
        return "done" if self.model.open[who] else "account_closed"

    def _booked(self) -> list[tuple[Any, Any]]:
        """Every booking there ever was, in the order of their references."""
        made = {
            answer["reference"]: (asked, answer) for asked, answer in self.model.keys.values() if asked[0] == "book"
        }
        return [made[reference] for reference in self.references]

    @rule(who=customers, booking=st.integers(0, 3), slot=slots, key=keys)
    def move(self, who: str, booking: int, slot: int, key: str | None) -> None:
        reference = self.references[booking] if booking < len(self.references) else "AP-0"
        answer = self.attempt(
            ("move", who, reference, slot),
            self.of_a_booking(who, booking, slot),
            lambda name: self.systems.scheduling.move_booking(
                reference, self.slot(slot), customer_id=self.customer(who), key=name
            ),
            key=key,
        )
        if answer is not None:
            self.model.bookings[booking] = (who, slot)

    @rule(who=customers, booking=st.integers(0, 3), key=keys)
    def unbook(self, who: str, booking: int, key: str | None) -> None:
        reference = self.references[booking] if booking < len(self.references) else "AP-0"
        answer = self.attempt(
            ("unbook", who, reference),
            self.of_a_booking(who, booking, None),
            lambda name: self.systems.scheduling.cancel_booking(reference, customer_id=self.customer(who), key=name),
            key=key,
        )
        if answer is not None:
            del self.model.bookings[booking]

    @rule(who=customers, wanted=st.booleans(), key=keys)
    def close_or_reopen(self, who: str, wanted: bool, key: str | None) -> None:
        crm = self.systems.crm
        expected = "done"
        if wanted == self.model.open[who]:
            expected = "account_open" if wanted else "account_closed"
        elif not wanted and self.model.has_open_orders(who):
            expected = "open_orders"
        answer = self.attempt(
            ("account", who, wanted),
            expected,
            lambda name: (crm.reopen_account if wanted else crm.close_account)(
                customer_id=self.customer(who), key=name
            ),
            key=key,
        )
        if answer is not None:
            self.model.open[who] = wanted

    @invariant()
    def the_shop_is_as_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        found = self.run(self._found())
        assert found == {
            "orders": [[order.status, order.paid, order.refunded, order.refunded] for order in self.model.orders],
            "bookings": sorted([self.customer(who), self.slot(slot)] for who, slot in self.model.bookings.values()),
            "open": [self.customer(who) for who in CUSTOMERS if self.model.open[who]],
        }

    async def _found(self) -> Any:
        """The shop's own rows; of the refunds their sum as well."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(_FOUND, {"number": self.number})
            return await cursor.fetchone()


@pytest.mark.heavy
def test_the_shop_behaves_like_its_model(own_shop_url: str) -> None:
    """R5.4, R5.5: whatever comes in whatever order."""
    with asyncio.Runner() as loop:
        pool = loop.run(open_pool(own_shop_url, max_size=2))
        machine = type("Machine", (ShopMachine,), {"loop": loop, "pool": pool})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=80,
                    stateful_step_count=30,
                    deadline=None,
                    derandomize=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            loop.run(pool.close())
