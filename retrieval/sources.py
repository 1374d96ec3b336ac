"""From an answer back to what it stands on: the sources a customer sees, the rows an auditor follows (R4.6)."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from desk.domain.passages import Passage, Source
from desk.language.engine import AnswerPart


class PartSource(TypedDict):
    """One sentence of an answer and one chunk it stands on."""

    text: str
    chunk_id: str
    article: str
    """``<article>@<version>``."""
    path: str
    """File inside the pack."""


def standing(parts: Sequence[AnswerPart]) -> list[AnswerPart]:
    """The parts that still count: a part with ``restart`` takes back every earlier one."""
    starts = [number for number, part in enumerate(parts) if part["restart"]]
    return list(parts[starts[-1] if starts else 0 :])


def cited(parts: Sequence[AnswerPart], *, passages: Sequence[Passage]) -> list[Source]:
    """The article versions the parts stand on, in order of first use, each once. Unknown chunk ids are left out."""
    known = {passage["chunk_id"]: passage for passage in passages}
    found: dict[tuple[str, str], Source] = {}
    for part in standing(parts):
        for passage in (known[chunk_id] for chunk_id in part["chunk_ids"] if chunk_id in known):
            key = passage["article"], passage["version"]
            found.setdefault(key, Source(article=key[0], version=key[1], title=passage["title"]))
    return list(found.values())


def audit_rows(
    parts: Sequence[AnswerPart], *, passages: Sequence[Passage], paths: Mapping[str, str]
) -> list[PartSource]:
    """Part text → chunk → article version → file, one row for each part and chunk. ``paths`` is by article id."""
    known = {passage["chunk_id"]: passage for passage in passages}
    return [
        PartSource(
            text=part["text"].strip(),
            chunk_id=chunk_id,
            article=f"{known[chunk_id]['article']}@{known[chunk_id]['version']}",
            path=paths.get(known[chunk_id]["article"], ""),
        )
        for part in standing(parts)
        for chunk_id in part["chunk_ids"]
        if chunk_id in known
    ]
