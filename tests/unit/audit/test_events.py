"""The taxonomy is closed, and what is written keeps to it (R6.7)."""

import re
from pathlib import Path

import pytest

from desk.audit.events import ACTIONS, MEANINGS, audit_detail

ROOT = Path(__file__).parents[3]
SOURCES = [
    path
    for folder in ("desk", "graph", "nodes", "tools", "server", "commands", "retrieval")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".sql"}
]
CALL = re.compile(r"audit_append\(\s*(?!action text)([^,]*)", re.IGNORECASE)
DECLARED = {"%(audit_action)s", "note.action"}
"""What may stand for a name: whoever passes it holds an ``Action``, which mypy checks."""


def _named(source: str) -> list[tuple[str, set[str]]]:
    """The first argument of each call, and the names in it; what a ``CASE`` compares with is no name."""
    firsts = [re.sub(r"= *'[^']*'", "", first) for first in CALL.findall(source)]
    return [(first, set(re.findall(r"'([^']*)'", first))) for first in firsts]


def test_every_entry_that_is_written_has_a_name_of_the_taxonomy() -> None:
    calls = [call for path in SOURCES for call in _named(path.read_text(encoding="utf-8"))]

    assert len(calls) >= 4, "the pattern finds the calls"
    assert [names - ACTIONS for _, names in calls if names - ACTIONS] == []
    assert [first for first, names in calls if not names and first not in DECLARED | {"action"}] == []


def test_the_check_sees_a_name_that_is_not_known() -> None:
    assert _named("SELECT audit_append('tool.stareted', %(by)s") == [("'tool.stareted'", {"tool.stareted"})]


def test_every_action_has_its_sentence() -> None:
    assert set(MEANINGS) == ACTIONS
    assert all(re.fullmatch(r"[A-Z].+\.", sentence) for sentence in MEANINGS.values())


@pytest.mark.parametrize(
    "secret", ["4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "ava.moreno@example.com", "+12025550101"]
)
def test_a_detail_is_masked_however_deep(secret: str) -> None:
    detail = audit_detail(reason=f"said {secret}", args={"notes": [secret]}, amount=12900)

    assert secret not in str(detail.obj)
    assert detail.obj["amount"] == 12900
