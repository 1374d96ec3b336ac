"""A passage: one topic of one version of one article, as it was approved."""

from typing import TypedDict


class Passage(TypedDict):
    """What an answer may be taken from."""

    chunk_id: str
    """Stable: ``<article>@<version>#<heading slug>``; the same text keeps its id over re-indexing."""
    article: str
    version: str
    title: str
    heading: str
    area: str
    text: str
    """Markdown of the chunk body without its headings."""
    score: float
    """Estimated probability (0..1) that this passage answers the question."""


class Source(TypedDict):
    """An article version a reply stands on, as the customer sees it."""

    article: str
    version: str
    title: str
