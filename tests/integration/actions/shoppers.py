"""Customers who want their money back, as many as a test needs, each with one order and a conversation."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from desk.approvals.models import Approval
from desk.approvals.service import Decider
from desk.db.pool import Pool
from graph.bootstrap import Desk
from tests.integration.turns.desks import assert_told_once, new_conversation, rows, stored_events
from tests.scenarios.conftest import Customer, Heard

ABOVE = 12_900  # an approver decides
BELOW = 3_500  # the code and the yes suffice
FIRST_ORDER = 50_001  # the pack's own orders have lower numbers

_numbers = itertools.count(FIRST_ORDER)
_Out = TypeVar("_Out")


def approver(name: str) -> Decider:
    return Decider(id=name, roles=frozenset({"approver"}), customer_id=None)


@dataclass(kw_only=True)
class Shopper:
    """A customer with one delivered order."""

    customer_id: str
    order: str
    total: int


async def new_shoppers(pool: Pool, count: int, *, total: int = ABOVE) -> list[Shopper]:
    """Written into the shop, paid and delivered ten days ago."""
    return [await new_shopper(pool, next(_numbers), total=total) for _ in range(count)]


async def new_shopper(pool: Pool, number: int, *, total: int) -> Shopper:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT set_config('frontdesk.whole_shop', 'on', true)")
        for query in (_SHOPPER, _ORDER, _INVOICE, _PAYMENT):
            await connection.execute(query, {"number": number, "total": total})
    return shopper_of(number, total=total)


def shopper_of(number: int, *, total: int) -> Shopper:
    return Shopper(customer_id=f"R-{number}", order=f"HP-{number}", total=total)


async def new_customer(desk: Desk, shopper: Shopper) -> Customer:
    """In a conversation where it is known who they are."""
    customer = Customer(desk=desk, conversation_id=await new_conversation(desk))
    await desk.identity.identify(customer.conversation_id, customer_id=shopper.customer_id)
    return customer


async def until_the_code(customer: Customer, shopper: Shopper) -> None:
    heard = await customer.says(f"Please refund order {shopper.order}")
    assert heard.outcome == "verifying", heard.text


async def until_the_yes(customer: Customer, shopper: Shopper) -> None:
    await until_the_code(customer, shopper)
    heard = await customer.types_code()
    assert heard.outcome == "asked", heard.text


async def until_the_approver(customer: Customer, shopper: Shopper) -> Approval:
    """The card that waits."""
    await until_the_yes(customer, shopper)
    heard: Heard = await customer.says("Yes")
    assert heard.outcome == "awaiting_approval", heard.text
    return await card(customer)


async def card(customer: Customer) -> Approval:
    """The newest request of the conversation."""
    found = await customer.desk.services.gates.approvals.of_conversation(customer.conversation_id)
    return found[-1]


async def both(*racers: Callable[[], Awaitable[_Out]], gap: float = 0.0) -> list[_Out | BaseException]:
    """Starts them at the same moment, or ``gap`` seconds one after the other; what each got."""
    gate = asyncio.Event()

    async def run(number: int, racer: Callable[[], Awaitable[_Out]]) -> _Out:
        await gate.wait()
        await asyncio.sleep(number * gap)
        return await racer()

    tasks = [asyncio.create_task(run(number, racer)) for number, racer in enumerate(racers)]
    await asyncio.sleep(0)
    gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def idle(pool: Pool, conversations: Sequence[str], *, seconds: float = 30.0) -> None:
    """Waits until nothing is owed any more."""
    async with asyncio.timeout(seconds):
        while await rows(  # noqa: ASYNC110
            pool, "SELECT FROM conversations WHERE open_turns > 0 AND id = ANY(%s) LIMIT 1", list(conversations)
        ):
            await asyncio.sleep(0.01)


@dataclass(kw_only=True)
class Story:
    """What the database says of one conversation when all is over."""

    refunds: list[int]
    outcomes: list[str]
    """Of the ledger's writes, oldest first."""
    approvals: list[str]
    said: list[str]
    """The assistant's messages."""
    heard: list[str]
    """The customer's messages."""
    news: list[str]

    def was_told(self, words: str) -> bool:
        return any(words in text for text in self.said)


async def story_of(pool: Pool, conversation_id: str, shopper: Shopper) -> Story:
    """Also checks what holds for every conversation: each turn answered once, in order, nothing lost, one effect."""
    story = await told_of(pool, conversation_id)
    story.refunds = await _refunds(pool, shopper)
    assert len(story.refunds) <= 1, "at most one effect"
    assert story.outcomes.count("succeeded") == len(story.refunds), "and it is in the ledger"
    check_told(story)
    return story


def check_told(story: Story) -> None:
    """What the customer was told is what happened."""
    assert story.was_told("I have refunded") == bool(story.refunds), story
    last = [text for text in story.said if "I have refunded" in text or "nothing was done" in text][-1:]
    assert not story.refunds or last[0].startswith("Done: I have refunded"), story


async def _refunds(pool: Pool, shopper: Shopper) -> list[int]:
    """What the reference shop paid back; each refund has the row of its key."""
    refunds = await rows(
        pool, "SELECT amount FROM shop.refunds WHERE order_number = %s AND customer_id = %s", shopper.order,
        shopper.customer_id,
    )  # fmt: skip
    effects = await rows(
        pool,
        "SELECT actions.outcome FROM shop.effects JOIN actions USING (key) WHERE effects.customer_id = %s",
        shopper.customer_id,
    )
    assert [effect["outcome"] for effect in effects] == ["succeeded"] * len(refunds)
    return [refund["amount"] for refund in refunds]


async def told_of(pool: Pool, conversation_id: str) -> Story:
    """The same without the shop's side."""
    turns = await rows(pool, "SELECT id FROM turns WHERE conversation_id = %s", conversation_id)
    await assert_told_once(pool, conversation_id, turns=len(turns))
    actions = await rows(
        pool, "SELECT outcome FROM actions WHERE conversation_id = %s AND risk <> 'read' ORDER BY id", conversation_id
    )
    messages = await rows(
        pool, "SELECT role, text FROM messages WHERE conversation_id = %s ORDER BY position", conversation_id
    )
    approvals = await rows(pool, "SELECT status FROM approvals WHERE conversation_id = %s ORDER BY id", conversation_id)
    return Story(
        refunds=[],
        outcomes=[action["outcome"] for action in actions],
        approvals=[approval["status"] for approval in approvals],
        said=[message["text"] for message in messages if message["role"] == "assistant"],
        heard=[message["text"] for message in messages if message["role"] == "customer"],
        news=[
            f"{kind} {data.get('decision') or data.get('outcome')}"
            for _, kind, data in await stored_events(pool, conversation_id)
            if kind in ("approval.decided", "action.completed")
        ],
    )


_SHOPPER = """
INSERT INTO shop.customers (id, name, email, phone, segment, locale, address, country)
VALUES ('R-' || %(number)s, 'Ruth Racer', 'r' || %(number)s || '@example.com', '+1202555' || %(number)s, 'standard',
        'en', '1 Main Street, Portland, ME 04101, United States', 'US')
"""
_ORDER = """
INSERT INTO shop.orders (number, customer_id, status, total, currency, placed_at, shipped_at, delivered_at,
                         delivery_address, delivery_country)
VALUES ('HP-' || %(number)s, 'R-' || %(number)s, 'delivered', %(total)s, 'USD', now() - interval '20 days',
        now() - interval '15 days', now() - interval '10 days', '1 Main Street, Portland, ME 04101', 'US')
"""
_INVOICE = """
INSERT INTO shop.invoices (number, order_number, customer_id, total, currency, issued_at, payment_method)
VALUES ('INV-HP-' || %(number)s, 'HP-' || %(number)s, 'R-' || %(number)s, %(total)s, 'USD', now() - interval '20 days',
        'Visa ending in 4242')
"""
_PAYMENT = """
INSERT INTO shop.payments (order_number, customer_id, amount, currency, method)
VALUES ('HP-' || %(number)s, 'R-' || %(number)s, %(total)s, 'USD', 'Visa ending in 4242')
"""
