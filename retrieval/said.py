"""What all passages together hold, for the guard of what is said: their words, and the hosts they link to.

Counted by text, so that another snapshot is this one with some texts more and some less.
"""

from collections import Counter
from collections.abc import Iterable

from desk.privacy.output_guard import hosts_in, words_in


class Said:
    """Made from the one ``before``, it reads only the texts that came and those that are ``gone``."""

    def __init__(self, texts: Iterable[str], *, before: "Said | None" = None, gone: Iterable[str] = ()) -> None:
        self._words: Counter[str] = Counter(before._words if before else ())
        self._hosts: Counter[str] = Counter(before._hosts if before else ())
        for text in texts:
            self._words.update(words_in(text))
            self._hosts.update(hosts_in([text]))
        for text in gone:
            self._words.subtract(words_in(text))
            self._hosts.subtract(hosts_in([text]))
        self.words = frozenset(+self._words)
        self.hosts = frozenset(+self._hosts)
