"""A limit on the requests of one account that ask Stripe: whoever asks too often is refused before Stripe is."""

from __future__ import annotations

from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Write
from aerostack_billing.values.errors import RateLimitExceeded

_PREFIX = "asks#"
_KEPT_MINUTES = 60


class RequestLimit:
    """Counts an account's requests in a clock minute: an item of the Events table for each, removed by its TTL."""

    def __init__(self, dynamo: Dynamo, table: str, most: int) -> None:
        self._dynamo = dynamo
        self._table = table
        self._most = most

    def count(self, account_id: str) -> None:
        """Count one request: one write unit. RateLimitExceeded (429) with `Retry-After` over the limit."""
        minute = clock.minute()
        write = Write(
            self._table,
            {"event_id": _key(account_id, minute)},
            update="ADD requests :one SET expires_at = :expires",
            condition="attribute_not_exists(requests) OR requests < :most",
            values={":one": 1, ":most": self._most, ":expires": (minute + _KEPT_MINUTES) * 60},
        )
        try:
            self._dynamo.update(write)
        except ConditionFailed as failed:
            raise self._refusal(minute) from failed

    def _refusal(self, minute: int) -> RateLimitExceeded:
        reset_at = (minute + 1) * 60
        wait = max(1, reset_at - clock.seconds())
        return RateLimitExceeded(
            f"An account makes {self._most} requests a minute that lead to Stripe. Try again in {wait} s.",
            {"limit": self._most, "remaining": 0, "reset_at": clock.iso(reset_at), "retry_after_seconds": wait},
            {"retry-after": str(wait)},
        )


def _key(account_id: str, minute: int) -> str:
    return f"{_PREFIX}{account_id}#{minute}"
