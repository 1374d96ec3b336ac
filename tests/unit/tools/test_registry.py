"""Tools that cannot run are found at start, all of them at once."""

from typing import Any

import pytest

from desk.domain.errors import PackError
from desk.policies.models import PolicySet, ToolArgument
from tests.fakes.systems import MemorySystems
from tools.operation import Systems
from tools.registry import ToolRegistry


def registry(policies: PolicySet, **changes: Any) -> ToolRegistry:
    systems = MemorySystems({})
    spec = policies.tools["get_order"].model_copy(update=changes)
    return ToolRegistry(
        policies.model_copy(update={"tools": {**policies.tools, "get_order": spec}}),
        Systems(orders=systems, billing=systems, crm=systems, ticketing=systems, scheduling=systems),  # type: ignore[arg-type]
    )


def test_the_sample_packs_tools_are_all_bound(retail: PolicySet) -> None:
    """R5.4."""
    bound = registry(retail)

    assert all(bound.find(name) for name in retail.tools)
    assert bound.find("drop_database") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"operation": "get_ordr"}, "no system here has orders.get_ordr"),
        ({"system": "scheduling"}, "no system here has scheduling.get_order"),
        ({"system": "payroll"}, "no system here has payroll.get_order"),
        ({"risk": "write"}, "get_order only reads"),
        ({"operation": "cancel_order", "result_fields": ()}, "cancel_order writes"),
        ({"result_fields": ("total", "margin")}, "margin is no field of the result"),
        ({"result_fields": ("items.secret",)}, "items.secret is no field of the result"),
        ({"arguments": ()}, "get_order takes order_number besides"),
        (
            {"arguments": (ToolArgument(name="order_number", type="order_number", source="field"),)},
            "needs the customer from the session",
        ),
    ],
)
def test_a_tool_nobody_can_run_is_an_error_at_start(retail: PolicySet, changes: dict[str, Any], words: str) -> None:
    """R1.1, R5.4."""
    with pytest.raises(PackError, match=words.replace(".", r"\.")) as error:
        registry(retail, **changes)

    assert "tools.yaml: get_order" in error.value.problems[0]


def test_every_mistake_is_told_at_once(retail: PolicySet) -> None:
    """R1.1."""
    with pytest.raises(PackError) as error:
        registry(retail, result_fields=("margin", "secret"), risk="high")

    assert len(error.value.problems) == 3


def test_a_system_replays_unless_it_is_said_not_to(retail: PolicySet) -> None:
    """R5.5: whether a write may be asked for again with the same key."""
    systems: Any = MemorySystems({})
    five = Systems(orders=systems, billing=systems, crm=systems, ticketing=systems, scheduling=systems)

    assert all(ToolRegistry(retail, five).replays(tool.system) for tool in retail.tools.values())
    some = ToolRegistry(retail, five, replaying=("orders",))
    assert some.replays("orders")
    assert not some.replays("billing")
