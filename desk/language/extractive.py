"""An answer taken word for word from approved passages: which sentences, list items or table rows to say.

One passage is answered from (two passages might disagree, and an answer is never averaged). Its sentences are said
in the order they were written; a list keeps the sentence that introduces it, a sentence that leans on the one before
("It …", "Otherwise …") keeps that one.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from desk.domain.passages import Passage
from desk.language.engine import AnswerPart
from desk.language.markdown_units import Unit, units_of
from desk.language.stems import content_stems

MAX_SENTENCES = 4
MIN_COVERAGE = 0.34
"""Least share of the question's (weighted) words that the passage must hold to be an answer."""
SHORT_PASSAGE = 3
"""A passage of so few units is one thought and is said whole."""

_LEANING = re.compile(
    r"^(?:it|its|this|that|these|those|they|he|she|otherwise|however|then|in that case|if so|if not|but|also|instead"
    r"|after that|until then|once|both|either|for example|exceptions?)\b",
    re.IGNORECASE,
)


def answer_parts(question: str, passages: Sequence[Passage]) -> list[AnswerPart]:
    """The parts of the answer in reading order; empty when no passage answers the question."""
    asked = content_stems(question)
    best: tuple[float, _Reading] | None = None
    for reading in _readings(passages):
        coverage = reading.coverage(asked)
        # The retriever has seen more than words: its order wins unless the words speak clearly against it.
        merit = reading.passage["score"] + 0.5 * coverage
        if coverage >= MIN_COVERAGE and (best is None or merit > best[0] + 0.05):
            best = (merit, reading)
    if best is None:
        return []
    _, reading = best
    units = [reading.units[place] for place in _chosen(reading, asked)]
    return list(_parts([*_heading(reading.passage, units), *units], chunk_id=reading.passage["chunk_id"]))


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """A passage, its units, and how much each of its words says."""

    passage: Passage
    units: list[Unit]
    unit_stems: list[set[str]]
    context: set[str]
    """Stems of title and heading: what the passage is about."""
    weights: dict[str, float]

    def weight(self, stems: set[str]) -> float:
        # A word no passage holds still belongs to the question, with the weight of a rare one.
        return sum(self.weights.get(stem, 1.5) for stem in stems)

    def coverage(self, asked: set[str]) -> float:
        """Share of the question that the passage speaks of; only 0 when there is nothing in common."""
        said = self.context.union(*self.unit_stems)
        return self.weight(asked & said) / self.weight(asked) if asked and self.units else 0.0


def _readings(passages: Sequence[Passage]) -> list[_Reading]:
    units = [units_of(passage["text"]) for passage in passages]
    stems = [[content_stems(unit.text) for unit in found] for found in units]
    frequency: Counter[str] = Counter()
    for found in stems:
        frequency.update(set().union(*found))
    weights = {stem: 1 + math.log((1 + len(passages)) / (1 + count)) for stem, count in frequency.items()}
    return [
        _Reading(
            passage=passage, units=found, unit_stems=unit_stems, weights=weights,
            context=content_stems(f"{passage['title']} {passage['heading']}"),
        )
        for passage, found, unit_stems in zip(passages, units, stems, strict=True)
    ]  # fmt: skip


def _chosen(reading: _Reading, asked: set[str]) -> list[int]:
    """Places of the units to say, in document order."""
    units = reading.units
    if len(units) <= SHORT_PASSAGE:
        return list(range(len(units)))
    # Words of the heading are true of every unit, so they count less for choosing between units.
    merits = [
        reading.weight(asked & stems - reading.context) + 0.4 * reading.weight(asked & stems & reading.context)
        for stems in reading.unit_stems
    ]
    if not any(merits):
        merits[0] = 1.0
    # The first sentence of a passage mostly says what it is about: it wins a draw and is kept when it is near.
    merits[0] += 0.3
    line = max(merits) * 0.6
    ranked = sorted(range(len(units)), key=lambda place: -merits[place])
    chosen: set[int] = set()
    for place in ranked[:MAX_SENTENCES]:
        if merits[place] >= line:
            chosen |= _with_context(place, units)
    return sorted(chosen)


def _with_context(place: int, units: Sequence[Unit]) -> set[int]:
    """A unit with what it cannot be understood without."""
    unit = units[place]
    if unit.kind == "sentence":
        kept = {place}
        if unit.text.endswith(":") and place + 1 < len(units) and units[place + 1].kind != "sentence":
            kept |= _block(units, units[place + 1].block)
        if place and _LEANING.match(unit.text) and units[place - 1].kind == "sentence":
            kept |= {place - 1}
        return kept
    whole = _block(units, unit.block)
    before = min(whole) - 1
    numbered = unit.text[0].isdigit()
    # Steps make sense together only; of other lists the item that answers is enough.
    kept = whole if numbered else {place}
    return kept | ({before} if before >= 0 and units[before].kind == "sentence" else set())


def _heading(passage: Passage, units: Sequence[Unit]) -> list[Unit]:
    """The heading, where a list or table would come first: "Gift cards" alone does not say what is the matter."""
    heading = passage["heading"] or passage["title"]
    if units[0].kind == "sentence" or not heading:
        return []
    return [Unit(text=f"**{heading}**", kind="sentence", block=-1)]


def _block(units: Sequence[Unit], block: int) -> set[int]:
    return {place for place, unit in enumerate(units) if unit.block == block}


def _parts(units: Sequence[Unit], *, chunk_id: str) -> Iterator[AnswerPart]:
    for place, unit in enumerate(units):
        following = units[place + 1] if place + 1 < len(units) else None
        if following is None:
            space = ""
        elif unit.kind == "sentence" and following.kind == "sentence":
            space = " " if unit.block == following.block else "\n\n"
        else:
            space = "\n" if unit.block == following.block else "\n\n"
        yield AnswerPart(text=unit.text + space, chunk_ids=[chunk_id], restart=False)
