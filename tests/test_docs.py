"""The documentation tells the truth."""

import re
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from pydantic import AliasChoices

from commands.draw import drawable, picture
from commands.main import COMMANDS
from desk.config.settings import Settings
from desk.domain.conversation import NODES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    aliases = [field.validation_alias for field in Settings.model_fields.values()]
    names = [str(alias.choices[0]) for alias in aliases if isinstance(alias, AliasChoices)]

    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_command_is_documented() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert [name for name in COMMANDS if name not in text] == []


def test_the_readme_shows_both_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert "make demo" in text
    assert "make test" in text


def test_the_picture_of_the_graph_is_the_graph_that_is_compiled() -> None:
    """Draw it again with `frontdesk graph -o docs/pictures/graph.png` when this fails."""
    with Image.open(ROOT / "docs/pictures/graph.png") as kept:
        difference = ImageChops.difference(kept.convert("RGB"), picture(drawable()))

    assert difference.getbbox() is None


def test_the_drawing_names_the_nine_nodes() -> None:
    text = drawable().draw_mermaid()

    assert all(f"\t{name}({name})" in text for name in NODES)
