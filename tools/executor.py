"""The only way a tool runs: gated again, as the session's customer, within a time, its result checked and reduced."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from desk.domain.conversation import Actor
from desk.domain.errors import RecordNotFound, SystemUnavailable
from desk.policies.models import Intent
from tools.calls import ToolCall, ToolResult
from tools.policy import Allow, Deny, StepUp, gate
from tools.registry import BoundTool, ToolRegistry
from tools.results import ResultMalformed, plain, reduced

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ToolExecutor:
    """Runs calls. Whatever goes wrong is an outcome, never an exception."""

    registry: ToolRegistry
    timeout: timedelta = timedelta(seconds=5)
    """How long a system may take. Reads of the reference shop stop themselves after two seconds."""

    async def run(self, call: ToolCall, *, intent: Intent, actor: Actor, conversation_id: str) -> ToolResult:
        """The call's result. The customer is the actor's, whatever the arguments say."""
        started = time.monotonic()
        result = await self._run(call, intent=intent, actor=actor)
        logger.info(
            "Tool called",
            extra={
                "action": "tool_called", "tool": result["tool"], "call_id": call["id"], "outcome": result["outcome"],
                "detail": result["detail"], "conversation_id": conversation_id,
                "ms": round((time.monotonic() - started) * 1000, 1),
            },
        )  # fmt: skip
        return result

    async def _run(self, call: ToolCall, *, intent: Intent, actor: Actor) -> ToolResult:
        tool = self.registry.find(call["tool"])
        if tool is None:
            # The name is a model's invention: it goes no further, not even into a log.
            return _result(call | {"tool": "unknown"}, "denied", detail="tool_unknown")
        match gate(call, intent=intent, tool=tool.spec, actor=actor):
            case Deny(reason=reason):
                return _result(call, "denied", detail=reason)
            case StepUp(level=level):
                return _result(call, "denied", detail=f"level_{level}_needed")
            case Allow():
                return await self._read(call, tool, actor=actor)

    async def _read(self, call: ToolCall, tool: BoundTool, *, actor: Actor) -> ToolResult:
        customer_id = actor["customer_id"]
        # The pack's order of arguments is the method's; the registry checked it.
        values = [call["arguments"][argument.name] for argument in tool.spec.arguments if argument.source == "field"]
        method = tool.operation.method(self.registry.systems)
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                answer = await method(*values, customer_id=customer_id)
            record = plain(answer, tool.operation.result)
        except RecordNotFound:
            return _result(call, "not_found")
        except SystemUnavailable:
            return _result(call, "failed", detail="system_unavailable")
        except TimeoutError:
            return _result(call, "failed", detail="time_out")
        except ResultMalformed as exc:
            return self._failed(call, "result_malformed", str(exc))
        except Exception as exc:  # an adapter of a third party may raise anything; a turn must end in a sentence
            # Only the type: the words of a foreign error may hold anything.
            return self._failed(call, "system_failed", type(exc).__name__)
        if record.get("customer_id", customer_id) != customer_id:
            logger.error("A record of somebody else", extra={"action": "foreign_record", "tool": call["tool"]})
            return _result(call, "not_found")
        return _result(call, "succeeded", data=reduced(record, tool.spec.result_fields))

    def _failed(self, call: ToolCall, detail: str, why: str) -> ToolResult:
        extra = {"action": detail, "tool": call["tool"], "call_id": call["id"]}
        logger.warning("A system gave no usable answer: %s", why, extra=extra)
        return _result(call, "failed", detail=detail)


def _result(
    call: ToolCall, outcome: Any, *, data: dict[str, Any] | None = None, detail: str | None = None
) -> ToolResult:
    return {"call_id": call["id"], "tool": call["tool"], "outcome": outcome, "data": data or {}, "detail": detail}
