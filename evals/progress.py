"""How a suite tells how far it is; a command shows a bar."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    def __call__(self, what: str, *, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Gives what is called with the number of rows done since."""
        ...


@contextmanager
def silent(what: str, *, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda rows: None
