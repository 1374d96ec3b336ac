"""Whether an answer says nothing its sources do not say, word for word. Needs no model (R4.6, R10.1)."""

import re
from collections.abc import Iterator, Sequence

from desk.domain.passages import Passage
from desk.language.engine import AnswerPart
from retrieval.sources import standing

_MARKS = re.compile(r"[*_`#>|]+|^\s*(?:[-+•]|\d{1,9}[.)])\s+", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]+)\]\([^)\n]*\)")


def is_grounded(parts: Sequence[AnswerPart], *, passages: Sequence[Passage]) -> bool:
    """Every part of the answer cites a passage, and one of those it cites says it.

    A row of a table counts as said when one row of the passage, with its column names, holds every cell.
    """
    cited = {passage["chunk_id"]: passage for passage in passages}
    return all(
        any(_says(cited[chunk_id], part["text"]) for chunk_id in part["chunk_ids"] if chunk_id in cited)
        for part in standing(parts)
        if _plain(part["text"])
    )


def _says(passage: Passage, text: str) -> bool:
    words = _plain(text)
    if words in _plain("\n".join((passage["title"], passage["heading"], passage["text"]))):
        return True
    cells = [cell for raw in re.split(r"[:;]\s", words) if (cell := raw.strip())]
    return any(all(cell in row for cell in cells) for row in _rows(passage["text"]))


def _rows(markdown: str) -> Iterator[str]:
    """The rows of the tables, each with the names of its columns."""
    header = ""
    for line in markdown.splitlines():
        if not line.lstrip().startswith("|"):
            header = ""
        elif header:
            yield f"{header} {_plain(line)}"
        else:
            header = _plain(line)


def _plain(markdown: str) -> str:
    """The words alone: marks and line breaks are layout."""
    return " ".join(_MARKS.sub(" ", _LINK.sub(r"\1", markdown)).casefold().split())
