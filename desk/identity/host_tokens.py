"""In-app customers (R5.1): the host application's signed token says who they are.

HS256 with the shared key, RS256 with a key the host publishes; each algorithm has its own key and no token chooses
between them. Every token that does not count gets the same answer.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import jwt

from desk.domain.errors import NotAuthenticated
from desk.identity.jwks import RemoteKeys

MAX_TOKEN_BYTES = 8 * 1024
MAX_SUBJECT_CHARS = 128
LEEWAY_SECONDS = 10  # clocks of two machines differ
_OPTIONS: Any = {"require": ["exp", "sub"], "verify_aud": False}  # a missing `aud` is accepted: see _is_for_us


class HostTokens:
    """Reads the tokens of one host. ``is_customer`` asks the CRM whether somebody has an open account."""

    def __init__(
        self,
        *,
        key: str | None,
        keys: RemoteKeys | None,
        audience: str,
        is_customer: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._key = key or None
        self._keys = keys
        self._audience = audience
        self._is_customer = is_customer

    @property
    def configured(self) -> bool:
        return self._key is not None or self._keys is not None

    async def customer_of(self, token: str | None) -> str:
        """The customer's id.

        Raises ``NotAuthenticated`` for a token that does not count, ``SystemUnavailable`` when nobody can say.
        """
        claims = None if token is None else await self._claims(token)
        if claims is None or not self._is_for_us(claims):
            raise _refused()
        subject = claims["sub"]
        if not subject or len(subject) > MAX_SUBJECT_CHARS or not await self._is_customer(subject):
            raise _refused()
        return str(subject)

    async def _claims(self, token: str) -> dict[str, Any] | None:
        """What a token with a valid signature says within its time; None for every other."""
        if len(token.encode("utf-8", "replace")) > MAX_TOKEN_BYTES:
            return None
        try:
            header = jwt.get_unverified_header(token)
            algorithm, key_id = header.get("alg"), header.get("kid")
            key: Any = None
            if algorithm == "HS256":
                key = self._key
            elif algorithm == "RS256" and self._keys is not None and isinstance(key_id, str | None):
                key = await self._keys.key(key_id)
            if key is None:
                return None
            return jwt.decode(token, key, algorithms=[str(algorithm)], options=_OPTIONS, leeway=LEEWAY_SECONDS)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            return None

    def _is_for_us(self, claims: dict[str, Any]) -> bool:
        """A token of the host for somebody else is not for us; one that names nobody is."""
        if "aud" not in claims:
            return True
        named = claims["aud"]
        return self._audience in (named if isinstance(named, list) else [named])


def _refused() -> NotAuthenticated:
    return NotAuthenticated("Send a valid token of the host application as a bearer token.")
