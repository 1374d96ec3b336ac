"""Tells an outage of the database from a mistake of ours, for callers that may not know the driver."""

from psycopg import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout


def is_outage(error: BaseException) -> bool:
    """Whether the database was away or busy, so that the same call may work in a moment."""
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout)
