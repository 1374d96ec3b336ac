"""SMS over Twilio's REST protocol."""

import asyncio

import httpx

from desk.channels.base import DeliveryFailed, Outgoing

REQUEST_SECONDS = 10.0
TOTAL_SECONDS = 15.0  # however slowly the answer trickles
_TRANSIENT = frozenset({408, 425, 429})


class TwilioSender:
    """Sends messages from one number. An answer's body is never read: it would repeat the message."""

    def __init__(self, *, base_url: str, account_sid: str, auth_token: str, sender: str) -> None:
        self._account = f"/2010-04-01/Accounts/{account_sid}"
        self._sender = sender
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            auth=(account_sid, auth_token),
            timeout=REQUEST_SECONDS,
            follow_redirects=False,
        )

    async def send(self, message: Outgoing) -> None:
        fields = {"To": message.to, "From": self._sender, "Body": message.text}
        status = await self._status("POST", f"{self._account}/Messages.json", fields)
        if status not in {200, 201}:
            raise _failure(status)

    async def check(self) -> None:
        status = await self._status("GET", f"{self._account}.json", None)
        if status in {401, 403} or status >= 500:
            raise _failure(status)

    async def close(self) -> None:
        await self._http.aclose()

    async def _status(self, method: str, path: str, fields: dict[str, str] | None) -> int:
        try:
            async with asyncio.timeout(TOTAL_SECONDS), self._http.stream(method, path, data=fields) as answer:
                return answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
            raise DeliveryFailed(type(exc).__name__, permanent=False) from exc


def _failure(status: int) -> DeliveryFailed:
    return DeliveryFailed(str(status), permanent=300 <= status < 500 and status not in _TRANSIENT)
