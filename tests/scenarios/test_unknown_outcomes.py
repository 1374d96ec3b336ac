"""Nobody can say whether it was done: it is not done again, and a person hears of it at once (R5.5, R12.4)."""

from dataclasses import dataclass, replace
from typing import Any

from desk.domain.errors import OutcomeUnknown
from desk.integrations.protocols import Billing
from graph.builder import Services
from tests.integration.turns.desks import Parts, rows, running_desk
from tests.scenarios.conftest import Customer, Shop


@dataclass(frozen=True, kw_only=True)
class Silent:
    """A billing system whose refunds are never answered."""

    inner: Billing
    asked: list[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def refund(self, order_number: str, *_: Any, key: str, **__: Any) -> Any:
        self.asked.append(key)
        raise OutcomeUnknown("billing did not answer.")


async def test_a_person_hears_at_once_although_the_queue_has_the_conversation_already(
    seeded_database_url: str, parts: Parts
) -> None:
    asked: list[str] = []

    def silent(services: Services) -> Services:
        registry = services.executor.registry
        registry.systems = replace(registry.systems, billing=Silent(inner=registry.systems.billing, asked=asked))  # type: ignore[arg-type]
        return services

    async with running_desk(seeded_database_url, parts, per_minute=100_000, change=silent) as desk:
        customer: Customer = await Shop(desk=desk).customer()
        await customer.says("Please refund order HP-10005, I am ava.moreno@example.com")
        await customer.says("Please refund order HP-10004")
        await customer.types_code()
        told = await customer.says("yes")
        again = await customer.says("yes")

        tickets = await rows(desk.pool, "SELECT priority FROM tickets ORDER BY created_at")
        (action,) = await rows(desk.pool, "SELECT outcome FROM actions WHERE tool = 'refund'")

    assert told.outcome == "escalated"
    assert "refunded" not in told.text
    assert told.of("action.completed")[0]["outcome"] == "unknown"
    assert [ticket["priority"] for ticket in tickets] == ["normal", "urgent"]
    assert action["outcome"] == "unknown"
    assert len(set(asked)) == 1
    assert again.outcome != "acted"
