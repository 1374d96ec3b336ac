"""Whether the search keeps back what may not be seen (R4.4): articles planted beside the pack's, one for each filter.

A probe asks for its article in so many words. Where the article may be seen it must be found, else the probe proves
nothing; where it may not, no passage of it may come back.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from desk.policies.models import Article, PolicySet
from evals.result import Scores
from evals.searching import Build, pack_search
from retrieval.search import Audience, Retriever

_PLANTED = "planted-"


@dataclass(frozen=True, kw_only=True)
class View:
    """Who asks, where and when."""

    audience: Audience = "public"
    channel: str = "web"
    locale: str = "en"
    later: timedelta = timedelta()


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A planted article, what distinguishes it, and where it is seen. From the default view it is not."""

    name: str
    word: str
    """In no other article."""
    article: dict[str, Any]
    seen: View | None
    """None: nobody sees it."""


def probes(today: date) -> list[Probe]:
    yesterday, next_month = today - timedelta(days=1), today + timedelta(days=30)
    return [
        Probe(name="internal", word="quandong", article={"audience": "internal"}, seen=View(audience="internal")),
        Probe(name="customers", word="rambutan", article={"audience": "customer"}, seen=View(audience="customer")),
        Probe(name="channel", word="salak", article={"channels": ("sms",)}, seen=View(channel="sms")),
        Probe(name="locale", word="tamarillo", article={"locale": "fr"}, seen=View(locale="fr")),
        Probe(name="expired", word="ugli", article={"expires": yesterday}, seen=View(later=timedelta(days=-5))),
        Probe(
            name="not-yet", word="voavanga", article={"effective": next_month}, seen=View(later=timedelta(days=31))
        ),
        Probe(name="draft", word="wampee", article={"status": "draft"}, seen=None),
        Probe(name="retired", word="ximenia", article={"status": "retired"}, seen=None),
    ]  # fmt: skip


async def filter_scores(policies: PolicySet, *, build: Build, now: datetime) -> Scores:
    """``filters_held``: not found where it may not be seen; ``filters_open``: found where it may."""
    planted = probes(now.date())
    beside = policies.model_copy(
        update={"articles": {**policies.articles, **{article.path: article for article in map(_article, planted)}}}
    )
    async with pack_search(beside, build=build) as retriever:
        return {
            "filters_held": {
                probe.name: float(not await _finds(retriever, probe, View(), now=now)) for probe in planted
            },
            "filters_open": {
                probe.name: float(await _finds(retriever, probe, probe.seen, now=now))
                for probe in planted
                if probe.seen
            },
        }


async def _finds(retriever: Retriever, probe: Probe, view: View, *, now: datetime) -> bool:
    found = await retriever.search(
        f"Do you sell the {probe.word} basket?",
        audience=view.audience,
        channel=view.channel,
        locale=view.locale,
        now=now + view.later,
    )
    return any(passage["article"] == _PLANTED + probe.name for passage in found.passages)


def _article(probe: Probe) -> Article:
    values = {
        "id": _PLANTED + probe.name,
        "title": f"The {probe.word} basket",
        "area": "orders",
        "owner": "Evaluation",
        "review_cadence": "6m",
        "next_review": date(2099, 1, 1),
        "version": "1.0",
        "status": "published",
        "effective": date(2020, 1, 1),
        "source": "evals/suites/filters.py",
        "body": f"We sell the {probe.word} basket. A {probe.word} basket costs 19.00 USD.",
        "path": f"knowledge/{_PLANTED}{probe.name}.md",
    }
    return Article.model_validate(values | probe.article)
