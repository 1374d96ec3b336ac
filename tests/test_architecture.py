"""The house stands as docs/architecture.md draws it (R11)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("commands", "server", "evals", "graph", "nodes", "tools", "retrieval", "desk")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_imports_point_down() -> None:
    """The contracts of ``.importlinter``."""
    done = subprocess.run([sys.executable, "-m", "importlinter.cli"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_owns(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not source.strip() or ast.get_docstring(ast.parse(source)), "begin the module with a sentence"


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    assert readers <= {"desk/config/settings.py"}


def test_every_folder_of_the_picture_exists() -> None:
    picture = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = [line.split("|")[1] for line in picture.splitlines() if line.startswith("| `")]
    named = [name.strip("/") for room in rooms for name in room.replace("`", " ").split() if name.endswith("/")]

    assert named
    assert [name for name in named if not (ROOT / name).is_dir()] == []
