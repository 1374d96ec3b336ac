"""Desks for tests of actions, as for the tests of turns."""

from tests.integration.turns.conftest import OpenDesk, open_desk

__all__ = ["OpenDesk", "open_desk"]
