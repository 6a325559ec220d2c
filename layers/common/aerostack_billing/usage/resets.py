"""Setting a month's counter back to zero, by an operator's hand, with its whole room restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import STORAGE
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, Write
from aerostack_billing.usage.lease_store import prefix_of
from aerostack_billing.values.errors import InvalidRequest, OperatorRefused, StoreUnavailable

_ATTEMPTS = 20
_MOST_LEASES = 100
"""As many as one write can name."""
_PAST_SECONDS = 60
"""A lease that lapsed so little ago may still be settled by a clock that is behind."""


class TooManyLeases(OperatorRefused):
    """More blocks of quota are handed out than one write can call back."""

    code = "TOO_MANY_LEASES"


@dataclass(frozen=True)
class Reset:
    """What a reset gives back, and which leases it ends: they are settled for nothing then."""

    metric: str
    period: str
    used: int
    leases: tuple[tuple[str, int], ...] = ()

    def view(self) -> dict[str, object]:
        """As the tool tells it."""
        return {"metric": self.metric, "period": self.period, "given_back": self.used, "leases": len(self.leases)}


class Resets:
    """Resets counters."""

    def __init__(self, dynamo: Dynamo, table: str, catalog: Catalog) -> None:
        self._dynamo = dynamo
        self._table = table
        self._catalog = catalog

    def foresee(self, account_id: str, metric: str) -> Reset:
        """What `reset` would give back now. UnknownMetric (422), InvalidRequest (422) for the gauge, TooManyLeases."""
        if self._catalog.check_metric(metric) == STORAGE:
            raise InvalidRequest(f"{STORAGE} is what is held now: it is given back, not reset.", {"metric": "a gauge"})
        period = clock.period()
        item = self._dynamo.get(self._table, {"account_id": account_id, "period": period}) or {}
        leases = tuple(_leases_of(item, metric))
        if len(leases) > _MOST_LEASES:
            raise TooManyLeases(f"{len(leases)} leases are open. They expire within an hour. Try again then.")
        return Reset(metric, period, cast("int", item.get(f"{metric}_used", 0)), leases)

    def reset(self, account_id: str, metric: str) -> Reset:
        """Give back what this month's counter counted; what was given back. What is counted meanwhile stays counted.

        One write, under the conditions that as much is used and that its open leases are as they were read. What is
        used and the room always sum to the hard limit. Refusals as those of `foresee`.
        """
        for _ in range(_ATTEMPTS):
            found = self.foresee(account_id, metric)
            if found.used == 0:
                return found
            try:
                self._dynamo.update(self._giving_back(account_id, found))
            except ConditionFailed:
                continue
            return found
        raise StoreUnavailable("Leases are being settled right now. Try again.")

    def _giving_back(self, account_id: str, found: Reset) -> Write:
        """The thresholds lie ahead again, so that what was announced of them is forgotten."""
        names = {"#used": f"{found.metric}_used", "#room": f"{found.metric}_room", "#level": f"{found.metric}_level"}
        names |= {f"#l{i}": name for i, (name, _) in enumerate(found.leases)}
        values: dict[str, object] = {":was": found.used, ":less": -found.used}
        values |= {f":l{i}": value for i, (_, value) in enumerate(found.leases)}
        leases = [f"#l{i}" for i in range(len(found.leases))]
        return Write(
            self._table,
            {"account_id": account_id, "period": found.period},
            update=f"ADD #used :less, #room :was REMOVE {', '.join(['#level', *leases])}",
            condition=" AND ".join(["#used >= :was", *(f"#l{i} = :l{i}" for i in range(len(leases)))]),
            names=names,
            values=values,
        )


def _leases_of(item: Item, metric: str) -> list[tuple[str, int]]:
    """The open leases of a metric, as the item notes them: their names, and when they end."""
    since = clock.seconds() - _PAST_SECONDS
    found = [(name, cast("int", value)) for name, value in item.items() if name.startswith(prefix_of(metric))]
    return [(name, expires_at) for name, expires_at in found if expires_at > since]
