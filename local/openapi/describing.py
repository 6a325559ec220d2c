"""How a route is described, and the refusals that several of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from aerostack_billing.values import errors
from aerostack_billing.values.fields import RequestModel
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached

Refusal = type[errors.BillingError]
Schema = dict[str, object]


@dataclass(frozen=True)
class Query:
    """A query parameter."""

    name: str
    schema: Schema
    description: str
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """One route. Several answers are alternatives. `refusals` are its own; the document adds those that routes share.

    `replays`: the answer may be the first one to the caller's key. `throttled`: the route is under the burst limit, and
    its answers carry what is left of it.
    """

    summary: str
    answer: type[BaseModel] | tuple[type[BaseModel], ...]
    body: type[BaseModel] | None = None
    path: type[BaseModel] | None = None
    query: tuple[Query, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    status: int = 200
    replays: bool = False
    throttled: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    """The media types of an answer that is text and no JSON object, each with what it is."""
    name: str = ""
    """Its `operationId`, where it is not the function's name."""
    rehearsal: type[BaseModel] | None = None
    """What it answers with 200 to `?dry_run=true`, which changes nothing."""
    description: str = ""

    @property
    def answers(self) -> tuple[type[BaseModel], ...]:
        """The models of its answers."""
        own = self.answer if isinstance(self.answer, tuple) else (self.answer,)
        return own if self.rehearsal is None else (*own, self.rehearsal)

    @property
    def needs_no_body(self) -> bool:
        """Whether the body may be left out."""
        return self.body is not None and issubclass(self.body, RequestModel) and self.body.needs_nothing()

    @property
    def takes_key_header(self) -> bool:
        """Whether a key is optional, so that the header may carry it; a required key is a field of the body."""
        key = self.body.model_fields.get("idempotency_key") if self.body else None
        return key is not None and not key.is_required()


REDIRECTS = errors.InvalidRedirectUrl
REUSED = errors.IdempotencyKeyReused
WORKED_ON = errors.RequestInProgress
SHORT = (InsufficientBalance, SpendCapReached, BudgetReached)
