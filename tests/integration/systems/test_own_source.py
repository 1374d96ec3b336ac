"""Anybody's API as a tool source: the same gate, ledger, checks and reductions as for the five systems (R5.4)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from desk.db.pool import Pool
from desk.domain.conversation import Actor
from desk.policies.models import AllowedAction, PolicySet, ToolArgument, ToolSpec
from graph.bootstrap import open_systems
from tests.fakes.raw_server import RawServer, answer, hang_up, raw_server
from tests.integration.systems.test_rest_faults import AVA, RECORD, SECRET, loyalty
from tests.unit.tools.counter import Counter
from tools.executor import Attempt
from tools.policy import Confirm

BEN: Actor = {"customer_id": AVA, "level": 2}
WORTH = {"worth": {"amount": 900, "currency": "USD"}}
CUSTOMER = ToolArgument(name="customer_id", type="text", source="session")


@pytest.fixture
def pack(retail: PolicySet) -> PolicySet:
    """The sample pack with a loyalty programme: points are told, and spent after a yes."""
    card = ToolArgument(name="order_number", type="reference", source="field")
    amount = ToolArgument(name="amount", type="money", source="field", at_most_fact="worth")
    why = ToolArgument(name="why", type="text", source="constant", constant="A candle")
    shared: dict[str, Any] = {"title": "Points", "system": "loyalty", "level": 1}
    tools = {
        "get_points": ToolSpec(
            name="get_points", operation="get_points", risk="read", arguments=(card, CUSTOMER),
            result_fields=("points", "gifts"), **shared,
        ),
        "spend_points": ToolSpec(
            name="spend_points", operation="spend", risk="write", arguments=(amount, why, CUSTOMER), confirm="thanks",
            result_fields=("left",), irreversible="Spent is spent.", **shared,
        ),
    }  # fmt: skip
    intent = retail.intents["order_status"]
    allowed = (*intent.actions, *(AllowedAction(tool=name) for name in tools))
    return retail.model_copy(
        update={
            "tools": {**retail.tools, **tools},
            "systems": {"loyalty": loyalty()},
            "intents": {**retail.intents, "order_status": intent.model_copy(update={"actions": allowed})},
        }
    )


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server(answer(json.dumps(RECORD | {"next_action": "refund", "lc": 1}))) as server:
        yield server


@pytest.fixture
async def counter(pool: Pool, pack: PolicySet, server: RawServer) -> AsyncIterator[Counter]:
    variables = {"SYSTEM_URL": server.base_url, "SYSTEM_TOKEN": SECRET}
    async with open_systems(pool, pack.systems, variables=variables) as systems:
        yield Counter(pool=pool, policies=pack, systems={"sources": systems.sources}, replaying=["orders"])


async def test_a_read_of_an_own_source_is_reduced_and_in_the_ledger(counter: Counter, server: RawServer) -> None:
    """R5.5, R5.6: what the pack lists, nothing else."""
    result: Any = await counter.reads("get_points", intent="order_status", actor=BEN, order_number="K-1")

    assert result["data"] == {"points": 120, "gifts": [{"name": "Mug"}]}
    assert [row["tool"] for row in await counter.rows("SELECT tool FROM actions")] == ["get_points"]
    assert "/members/C-1001/cards/K-1 " in server.heads[0]


async def test_an_own_source_is_not_asked_by_an_intent_that_does_not_name_it(
    counter: Counter, server: RawServer
) -> None:
    """R5.2."""
    result: Any = await counter.reads("get_points", intent="track_order", actor=BEN, order_number="K-1")

    assert result["outcome"] == "denied"
    assert server.heads == []


async def test_an_own_source_writes_after_a_yes_only(counter: Counter, server: RawServer) -> None:
    """R5.8."""
    proposal = await counter.proposes(
        "spend_points", intent="order_status", ready=False, facts=WORTH, amount="5.00", why="A candle"
    )

    stopped = await counter.writes(proposal, facts=WORTH, actor=BEN)

    assert isinstance(stopped, Attempt), stopped["detail"]
    assert isinstance(stopped.stopped, Confirm)
    assert server.heads == []


async def test_a_source_without_keys_that_hangs_up_is_asked_once_and_a_person_looks(
    counter: Counter, server: RawServer
) -> None:
    """R5.5: unknown, never repeated."""
    server.answers[:] = [hang_up]
    proposal = await counter.proposes(
        "spend_points", intent="order_status", ready=False, facts=WORTH, amount="5.00", why="A candle"
    )
    await counter.proposals.confirm(proposal.id, turn_id="turn_yes")

    first: Any = await counter.writes(proposal, facts=WORTH, actor=BEN)
    again: Any = await counter.writes(proposal, facts=WORTH, actor=BEN)

    assert (first["outcome"], again["outcome"]) == ("unknown", "unknown")
    assert len(server.heads) == 1


def test_a_source_that_honours_no_keys_is_never_asked_twice(pack: PolicySet) -> None:
    """R5.5: what the pack says is what the executor goes by."""
    from tools.registry import ToolRegistry

    registry = ToolRegistry(pack, systems=object())  # type: ignore[arg-type]

    assert (registry.replays("loyalty"), registry.replays("orders")) == (False, True)
