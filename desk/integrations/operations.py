"""What a remote adapter knows of each operation: what it takes, what it answers, whether it writes.

Of the five standard systems this is read off their protocols; a tool source of its own says it in the pack.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, get_args, get_type_hints

from desk.domain.money import Money
from desk.integrations.protocols import Billing, Crm, Orders, Refused, Scheduling, Ticketing
from desk.integrations.records import RECORD_NAMES
from desk.policies.systems import ErrorRule, McpOperation, McpSystem, OperationSpec, RestOperation, RestSystem

PROTOCOLS: Mapping[str, type] = {
    "orders": Orders, "billing": Billing, "crm": Crm, "ticketing": Ticketing, "scheduling": Scheduling,
}  # fmt: skip

ALWAYS_USED: Mapping[str, frozenset[str]] = {"crm": frozenset({"identify", "get_customer", "get_contact_points"})}
"""Operations the desk itself asks for, whatever the pack's tools are."""

_KINDS: Mapping[str, Any] = {"text": str, "integer": int, "boolean": bool, "money": Money, "moment": datetime}
_NAMING = frozenset({"order_number", "invoice_number", "reference"})


class Identified(TypedDict):
    customer_id: str | None


@dataclass(frozen=True, kw_only=True)
class RemoteOperation:
    """One operation as an adapter sees it."""

    name: str
    arguments: tuple[str, ...]
    """Names, in the method's order; the customer and the key come besides."""
    naming: frozenset[str]
    """Those that name a record."""
    shape: Any
    writes: bool
    needs_customer: bool = True


def operations_of(spec: RestSystem | McpSystem) -> dict[str, RemoteOperation]:
    """The operations this system has here, by name."""
    if spec.id in PROTOCOLS:
        standard = standard_operations(spec.id)
        return {operation.name: standard[operation.name] for operation in spec.operations if operation.name in standard}
    return {operation.name: _own(spec.id, operation) for operation in spec.operations}


def standard_operations(system: str) -> dict[str, RemoteOperation]:
    """The operations of a standard system, as its protocol has them."""
    methods = inspect.getmembers(PROTOCOLS[system], inspect.isfunction)
    return {name: _promised(name, method) for name, method in methods if not name.startswith("_")}


def problems_of(spec: RestSystem | McpSystem) -> Iterator[str]:
    """What the pack alone could not tell is wrong with a system."""
    for rule in spec.errors:
        yield from _meaning(spec.id, rule)
    for operation in spec.operations:
        for rule in operation.errors:
            yield from _meaning(f"{spec.id}.{operation.name}", rule)
    if spec.id not in PROTOCOLS:
        return
    standard = standard_operations(spec.id)
    there = {operation.name for operation in spec.operations}
    for name in sorted(ALWAYS_USED.get(spec.id, frozenset()) - there):
        yield f"systems.yaml: {spec.id}: has no operation {name}, which the desk itself needs; add it"
    for written in spec.operations:
        where = f"systems.yaml: {spec.id}.{written.name}"
        if (known := standard.get(written.name)) is None:
            yield f"{where}: is no operation of {spec.id}; there are {', '.join(sorted(standard))}"
            continue
        yield from _placeholders(where, written, known)
        if known.writes and isinstance(written, McpOperation):
            if spec.idempotent and "key" not in written.placeholders:
                yield f"{where}: given: does not say where {{key}} goes; an idempotent system needs it to write"
        elif known.writes and isinstance(written, RestOperation) and written.method == "GET":
            yield f"{where}: method: GET changes nothing; use another method"


def _placeholders(where: str, written: OperationSpec, known: RemoteOperation) -> Iterator[str]:
    money = ("amount.amount", "amount.currency") if "amount" in known.arguments else ()
    allowed = {*known.arguments, *money, "customer_id", "key"}
    for unknown in sorted(written.placeholders - allowed):
        yield f"{where}: {{{unknown}}} is no argument; there are {', '.join(sorted({*known.arguments, 'customer_id'}))}"
    used = {name.partition(".")[0] for name in written.placeholders}
    for unused in sorted(set(known.arguments) - used):
        yield f"{where}: the argument {unused} goes nowhere; use it"


def _meaning(where: str, rule: ErrorRule) -> Iterator[str]:
    if rule.means not in {"not_found", "unavailable", *get_args(Refused)}:
        known = ", ".join(get_args(Refused))
        yield f"systems.yaml: {where}: errors: {rule.means!r} is not_found, unavailable or none of {known}"


def _promised(name: str, method: Any) -> RemoteOperation:
    parameters = [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]
    arguments = tuple(parameter for parameter in parameters if parameter not in ("customer_id", "key"))
    needs_customer = "customer_id" in parameters
    return RemoteOperation(
        name=name, arguments=arguments, naming=RECORD_NAMES & set(arguments), writes="key" in parameters,
        shape=get_type_hints(method)["return"] if needs_customer else Identified, needs_customer=needs_customer,
    )  # fmt: skip


def _own(system: str, operation: RestOperation | McpOperation) -> RemoteOperation:
    assert operation.shape is not None, "the loader checks it"
    return RemoteOperation(
        name=operation.name,
        arguments=tuple(argument.name for argument in operation.arguments),
        naming=frozenset(argument.name for argument in operation.arguments if argument.type in _NAMING),
        shape=_type_of(operation.shape, name=f"{system}_{operation.name}"),
        writes=operation.writes,
    )


def _type_of(shape: Any, *, name: str) -> Any:
    """The pack's words for a shape as the type that results are checked against."""
    match shape:
        case str():
            kind = _KINDS[shape.removesuffix("?")]
            return kind | None if shape.endswith("?") else kind
        case [item]:
            return list[_type_of(item, name=name)]  # type: ignore[misc]
        case _:
            fields = {field: _type_of(item, name=f"{name}_{field}") for field, item in shape.items()}
            return TypedDict(name, fields)  # type: ignore[operator]
