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
        Systems(orders=systems, billing=systems),
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
        ({"result_fields": ("total", "margin")}, "margin is no field of the result"),
        ({"result_fields": ("items.secret",)}, "items.secret is no field of the result"),
        ({"arguments": ()}, "takes from the customer order_number"),
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
