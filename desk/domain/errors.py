"""Errors a caller can act on.

FrontdeskError
├── ConfigurationError            a setting is wrong; says which and how to mend it
├── PackError                     the pack is wrong; carries every problem found
├── NotFound                      no such thing, or not yours: the two look the same
├── NotAuthenticated              no valid token
├── Forbidden                     a valid token that may not do this
├── Conflict                      the thing changed or was decided meanwhile
├── Gone                          it was there, and its time is over
├── InvalidRequest                the request cannot be understood or is out of bounds
├── TooManyRequests               slow down; says for how long
├── LanguageModelFailed           the model provider failed; another engine takes over
├── LeaseLost                     another process runs this conversation now
└── IntegrationError
    ├── RecordNotFound            the system has no such record for this customer
    ├── NotPossible               the system refuses: one of its own rules; nothing was changed
    ├── SystemUnavailable         the system did not answer and did nothing; safe to retry
    └── OutcomeUnknown            it may have been done or not; never repeat it without the same key

Every error has a stable ``code`` for programs and a sentence that is safe to show to a customer.
"""

from typing import ClassVar


class FrontdeskError(Exception):
    """Base of every error this product raises on purpose."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.error_code = code or self.code


class ConfigurationError(FrontdeskError):
    code = "configuration"
    title = "The configuration is wrong"


class PackError(FrontdeskError):
    """``problems`` holds one ``file:line: key: what is wrong`` sentence for each mistake."""

    code = "pack_invalid"
    title = "The pack is not valid"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"{len(problems)} problem(s) in the pack:\n" + "\n".join(problems))
        self.problems = problems


class NotFound(FrontdeskError):
    code = "not_found"
    status = 404
    title = "Not found"


class NotAuthenticated(FrontdeskError):
    code = "not_authenticated"
    status = 401
    title = "A valid token is needed"


class Forbidden(FrontdeskError):
    code = "forbidden"
    status = 403
    title = "Not allowed"


class Conflict(FrontdeskError):
    code = "conflict"
    status = 409
    title = "This was changed meanwhile"


class Gone(FrontdeskError):
    code = "gone"
    status = 410
    title = "This is over"


class InvalidRequest(FrontdeskError):
    code = "invalid_request"
    status = 422
    title = "The request is not valid"


class TooManyRequests(FrontdeskError):
    """``retry_after`` is in whole seconds."""

    code = "too_many_requests"
    status = 429
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class LanguageModelFailed(FrontdeskError):
    """``reason`` is one word for metrics: timeout, rate_limited, server_error, garbage, truncated, filtered, refused,
    budget (the turn has no model call or no time left; says nothing about the provider)."""

    code = "model_failed"
    status = 503
    title = "The language model failed"

    def __init__(self, detail: str, *, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


class LeaseLost(FrontdeskError):
    code = "lease_lost"
    status = 409
    title = "Another process runs this conversation"


class IntegrationError(FrontdeskError):
    """A business system could not do what was asked."""

    code = "integration"
    status = 502
    title = "A business system failed"


class RecordNotFound(IntegrationError):
    code = "record_not_found"
    status = 404
    title = "No such record"


class SystemUnavailable(IntegrationError):
    code = "system_unavailable"
    status = 503
    title = "A business system is not available"


class NotPossible(IntegrationError):
    """``reason`` is one word of ``desk.integrations.protocols.Refused`` for programs and reply templates."""

    code = "not_possible"
    status = 409
    title = "A business system refuses"

    def __init__(self, detail: str, *, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


class OutcomeUnknown(IntegrationError):
    code = "outcome_unknown"
    status = 502
    title = "It is not known whether it was done"
