"""What a pack asks for by name comes from the environment or ``.env``, or nothing starts (R5.4)."""

from pathlib import Path

import pytest

from desk.config.settings import system_variables
from desk.domain.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SYSTEM_SHOP_URL=https://shop.example\nSYSTEM_SHOP_TOKEN=written\n", "utf-8")


def test_the_environment_comes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEM_SHOP_TOKEN", "set")

    values = system_variables({"SYSTEM_SHOP_URL", "SYSTEM_SHOP_TOKEN"})

    assert values == {"SYSTEM_SHOP_URL": "https://shop.example", "SYSTEM_SHOP_TOKEN": "set"}


def test_everything_that_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEM_SHOP_TOKEN", "")

    with pytest.raises(ConfigurationError, match=r"SYSTEM_ANY, SYSTEM_SHOP_TOKEN: not set"):
        system_variables({"SYSTEM_SHOP_URL", "SYSTEM_SHOP_TOKEN", "SYSTEM_ANY"})
