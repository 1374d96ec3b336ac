"""Names in a pack must mean something: the two checks every other check uses."""

import difflib
from collections.abc import Iterator
from typing import Any

from desk.policies.sources import PackFiles, Written
from desk.policies.yaml_source import Key, Problem


def problems_of_reference(at: Written[Any], key: Key, name: str, kind: str, files: PackFiles) -> Iterator[Problem]:
    known = files.named[kind]
    if name not in known and kind not in files.unreadable:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "add it or use one that exists"
        yield at.problem(key, f"there is no {kind} {name!r} in the pack; {hint}")


def problems_of_template(
    at: Written[Any], key: Key, name: str, allowed: frozenset[str], files: PackFiles
) -> Iterator[Problem]:
    """The template exists and uses only values that are known where it is used."""
    yield from problems_of_reference(at, key, name, "reply", files)
    for reply in files.replies:
        if reply.value.name == name:
            unknown = sorted(reply.value.placeholders - allowed)
            if unknown:
                used = ", ".join(f"{{{name}}}" for name in unknown)
                there = ", ".join(sorted(allowed))
                yield at.problem(key, f"{reply.document.file} uses {used}, which has no value here; there are {there}")
