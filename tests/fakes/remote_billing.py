"""A billing system of somebody else: a real server on loopback, whose refunds no transaction of ours can take back.

``RemoteShop`` is the server, ``RemoteBilling`` the adapter. Whether it honours idempotency keys is its own affair.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from desk.domain.errors import OutcomeUnknown, SystemUnavailable
from desk.domain.money import Money
from desk.integrations.postgres.billing import PostgresBilling
from desk.integrations.protocols import Refund, RefundQuote
from graph.builder import Services
from tools.registry import ToolRegistry


@dataclass(kw_only=True)
class RemoteShop:
    """Counts what it did. One line of JSON asks, one answers."""

    honours_keys: bool
    refunds: list[dict[str, Any]] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> "RemoteShop":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def of_order(self, number: str) -> list[int]:
        return [refund["amount"] for refund in self.refunds if refund["order"] == number]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line := await reader.readline():
            writer.write(json.dumps(self._answer(json.loads(line))).encode() + b"\n")
        writer.close()

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["op"] == "refunded":
            return {"refunded": sum(self.of_order(asked["order"]))}
        known = [number for number, refund in enumerate(self.refunds) if refund["key"] == asked["key"]]
        if not (known and self.honours_keys):
            self.refunds.append(asked)
            known = [len(self.refunds) - 1]
        return {"reference": f"REMOTE-{known[0] + 1}"}


@dataclass(frozen=True, kw_only=True)
class RemoteBilling(PostgresBilling):
    """Invoices and payments as in the reference shop; refunds are the remote server's."""

    port: int

    async def get_refund_quote(self, order_number: str, *, customer_id: str) -> RefundQuote:
        quote = await super().get_refund_quote(order_number, customer_id=customer_id)
        refunded = (await self._ask({"op": "refunded", "order": order_number}))["refunded"]
        left: Money = {**quote["paid"], "amount": quote["paid"]["amount"] - refunded}
        return {**quote, "refunded": {**quote["paid"], "amount": refunded}, "refundable": left}

    async def refund(self, order_number: str, amount: Money, *, customer_id: str, key: str) -> Refund:
        quote = await self.get_refund_quote(order_number, customer_id=customer_id)
        answer = await self._ask({"op": "refund", "order": order_number, "amount": amount["amount"], "key": key})
        return {
            "reference": answer["reference"], "order_number": order_number, "amount": amount,
            "payment_method": quote["payment_method"],
        }  # fmt: skip

    async def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as exc:
            raise SystemUnavailable("billing does not answer.") from exc
        writer.write(json.dumps(asked).encode() + b"\n")
        line = await reader.readline()
        writer.close()
        if not line:
            raise OutcomeUnknown("billing did not say whether it was done.")
        return dict(json.loads(line))


class ForgetfulBilling(ToolRegistry):
    """Knows that the billing system would do a write again for the same key."""

    def replays(self, system: str) -> bool:
        return system != "billing"


def with_remote_billing(port: int, *, honours_keys: bool) -> Callable[[Services], Services]:
    """Changes a desk's services to refund by the server on ``port``."""

    def change(services: Services) -> Services:
        systems = services.executor.registry.systems
        pool = cast(PostgresBilling, systems.billing).pool
        systems = replace(systems, billing=RemoteBilling(pool=pool, port=port))
        registry = (ToolRegistry if honours_keys else ForgetfulBilling)(services.policies, systems)
        return replace(services, executor=replace(services.executor, registry=registry))

    return change
