"""Kill switches (R9.3): a tool, an intent or all automation, off for everybody at once.

The gate reads them before anything is proposed and the executor again right before an effect, so a switch also stops
turns that are running. Nothing is cached.
"""

import difflib
from datetime import datetime
from typing import Final, TypedDict

from desk.db.pool import Pool
from desk.domain.errors import NotFound
from desk.policies.models import PolicySet
from desk.privacy.redaction import ALL, redact

EVERYTHING: Final = "all"


class Switch(TypedDict):
    """A switch somebody has used."""

    name: str
    off: bool
    reason: str | None
    by: str
    at: datetime


class SwitchStore:
    """Reads and sets the switches of a pack's tools and intents."""

    def __init__(self, pool: Pool, *, policies: PolicySet) -> None:
        self._pool = pool
        self._names = frozenset({EVERYTHING, *policies.tools, *policies.intents})

    @property
    def names(self) -> list[str]:
        """Everything that can be switched: ``all`` first."""
        return sorted(self._names, key=lambda name: (name != EVERYTHING, name))

    async def is_off(self, *, tool: str | None = None, intent: str | None = None) -> str | None:
        """The name of a switch that is off and covers this tool or this intent; None: go on."""
        asked = [name for name in (EVERYTHING, tool, intent) if name is not None]
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_IS_OFF, {"names": asked})).fetchone()
        return None if row is None else str(row["name"])

    async def set(self, name: str, *, off: bool, by: str, reason: str | None = None) -> Switch:
        """Switches; ``by`` is a member of staff's id, or ``operator``. Raises ``NotFound`` for an unknown name."""
        if name not in self._names:
            near = difflib.get_close_matches(name[:80], self._names, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise NotFound(f"There is no tool and no intent of this name to switch.{hint}", code="unknown_switch")
        values = {"name": name, "off": off, "by": by, "reason": reason and redact(reason[:500], kinds=ALL).text}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_SET, values)).fetchone()
        assert row is not None, "an INSERT that updates on conflict returns its row"
        return Switch(name=row["name"], off=row["off"], reason=row["reason"], by=row["by"], at=row["at"])

    async def list(self) -> list[Switch]:
        """Every switch somebody has used, those that are off first."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(_LIST)).fetchall()
        return [Switch(name=r["name"], off=r["off"], reason=r["reason"], by=r["by"], at=r["at"]) for r in rows]


_IS_OFF = "SELECT name FROM switches WHERE off AND name = ANY(%(names)s) ORDER BY name <> 'all', name LIMIT 1"

_SET = """
WITH changed AS (
    INSERT INTO switches (name, off, reason, by) VALUES (%(name)s, %(off)s, %(reason)s, %(by)s)
    ON CONFLICT (name) DO UPDATE
       SET off = excluded.off, reason = excluded.reason, by = excluded.by, at = clock_timestamp()
    RETURNING *
)
SELECT changed.*, audit_append('switch.changed', by, NULL, NULL,
                               jsonb_build_object('name', name, 'off', off, 'reason', reason))
  FROM changed
"""

_LIST = "SELECT * FROM switches ORDER BY off DESC, name"
