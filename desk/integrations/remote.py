"""A business system behind a wire: the methods of a protocol, each sent through a transport and its answer checked.

What travels and how is the transport's (``rest``, ``mcp``). Here is what is the same for all: values that cannot be are
not sent, the pack says what an error means, a record is of its promised shape and of the customer who asked, and a
system that fails is left alone for a while. Nothing of an answer gets into a log or an error.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from desk.domain.breaker import CircuitBreaker
from desk.domain.errors import IntegrationError, NotPossible, OutcomeUnknown, RecordNotFound, SystemUnavailable
from desk.integrations.mapping import at, mapped
from desk.integrations.operations import RemoteOperation, operations_of
from desk.integrations.records import ResultMalformed, from_json, is_text, plain
from desk.policies.systems import McpSystem, OperationSpec, RestSystem

logger = logging.getLogger(__name__)

MAX_NAME = 200  # characters of a record's number; none is longer


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The system did it, and said this."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The system did not do it, or did not say so."""

    why: str
    """In our own words, for the log."""
    status: int | None = None
    code: str | None = None
    maybe_done: bool = True
    """Whether a write may have happened all the same."""
    is_fault: bool = True
    """Whether the system itself is to blame: repeated, it is left alone for a while."""


class Transport(Protocol):
    """Sends one call. Raises nothing of its own: what goes wrong is ``Failed``."""

    async def send(
        self, operation: RemoteOperation, values: Mapping[str, Any], *, key: str | None
    ) -> Answered | Failed: ...


@dataclass(frozen=True, kw_only=True)
class RemoteSystem:
    """One system. ``method`` gives what a protocol's method of that name would be."""

    spec: RestSystem | McpSystem
    transport: Transport
    breaker: CircuitBreaker = field(default_factory=lambda: CircuitBreaker(threshold=5, open_seconds=10))

    def __post_init__(self) -> None:
        written = {operation.name: operation for operation in self.spec.operations}
        for operation in operations_of(self.spec).values():
            call = self._call if operation.needs_customer else self._identify
            object.__setattr__(self, operation.name, partial(call, operation, written[operation.name]))

    async def _identify(self, operation: RemoteOperation, written: OperationSpec, **named: str) -> str | None:
        try:
            found = await self._call(operation, written, **named)
        except RecordNotFound:
            return None
        customer_id: str | None = found["customer_id"]
        return customer_id

    async def _call(
        self,
        operation: RemoteOperation,
        written: OperationSpec,
        *arguments: Any,
        customer_id: str = "",
        key: str | None = None,
        **named: Any,
    ) -> Any:
        values = dict(zip(operation.arguments, arguments, strict=False)) | named
        self._refuse_impossible(operation, values, customer_id=customer_id)
        values |= {"customer_id": customer_id, "key": key}
        if not self.breaker.allows():
            raise SystemUnavailable(f"{self.spec.id} failed repeatedly and is left alone for a while.")
        try:
            outcome = await self.transport.send(operation, values, key=key)
        except BaseException:
            self.breaker.abandoned()
            raise
        if isinstance(outcome, Failed):
            if outcome.is_fault:
                self.breaker.failed()
            else:
                self.breaker.succeeded()
            raise self._error(operation, written, outcome)
        self.breaker.succeeded()
        return self._record(operation, written, outcome.value, values)

    def _refuse_impossible(self, operation: RemoteOperation, values: Mapping[str, Any], *, customer_id: str) -> None:
        """A number no record can have, or a value no system can hold, goes nowhere."""
        if operation.needs_customer and not _can_be_a_name(customer_id):
            raise self._no_such_record()
        for name, value in values.items():
            if name in operation.naming and not _can_be_a_name(value):
                raise self._no_such_record()
        for value in values.values():
            if not _can_be_a_value(value):
                raise self._refusal("value_invalid") if operation.writes else self._no_such_record()

    def _record(
        self, operation: RemoteOperation, written: OperationSpec, answer: Any, values: Mapping[str, Any]
    ) -> Any:
        try:
            found = at(answer, written.answer)
            owner = at(found, written.owner) if written.owner is not None else values["customer_id"]
            record = from_json(mapped(found, written.result, given=values), operation.shape)
            plain(record, operation.shape)
        except ResultMalformed as exc:
            self._note(operation, str(exc))
            raise self._unusable(operation) from None
        if operation.needs_customer and {owner, record.get("customer_id", owner)} != {values["customer_id"]}:
            logger.error("A record of somebody else", extra={"action": "foreign_record", **self._where(operation)})
            raise OutcomeUnknown(self._unclear()) if operation.writes else self._no_such_record()
        return record

    def _error(self, operation: RemoteOperation, written: OperationSpec, failed: Failed) -> IntegrationError:
        """What a failure means: as the pack says, or else as its kind usually does."""
        for rule in (*written.errors, *self.spec.errors):
            fits = rule.status in (None, failed.status) and rule.code in (None, failed.code)
            if (fits and failed.status is not None) or (fits and failed.code is not None):
                match rule.means:
                    case "not_found":
                        return self._no_such_record()
                    case "unavailable":
                        self._note(operation, failed.why)
                        return SystemUnavailable(f"{self.spec.id} could not do it.")
                    case reason:
                        return self._refusal(reason)
        if failed.status == 404:
            return self._no_such_record()
        self._note(operation, failed.why)
        if failed.maybe_done:
            return self._unusable(operation)
        return SystemUnavailable(f"{self.spec.id} could not do it.")

    def _unusable(self, operation: RemoteOperation) -> IntegrationError:
        return OutcomeUnknown(self._unclear()) if operation.writes else SystemUnavailable(self._unclear())

    def _unclear(self) -> str:
        return f"{self.spec.id} gave no usable answer."

    def _no_such_record(self) -> RecordNotFound:
        return RecordNotFound(f"There is no such record in {self.spec.id}.")

    def _refusal(self, reason: str) -> NotPossible:
        return NotPossible(f"{self.spec.id} refuses: {reason.replace('_', ' ')}.", reason=reason)

    def _note(self, operation: RemoteOperation, why: str) -> None:
        logger.warning(
            "A system gave no usable answer: %s", why, extra={"action": "system_failed", **self._where(operation)}
        )

    def _where(self, operation: RemoteOperation) -> dict[str, str]:
        return {"system": self.spec.id, "operation": operation.name}


def _can_be_a_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value not in {".", ".."} and is_text(value)


def _can_be_a_value(value: Any) -> bool:
    if isinstance(value, dict):
        amount = value["amount"]
        return type(amount) is int and abs(amount) < 2**63 and is_text(value["currency"])
    return isinstance(value, str) and is_text(value)
