"""An answer taken word for word from approved passages: which sentences, list items or table rows to say.

One version of one article is answered from (two articles might disagree, and an answer is never averaged), mostly one
section of it. A question about the article's whole subject gets the article's first sentence before that. Units of a
section are said in the order they were written; a list keeps the sentence that introduces it, a sentence that leans on
the one before ("It …", "Otherwise …") keeps that one.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from desk.domain.passages import Passage
from desk.language.asked import Kind, asked_kinds, is_negative, is_open, stated_kinds, without_question_words
from desk.language.engine import AnswerPart
from desk.language.markdown_units import Unit, units_of
from desk.language.stems import content_stems

MAX_UNITS = 6
MAX_CHARACTERS = 600
"""What may be added to the section that answers; the section's own choice is never cut in the middle."""
MAX_SENTENCES = 4
MIN_COVERAGE = 0.2
"""Least share of the question's (weighted) words that the passages of an article must hold to be an answer."""
SHORT_PASSAGE = 3
"""A passage of so few units is one thought and is said whole."""
KIND_MERIT = 1.5
"""A fact of the kind asked for weighs as much as a rare word of the question."""
RANK_MERIT = 0.5
"""The retriever has seen more than words: each place further back costs this much."""
SECOND = 0.9
"""Share of the best section's merit at which another one is said as well."""
GENERAL = 0.3
"""Share of the question that may lie outside the title when the question is about the article's whole subject."""

_NONE: frozenset[Kind] = frozenset()
_CHOICE: frozenset[Kind] = frozenset({"choice"})
_LEANING = re.compile(
    r"^(?:it|its|this|that|these|those|they|he|she|otherwise|however|then|in that case|if so|if not|but|also|instead"
    r"|after that|until then|once|both|either|for example|exceptions?)\b",
    re.IGNORECASE,
)


def answer_parts(question: str, passages: Sequence[Passage]) -> list[AnswerPart]:
    """The parts of the answer in reading order; empty when no passage answers the question."""
    subject = content_stems(without_question_words(question))
    asked = _Question(
        stems=subject, kinds=asked_kinds(question), negative=is_negative(question), open=is_open(question)
    )
    # The retriever has seen more than words, so its order holds; the words only say what is no answer at all.
    best = next((one for one in _articles(passages, subject) if one.coverage(asked) >= MIN_COVERAGE), None)
    if best is None:
        return []
    said = best.said(asked)
    return [
        part
        for number, (section, units) in enumerate(said)
        for part in _parts(section, units, more=number + 1 < len(said))
    ]


@dataclass(frozen=True, kw_only=True)
class _Question:
    stems: set[str]
    kinds: frozenset[Kind]
    negative: bool
    open: bool


@dataclass(frozen=True, kw_only=True)
class _Section:
    """A passage and its units."""

    passage: Passage
    units: list[Unit]
    unit_stems: list[set[str]]
    unit_kinds: list[frozenset[Kind]]
    heading_stems: set[str]

    @property
    def is_lead(self) -> bool:
        return not self.passage["heading"]

    @property
    def is_limiting(self) -> bool:
        """A section of exclusions: it says what a general question did not ask."""
        return is_negative(self.passage["heading"])

    @property
    def stems(self) -> set[str]:
        return self.heading_stems.union(*self.unit_stems)


@dataclass(frozen=True, kw_only=True)
class _Article:
    """The passages of one article version, best first, and how much each word says."""

    sections: list[_Section] = field(default_factory=list)
    title_stems: set[str]
    weights: dict[str, float]

    def weight(self, stems: set[str]) -> float:
        # A word no passage holds still belongs to the question, with the weight of a rare one.
        return sum(self.weights.get(stem, 1.5) for stem in stems)

    def coverage(self, asked: _Question) -> float:
        """Share of the question that the article's passages speak of; only 0 when there is nothing in common."""
        said = self.title_stems.union(*(section.stems for section in self.sections))
        return self.weight(asked.stems & said) / self.weight(asked.stems) if asked.stems else 0.0

    def said(self, asked: _Question) -> list[tuple[_Section, list[Unit]]]:
        """Sections and the units to say of each, in reading order."""
        merits = [self._merit(section, asked) for section in self.sections]
        places = sorted(range(len(merits)), key=lambda place: RANK_MERIT * place - merits[place])
        first = self.sections[places[0]]
        chosen = [(first, self._chosen(first, asked))]
        general = self.weight(asked.stems - self.title_stems) <= GENERAL * self.weight(asked.stems)
        lead = next((section for section in self.sections if section.is_lead and section is not first), None)
        if lead and general:
            chosen.insert(0, (lead, lead.units[:1]))
        for place in places[1:]:
            section = self.sections[place]
            if section is lead or section.is_limiting:
                continue
            # An opening alone only promises: what comes next says it.
            whole = merits[place] >= SECOND * merits[places[0]] > 0 or (first.is_lead and len(chosen) == 1)
            if whole or (general and not asked.kinds):
                units = self._chosen(section, asked)
                _add(chosen, section, units if whole or first.is_lead else units[:1])
        return chosen

    def _merit(self, section: _Section, asked: _Question) -> float:
        """How well a section answers, apart from its rank."""
        specific = asked.stems - self.title_stems
        found = self.weight(specific & section.stems)
        merit = found + 0.5 * self.weight(asked.stems & section.heading_stems)
        if asked.kinds & _NONE.union(*section.unit_kinds):
            merit += KIND_MERIT
            stating = sum(
                bool(asked.kinds & kinds)
                for kinds, unit in zip(section.unit_kinds, section.units, strict=True)
                if unit.kind != "sentence"
            )
            merit += 0.5 * KIND_MERIT * (stating > 1)
        if asked.kinds & asked_kinds(section.passage["heading"]):
            merit += 0.5 * KIND_MERIT
        if section.is_limiting and not asked.negative:
            merit -= KIND_MERIT if asked.open or found < GENERAL * self.weight(asked.stems) else 0.0
        return merit

    def _chosen(self, section: _Section, asked: _Question) -> list[Unit]:
        """The units of a section that answer, in the order they were written."""
        units = section.units
        if len(units) <= SHORT_PASSAGE:
            return units
        context = self.title_stems | section.heading_stems
        own = [self.weight(asked.stems & stems - context) for stems in section.unit_stems]
        # Words of the heading are true of every unit, so they count less for choosing between units.
        merits = [
            here + 0.4 * self.weight(asked.stems & stems & context) + (KIND_MERIT if asked.kinds & kinds else 0.0)
            for here, stems, kinds in zip(own, section.unit_stems, section.unit_kinds, strict=True)
        ]
        # The first sentence of a passage mostly says what it is about: it wins a draw and is kept when it is near.
        merits[0] += 0.3
        line = max(merits) * 0.6
        ranked = sorted(range(len(units)), key=lambda place: -merits[place])
        chosen: set[int] = set()
        for place in ranked[:MAX_SENTENCES]:
            answers = [n for n in _block(units, units[place].block) if own[n]]
            listed = units[place].kind != "sentence"
            if merits[place] >= line and (place in answers or not (listed and answers)):
                chosen |= _with_context(place, units, whole=not answers)
        return [units[place] for place in sorted(chosen)]


def _add(chosen: list[tuple[_Section, list[Unit]]], section: _Section, units: list[Unit]) -> None:
    """Append what fits: an answer is read on a telephone."""
    said = [unit for _, before in chosen for unit in before] + units
    if len(said) <= MAX_UNITS and sum(len(unit.text) for unit in said) <= MAX_CHARACTERS:
        chosen.append((section, units))


def _articles(passages: Sequence[Passage], asked: set[str]) -> list[_Article]:
    sections = [_section(passage, asked) for passage in passages]
    frequency: Counter[str] = Counter()
    for section in sections:
        frequency.update(section.stems)
    weights = {stem: 1 + math.log((1 + len(sections)) / (1 + count)) for stem, count in frequency.items()}
    articles: dict[tuple[str, str], _Article] = {}
    for section in sections:
        if section.units:
            passage = section.passage
            key = (passage["article"], passage["version"])
            empty = _Article(title_stems=_aligned(_stems(passage["title"]), asked), weights=weights)
            articles.setdefault(key, empty).sections.append(section)
    return list(articles.values())


def _section(passage: Passage, asked: set[str]) -> _Section:
    units = _units(passage["text"])
    return _Section(
        passage=passage, units=units, heading_stems=_aligned(_stems(passage["heading"]), asked),
        unit_stems=[_aligned(_stems(unit.text), asked) for unit in units],
        unit_kinds=[_stated(unit.text) | (_CHOICE if unit.kind != "sentence" else _NONE) for unit in units],
    )  # fmt: skip


def _aligned(stems: frozenset[str], asked: set[str]) -> set[str]:
    """The stems, a near form of a word of the question replaced by that word: "cancell" by "cancel"."""
    return {next((word for word in asked if _is_form(stem, word)), stem) for stem in stems}


def _is_form(stem: str, word: str) -> bool:
    short, long = sorted((stem, word), key=len)
    return long.startswith(short) and (len(short) >= 5 or (len(short) == 4 and len(long) <= 6))


# The same passages are read all day; what they say does not change.
_stems = lru_cache(maxsize=20_000)(lambda text: frozenset(content_stems(text)))
_stated = lru_cache(maxsize=20_000)(stated_kinds)
_units = lru_cache(maxsize=2_000)(units_of)


def _with_context(place: int, units: Sequence[Unit], *, whole: bool) -> set[int]:
    """A unit with what it cannot be understood without; of a list the item that answers, or the ``whole``."""
    unit = units[place]
    if unit.kind == "sentence":
        kept = {place}
        if unit.text.endswith(":") and place + 1 < len(units) and units[place + 1].kind != "sentence":
            kept |= _block(units, units[place + 1].block)
        leans = place and (_LEANING.match(unit.text) or units[place - 1].text.endswith("?"))
        if leans and units[place - 1].kind == "sentence":
            kept |= {place - 1}
        return kept
    block = _block(units, unit.block)
    before = min(block) - 1
    # Steps make sense together only; of other lists the item that answers is enough, when one does.
    kept = block if whole or unit.text[0].isdigit() else {place}
    return kept | ({before} if before >= 0 and units[before].kind == "sentence" else set())


def _block(units: Sequence[Unit], block: int) -> set[int]:
    return {place for place, unit in enumerate(units) if unit.block == block}


def _parts(section: _Section, units: Sequence[Unit], *, more: bool) -> Iterator[AnswerPart]:
    said = [*_heading(section.passage, units), *units]
    for place, unit in enumerate(said):
        following = said[place + 1] if place + 1 < len(said) else None
        if following is None:
            space = "\n\n" if more else ""
        elif unit.kind == "sentence" and following.kind == "sentence":
            space = " " if unit.block == following.block else "\n\n"
        else:
            space = "\n" if unit.block == following.block else "\n\n"
        yield AnswerPart(text=unit.text + space, chunk_ids=[section.passage["chunk_id"]], restart=False)


def _heading(passage: Passage, units: Sequence[Unit]) -> list[Unit]:
    """The heading, where a list or table would come first: "Gift cards" alone does not say what is the matter."""
    heading = passage["heading"] or passage["title"]
    if units[0].kind == "sentence" or not heading:
        return []
    return [Unit(text=f"**{heading}**", kind="sentence", block=-1)]
