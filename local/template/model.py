"""What the local stack serves, read from the template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """One Lambda function: where its code is, and the environment the template gives it."""

    logical_id: str
    code_dir: Path
    handler: str
    timeout_seconds: int
    memory_mb: int
    environment: Mapping[str, str]
    layers: tuple[Path, ...]

    @property
    def module_path(self) -> Path:
        """The file that holds the handler."""
        module, _, _ = self.handler.rpartition(".")
        return self.code_dir / f"{module.replace('.', '/')}.py"

    @property
    def handler_name(self) -> str:
        return self.handler.rpartition(".")[2]


@dataclass(frozen=True)
class JwtAuthorizer:
    """A JWT authorizer of an HTTP API: whose tokens it takes, and for whom they must be."""

    name: str
    issuer: str
    audiences: tuple[str, ...]


@dataclass(frozen=True)
class Cors:
    """An HTTP API's CORS configuration, which API Gateway carries out by itself."""

    allow_origins: tuple[str, ...]
    allow_methods: tuple[str, ...]
    allow_headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age_seconds: int | None
    allow_credentials: bool


@dataclass(frozen=True)
class Route:
    """One route of an HTTP API. `authorizer` None is public; `scopes` empty asks for none."""

    api: str
    method: str
    path: str
    function: str
    authorizer: JwtAuthorizer | None
    scopes: tuple[str, ...]
    cors: Cors | None

    @property
    def key(self) -> str:
        """The route key as API Gateway writes it: `GET /pets/{id}`, or `$default`."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True)
class Schedule:
    """A recurring run of a function. `payload` None sends what EventBridge Scheduler sends by itself."""

    name: str
    function: str
    expression: str
    payload: str | None


@dataclass(frozen=True)
class Queue:
    """An SQS queue. `dead_letters` is the ARN of the queue that takes what was received `most_receives` times."""

    logical_id: str
    name: str
    arn: str
    visibility_seconds: int
    retention_seconds: int
    dead_letters: str | None
    most_receives: int
    fifo: bool = False
    """In order within a group, each once within five minutes; its senders name the group and what tells it apart."""


@dataclass(frozen=True)
class QueueSource:
    """A queue that feeds a function: how many messages at once, and whether its answer may name some that failed."""

    function: str
    queue: str
    batch_size: int
    reports_failures: bool


@dataclass(frozen=True)
class EventRule:
    """A rule of an event bus: what matches `pattern` goes to the queues, by their logical ids."""

    bus: str
    pattern: Mapping[str, object]
    queues: tuple[str, ...]


@dataclass(frozen=True)
class Index:
    """A secondary index of a table."""

    name: str
    hash_key: str
    range_key: str | None
    projection: str
    included: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A DynamoDB table. `attributes` are the key attributes with their types (`S`, `N`, `B`)."""

    logical_id: str
    name: str
    hash_key: str
    range_key: str | None
    attributes: tuple[tuple[str, str], ...]
    global_indexes: tuple[Index, ...]
    local_indexes: tuple[Index, ...]
    ttl_attribute: str | None


@dataclass(frozen=True)
class ServerlessApp:
    """All of a template that is served locally, by logical id where it has one."""

    functions: Mapping[str, Function]
    function_urls: frozenset[str]
    routes: tuple[Route, ...]
    schedules: tuple[Schedule, ...]
    tables: Mapping[str, Table]
    queues: Mapping[str, Queue] = field(default_factory=dict)
    queue_sources: tuple[QueueSource, ...] = ()
    buses: frozenset[str] = frozenset()
    """The names of the event buses."""
    rules: tuple[EventRule, ...] = ()

    @property
    def layers(self) -> tuple[Path, ...]:
        """The folders of all layers, each once."""
        return tuple(dict.fromkeys(layer for function in self.functions.values() for layer in function.layers))

    @property
    def authorizers(self) -> tuple[JwtAuthorizer, ...]:
        """The authorizers that routes use, each once."""
        return tuple(dict.fromkeys(route.authorizer for route in self.routes if route.authorizer is not None))
