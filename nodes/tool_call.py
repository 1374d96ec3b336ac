"""tool_call: runs the planned call behind its gate."""

from dataclasses import dataclass

from desk.policies.models import PolicySet
from graph.node import Emit
from graph.state import SupportState
from tools.executor import ToolExecutor


@dataclass(frozen=True, kw_only=True)
class ToolCallNode:
    """The only node that touches a business system, and only through the executor."""

    executor: ToolExecutor
    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        request, call = state["request"], state["planned_call"]
        assert request is not None, "routing sends only turns with a request here"
        assert call is not None, "routing sends only turns with a planned call here"
        result = await self.executor.run(
            call,
            intent=self.policies.intents[request["intent"]],
            actor=state["actor"],
            conversation_id=state["conversation_id"],
        )
        return {"result": result, "planned_call": None}
