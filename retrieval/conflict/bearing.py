"""Whether a conflict bears on what a customer asks: two passages may disagree about a fee mentioned in passing."""

from functools import lru_cache

from desk.language.asked import Kind, asked_kinds
from retrieval.conflict.alignment import weight
from retrieval.conflict.facts import Fact, Facts
from retrieval.conflict.wording import terms_of

_ASKED: dict[Kind, frozenset[str]] = {
    "duration": frozenset({"period", "date"}),
    "date": frozenset({"date", "time", "period"}),
    "hours": frozenset({"time"}),
    "amount": frozenset({"amount", "percentage"}),
}
_YES_OR_NO = frozenset({"polarity", "permission", "exclusivity"})


def bears_on(question: str, one: Facts, other: Facts, *, units: tuple[int, int], kind: str) -> bool:
    """Whether an answer to the question would have to take a side.

    It would when the sentences in dispute speak of what is asked at least as much as any other sentence of the two
    passages that states the same kind of thing, or, where the question names the kind of fact it wants, one of these.
    """
    asked, kinds = _asked(question)
    if not asked and not kinds:
        return True
    mine, theirs = _speaking(one, asked), _speaking(other, asked)
    disputed = max(mine.get(units[0], 0.0), theirs.get(units[1], 0.0))
    if kinds and kind not in kinds:
        return kind in _YES_OR_NO and disputed > 0 and disputed >= max([*mine.values(), *theirs.values()])
    rivals = [
        *(mine.get(fact.unit, 0.0) for fact in _of_kind(one, kind)),
        *(theirs.get(fact.unit, 0.0) for fact in _of_kind(other, kind)),
    ]
    return disputed >= max(rivals, default=0.0) and (disputed > 0 or bool(kinds))


def _speaking(facts: Facts, asked: frozenset[str]) -> dict[int, float]:
    """For each unit how much of what is asked its sentence speaks of."""
    spoken: dict[int, float] = {}
    for fact in (*facts.quantities, *facts.claims):
        said = weight(asked & (fact.everything - fact.title | fact.own))
        spoken[fact.unit] = max(spoken.get(fact.unit, 0.0), said)
    return spoken


def _of_kind(facts: Facts, kind: str) -> tuple[Fact, ...]:
    if kind in _YES_OR_NO:
        return facts.claims
    return tuple(fact for fact in facts.quantities if fact.quantity.kind == kind)


@lru_cache(maxsize=256)
def _asked(question: str) -> tuple[frozenset[str], frozenset[str]]:
    """The terms of a question, and the kinds of conflict that bear on the kind of fact it wants."""
    kinds = frozenset[str]().union(*(_ASKED.get(kind, frozenset()) for kind in asked_kinds(question)))
    return frozenset(terms_of(question)), kinds
