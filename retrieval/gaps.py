"""What to write next: unanswered questions, put together by what they ask, the most frequent first (R4.7)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from desk.domain.clock import now
from desk.knowledge.gaps import AskedGap, GapStore
from retrieval.text import words

MOST_READ = 5_000
"""Newest questions that are looked at; more say nothing new about what is missing most."""
ALIKE = 0.5
"""Two questions ask the same when so large a share of their words (Jaccard) is common to both."""
EXAMPLES = 5
DAYS = 90


@dataclass(frozen=True, kw_only=True)
class GapReport:
    """Questions that ask the same."""

    question: str
    """The one the others have most in common with."""
    asked: int
    conversations: int
    first_asked_at: datetime
    last_asked_at: datetime
    examples: list[str]
    """Other ways it was asked."""
    intent: str | None
    nearest: str | None
    """The article that came nearest most often."""


class KnowledgeGaps:
    """The report for content owners."""

    def __init__(self, store: GapStore) -> None:
        self._store = store

    async def report(self, *, since: datetime | None = None, limit: int = 50) -> list[GapReport]:
        """The most frequent gaps since then, by default of the last 90 days."""
        asked = await self._store.since(since or now() - timedelta(days=DAYS), limit=MOST_READ)
        return grouped(asked)[:limit]


@dataclass
class _Group:
    asked: list[AskedGap] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)

    def likeness(self, said: frozenset[str]) -> float:
        """With the words at least half of the group uses."""
        core = {word for word, times in self.words.items() if 2 * times >= len(self.asked)}
        return len(said & core) / len(said | core) if core else 0.0

    def add(self, gap: AskedGap, said: frozenset[str]) -> None:
        self.asked.append(gap)
        self.words.update(said)


def grouped(asked: Sequence[AskedGap]) -> list[GapReport]:
    """The questions in groups, the largest first, then the newest. The same questions give the same groups."""
    groups: list[_Group] = []
    for gap in sorted(asked, key=lambda gap: (gap.asked_at, gap.question)):
        said = frozenset(words(gap.question)) or frozenset(gap.question.casefold().split())
        likest = max(groups, key=lambda group: group.likeness(said), default=None)
        if likest is None or likest.likeness(said) < ALIKE:
            likest = _Group()
            groups.append(likest)
        likest.add(gap, said)
    reports = [_report(group) for group in groups]
    return sorted(reports, key=lambda report: (-report.asked, -report.last_asked_at.timestamp(), report.question))


def _report(group: _Group) -> GapReport:
    questions = Counter(gap.question for gap in group.asked)
    typical = max(questions, key=lambda text: (group.likeness(frozenset(words(text))), questions[text], text))
    return GapReport(
        question=typical,
        asked=len(group.asked),
        conversations=len({gap.conversation_id for gap in group.asked}),
        first_asked_at=group.asked[0].asked_at,
        last_asked_at=group.asked[-1].asked_at,
        examples=[text for text, _ in questions.most_common() if text != typical][:EXAMPLES],
        intent=_commonest([gap.intent for gap in group.asked]),
        nearest=_commonest([gap.nearest for gap in group.asked]),
    )


def _commonest(names: Sequence[str | None]) -> str | None:
    counted = Counter(name for name in names if name is not None)
    return max(counted, key=lambda name: (counted[name], name), default=None)
