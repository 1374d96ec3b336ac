"""Staff of a demo: two members for each role, whose tokens are in a file of the data folder."""

import json
import os
from pathlib import Path
from typing import Any

from desk.audit.events import SYSTEM
from desk.domain.errors import NotAuthenticated
from desk.identity.staff import ROLES, Role, StaffStore

FILE = "demo-staff.json"
_FOR_EACH_ROLE = 2


async def ensure_demo_staff(store: StaffStore, *, data_dir: Path) -> dict[Role, list[str]]:
    """Role → two tokens. Those in ``demo-staff.json`` are kept while they are valid; the others are made again."""
    file = data_dir / FILE
    kept = _read(file)
    tokens: dict[Role, list[str]] = {}
    for role in ROLES:
        tokens[role] = [token for token in kept.get(role, []) if await _is_valid(store, token, role)][:_FOR_EACH_ROLE]
        while (number := len(tokens[role]) + 1) <= _FOR_EACH_ROLE:
            _, token = await store.add(f"Demo {role.replace('_', ' ')} {number}", [role], by=SYSTEM)
            tokens[role].append(token)
    if tokens != kept:
        _write(file, tokens)
    return tokens


async def _is_valid(store: StaffStore, token: str, role: Role) -> bool:
    try:
        return (await store.enter(token)).has_any([role])
    except NotAuthenticated:
        return False


def _read(file: Path) -> dict[str, list[str]]:
    """What the file holds in the shape we wrote it; anything else is as good as nothing."""
    try:
        value: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {
        role: [token for token in tokens if isinstance(token, str)]
        for role, tokens in value.items()
        if isinstance(tokens, list)
    }


def _write(file: Path, tokens: dict[Role, list[str]]) -> None:
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(tokens, out, indent=2)
        out.write("\n")
    fresh.replace(file)
