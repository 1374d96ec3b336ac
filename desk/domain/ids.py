"""Prefixed, time-sortable ids: ``conv_``, ``turn_``, ``msg_``, ``tick_`` … followed by 26 base-32 characters.

The layout is ULID's: 48 bits of milliseconds, then 80 random bits, so ids made later sort later.
"""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """A fresh id such as ``conv_01hq3…``."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return f"{prefix}_" + "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
