"""A generated help centre of any size: articles with subjects, words as frequent as in a language (Zipf).

Vocabulary grows with the corpus (Heaps): about 20,000 words at 1,000 chunks, 200,000 at 100,000. Each article has a
subject of its own among many, whose words it prefers; its sections share them. Questions hold words of one section.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from retrieval.chunking import Chunk

SECTIONS = 10
"""Chunks of an article."""
WORDS = 75
"""Of a chunk, on average; about 450 characters."""
SUBJECT_WORDS = 60
OF_SUBJECT = 0.25
"""Share of the words that belong to the subject."""
_SYLLABLES = ["ba", "ke", "lo", "mi", "nu", "ra", "so", "ti", "ve", "du", "pra", "stel", "on", "ar", "is", "um"]


@dataclass(frozen=True, kw_only=True)
class HelpCentre:
    """Made from a seed, always the same."""

    vocabulary: list[str]
    chunks: list[Chunk]
    questions: list[str]


def help_centre(chunks: int, *, questions: int, seed: int = 1) -> HelpCentre:
    random = np.random.default_rng(seed)
    vocabulary = [_word(number) for number in range(int(650 * chunks**0.5))]
    frequency = 1 / np.arange(1, len(vocabulary) + 1) ** 1.05
    frequency /= frequency.sum()
    subjects = [
        random.choice(len(vocabulary), size=SUBJECT_WORDS, p=_rarer(frequency)) for _ in range(max(8, chunks // 100))
    ]
    made: list[Chunk] = []
    asked: list[str] = []
    for number in range(chunks // SECTIONS):
        subject = subjects[number % len(subjects)]
        title = " ".join(vocabulary[word] for word in random.choice(subject, size=3))
        for section in range(SECTIONS):
            length = int(random.integers(WORDS // 2, WORDS * 3 // 2))
            text = np.where(
                random.random(length) < OF_SUBJECT,
                random.choice(subject, size=length),
                random.choice(len(vocabulary), size=length, p=frequency),
            )
            heading = [vocabulary[word] for word in random.choice(text, size=3)]
            made.append(
                _chunk(number, section, title=title, heading=" ".join(heading), words=[vocabulary[w] for w in text])
            )
    for number in random.integers(len(made), size=questions):
        said = made[number].text.split()
        asked.append("what is the " + " ".join(said[place] for place in random.integers(len(said), size=6)))
    return HelpCentre(vocabulary=vocabulary, chunks=made, questions=asked)


def changed(chunks: list[Chunk], *, article: str, version: str) -> list[Chunk]:
    """The same with another version of one article: each of its sections says something more."""
    from dataclasses import replace

    return [
        replace(
            chunk,
            id=chunk.id.replace(f"@{chunk.version}#", f"@{version}#"),
            version=version,
            text=f"{chunk.text} This is new since version {version.replace('.', ' ')}.",
        )
        if chunk.article == article
        else chunk
        for chunk in chunks
    ]


def _chunk(article: int, section: int, *, title: str, heading: str, words: list[str]) -> Chunk:
    sentences = [" ".join(words[start : start + 12]).capitalize() + "." for start in range(0, len(words), 12)]
    return Chunk(
        id=f"article-{article}@1.0#section-{section}",
        article=f"article-{article}",
        version="1.0",
        title=title.capitalize(),
        heading=heading.capitalize(),
        area=f"area_{article % 12}",
        text=" ".join(sentences),
        path=f"knowledge/article-{article}.md",
        status="published",
        audience="internal" if article % 10 == 0 else "public",
        locale="en",
        channels=(),
        effective=date(2026, 1, 1 + article % 28),
        expires=None,
    )


def _rarer(frequency: np.ndarray) -> np.ndarray:
    """Subjects are made of words that are neither the commonest nor seen once."""
    damped = frequency**0.5
    damped[:200] = 0
    return np.asarray(damped / damped.sum())


def _word(number: int) -> str:
    """The commonest are short."""
    parts: list[str] = []
    rest = number
    while rest or not parts:
        rest, syllable = divmod(rest, len(_SYLLABLES))
        parts.append(_SYLLABLES[syllable])
    return "".join(parts)
