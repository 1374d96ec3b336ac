"""Errors inside retrieval. None of them reaches a customer: search goes on without the part that failed."""

from desk.domain.errors import FrontdeskError


class DenseSearchUnavailable(FrontdeskError):
    """The vector index or the embedding did not answer; lexical search still does."""

    code = "dense_search_unavailable"
    status = 503
    title = "Vector search is not available"
