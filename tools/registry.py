"""Binds the pack's tools to the methods of the business systems, once, at start."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from desk.domain.errors import PackError
from desk.policies.models import PolicySet, ToolSpec
from tools.appointments import APPOINTMENT_OPERATIONS
from tools.billing import BILLING_OPERATIONS
from tools.customers import CUSTOMER_OPERATIONS
from tools.operation import Operation, Systems
from tools.orders import ORDER_OPERATIONS
from tools.results import has_field
from tools.tickets import TICKET_OPERATIONS

OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "orders": ORDER_OPERATIONS,
    "billing": BILLING_OPERATIONS,
    "crm": CUSTOMER_OPERATIONS,
    "ticketing": TICKET_OPERATIONS,
    "scheduling": APPOINTMENT_OPERATIONS,
}
"""Everything that can be done, by system and operation."""


@dataclass(frozen=True, kw_only=True)
class BoundTool:
    """A tool of the pack and what runs it."""

    spec: ToolSpec
    operation: Operation


class ToolRegistry:
    """The tools of a pack that can run here.

    Raises ``PackError`` with every tool that names an operation no system has, hands it other arguments, or keeps a
    field its result does not have.
    """

    def __init__(self, policies: PolicySet, systems: Systems, *, replaying: Collection[str] = OPERATIONS) -> None:
        """``replaying``: systems that give the first result again for the same idempotency key."""
        problems = [problem for spec in policies.tools.values() for problem in _problems(spec)]
        if problems:
            raise PackError(problems)
        self.systems = systems
        self._replaying = frozenset(replaying)
        self._tools = {
            name: BoundTool(spec=spec, operation=OPERATIONS[spec.system][spec.operation])
            for name, spec in policies.tools.items()
        }

    def find(self, name: str) -> BoundTool | None:
        """The tool of that name, or None: a model may name anything."""
        return self._tools.get(name)

    def replays(self, system: str) -> bool:
        """Whether a write to this system may be repeated with the same key."""
        return system in self._replaying


def _problems(spec: ToolSpec) -> list[str]:
    where = f"tools.yaml: {spec.name}"
    operation = OPERATIONS.get(spec.system, {}).get(spec.operation)
    if operation is None:
        known = ", ".join(f"{system}.{name}" for system, names in OPERATIONS.items() for name in names)
        return [f"{where}: no system here has {spec.system}.{spec.operation}; there are {known}"]
    given = tuple(argument.type for argument in spec.arguments if argument.source != "session")
    problems = [
        f"{where}: result_fields: {field} is no field of the result"
        for field in spec.result_fields
        if not has_field(operation.result, field)
    ]
    if given != operation.arguments:
        problems.append(
            f"{where}: arguments: {spec.operation} takes {', '.join(operation.arguments) or 'none'}"
            " besides those from the session"
        )
    if operation.writes != (spec.risk != "read"):
        problems.append(f"{where}: risk: {spec.operation} {'writes' if operation.writes else 'only reads'}")
    if not any(argument.source == "session" for argument in spec.arguments):
        problems.append(f"{where}: arguments: {spec.operation} needs the customer from the session")
    return problems
