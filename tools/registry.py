"""Binds the pack's tools to the methods of the business systems, once, at start."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from desk.domain.errors import PackError
from desk.integrations.operations import RemoteOperation, operations_of, problems_of
from desk.policies.models import ArgumentType, PolicySet, ToolSpec
from desk.policies.systems import McpSystem, PostgresSystem, RestSystem
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
"""Everything the five systems can do, by system and operation."""


@dataclass(frozen=True, kw_only=True)
class BoundTool:
    """A tool of the pack and what runs it."""

    spec: ToolSpec
    operation: Operation


class ToolRegistry:
    """The tools of a pack that can run here.

    Raises ``PackError`` with all of ``registry_problems``.
    """

    def __init__(self, policies: PolicySet, systems: Systems, *, replaying: Collection[str] | None = None) -> None:
        """``replaying``: systems that give the first result again for the same idempotency key; None: those of which
        the pack says nothing else."""
        if problems := registry_problems(policies):
            raise PackError(problems)
        operations = available_operations(policies)
        self.systems = systems
        forgetful = {spec.id for spec in policies.systems.values() if not _replays(spec)}
        self._replaying = frozenset(replaying if replaying is not None else operations.keys() - forgetful)
        self._tools = {
            name: BoundTool(spec=spec, operation=operations[spec.system][spec.operation])
            for name, spec in policies.tools.items()
        }

    def find(self, name: str) -> BoundTool | None:
        """The tool of that name, or None: a model may name anything."""
        return self._tools.get(name)

    def replays(self, system: str) -> bool:
        """Whether a write to this system may be repeated: it gives the first result again for the same key."""
        return system in self._replaying


def registry_problems(policies: PolicySet) -> list[str]:
    """Every system whose operations are not those of its protocol, and every tool that names an operation no system
    has, hands it other arguments, or keeps a field its result does not have."""
    remote = [spec for spec in policies.systems.values() if not isinstance(spec, PostgresSystem)]
    problems = [problem for spec in remote for problem in problems_of(spec)]
    operations = available_operations(policies)
    return problems + [problem for tool in policies.tools.values() for problem in _problems(tool, operations)]


def available_operations(policies: PolicySet) -> dict[str, Mapping[str, Operation]]:
    """What can be done here: the five systems, as far as a remote one has it, and the pack's own tool sources."""
    operations = dict(OPERATIONS)
    for spec in policies.systems.values():
        match spec:
            case PostgresSystem():
                continue
            case _ if spec.id in OPERATIONS:
                there = operations_of(spec)
                operations[spec.id] = {name: known for name, known in OPERATIONS[spec.id].items() if name in there}
            case _:
                types = {written.name: [argument.type for argument in written.arguments] for written in spec.operations}
                operations[spec.id] = {
                    name: _own(spec.id, operation, types[name]) for name, operation in operations_of(spec).items()
                }
    return operations


def _own(source: str, operation: RemoteOperation, types: list[ArgumentType]) -> Operation:
    return Operation(
        arguments=tuple(types),
        result=operation.shape,
        method=lambda systems: getattr(systems.sources[source], operation.name),
        writes=operation.writes,
    )


def _replays(spec: PostgresSystem | RestSystem | McpSystem) -> bool:
    return isinstance(spec, PostgresSystem) or spec.idempotent


def _problems(spec: ToolSpec, operations: Mapping[str, Mapping[str, Operation]]) -> list[str]:
    where = f"tools.yaml: {spec.name}"
    operation = operations.get(spec.system, {}).get(spec.operation)
    if operation is None:
        known = ", ".join(f"{system}.{name}" for system, names in operations.items() for name in names)
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
