"""What must hold for the systems a pack describes, as far as the pack alone can tell.

Whether the operations of a standard system are the protocol's own is asked when the desk opens, by
``desk.integrations.operations``.
"""

from collections.abc import Iterator
from typing import Any

from desk.policies.sources import PackFiles, Written
from desk.policies.systems import (
    STANDARD,
    ErrorRule,
    McpOperation,
    McpSystem,
    PostgresSystem,
    RestOperation,
    RestSystem,
)
from desk.policies.yaml_source import Key, Problem

NOBODY_YET = ("identify",)
"""Operations that are asked before anybody is known."""


def check_systems(files: PackFiles) -> Iterator[Problem]:
    """Every problem of ``systems.yaml``."""
    for at in files.systems:
        match at.value:
            case PostgresSystem(id=name) if name not in STANDARD:
                yield at.problem(("kind",), f"postgres has {', '.join(STANDARD)} only; use rest or mcp")
            case RestSystem():
                yield from _operations(at)
            case McpSystem():
                yield from _operations(at)
                yield from _reached(at)


def _operations(at: Written[Any]) -> Iterator[Problem]:
    own, names = at.value.id not in STANDARD, set()
    if at.value.auth is not None:
        yield from _auth(at)
    for index, operation in enumerate(at.value.operations):
        key: Key = ("operations", index)
        if operation.name in names:
            yield at.problem((*key, "name"), f"{operation.name!r} is there twice; rename one of the two")
        names.add(operation.name)
        yield from _own(at, key, operation, own=own)
        if "customer_id" not in operation.placeholders and operation.name not in NOBODY_YET:
            yield at.problem(key, "does not say where {customer_id} goes; the customer is part of every request")
        for number, rule in enumerate(operation.errors):
            yield from _error(at, (*key, "errors", number), rule)
        if isinstance(operation, RestOperation) and operation.method == "GET" and (operation.body or operation.writes):
            yield at.problem((*key, "method"), "GET has no body and changes nothing; use another method")
    for number, rule in enumerate(at.value.errors):
        yield from _error(at, ("errors", number), rule)


def _own(at: Written[Any], key: Key, operation: RestOperation | McpOperation, *, own: bool) -> Iterator[Problem]:
    """A tool source of its own describes what a standard system's protocol says already."""
    if not own:
        for name in ("arguments", "shape", "writes"):
            if getattr(operation, name):
                yield at.problem((*key, name), f"is known for {at.value.id}; remove it")
        return
    if operation.shape is None:
        yield at.problem((*key, "shape"), "is missing; say what the operation answers")
    else:
        for name in sorted(operation.result.keys() - operation.shape.keys()):
            yield at.problem(
                (*key, "result", name), f"is no field of the shape; there are {', '.join(operation.shape)}"
            )
    given = {argument.name for argument in operation.arguments}
    money = {argument.name for argument in operation.arguments if argument.type == "money"}
    known = given | {"customer_id", "key"} | {f"{name}.{part}" for name in money for part in ("amount", "currency")}
    for unknown in sorted(operation.placeholders - known):
        yield at.problem(key, f"{{{unknown}}} is no argument; there are {', '.join(sorted(known))}")
    used = {name.partition(".")[0] for name in operation.placeholders}
    for unused in sorted(given - used):
        yield at.problem(key, f"the argument {unused!r} goes nowhere; use it or remove it")
    if operation.writes and isinstance(operation, McpOperation):
        yield from _key(at, key, operation)


def _key(at: Written[Any], key: Key, operation: McpOperation) -> Iterator[Problem]:
    if at.value.idempotent and "key" not in operation.placeholders:
        yield at.problem((*key, "given"), "does not say where {key} goes; an idempotent system needs it to write")


def _error(at: Written[Any], key: Key, rule: ErrorRule) -> Iterator[Problem]:
    if rule.status is None and rule.code is None:
        yield at.problem(key, "fits everything; add a status or a code")
    if rule.status is not None and isinstance(at.value, McpSystem):
        yield at.problem((*key, "status"), "MCP has no status; use a code")


def _auth(at: Written[Any]) -> Iterator[Problem]:
    if (at.value.auth.kind == "basic") != bool(at.value.auth.user):
        yield at.problem(("auth", "user"), "goes with kind basic, and only with it; add or remove it")
    if isinstance(at.value, McpSystem) and at.value.command:
        yield at.problem(("auth",), "is for url; a program gets its secrets by environment")


def _reached(at: Written[McpSystem]) -> Iterator[Problem]:
    if (at.value.url is None) == (not at.value.command):
        yield at.problem((), "has url or command, one of the two; say how the server is reached")
    if at.value.environment and not at.value.command:
        yield at.problem(("environment",), "goes with command; remove it")
