"""Who is calling: the address of the connection, or what a trusted proxy says it is."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from desk.domain.errors import ConfigurationError

Network = IPv4Network | IPv6Network


def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks of ``FRONTDESK_TRUSTED_PROXIES``. Raises ``ConfigurationError`` for one that is not an address."""
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as exc:
        raise ConfigurationError(f"FRONTDESK_TRUSTED_PROXIES: {exc}") from exc


def client_address(scope: Scope, *, trusted: Sequence[Network]) -> str:
    """The caller's address. ``X-Forwarded-For`` is read from its right end, past trusted proxies only."""
    client = scope.get("client")
    address = client[0] if client else "unknown"
    hops = [hop.strip() for value in Headers(scope=scope).getlist("x-forwarded-for") for hop in value.split(",")]
    while hops and _within(address, trusted):
        address = hops.pop()
    return address[:64]


def _within(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
