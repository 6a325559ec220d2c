"""A service that leases one account's quota over HTTP, as the contract has it, with a clock that a test moves."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.clients.faults import Reply, Seen, refusal

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Time as the service tells it; `elapsed` is the same for a meter that knows no date."""

    now: datetime = NOON

    def move(self, seconds: float) -> None:
        """On."""
        self.now += timedelta(seconds=seconds)

    def elapsed(self) -> float:
        """Seconds since noon."""
        return (self.now - NOON).total_seconds()


@dataclass
class _Lease:
    period: str
    granted: int
    expires_at: datetime


@dataclass
class Quota:
    """What is counted in each month, up to a limit."""

    limit: int
    clock: Clock = field(default_factory=Clock)
    counted: dict[str, int] = field(default_factory=dict)
    leases: dict[str, _Lease] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    _made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def used(self) -> int:
        """This month's count."""
        return self.counted.get(self._period(), 0)

    def answer(self, seen: Seen) -> Reply:
        """To a request for a lease or a settlement."""
        with self._lock:
            if seen.path.endswith("/settle"):
                return self._settle(seen.path.split("/")[-2], seen.body["used"])
            return self._lease(seen.body)

    def _period(self) -> str:
        return self.clock.now.strftime("%Y-%m")

    def _lease(self, asked: dict[str, int]) -> Reply:
        self.asked.append(asked["quantity"])
        period, used = self._period(), self.used
        granted, room = asked["quantity"], self.limit - used
        if granted > room and asked.get("allow_partial"):
            granted = room
        if not 1 <= granted <= room:
            figures = {"metric": asked["metric"], "period": period, "used": used, "limit": self.limit}
            return refusal(403, "PLAN_LIMIT_EXCEEDED", {**figures, "remaining": room, "state": "blocked"})
        self.counted[period] = used + granted
        self._made += 1
        ends = self.clock.now.replace(microsecond=0) + timedelta(seconds=asked["ttl_seconds"])
        self.leases[f"lease.{self._made}"] = _Lease(period, granted, ends)
        found = {"lease_id": f"lease.{self._made}", "period": period, "granted": granted}
        return Reply(201, {**found, "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def _settle(self, lease_id: str, used: int) -> Reply:
        lease = self.leases.pop(lease_id, None)
        if lease is None or lease.expires_at <= self.clock.now:
            return Reply(200, {"returned": 0})
        self.counted[lease.period] -= lease.granted - used
        return Reply(200, {"returned": lease.granted - used})
