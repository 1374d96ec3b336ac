"""Kill switches (R9.3)."""

import pytest

from desk.db.pool import Pool
from desk.domain.errors import NotFound
from desk.policies.models import PolicySet
from desk.rollout.switches import SwitchStore
from tests.integration.turns.desks import rows


@pytest.fixture
def switches(pool: Pool, retail: PolicySet) -> SwitchStore:
    return SwitchStore(pool, policies=retail)


async def test_what_is_off_is_off_for_its_tool_or_its_intent_only(switches: SwitchStore) -> None:
    await switches.set("get_order", off=True, by="operator", reason="wrong totals")

    assert await switches.is_off(tool="get_order", intent="order_status") == "get_order"
    assert await switches.is_off(tool="track_order", intent="order_status") is None

    await switches.set("order_status", off=True, by="operator")
    assert await switches.is_off(intent="order_status") == "order_status"


async def test_all_is_everything(switches: SwitchStore) -> None:
    await switches.set("all", off=True, by="operator")
    assert await switches.is_off(tool="get_order", intent="order_status") == "all"

    await switches.set("all", off=False, by="operator")
    assert await switches.is_off(tool="get_order", intent="order_status") is None
    assert [(switch["name"], switch["off"]) for switch in await switches.list()] == [("all", False)]


async def test_an_unknown_name_is_refused_with_a_suggestion(switches: SwitchStore) -> None:
    with pytest.raises(NotFound, match="Did you mean get_order"):
        await switches.set("get_orders", off=True, by="operator")
    assert await switches.list() == []


async def test_every_change_is_in_the_audit_log(switches: SwitchStore, pool: Pool) -> None:
    await switches.set("get_order", off=True, by="staff_1", reason="said by ava.moreno@example.com")

    (entry,) = await rows(pool, "SELECT * FROM audit_entries")
    assert (entry["action"], entry["actor"]) == ("switch.changed", "staff_1")
    assert (entry["detail"]["name"], entry["detail"]["off"]) == ("get_order", True)
    assert "ava.moreno" not in entry["detail"]["reason"]
