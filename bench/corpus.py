"""A generated help centre of any size: articles with subjects, words as frequent as in a language (Zipf), facts.

Vocabulary grows with the corpus (Heaps): 20,000 words at 1,000 chunks, 200,000 at 100,000. Each article has one of many
subjects, whose words it prefers; a section states a period and a price. Nine tenths are articles of ten sections; the
rest is one long manual. Questions hold words of one section.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import Chunk

SECTIONS = 10
"""Chunks of an article."""
WORDS = 70
"""Of a chunk, on average, beside its facts; about 400 characters."""
SUBJECT_WORDS = 60
OF_SUBJECT = 0.25
"""Share of the words that belong to the subject."""
MANUAL = "manual"
_SYLLABLES = ["ba", "ke", "lo", "mi", "nu", "ra", "so", "ti", "ve", "du", "pra", "stel", "on", "ar", "is", "um"]


@dataclass(frozen=True, kw_only=True)
class HelpCentre:
    """Made from a seed, always the same."""

    words: int
    chunks: list[Chunk]
    questions: list[str]


class _Language:
    """Its words, the commonest first, and how they are drawn."""

    def __init__(self, size: int, random: np.random.Generator) -> None:
        self.words = [_word(number) for number in range(size)]
        self._random = random
        frequency = 1 / np.arange(1, size + 1) ** 1.05
        self._any = np.cumsum(frequency / frequency.sum())
        # Subjects are made of words that are neither the commonest nor seen once.
        damped = np.where(np.arange(size) < 200, 0, frequency**0.5)
        self._rarer = np.cumsum(damped / damped.sum())

    def subject(self) -> NDArray[np.int64]:
        return np.searchsorted(self._rarer, self._random.random(SUBJECT_WORDS))

    def text(self, subject: NDArray[np.int64]) -> list[str]:
        length = int(self._random.integers(WORDS // 2, WORDS * 3 // 2))
        any_word = np.searchsorted(self._any, self._random.random(length))
        of_subject = self._random.random(length) < OF_SUBJECT
        chosen = np.where(of_subject, self._random.choice(subject, size=length), any_word)
        return [self.words[number] for number in chosen]

    def some(self, subject: NDArray[np.int64], count: int) -> str:
        return " ".join(self.words[number] for number in self._random.choice(subject, size=count)).capitalize()


def help_centre(chunks: int, *, questions: int, seed: int = 1) -> HelpCentre:
    random = np.random.default_rng(seed)
    language = _Language(int(650 * chunks**0.5), random)
    subjects = [language.subject() for _ in range(max(8, chunks // 100))]
    articles = chunks * 9 // 10 // SECTIONS
    made: list[Chunk] = []
    for number in range(articles):
        subject = subjects[number % len(subjects)]
        title = language.some(subject, 3)
        for section in range(SECTIONS):
            heading = language.some(subject, 2)
            made.append(_chunk(f"article-{number}", section, title=title, heading=heading, text=language.text(subject)))
    for section in range(chunks - len(made)):
        subject = subjects[section // 40 % len(subjects)]
        heading = f"Part {section // 20} › {language.some(subject, 2)}"
        made.append(_chunk(MANUAL, section, title="Manual", heading=heading, text=language.text(subject)))
    asked = []
    for number in random.integers(articles * SECTIONS, size=questions):
        said = made[number].text.replace(".", "").split()
        asked.append("What is the " + " ".join(said[place] for place in random.integers(len(said), size=6)) + "?")
    return HelpCentre(words=len(language.words), chunks=made, questions=asked)


def next_version(chunks: Sequence[Chunk], *, article: str, sections: int) -> list[Chunk]:
    """The same with another version of one article, of which so many sections say one thing more."""
    changed: list[Chunk] = []
    for chunk in chunks:
        if chunk.article != article:
            changed.append(chunk)
            continue
        new = " This is new." if sections > 0 else ""
        sections -= 1
        changed.append(replace(chunk, id=chunk.id.replace("@1.0#", "@1.1#"), version="1.1", text=chunk.text + new))
    return changed


def contradicting(chunks: Sequence[Chunk]) -> list[Chunk]:
    """An article for submission: what ten sections say, with other figures."""
    return [
        replace(chunk, id=f"new@1.0#{number}", article="new", text=chunk.text.replace(" takes ", " takes 1"))
        for number, chunk in enumerate(chunks)
    ]


def _chunk(article: str, section: int, *, title: str, heading: str, text: list[str]) -> Chunk:
    sentences = [" ".join(text[start : start + 12]).capitalize() + "." for start in range(0, len(text), 12)]
    number = len(article) + section * 7
    facts = f"{heading} takes {number % 28 + 2} business days. The fee for {heading} is {number % 90 + 5}.00 USD."
    return Chunk(
        id=f"{article}@1.0#section-{section}",
        article=article,
        version="1.0",
        title=title,
        heading=heading,
        area="help",
        text=" ".join([*sentences, facts]),
        path=f"knowledge/{article}.md",
        status="published",
        audience="public",
        locale="en",
        channels=(),
        effective=date(2026, 1, 1),
        expires=None,
    )


def _word(number: int) -> str:
    """The commonest are short."""
    parts: list[str] = []
    rest = number
    while rest or not parts:
        rest, syllable = divmod(rest, len(_SYLLABLES))
        parts.append(_SYLLABLES[syllable])
    return "".join(parts)
