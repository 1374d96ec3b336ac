"""Where the business systems are and how they are spoken to: the shapes of ``systems.yaml``.

PostgresSystem   the reference system in our own database
RestSystem       anybody's HTTP API that speaks JSON
McpSystem        anybody's MCP server

An id of ``STANDARD`` is one of the five systems, with the operations of ``desk.integrations.protocols``; any other id
is a tool source of its own, whose operations say what they take and what they answer.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from desk.policies.base import ArgumentType, Identifier, PackModel

STANDARD = ("orders", "billing", "crm", "ticketing", "scheduling")

Kind = Literal["text", "integer", "boolean", "money", "moment"]
"""What a field of an answer holds. ``text?`` may be missing."""

EnvironmentName = Annotated[str, Field(pattern=r"^SYSTEM_[A-Z0-9_]{1,60}$")]
"""A variable a pack may ask for. The prefix keeps the product's own secrets out of its reach."""

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_.]*)\}")


def _references(text: str) -> str:
    for name in _REFERENCE.findall(text):
        if not re.fullmatch(r"SYSTEM_[A-Z0-9_]{1,60}", name):
            raise ValueError(f"${{{name}}} is not allowed; only variables that begin with SYSTEM_ are given to a pack")
    return text


def _shape(value: Any) -> Any:
    """A shape in the pack's words, or ``ValueError``."""
    match value:
        case str():
            if value.removesuffix("?") not in get_args(Kind):
                raise ValueError(f"{value!r} is no kind; use {', '.join(get_args(Kind))}, or a list or keys of these")
        case [item]:
            _shape(item)
        case dict() if value:
            for name, item in value.items():
                if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", str(name)):
                    raise ValueError(f"{name!r} is not a name; use small letters, digits and underscores")
                _shape(item)
        case _:
            raise ValueError("must be a kind, a list of one kind, or keys with their kinds")
    return value


WithReferences = Annotated[str, AfterValidator(_references)]
"""Text in which ``${SYSTEM_NAME}`` stands for a variable of the environment."""

Shape = Annotated[dict[str, Any], AfterValidator(_shape)]
"""Field → kind; ``[kind]`` is a list, keys are a record."""


class FieldSource(PackModel):
    """Where one field of a result is found in an answer. A mere path may be written as text."""

    path: str = ""
    """Keys joined by dots; a number counts in a list. Empty: the value itself."""
    given: Identifier | None = None
    """Not in the answer: the argument of this name, or ``customer_id``, that was asked with."""
    optional: bool = False
    """Missing or null becomes null."""
    values: dict[str, str] = Field(default_factory=dict)
    """The system's word → ours. A word that is not there is an error."""
    money: Literal["minor", "decimal"] | None = None
    """The value is a mere number: of cents, or of the whole unit (``42.00``)."""
    currency: str | None = None
    """For ``money``: three capital letters, or the path to them."""
    each: "dict[str, FieldMapping]" = Field(default_factory=dict)
    """The value is a list, and this is where each item's fields are."""
    fields: "dict[str, FieldMapping]" = Field(default_factory=dict)
    """The value is a record, and this is where its fields are."""

    @model_validator(mode="after")
    def _money_has_a_currency(self) -> Self:
        if (self.money is None) != (self.currency is None):
            raise ValueError("money and currency go together; add or remove one of the two")
        return self


def _as_source(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


FieldMapping = Annotated[FieldSource, BeforeValidator(_as_source)]
FieldSource.model_rebuild()


class ErrorRule(PackModel):
    """What an error of the system means. The first that fits counts; those of the operation come first."""

    status: int | None = Field(default=None, ge=300, le=599)
    """HTTP status."""
    code: str | None = None
    """The word found at ``error_code``."""
    means: str
    """``not_found`` · ``unavailable``: nothing was done · or why the system refuses (``already_shipped`` …)."""


class SourceArgument(PackModel):
    name: Identifier
    type: ArgumentType


class OperationSpec(PackModel):
    """One thing a system does, whatever it speaks."""

    name: Identifier
    arguments: tuple[SourceArgument, ...] = ()
    """Of a tool source of its own: what it takes besides the customer."""
    shape: Shape | None = None
    """Of a tool source of its own: what it answers."""
    writes: bool = False
    """Of a tool source of its own."""
    answer: str = ""
    """Path to the record in the answer; empty: the answer is the record."""
    result: dict[str, FieldMapping] = Field(default_factory=dict)
    """Field of the record → where it is; fields not named here are found under their own name."""
    owner: str | None = None
    """Path to the customer's id in the record, when the system says whose it is."""
    errors: tuple[ErrorRule, ...] = ()

    def templates(self) -> Iterator[str]:
        """Every text in which ``{argument}`` may stand."""
        yield from ()

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(name for text in self.templates() for name in _PLACEHOLDER.findall(text))


class RestOperation(OperationSpec):
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[str, Field(pattern=r"^/[^?#\s]*$")]
    """Beneath ``base_url``; ``{placeholders}`` are the arguments and ``{customer_id}``."""
    query: dict[str, str] = Field(default_factory=dict)
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")], str] = Field(default_factory=dict)
    body: dict[str, Any] = Field(default_factory=dict)
    """Sent as JSON. A text that is one placeholder keeps the value's type."""

    def templates(self) -> Iterator[str]:
        yield self.path
        yield from self.query.values()
        yield from self.headers.values()
        yield from texts_in(self.body)


class McpOperation(OperationSpec):
    tool: str
    """Name of the server's tool."""
    given: dict[str, Any] = Field(default_factory=dict)
    """The tool's arguments, as ``body`` of a REST operation; ``{key}`` is the idempotency key."""

    def templates(self) -> Iterator[str]:
        yield from texts_in(self.given)


class SystemAuth(PackModel):
    """How we say who we are."""

    kind: Literal["bearer", "header", "basic"]
    secret: EnvironmentName
    """The variable that holds the token or the password."""
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")] = "X-Api-Key"
    """For ``header``."""
    user: str = ""
    """For ``basic``."""


class RemoteSystemSpec(PackModel):
    id: Identifier
    auth: SystemAuth | None = None
    timeout_seconds: float = Field(default=4.0, gt=0, le=4)
    """For one call with all its tries; the executor gives up after five."""
    idempotent: bool
    """Whether the same key again changes nothing and gives the first result. Without it nothing that may have
    happened is ever sent again."""
    error_code: str = "code"
    """Path to the word that says what went wrong, in the answer to a call that failed."""
    errors: tuple[ErrorRule, ...] = ()


class PostgresSystem(PackModel):
    id: Identifier
    kind: Literal["postgres"]


class RestSystem(RemoteSystemSpec):
    kind: Literal["rest"]
    base_url: WithReferences
    operations: tuple[RestOperation, ...] = Field(min_length=1)


class McpSystem(RemoteSystemSpec):
    kind: Literal["mcp"]
    url: WithReferences | None = None
    """Streamable HTTP."""
    command: tuple[WithReferences, ...] = ()
    """Or a program that speaks over its standard input and output."""
    environment: tuple[EnvironmentName, ...] = ()
    """Variables that program is given, besides the usual harmless ones."""
    operations: tuple[McpOperation, ...] = Field(min_length=1)


SystemSpec = PostgresSystem | RestSystem | McpSystem

KINDS: dict[str, type[PackModel]] = {"postgres": PostgresSystem, "rest": RestSystem, "mcp": McpSystem}


def texts_in(value: Any) -> Iterator[str]:
    """Every text of a JSON value, keys left out."""
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from texts_in(item)
        case list():
            for item in value:
                yield from texts_in(item)


def variables_of(system: SystemSpec) -> frozenset[str]:
    """The variables of the environment a system is described with."""
    match system:
        case RestSystem():
            texts = [system.base_url]
        case McpSystem():
            texts = [system.url or "", *system.command, *(f"${{{name}}}" for name in system.environment)]
        case PostgresSystem():
            return frozenset()
    secrets = {system.auth.secret} if system.auth is not None else set()
    return frozenset(name for text in texts for name in _REFERENCE.findall(text)) | secrets


def filled(text: str, variables: Mapping[str, str]) -> str:
    """The text with its ``${SYSTEM_NAME}`` replaced."""
    return _REFERENCE.sub(lambda match: variables[match.group(1)], text)
