"""Approval requests for those who decide: what waits, what it is about, and the decision."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from desk.approvals.models import Approval, Decision
from desk.approvals.service import Decider
from desk.identity.staff import Staff
from server.deps import DeskDep, staff_with
from server.openapi import problems
from server.shapes import ApprovalPage, ApprovalShape, DecisionBody, Order

Approver = Annotated[Staff, staff_with("approver", "supervisor", "admin")]
Status = Literal["pending", "approved", "edited", "rejected", "expired", "superseded"]

router = APIRouter(prefix="/v1/approvals", tags=["approvals"])


@router.get("", responses=problems(401, 403, 422))
async def list_approvals(
    staff: Approver,
    desk: DeskDep,
    status: Annotated[Status | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=100, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    order: Order = "oldest",
) -> ApprovalPage:
    """Requests, from the end that ``order`` names."""
    found = await desk.reviews.approvals(status=status, after=cursor, limit=limit, newest=order == "newest")
    return ApprovalPage(
        items=[shape_of(approval) for approval in found], next=found[-1].id if len(found) == limit else None
    )


@router.get("/{approval_id}", responses=problems(401, 403, 404))
async def show_approval(approval_id: str, staff: Approver, desk: DeskDep) -> ApprovalShape:
    """One request, with the facts it stands on. That somebody looked is in the audit log."""
    approval = await desk.reviews.approval(approval_id)
    await desk.audit.append(
        "data.viewed",
        actor=staff.id,
        conversation_id=approval.conversation_id,
        customer_id=approval.customer_id,
        detail={"what": "approval", "approval": approval.id},
    )
    return shape_of(approval)


@router.post("/{approval_id}/decision", responses=problems(400, 401, 403, 404, 409, 410, 413, 415, 422))
async def decide(approval_id: str, staff: Approver, body: DecisionBody, desk: DeskDep) -> ApprovalShape:
    """The first decision counts; whoever comes later hears what was decided, as a 409."""
    decision = Decision(type=body.type, args=body.args or {}, reason=body.reason, args_hash=body.args_hash)
    by = Decider(id=staff.id, roles=frozenset(staff.roles), customer_id=staff.customer_id)
    decided = await desk.reviews.decide(approval_id, decision, by=by)
    return shape_of(decided.approval)


def shape_of(approval: Approval) -> ApprovalShape:
    """The request as staff see it."""
    return ApprovalShape.model_validate(
        {
            **{name: getattr(approval, name) for name in ApprovalShape.model_fields if hasattr(approval, name)},
            **approval.request,
            **{name: approval.card[name] for name in ("facts", "signals", "words", "customer")},
            "final_args": approval.final_arguments,
        }
    )
