"""Who works here: oneself, and the names behind the ids that requests, switches and the audit log carry."""

from fastapi import APIRouter

from desk.identity.staff import Staff
from server.deps import DeskDep, StaffDep
from server.openapi import problems
from server.shapes import StaffPage, StaffShape

router = APIRouter(prefix="/v1/staff", tags=["staff"])


@router.get("", responses=problems(401))
async def list_staff(staff: StaffDep, desk: DeskDep) -> StaffPage:
    """Everybody who works or has worked here."""
    return StaffPage(items=[_shape(member) for member in await desk.staff.list()])


@router.get("/me", responses=problems(401))
async def show_me(staff: StaffDep) -> StaffShape:
    """Whose token this is, and what it is good for."""
    return _shape(staff)


def _shape(staff: Staff) -> StaffShape:
    return StaffShape(id=staff.id, name=staff.name, roles=sorted(staff.roles))
