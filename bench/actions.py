"""``make bench``: what an action costs, beside a plain SQL transaction that makes the same change, in the same run.

Whole turns on a desk of this process, offline engine, without HTTP. A commit is a transaction that wrote: each takes
one transaction id, so the distance between two snapshots counts them; what only reads takes none. Other work of the
desk (sealing the audit log, sending the codes) may fall into a turn, so what is told are medians.

Prints a table and, with ``--json FILE``, writes the figures.
"""

import argparse
import asyncio
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from desk.approvals.models import Decision
from desk.approvals.proposals import Proposal
from desk.config.settings import Settings
from desk.db.pool import Pool
from graph.bootstrap import Desk, open_desk
from tests.integration.actions.shoppers import ABOVE, BELOW, Shopper, approver, card, new_customer, new_shoppers
from tests.scenarios.conftest import Customer
from tools.calls import ToolCall
from tools.executor import Place

_NEXT_ID = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next"
_ORDER = "SELECT number, status, total, shipped_at FROM shop.orders WHERE number = %(order)s"
_WHOLE_SHOP = "SELECT set_config('frontdesk.whole_shop', 'on', true)"
_REFUND = """
INSERT INTO shop.refunds (order_number, customer_id, amount, currency)
VALUES (%(order)s, %(customer_id)s, %(total)s, 'USD') RETURNING reference
"""


@dataclass(kw_only=True)
class Costs:
    """Milliseconds and commits of one thing, done again and again."""

    ms: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)

    def row(self) -> dict[str, float]:
        return {"p50_ms": statistics.median(self.ms), "commits": statistics.median(self.commits)}


@dataclass(kw_only=True)
class Meter:
    """Takes the costs of whatever runs; figures by name."""

    pool: Pool
    figures: dict[str, Costs] = field(default_factory=dict)

    async def take(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        before = await self._next_id()
        started = time.perf_counter()
        result = await work()
        ms = (time.perf_counter() - started) * 1000
        costs = self.figures.setdefault(name, Costs())
        costs.ms.append(ms)
        costs.commits.append(await self._next_id() - before)
        return result

    async def _next_id(self) -> int:
        async with self.pool.connection() as connection:
            row = await (await connection.execute(_NEXT_ID)).fetchone()
        assert row is not None, "a SELECT of functions has a row"
        return int(row["next"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=40, help="how often each action is done")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        figures = asyncio.run(measure(Path(folder), actions=options.actions))
    for name, row in figures.items():
        print(f"{name:58}" + "  ".join(f"{key} {value:,.2f}" for key, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


async def measure(folder: Path, *, actions: int) -> dict[str, dict[str, float]]:
    """All figures of one run."""
    settings = Settings(data_dir=folder, secret_key=SecretStr("b" * 40), rate_per_minute=1_000_000)
    async with open_desk(settings, demo=True) as desk:
        for round_of in (3, actions):  # the first one warms
            meter = Meter(pool=desk.pool)
            for below in await new_shoppers(desk.pool, round_of, total=BELOW):
                await _with_a_code(desk, below, meter)
            for above in await new_shoppers(desk.pool, round_of, total=ABOVE):
                await _with_an_approver(desk, above, meter)
            for shopper in await new_shoppers(desk.pool, round_of, total=BELOW):
                await meter.take("plain SQL: the order", lambda: _select(desk.pool, shopper))  # noqa: B023
                await meter.take("plain SQL: the refund", lambda: _refund(desk.pool, shopper))  # noqa: B023
            await executor_and_adapter(desk, await new_shoppers(desk.pool, 2 * round_of, total=BELOW), meter)
    return table(meter.figures)


async def _with_a_code(desk: Desk, shopper: Shopper, meter: Meter) -> None:
    customer = await new_customer(desk, shopper)
    await meter.take("a turn that reads", lambda: customer.says(f"Where is my order {shopper.order}?"))
    await _asks_and_proves(customer, shopper, meter, name="with a code")
    done = await meter.take("with a code: the yes, and the refund", lambda: customer.says("Yes"))
    assert done.outcome == "acted", done.text


async def _with_an_approver(desk: Desk, shopper: Shopper, meter: Meter) -> None:
    customer = await new_customer(desk, shopper)
    await _asks_and_proves(customer, shopper, meter, name="with an approver")
    waits = await meter.take("with an approver: the yes", lambda: customer.says("Yes"))
    assert waits.outcome == "awaiting_approval", waits.text
    approval = await card(customer)

    async def decides() -> Any:
        await desk.reviews.decide(approval.id, Decision(type="approve"), by=approver("staff_bench"))
        return await customer.hears_more()

    done = await meter.take("with an approver: the decision, and the refund", decides)
    assert done.outcome == "acted", done.text


async def _asks_and_proves(customer: Customer, shopper: Shopper, meter: Meter, *, name: str) -> None:
    await meter.take(f"{name}: the request", lambda: customer.says(f"Please refund order {shopper.order}"))
    code = await customer.code()
    confirm = await meter.take(f"{name}: the code", lambda: customer.says(code))
    assert confirm.outcome == "asked", confirm.text


async def _select(pool: Pool, shopper: Shopper) -> None:
    async with pool.connection() as connection:
        await (await connection.execute(_ORDER, vars(shopper))).fetchone()


async def _refund(pool: Pool, shopper: Shopper) -> None:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_WHOLE_SHOP)
        await connection.execute(_REFUND, vars(shopper))


async def executor_and_adapter(desk: Desk, shoppers: list[Shopper], meter: Meter) -> None:
    """The same write by the adapter alone, and by the executor: gate, ledger and audit around it."""
    executor, gates = desk.services.executor, desk.services.gates
    billing = executor.registry.systems.billing
    for number, shopper in enumerate(shoppers):
        if number % 2:
            money = {"amount": shopper.total, "currency": "USD"}
            await meter.take(
                "the adapter's write alone",
                lambda: billing.refund(shopper.order, money, customer_id=shopper.customer_id, key=shopper.order),  # type: ignore[arg-type]  # noqa: B023
            )
            continue
        proposal, facts = await _agreed(desk, shopper)
        call: ToolCall = {"id": "call_bench", "tool": "refund", "arguments": proposal.arguments, "purpose": "answer"}
        place = Place(conversation_id=proposal.conversation_id, turn_id=proposal.turn_id)
        result = await meter.take(
            "the executor's write",
            lambda: executor.write(
                call, intent=desk.policies.intents["return_and_refund"],  # noqa: B023
                actor={"customer_id": shopper.customer_id, "level": 1}, place=place, proposal=proposal, facts=facts,  # noqa: B023
            ),
        )  # fmt: skip
        assert result["outcome"] == "succeeded", result
        await gates.proposals.close(proposal.id, status="closed")


async def _agreed(desk: Desk, shopper: Shopper) -> tuple[Proposal, dict[str, Any]]:
    """A proposal the customer proved and said yes to."""
    customer = await new_customer(desk, shopper)
    await customer.says(f"Please refund order {shopper.order}")
    await customer.types_code()
    gates = desk.services.gates
    challenge = "SELECT proposal_id FROM step_up_challenges WHERE conversation_id = %s"
    async with desk.pool.connection() as connection:
        row = await (await connection.execute(challenge, (customer.conversation_id,))).fetchone()
    assert row is not None, "a code was asked for"
    proposal = await gates.proposals.find(row["proposal_id"])
    assert proposal is not None, "the challenge names it"
    await gates.proposals.confirm(proposal.id, turn_id=proposal.turn_id)
    confirmed = await gates.proposals.find(proposal.id)
    assert confirmed is not None, "rows stay"
    return confirmed, confirmed.facts


def added_commits(figures: dict[str, Costs]) -> float:
    """What ledger and audit add to an action."""
    return figures["the executor's write"].row()["commits"] - figures["the adapter's write alone"].row()["commits"]


def table(figures: dict[str, Costs]) -> dict[str, dict[str, float]]:
    """Medians, sums and ratios."""
    rows = {name: costs.row() for name, costs in figures.items()}
    for name in ("with a code", "with an approver"):
        parts = [row for part, row in rows.items() if part.startswith(f"{name}:")]
        rows[f"{name}: all its turns"] = {key: sum(part[key] for part in parts) for key in ("p50_ms", "commits")}
    ratios = {
        "ratio: a turn that reads, to the SELECT": ("a turn that reads", "plain SQL: the order"),
        "ratio: a refund with a code, to the transaction": ("with a code: all its turns", "plain SQL: the refund"),
        "ratio: a refund with an approver, to the transaction": (
            "with an approver: all its turns",
            "plain SQL: the refund",
        ),
        "ratio: the executor's write, to the adapter's": ("the executor's write", "the adapter's write alone"),
    }
    for name, (ours, theirs) in ratios.items():
        rows[name] = {"ms": rows[ours]["p50_ms"] / rows[theirs]["p50_ms"]}
    rows["ledger and audit add to an action"] = {"commits": added_commits(figures)}
    return rows


if __name__ == "__main__":
    main()
