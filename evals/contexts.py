"""Which sections of the articles hold the right answer to a question: the reference for context precision and recall.

They are cut at the headings of the article's own text, not by the product's chunker: a chunker that cuts badly must
not move the reference along with it.
"""

import re
from collections.abc import Iterable, Sequence

from desk.domain.passages import Passage
from desk.policies.models import PolicySet
from evals.suites.questions import Question

_HEADING = re.compile(r"^#{1,6} .*$", re.MULTILINE)


def sections_of(policies: PolicySet, articles: Iterable[str]) -> list[str]:
    """The texts between headings."""
    bodies = [article.body for article in policies.articles.values() if article.id in set(articles)]
    return [section for body in bodies for part in _HEADING.split(body) if (section := part.strip())]


def holding(question: Question, sections: Sequence[str]) -> list[str]:
    """Every section that says a part of the right answer: the reference for precision."""
    return [section for section in sections if any(pattern.search(section) for pattern in question.must)]


def covering(question: Question, sections: Sequence[str], *, retrieved: Sequence[Passage]) -> list[str]:
    """As few sections as hold the whole answer together: the reference for recall.

    Where two say the same, the one that was retrieved is taken: either answers the question.
    """
    texts = [_plain(passage["text"]) for passage in retrieved]
    left = list(question.must)
    chosen: list[str] = []
    while left:
        said = {section: sum(bool(pattern.search(section)) for pattern in left) for section in sections}
        best = max(sections, key=lambda section: (said[section], _is_among(section, texts)), default="")
        if not said.get(best):
            break
        chosen.append(best)
        left = [pattern for pattern in left if not pattern.search(best)]
    return chosen


def _is_among(section: str, texts: Sequence[str]) -> bool:
    plain = _plain(section)
    return any(text in plain or plain in text for text in texts)


def _plain(text: str) -> str:
    return " ".join(text.split())
