"""The audit log for those who check on us: read it, and have it verified."""

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Query

from desk.audit.events import ACTIONS
from desk.domain.errors import InvalidRequest
from desk.identity.staff import Staff
from server.deps import DeskDep, staff_with
from server.openapi import problems
from server.shapes import AuditPage, AuditVerification

Checker = Annotated[Staff, staff_with("auditor", "supervisor", "admin")]

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("", responses=problems(401, 403, 422))
async def read_audit_log(
    staff: Checker,
    desk: DeskDep,
    conversation_id: Annotated[str | None, Query(max_length=100)] = None,
    customer_id: Annotated[str | None, Query(max_length=100)] = None,
    action: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditPage:
    """Entries, newest first. Reading those about a customer is an entry itself."""
    if action is not None and action not in ACTIONS:
        raise InvalidRequest("action is not one of the audit log's.")
    page = await desk.audit.entries(
        conversation_id=conversation_id, customer_id=customer_id, action=action, cursor=cursor, limit=limit
    )
    if (conversation_id or customer_id) and cursor is None:
        await desk.audit.append(
            "data.viewed",
            actor=staff.id,
            conversation_id=conversation_id,
            customer_id=customer_id,
            detail={"what": "audit"},
        )
    return AuditPage.model_validate(page)


@router.get("/verify", response_model_exclude_none=True, responses=problems(401, 403))
async def verify_audit_log(staff: Checker, desk: DeskDep) -> AuditVerification:
    """Checks the whole chain against itself and against the signed heads this server keeps."""
    return AuditVerification.model_validate(dataclasses.asdict(await desk.audit.verify()))
