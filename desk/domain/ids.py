"""Prefixed, time-sortable ids: ``conv_``, ``turn_``, ``msg_``, ``tick_`` … followed by 26 base-32 characters.

The layout is ULID's: 48 bits of milliseconds, then 80 random bits. Ids made later by one process sort later.
"""

import re
import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """A fresh id such as ``conv_01hq3…``."""
    global _last
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    with _lock:
        _last = value = max(value, _last + 1)
    return f"{prefix}_" + "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str, prefix: str) -> bool:
    """Whether ``text`` has the shape of an id made by ``new_id(prefix)``."""
    return re.fullmatch(rf"{prefix}_[{_ALPHABET}]{{26}}", text) is not None
