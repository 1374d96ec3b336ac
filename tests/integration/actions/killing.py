"""Dies at every database operation of an action. Run as a process: ``python -m tests.integration.actions.killing URL``,
or ``… URL PORT keys`` and ``… URL PORT nokeys`` for refunds by a ``RemoteShop``.

As ``tests.integration.turns.crashing``: each try is a fork that opens a desk, brings a customer up to a step, and kills
itself before the Nth database operation of that step, or after the Nth one of an open transaction. Each line of the
output is JSON: ``{"conversation_id", "number", "step", "at", "after"}``; ``at`` is null for the try that survived.
"""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from desk.approvals.models import Decision
from desk.policies.loader import load_pack
from graph.bootstrap import Desk
from graph.builder import Services
from tests.fakes.remote_billing import with_remote_billing
from tests.integration.actions.shoppers import (
    ABOVE,
    BELOW,
    Shopper,
    approver,
    card,
    idle,
    new_customer,
    new_shopper,
    shopper_of,
    until_the_approver,
    until_the_code,
    until_the_yes,
)
from tests.integration.turns.crashing import announce_to, client_side, die_at, fork
from tests.integration.turns.desks import Parts, make_parts, running_desk, say
from tests.scenarios.conftest import Customer

FIRST = 60_001
Doing = Callable[[Customer, Shopper], Awaitable[object]]


async def _nothing(customer: Customer, shopper: Shopper) -> None: ...


async def asks(customer: Customer, shopper: Shopper) -> None:
    await say(customer.desk, customer.conversation_id, f"Please refund order {shopper.order}", key="asks")


async def types_code(customer: Customer, shopper: Shopper) -> None:
    await say(customer.desk, customer.conversation_id, await customer.code(), key="types")


async def posts_code(customer: Customer, shopper: Shopper) -> None:
    desk: Desk = customer.desk
    await desk.services.gates.step_up.check(customer.conversation_id, await customer.code())
    desk.runner.wake(customer.conversation_id)


async def says_yes(customer: Customer, shopper: Shopper) -> None:
    await say(customer.desk, customer.conversation_id, "Yes", key="yes")


async def approves(customer: Customer, shopper: Shopper) -> None:
    approval = await card(customer)
    await customer.desk.reviews.decide(approval.id, Decision(type="approve"), by=approver("staff_a"))


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a customer or an approver does, and what was done before."""

    before: Doing
    does: Doing
    total: int


STEPS = {
    "asks": Step(before=_nothing, does=asks, total=ABOVE),
    "types the code": Step(before=until_the_code, does=types_code, total=BELOW),
    "posts the code": Step(before=until_the_code, does=posts_code, total=ABOVE),
    "says yes": Step(before=until_the_yes, does=says_yes, total=BELOW),
    "says yes, an approver is asked": Step(before=until_the_yes, does=says_yes, total=ABOVE),
    "approves": Step(before=until_the_approver, does=approves, total=ABOVE),
}
WITH_EFFECT = ("says yes", "approves")


def main(url: str, port: int | None = None, keys: str = "") -> None:
    parts = make_parts(load_pack(Path(__file__).parents[3] / "packs" / "retail"))
    change = with_remote_billing(port, honours_keys=keys == "keys") if port else _unchanged
    asyncio.run(_warm(url, parts))
    numbers = itertools.count(FIRST)
    # A remote system is not asked by a database operation, so after one is before the next.
    matrix = itertools.product(WITH_EFFECT, (False,)) if port else itertools.product(STEPS, (False, True))
    for step, after in matrix:
        for at in itertools.count(1):
            number = next(numbers)
            work = lambda announce: _act(url, parts, change, step, number, at=at, after=after, announce=announce)  # noqa: B023, E731
            conversation_id, survived = fork(work)
            line = {"conversation_id": conversation_id, "number": number, "step": step, "at": at, "after": after}
            sys.stdout.write(json.dumps(line | {"at": None} if survived else line) + "\n")
            if survived:
                break


async def _act(
    url: str, parts: Parts, change: Callable[[Services], Services], step: str, number: int, *, at: int, after: bool,
    announce: int,
) -> None:  # fmt: skip
    start, todo = die_at(at, after=after, within=True), STEPS[step]
    async with asyncio.timeout(30), running_desk(url, parts, change=change) as desk:
        shopper = await new_shopper(desk.pool, number, total=todo.total)
        customer = await new_customer(desk, shopper)
        await todo.before(customer, shopper)
        client_side.set(True)
        code = await customer.code() if "code" in step else ""
        client_side.set(False)
        announce_to(f"{customer.conversation_id} {code}".strip(), announce)
        start()
        await todo.does(customer, shopper)
        client_side.set(True)
        await idle(desk.pool, [customer.conversation_id])
        os._exit(0)


async def _warm(url: str, parts: Parts) -> None:
    """A whole story before the first fork: what is loaded or compiled once, the tries need not do again."""
    async with running_desk(url, parts) as desk:
        shopper = await new_shopper(desk.pool, FIRST - 1, total=ABOVE)
        customer = await new_customer(desk, shopper)
        await until_the_approver(customer, shopper)
        await approves(customer, shopper)
        await idle(desk.pool, [customer.conversation_id])


def _unchanged(services: Services) -> Services:
    return services


def of_line(line: dict[str, object]) -> Shopper:
    """The shopper of a try."""
    return shopper_of(int(str(line["number"])), total=STEPS[str(line["step"])].total)


if __name__ == "__main__":
    main(sys.argv[1], *(int(one) if one.isdigit() else one for one in sys.argv[2:]))  # type: ignore[arg-type]
