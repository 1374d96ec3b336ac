"""Something waits, and the same message asked for more (R1.5, R5.3)."""

from dataclasses import dataclass

from desk.language.engine import LanguageEngine, TurnContext, Understanding
from tests.integration.turns.desks import Parts, running_desk
from tests.scenarios.conftest import Customer, Shop


@dataclass
class BothHeard:
    """An engine that finds a refund and a cancellation in what it reads, and both order numbers where they belong."""

    engine: LanguageEngine
    name: str = "both"

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)

    async def understand(self, message: str, *, context: TurnContext) -> Understanding:
        understood = await self.engine.understand(message, context=context)
        wanted = ("return_and_refund", "change_payment_method")
        return {**understood, "intents": [{"intent": intent, "confidence": 0.9} for intent in wanted]}


async def test_a_second_action_of_a_message_goes_on_while_the_first_waits_for_an_approver(
    seeded_database_url: str, parts: Parts
) -> None:
    """A hostile model found that the turn broke here: the first one's wait was taken for a resume of the second."""
    async with running_desk(seeded_database_url, parts, engine=BothHeard(parts.engine)) as desk:  # type: ignore[arg-type]
        customer: Customer = await Shop(desk=desk).customer()
        await customer.says("HP-10003, I am ava.moreno@example.com")
        await customer.types_code()
        both = await customer.says("yes")

    assert both.outcome == "verifying"
    assert "A colleague has to look at this" in both.text
    assert both.of("approval.pending")
    assert both.of("verification.required"), "and the second one asks for its own code"
