"""Whether an article can be used at all, and what its approver should know about it. Pure."""

import difflib
from collections.abc import Collection, Mapping
from datetime import date

from desk.domain.errors import InvalidRequest
from desk.knowledge.versions import Finding
from desk.policies.models import Article, PolicySet
from retrieval.chunking import pieces

MAX_CHARACTERS = 200_000
"""About a hundred pages. Nobody reviews more at once, and one subject does not take more."""

Published = Mapping[str, Article]


def check_usable(article: Article, *, published: Published) -> None:
    """Raises ``InvalidRequest`` for a text that no answer could ever be taken from."""
    if not pieces(article):
        raise InvalidRequest("The article has no text; write one below its title.")
    if len(article.body) > MAX_CHARACTERS:
        raise InvalidRequest(f"The article has more than {MAX_CHARACTERS:,} characters; split it by subject.")
    if article.expires is not None and article.expires <= article.effective:
        raise InvalidRequest(f"expires must be after effective ({article.effective}).")
    if article.next_review <= article.effective:
        raise InvalidRequest(f"next_review must be after effective ({article.effective}).")
    check_circle(article, published=published)


def check_circle(article: Article, *, published: Published) -> None:
    """Articles that replace each other in a circle would leave nothing in use. Raises ``InvalidRequest``."""
    seen, ahead = set[str](), list(article.supersedes)
    while ahead:
        name = ahead.pop()
        if name == article.id:
            raise InvalidRequest(
                f"supersedes: {article.id} would replace itself, through {article.supersedes[0]}; leave one out."
                if article.id not in article.supersedes
                else "supersedes: an article cannot name itself; its own older versions are replaced anyway."
            )
        if name not in seen and name in published:
            ahead += published[name].supersedes
        seen.add(name)


def notices(article: Article, *, policies: PolicySet, published: Published, today: date) -> list[Finding]:
    """What is unusual about its front matter: no reason to refuse it, but for somebody to look."""
    areas = {known.area for known in (*policies.articles.values(), *published.values())}
    areas |= {area for intent in policies.intents.values() for area in intent.areas}
    found = [_odd(article, "area", article.area, areas, "is used by no other article and no intent looks there")]
    found.append(_odd(article, "owner", article.owner, policies.knowledge.owners, "is no owner the pack lists"))
    unknown = [name for name in article.supersedes if name not in published]
    found += [_notice(article, "supersedes", f"no article {name!r} is published") for name in unknown]
    if article.expires is not None and article.expires <= today:
        found.append(_notice(article, "expires", f"it expired on {article.expires} and would not be used"))
    if article.next_review < today:
        found.append(_notice(article, "next_review", f"its review was due on {article.next_review}"))
    return [finding for finding in found if finding is not None]


def aside_of(article: Article, *, published: Published) -> set[str]:
    """What an article need not agree with: its own versions, what it replaces and what replaces it."""
    above = {known.id for known in published.values() if article.id in known.supersedes}
    return {article.id, *article.supersedes, *above}


def _odd(article: Article, key: str, value: str, known: Collection[str], wrong: str) -> Finding | None:
    if value in known or not known:
        return None
    near = difflib.get_close_matches(value, known, n=1)
    return _notice(article, key, f"{value!r} {wrong}" + (f"; did you mean {near[0]!r}?" if near else ""))


def _notice(article: Article, key: str, message: str) -> Finding:
    return {"code": key, "where": f"{article.path}:1", "message": f"{key}: {message}"}
