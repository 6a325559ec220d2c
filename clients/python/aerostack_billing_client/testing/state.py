"""What a fake service keeps of an account, and the refusals that it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from aerostack_billing_client.testing.prices import Book

MICROS = 10_000
"""To the cent."""
Json = dict[str, object]
Room = dict[tuple[str, str], tuple[str, int]]
"""By label and value: in which window, and how many micros."""


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str, message: str, **details: object) -> None:
        super().__init__(code)
        self.status = status
        self.body: Json = {"error": {"code": code, "message": message, "details": details}}


@dataclass
class Counter:
    """A metric of this month; no limit is unlimited."""

    used: int = 0
    limit: int | None = None

    def figures(self, metric: str, period: str) -> Json:
        """As answers show it."""
        remaining = None if self.limit is None else max(0, self.limit - self.used)
        state = "blocked" if remaining == 0 else "ok"
        shown = {"metric": metric, "period": period, "used": self.used, "limit": self.limit}
        return {**shown, "hard_limit": self.limit, "remaining": remaining, "state": state}

    def take(self, metric: str, period: str, quantity: int) -> None:
        """Count it, or refuse it."""
        if self.limit is not None and self.used + quantity > self.limit:
            raise Refused(403, "PLAN_LIMIT_EXCEEDED", "The plan's limit is reached.", **self.figures(metric, period))
        if self.used + quantity < 0:
            raise Refused(422, "QUANTITY_EXCEEDS_USED", "More would be given back than is held.", used=self.used)
        self.used += quantity


@dataclass(frozen=True)
class BudgetTerms:
    """What may be spent under a value of a label, in micros."""

    limit: int
    window: str
    per_charge_max: int | None
    include_byok: bool
    alert_percent: tuple[int, ...]


@dataclass
class BudgetCount:
    """What one run of a budget's window counts, in micros."""

    start: str
    spent: int = 0
    held: int = 0


@dataclass
class Hold:
    """Money that is set aside, or was."""

    id: str
    kind: str
    micros: int
    expires_at: float
    labels: Mapping[str, str]
    book: Book
    room: Room
    """What it takes of each budget that its labels meet."""
    ended: str = ""


@dataclass
class Charge:
    """Money that was taken, and in which budgets it counts."""

    id: str
    micros: int
    room: Room
    kind: str = ""
    refunded: bool = False


@dataclass
class Lease:
    """Quota that counts as used until it is settled."""

    metric: str
    granted: int
    expires_at: float
    settled: bool = False


@dataclass(frozen=True)
class Line:
    """A line of the statement; `micros` is the change of the balance."""

    id: str
    type: str
    micros: int
    balance_after: int
    created_at: str
    kind: str | None = None
    reference: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FakeAccount:
    """One account, as a test may look at it."""

    id: str
    micros: int = 0
    counters: dict[str, Counter] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    budgets: dict[tuple[str, str], BudgetTerms] = field(default_factory=dict)
    counts: dict[tuple[str, str], BudgetCount] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    """The statement, oldest first. What takes nothing leaves no line here."""
    tier: str = "free"

    @property
    def balance_cents(self) -> Decimal:
        """What can be spent, exactly."""
        return Decimal(self.micros) / MICROS

    @property
    def held_cents(self) -> Decimal:
        """What is set aside."""
        return Decimal(self.held) / MICROS

    @property
    def held(self) -> int:
        """The same in micros."""
        return sum(hold.micros for hold in self.holds.values() if not hold.ended)

    def post(
        self,
        name: str,
        type: str,  # noqa: A002 - the API's own word
        micros: int,
        created_at: str,
        asked: Mapping[str, object],
        balance_after: int | None = None,
    ) -> None:
        """Write a line of what has just been moved, with what the request says of it."""
        kind, reference, labels = asked.get("kind"), asked.get("reference"), asked.get("labels")
        self.lines.append(
            Line(
                name,
                type,
                micros,
                self.micros if balance_after is None else balance_after,
                created_at,
                None if kind is None else str(kind),
                None if reference is None else str(reference),
                dict(labels) if isinstance(labels, Mapping) else {},
            )
        )

    def spend(self, micros: int) -> None:
        """Take money, or refuse."""
        self.check(micros)
        self.micros -= micros

    def check(self, micros: int) -> None:
        """Refuse what the balance does not suffice for."""
        if micros > self.micros:
            raise Refused(
                402,
                "INSUFFICIENT_BALANCE",
                "The balance does not suffice. Deposit money first.",
                balance_cents=self.micros // MICROS,
                balance_micros=self.micros,
                required_cents=shown(micros),
                missing_cents=shown(micros - self.micros),
                debt_cents=0,
            )

    def lapse(self, now: float) -> None:
        """Give back the holds whose time is over."""
        for hold in self.holds.values():
            if not hold.ended and hold.expires_at <= now:
                self.free(hold, "lapse")
                self.post(f"{hold.id}:lapse", "release", hold.micros, iso(now), {"labels": hold.labels})

    def free(self, hold: Hold, by: str) -> None:
        """End a hold: its money and its room go back, unless it lapsed before."""
        if not hold.ended:
            self._move(hold, 1)
        hold.ended = by

    def take_again(self, hold: Hold, ended: str) -> None:
        """Undo `free`: the hold is as it was."""
        hold.ended = ended
        if not ended:
            self._move(hold, -1)

    def _move(self, hold: Hold, way: int) -> None:
        self.micros += way * hold.micros
        for name, (start, micros) in hold.room.items():
            count = self.counts.get(name)
            if count is not None and count.start == start:
                count.held -= way * micros

    def hold(self, hold_id: str) -> Hold:
        """One hold."""
        if hold_id not in self.holds:
            raise Refused(404, "HOLD_NOT_FOUND", "The account has no such hold.", hold_id="unknown")
        return self.holds[hold_id]

    def balances(self) -> Json:
        """As every answer about money shows them."""
        return {"balance_cents": self.micros // MICROS, "balance_micros": self.micros, "held_cents": shown(self.held)}


def iso(seconds: float) -> str:
    """Unix seconds as answers show times."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def micros_of(amount: object) -> int:
    """Cents of a request in micros; refused where they are none."""
    cents = Decimal(str(amount))
    micros = cents * MICROS
    if micros < 0 or micros != micros.to_integral_value():
        raise Refused(422, "INVALID_REQUEST", "A field is wrong.", amount_cents="not a price")
    return int(micros)


def shown(micros: int) -> float | int:
    """Micros as an answer shows cents: exact, as four decimals fit a float."""
    return micros // MICROS if micros % MICROS == 0 else micros / MICROS
