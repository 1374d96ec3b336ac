"""What is installed is what is used, at versions without the faults that were measured."""

import re
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

FLOORS = {
    "langgraph": "1.2",
    "langgraph-checkpoint": "4.3",
    "langgraph-sdk": "0.3.15",
    "langchain-core": "1.2.5",
    "langchain-openai": "1.1.14",
    "starlette": "0.49.1",
    "sse-starlette": "3",
    "chromadb": "1.5.9",
}
"""Versions at least, each for a reproduced fault or a security fix."""


@pytest.mark.parametrize(("package", "floor"), FLOORS.items())
def test_no_version_is_below_its_floor(package: str, floor: str) -> None:
    """L04"""
    assert Version(version(package)) >= Version(floor)


def test_the_pinned_versions_satisfy_the_project() -> None:
    pins = dict(
        line.lower().split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
        if "==" in line
    )
    named = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in ("test", "lint", "evals"))]
    wanted = [r for texts in named for r in map(Requirement, texts) if r.name != PROJECT["name"]]

    assert [str(r) for r in wanted if not (pin := pins.get(r.name.lower())) or pin not in r.specifier] == []


def test_no_pin_records_an_address() -> None:
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")


def test_no_tracked_file_names_a_package_registry_or_this_machine() -> None:
    registries = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs|" + re.escape(str(ROOT)) + r"\b")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    texts = [name for name in listed.stdout.split("\0") if name and not name.endswith((".png", "test_packaging.py"))]

    assert [name for name in texts if registries.search((ROOT / name).read_text(encoding="utf-8"))] == []
