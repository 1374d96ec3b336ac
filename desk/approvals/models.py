"""Approval requests and the decisions on them, in LangChain's human-in-the-loop shape."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict

from desk.domain.conversation import Event

ApprovalStatus = Literal["pending", "approved", "edited", "rejected", "expired", "superseded"]
DecisionType = Literal["approve", "edit", "reject", "respond"]
AGREED: tuple[ApprovalStatus, ...] = ("approved", "edited")


class ActionRequest(TypedDict):
    """What would run. ``args`` hold only what the pack's tool takes; ``description`` is plain text, never markup."""

    name: str
    args: dict[str, str]
    description: str


class ReviewConfig(TypedDict):
    action_name: str
    allowed_decisions: list[DecisionType]
    args_schema: dict[str, Any]
    """JSON schema of what an edit may change."""


class HumanReview(TypedDict):
    """The payload of the graph's interrupt."""

    action_requests: list[ActionRequest]
    review_configs: list[ReviewConfig]


class Card(TypedDict):
    """What an approver sees besides the request: facts of the business systems, never a customer's claims."""

    title: str
    facts: dict[str, Any]
    signals: dict[str, Any]
    customer: dict[str, Any]
    words: list[str]
    """The last messages of the conversation, prefixed ``customer: `` or ``assistant: ``; quoted, not trusted."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A row of ``approvals``."""

    id: str
    proposal_id: str
    conversation_id: str
    customer_id: str
    tool: str
    amount: int | None
    rules: list[str]
    why: str
    roles: list[str]
    people: int
    request: HumanReview
    card: Card
    args_hash: str
    status: ApprovalStatus
    final_arguments: dict[str, str] | None
    final_hash: str | None
    questions: int
    reason: str | None
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    decided_by: str | None

    @property
    def is_agreed(self) -> bool:
        return self.status in AGREED


@dataclass(frozen=True, kw_only=True)
class NewApproval:
    """What an approval request is made of."""

    proposal_id: str
    conversation_id: str
    customer_id: str
    tool: str
    amount: int | None
    rules: list[str]
    why: str
    roles: list[str]
    people: int
    request: HumanReview
    card: Card
    args_hash: str
    expires_minutes: int


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What somebody says about a request."""

    type: DecisionType
    args: dict[str, str] = field(default_factory=dict)
    """For ``edit``: the arguments that change."""
    reason: str | None = None
    """For ``reject`` the reason, for ``respond`` the question to the customer; both are told to the customer."""
    args_hash: str | None = None
    """Hash of what was seen; given, it has to be the request's."""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What came of a decision."""

    approval: Approval
    wakes: str | None
    """The conversation that has news now."""
    votes: int = 0
    """People who agreed to the same, while the request still waits for a second one."""


def decided_event(approval: Approval) -> Event:
    """``approval.decided`` for the customer's stream; who decided is not the customer's business."""
    data: dict[str, Any] = {"approval_id": approval.id, "decision": approval.status}
    if approval.reason is not None:
        data["reason"] = approval.reason
    return {"type": "approval.decided", "data": data}
