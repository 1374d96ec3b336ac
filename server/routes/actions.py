"""The ledger of actions over HTTP, and the request to take one back."""

from typing import Annotated

from fastapi import APIRouter, Query

from desk.identity.staff import Staff
from server.deps import DeskDep, staff_with
from server.openapi import problems
from server.routes.approvals import shape_of
from server.shapes import ActionPage, ActionShape, ApprovalShape, Order

Reader = Annotated[Staff, staff_with("approver", "supervisor", "auditor", "admin")]
Responsible = Annotated[Staff, staff_with("supervisor", "admin")]

router = APIRouter(prefix="/v1/actions", tags=["actions"])


@router.get("", responses=problems(401, 403, 422))
async def list_actions(
    staff: Reader,
    desk: DeskDep,
    conversation_id: Annotated[str | None, Query(max_length=100)] = None,
    customer_id: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Annotated[str | None, Query(max_length=100, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    order: Order = "oldest",
) -> ActionPage:
    """Every call of a tool, from the end ``order`` names. Reading those about a customer is in the audit log."""
    found = await desk.reviews.actions(
        conversation_id=conversation_id, customer_id=customer_id, after=cursor, limit=limit, newest=order == "newest"
    )
    if (conversation_id or customer_id) and cursor is None:
        await desk.audit.append(
            "data.viewed",
            actor=staff.id,
            conversation_id=conversation_id,
            customer_id=customer_id,
            detail={"what": "actions"},
        )
    items = [ActionShape.model_validate(action, from_attributes=True) for action in found]
    return ActionPage(items=items, next=found[-1].id if len(found) == limit else None)


@router.post("/{action_id}/compensate", status_code=202, responses=problems(401, 403, 404, 409))
async def compensate(action_id: str, staff: Responsible, desk: DeskDep) -> ApprovalShape:
    """Asks for an action to be taken back, the way its tool declares. Somebody else has to approve that."""
    return shape_of(await desk.reviews.compensate(action_id, by=staff.id))
