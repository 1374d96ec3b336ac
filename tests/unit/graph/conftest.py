"""The sample shop's database, for what reads rows."""

from tests.unit.tools.conftest import filled, filled_url

__all__ = ["filled", "filled_url"]
