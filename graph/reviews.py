"""The staff's side of actions: decide what waits, look at the ledger, ask for an action to be taken back."""

from collections.abc import Callable
from dataclasses import dataclass

from desk.approvals.models import Approval, Decided, Decision
from desk.approvals.proposals import NewProposal
from desk.approvals.service import Decider
from desk.domain.errors import Conflict, NotFound
from desk.domain.ids import new_id
from desk.policies.models import PolicySet, ToolSpec
from graph.gates import Gates
from tools.calls import ToolCall
from tools.executor import ToolExecutor
from tools.ledger import Action
from tools.policy import Evidence, NeedApproval, gate_compensation


@dataclass(frozen=True, kw_only=True)
class Reviews:
    """``wake`` runs the turns of a conversation that has news."""

    gates: Gates
    executor: ToolExecutor
    policies: PolicySet
    wake: Callable[[str], None]

    async def approval(self, approval_id: str) -> Approval:
        """Raises ``NotFound``."""
        return await self.gates.approvals.find(approval_id)

    async def approvals(
        self, *, status: str | None, after: str | None, limit: int, newest: bool = False
    ) -> list[Approval]:
        """Requests that follow ``after``: the oldest first, or the newest first."""
        return await self.gates.approvals.page(status=status, after=after, limit=limit, newest=newest)

    async def decide(self, approval_id: str, decision: Decision, *, by: Decider) -> Decided:
        """Records a decision and lets the conversation go on. Raises as ``ApprovalService.decide``."""
        decided = await self.gates.approvals.decide(approval_id, decision, by=by, still_true=self._still_true)
        if decided.wakes is not None:
            self.wake(decided.wakes)
        return decided

    async def actions(
        self,
        *,
        conversation_id: str | None,
        customer_id: str | None,
        after: str | None,
        limit: int,
        newest: bool = False,
    ) -> list[Action]:
        """The ledger: actions that follow ``after``, the oldest first or the newest first."""
        return await self.executor.ledger.page(
            conversation_id=conversation_id, customer_id=customer_id, after=after, limit=limit, newest=newest
        )

    async def compensate(self, action_id: str, *, by: str) -> Approval:
        """Asks for an action to be taken back; somebody else has to agree. The same request again is the same one.

        Raises ``NotFound``, and ``Conflict`` for an action that is not done, cannot be taken back, or must not be.
        """
        action = await self.executor.ledger.find(action_id)
        if action is None:
            raise NotFound("There is no such action.")
        tool, undo = self._undo(action)
        call = await self._call(action, tool, undo)
        assert action.customer_id is not None, "a write has a customer"
        proposal = await self.gates.proposals.open(
            NewProposal(
                conversation_id=action.conversation_id, customer_id=action.customer_id, turn_id=action.id,
                pack_version=self.policies.version, intent=None, tool=undo.name, arguments=call["arguments"],
                facts={}, request={}, requested_by=by, compensates=action.id,
            )
        )  # fmt: skip
        match gate_compensation(call, tool=undo, evidence=Evidence()):
            case NeedApproval(needed=needed):
                approval = await self.gates.ask_approver(
                    proposal, tool=undo, call=call, needed=needed, signals={}, words=[]
                )
            case _:
                raise Conflict("Taking this back is not possible with what was recorded of it.", code="not_possible")
        if approval.status != "pending":
            raise Conflict(f"Taking this back was already {approval.status}.", code="already_decided")
        return approval

    def _undo(self, action: Action) -> tuple[ToolSpec, ToolSpec]:
        """The action's tool and the one that takes it back."""
        tool = self.policies.tools.get(action.tool)
        if tool is None or action.risk == "read" or action.outcome != "succeeded":
            state = "was taken back already" if action.outcome == "compensated" else "did not change anything for sure"
            raise Conflict(f"This action {state}, so there is nothing to take back.", code="nothing_to_compensate")
        if tool.compensation is None:
            raise Conflict(f"This cannot be taken back: {tool.irreversible}", code="irreversible")
        return tool, self.policies.tools[tool.compensation.tool]

    async def _call(self, action: Action, tool: ToolSpec, undo: ToolSpec) -> ToolCall:
        """The call that takes it back, from what was really done and what came of it."""
        assert tool.compensation is not None, "checked before"
        done = await self.gates.proposals.find(action.proposal_id or "")
        assert done is not None, "the ledger's own constraint"
        approval = await self.gates.approvals.of_proposal(done.id)
        arguments = (approval and approval.final_arguments) or done.arguments
        known = {f"argument.{name}": value for name, value in arguments.items()}
        known |= {f"result.{name}": str(value) for name, value in (action.result or {}).items()}
        values = {name: known[path] for name, path in tool.compensation.arguments.items() if path in known}
        values |= {arg.name: arg.constant for arg in undo.arguments if arg.constant is not None}
        return {"id": new_id("call"), "tool": undo.name, "arguments": values, "purpose": "answer"}

    async def _still_true(self, approval: Approval) -> bool:
        proposal = await self.gates.proposals.find(approval.proposal_id)
        return proposal is not None and await self.executor.still_true(approval, proposal)
