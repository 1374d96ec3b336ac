"""What the ledger and the audit log add to an action, counted in transactions that write."""

import pytest

from bench.actions import Meter, added_commits, executor_and_adapter
from tests.integration.actions.conftest import OpenDesk
from tests.integration.actions.shoppers import BELOW, new_shoppers


@pytest.mark.heavy
async def test_ledger_and_audit_add_at_most_four_commits_to_an_action(open_desk: OpenDesk) -> None:
    """R5.5: one row before and one after, each with its audit entry, and nothing else."""
    desk = await open_desk()
    meter = Meter(pool=desk.pool)

    await executor_and_adapter(desk, await new_shoppers(desk.pool, 14, total=BELOW), meter)

    assert added_commits(meter.figures) <= 4
