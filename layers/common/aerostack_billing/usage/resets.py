"""Setting a month's counter back to zero, by an operator, with its whole room restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import STORAGE
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.usage.counters import LEASES, reset_field
from aerostack_billing.usage.lease_store import LeaseStore, prefix_of
from aerostack_billing.usage.periods import BEGAN_ITEM, Began, read_began, storing
from aerostack_billing.values.errors import InvalidRequest, StoreUnavailable

_ATTEMPTS = 20


@dataclass(frozen=True)
class Reset:
    """What a reset gives back, and which leases it ends: they are settled for nothing then."""

    metric: str
    period: str
    used: int
    inside: tuple[tuple[str, int], ...] = ()
    """The open leases that the counters item holds: their names, and when they end."""
    beside: int = 0
    """How many more are items of their own."""
    began: Began | None = None
    """Where the counters stood when the paid period began, and what of it this month counts."""

    def view(self) -> dict[str, object]:
        """As the tool shows it."""
        return {
            "metric": self.metric,
            "period": self.period,
            "given_back": self.used,
            "leases": len(self.inside) + self.beside,
        }


class Resets:
    """Resets counters."""

    def __init__(self, dynamo: Dynamo, table: str, catalog: Catalog, leases: LeaseStore) -> None:
        self._dynamo = dynamo
        self._table = table
        self._catalog = catalog
        self._leases = leases

    def preview(self, account_id: str, metric: str) -> Reset:
        """What `reset` would give back now. UnknownMetric (422), InvalidRequest (422) for the gauge."""
        if self._catalog.check_metric(metric) == STORAGE:
            raise InvalidRequest(f"{STORAGE} is what is held now: it is given back, not reset.", {"metric": "a gauge"})
        period = clock.period()
        keys: list[Item] = [{"account_id": account_id, "period": name} for name in (period, BEGAN_ITEM)]
        items = self._dynamo.batch_get({self._table: keys}, consistent=True)[self._table]
        read = {str(item["period"]): item for item in items}
        item = read.get(period, {})
        held = cast("dict[str, int]", item.get(LEASES, {}))
        inside = tuple((name, ends_at) for name, ends_at in held.items() if name.startswith(prefix_of(metric)))
        beside = sum(1 for _ in self._leases.open_beside(account_id, period, metric))
        used, began = cast("int", item.get(f"{metric}_used", 0)), read_began(read.get(BEGAN_ITEM))
        return Reset(metric, period, used, inside, beside, began)

    def reset(self, account_id: str, metric: str) -> Reset:
        """Give back what this month's counter counted; what was given back. What is counted meanwhile stays counted.

        One write, under the conditions that as much is used and that the leases in the item are as they were read. It
        records the moment, so that a lease beside the item that was taken up to then gives nothing back. Used and room
        always sum to the hard limit. Where a paid period began in this month, or carried something into it, that is
        given back with it: the next period takes nothing of it back a second time. Refusals as those of `preview`;
        StoreUnavailable while leases keep changing.
        """
        for _ in attempts(_ATTEMPTS):
            found = self.preview(account_id, metric)
            if found.used == 0:
                return found
            try:
                self._give_back(account_id, found)
            except (ConditionFailed, TransactionRefused):
                continue
            return found
        raise StoreUnavailable("Leases are being settled right now. Try again.")

    def _give_back(self, account_id: str, found: Reset) -> None:
        counter, began = self._giving_back(account_id, found), found.began
        after = None if began is None else began.given_back(found.metric, found.period)
        if after == began or after is None:
            self._dynamo.update(counter)
        else:
            self._dynamo.transact([counter, storing(self._table, account_id, began, after)])

    def _giving_back(self, account_id: str, found: Reset) -> Write:
        """The thresholds lie ahead again, so that what was announced of them is forgotten."""
        names = {
            "#used": f"{found.metric}_used",
            "#room": f"{found.metric}_room",
            "#level": f"{found.metric}_level",
            "#reset": reset_field(found.metric),
        }
        values: dict[str, object] = {":was": found.used, ":less": -found.used, ":now": clock.seconds()}
        fields = [f"#leases.#l{i}" for i in range(len(found.inside))]
        if fields:
            names |= {"#leases": LEASES, **{f"#l{i}": name for i, (name, _) in enumerate(found.inside)}}
            values |= {f":l{i}": ends_at for i, (_, ends_at) in enumerate(found.inside)}
        return Write(
            self._table,
            {"account_id": account_id, "period": found.period},
            update=f"SET #reset = :now ADD #used :less, #room :was REMOVE {', '.join(['#level', *fields])}",
            condition=" AND ".join(["#used >= :was", *(f"{field} = :l{i}" for i, field in enumerate(fields))]),
            names=names,
            values=values,
        )
