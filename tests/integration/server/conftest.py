"""A running server and two customers."""

from tests.integration.server.fixtures import ava, ben, site

__all__ = ["ava", "ben", "site"]
