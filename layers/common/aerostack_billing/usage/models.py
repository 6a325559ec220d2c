"""Usage: what is counted, against which ceiling, and what an answer tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from aerostack_billing.plans.models import Limit
from aerostack_billing.values.fields import AccountId, IdempotencyKey, RequestModel, ResourceId

MAX_QUANTITY = 10**15
"""The most that one call may count: above every limit, below what would lose precision in a caller's JSON."""

State = Literal["ok", "grace", "blocked"]


class ConsumeRequest(RequestModel):
    """Body of `POST /api/billing/usage/consume`."""

    account_id: AccountId
    metric: str
    quantity: Annotated[int, Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY)] = 1
    idempotency_key: IdempotencyKey | None = None
    dry_run: bool = False


class BatchRequest(RequestModel):
    """Body of `POST /api/billing/usage/batch`; each event is checked on its own."""

    most_bytes: ClassVar[int] = 1024 * 1024
    """A hundred events whose every character is escaped as JSON allows: twelve bytes for one beyond ASCII."""

    events: Annotated[list[dict[str, object]], Field(min_length=1, max_length=100)]


class LeaseRequest(RequestModel):
    """Body of `POST /api/billing/usage/leases`."""

    account_id: AccountId
    metric: str
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    ttl_seconds: Annotated[int, Field(ge=1, le=3_600)]
    allow_partial: bool = False
    idempotency_key: IdempotencyKey | None = None


class SettleRequest(RequestModel):
    """Body of `POST /api/billing/usage/leases/{lease_id}/settle`."""

    account_id: AccountId
    used: Annotated[int, Field(ge=0, le=MAX_QUANTITY)]


class LeaseName(RequestModel):
    """Which lease a path names."""

    lease_id: Annotated[str, Field(min_length=1, max_length=200)]


class ClaimRequest(RequestModel):
    """Body of `PUT /api/billing/resources/{kind}/{id}`."""

    account_id: AccountId


class PlaceName(RequestModel):
    """Which resource a path names: `/api/billing/resources/{kind}/{id}`."""

    kind: str
    id: ResourceId


class Level(IntEnum):
    """How far a counter has come; each is announced once when it is reached."""

    QUIET = 0
    NEAR = 1
    GRACE = 2
    BLOCKED = 3


_NEAR_PERCENT = 80


@dataclass(frozen=True)
class Counter:
    """A counter as stored: `used`, the `room` that is left below the hard limit, and the level last announced."""

    used: int
    room: int
    announced: Level = Level.QUIET


@dataclass(frozen=True)
class Burst:
    """The calls of one clock minute against the burst limit, as the month's item carries them."""

    ceiling: int
    minute: int = 0
    calls: int = 0

    @property
    def remaining(self) -> int:
        """Calls that still pass in this minute."""
        return max(0, self.ceiling - self.calls)

    @property
    def resets_at(self) -> int:
        """Unix seconds at which the next minute begins."""
        return (self.minute + 1) * 60


@dataclass(frozen=True)
class Figures:
    """A counter beside its limit, as every usage answer and refusal shows it."""

    name: str
    period: str
    used: int
    limit: int | None
    hard_limit: int | None

    @classmethod
    def of(cls, name: str, period: str, counter: Counter, limit: Limit) -> Figures:
        """The figures of a stored counter: its hard limit is the one it carries, used + room."""
        hard = None if limit.limit is None else counter.used + counter.room
        return cls(name, period, counter.used, limit.limit, hard)

    @property
    def remaining(self) -> int | None:
        """What still passes; None is unlimited."""
        return None if self.hard_limit is None else max(0, self.hard_limit - self.used)

    @property
    def state(self) -> State:
        """`blocked` when nothing more passes, `grace` above the limit, else `ok`."""
        if self.remaining == 0:
            return "blocked"
        return "grace" if self.limit is not None and self.used > self.limit else "ok"

    @property
    def level(self) -> Level:
        """The highest threshold reached: 80 % of the limit, above the limit, the hard limit."""
        if self.limit is None or self.used == 0:
            return Level.QUIET
        if self.remaining == 0:
            return Level.BLOCKED
        if self.used > self.limit:
            return Level.GRACE
        return Level.NEAR if self.used * 100 >= self.limit * _NEAR_PERCENT else Level.QUIET

    def amounts(self) -> dict[str, object]:
        """The numbers without the name."""
        return {
            "used": self.used,
            "limit": self.limit,
            "hard_limit": self.hard_limit,
            "remaining": self.remaining,
            "state": self.state,
        }

    def view(self) -> dict[str, object]:
        """With metric and period, as `consume` answers."""
        return {"metric": self.name, "period": self.period, **self.amounts()}


@dataclass(frozen=True)
class Place:
    """One resource that exists and takes a place."""

    kind: str
    resource_id: str
    created_at: str


@dataclass(frozen=True)
class Outlook:
    """A monthly quota as it stands, and what it comes to; moments in unix seconds.

    None: not told yet, or not reached this month.
    """

    figures: Figures
    projected: int | None
    limit_reached_at: int | None
    hard_limit_reached_at: int | None
