"""A copy of the retail pack to break, and where its lines are."""

import shutil
from pathlib import Path

from desk.policies.loader import PACKS, check_pack


class PackCopy:
    """The retail pack in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "retail"
        shutil.copytree(PACKS / "retail", self.path)

    def replace(self, file: str, old: str, new: str) -> int:
        """Replaces the first occurrence and says in which line (from 1) it was."""
        path = self.path / file
        text = path.read_text("utf-8")
        assert old in text, f"{file} holds no {old!r}"
        path.write_text(text.replace(old, new, 1), "utf-8")
        return text[: text.index(old)].count("\n") + 1

    def append(self, file: str, text: str) -> int:
        """Appends to a file and says in which line the new text starts."""
        path = self.path / file
        before = path.read_text("utf-8") if path.exists() else ""
        path.write_text(before + text, "utf-8")
        return before.count("\n") + 1

    def line_of(self, file: str, text: str) -> int:
        whole = (self.path / file).read_text("utf-8")
        return whole[: whole.index(text)].count("\n") + 1

    def problems(self) -> list[str]:
        return check_pack(self.path)

    def only_problem(self) -> str:
        problems = self.problems()
        assert len(problems) == 1, problems
        return problems[0]
