"""Cuts a streamed answer into sentences with the passages each one cites."""

import re
from collections.abc import Iterator

_CITATION = re.compile(r"\s*[\[【](\d{1,3}(?:\s*,\s*\d{1,3})*)(?:†[^\]】]{0,40})?[\]】]")
_BOUNDARY = re.compile(
    r"""
    (?: [.!?…][*_"'”’»)]*  (?:\s*[\[【]\d[^\]】]{0,40}[\]】])*  [*_]*  \s+ (?=[^\s\[【a-z])   # Sentence. [1] Next
      | [。！？][」』）”]*    (?:\s*[\[【]\d[^\]】]{0,40}[\]】])*  \s*  (?=[^\s\[【。！？」』）”])  # 句。[1]次
      | [ \t]*\n\s*        (?=[^\s\[【])                                                    # a list item
    )
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|etc|vs|approx|no|nr|mr|mrs|ms|dr|st|inc|ltd|[A-Z]|\d{1,2})\.$", re.I
)


class SentenceCutter:
    """Takes pieces of text, gives whole sentences: ``(text with its white space, numbers cited)``.

    A sentence is given out when the first character of the next one is there, because a citation may still follow
    the full stop.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._from = 0

    def feed(self, piece: str) -> Iterator[tuple[str, list[int]]]:
        """The sentences that ``piece`` completes."""
        self._rest += piece
        while found := _BOUNDARY.search(self._rest, self._from):
            before = self._rest[: found.start() + 1]
            if "\n" not in found.group() and _ABBREVIATION.search(before):
                self._from = found.end()
                continue
            sentence, self._rest, self._from = self._rest[: found.end()], self._rest[found.end() :], 0
            yield from _cited(sentence)
        # Nothing before the last 80 characters can become a boundary any more: keeps a text without any linear.
        self._from = max(self._from, len(self._rest) - 80)

    def finish(self) -> Iterator[tuple[str, list[int]]]:
        """What is left when the text is over."""
        sentence, self._rest, self._from = self._rest, "", 0
        yield from _cited(sentence.rstrip())


def _cited(sentence: str) -> Iterator[tuple[str, list[int]]]:
    numbers = [int(number) for found in _CITATION.finditer(sentence) for number in found.group(1).split(",")]
    text = _CITATION.sub("", sentence)
    if text.strip():
        yield text, list(dict.fromkeys(numbers))
