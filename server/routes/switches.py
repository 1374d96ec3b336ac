"""Kill switches over HTTP: a tool, an intent or all automation."""

from typing import Annotated

from fastapi import APIRouter

from desk.identity.staff import Staff
from server.deps import DeskDep, staff_with
from server.openapi import problems
from server.shapes import SwitchChange, SwitchPage, SwitchShape

Responsible = Annotated[Staff, staff_with("supervisor", "admin")]

router = APIRouter(prefix="/v1/switches", tags=["switches"])


@router.get("", responses=problems(401, 403))
async def list_switches(staff: Responsible, desk: DeskDep) -> SwitchPage:
    """Every switch somebody has used, those that are off first. What is not listed is on."""
    return SwitchPage.model_validate({"items": await desk.switches.list(), "names": desk.switches.names})


@router.put("/{name}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def set_switch(name: str, staff: Responsible, body: SwitchChange, desk: DeskDep) -> SwitchShape:
    """Switches a tool, an intent or `all` off or on, at once and for turns that are running too."""
    switch = await desk.switches.set(name, off=body.off, by=staff.id, reason=body.reason)
    return SwitchShape.model_validate(switch)
