"""Resources: who may exist, and which of them are read-only after a downgrade."""

from __future__ import annotations

from itertools import groupby

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.usage.counters import CountersItem
from aerostack_billing.usage.models import Figures, Place, PlaceName
from aerostack_billing.usage.places import PlaceStore
from aerostack_billing.usage.service import Metering
from aerostack_billing.usage.store import RESOURCES_ITEM, NoRoom, UsageStore, limits_of
from aerostack_billing.values.errors import PlanLimitExceeded


class Resources:
    """Claims, frees and lists places. Resources have no grace: the limit is the limit."""

    def __init__(
        self, places: PlaceStore, usage: UsageStore, accounts: AccountStore, metering: Metering, catalog: Catalog
    ) -> None:
        self._places = places
        self._accounts = accounts
        self._usage = usage
        self._metering = metering
        self._catalog = catalog

    def claim(self, account_id: str, name: PlaceName) -> dict[str, object]:
        """Take a place, or answer as before if it is held. PlanLimitExceeded (403) where the plan has none left."""
        kind = self._catalog.check_kind(name.kind)
        try:
            claim = self._metering.opened(
                account_id, RESOURCES_ITEM, lambda: self._places.claim(account_id, kind, name.id)
            )
        except NoRoom as none:
            raise self._refused(kind, none.counters_item) from none
        figures = self._figures(account_id, kind)
        read_only = not claim.new and self._is_read_only(account_id, claim.place, figures)
        return {**_view(claim.place, read_only=read_only), "used": figures.used, "limit": figures.limit}

    def free(self, account_id: str, name: PlaceName) -> dict[str, object]:
        """Give a place back; freeing what holds none changes nothing and answers likewise."""
        kind = self._catalog.check_kind(name.kind)
        freed = self._places.free(account_id, kind, name.id)
        if freed:
            self._metering.freed(account_id, f"{kind}/{name.id}", 1)
        figures = self._figures(account_id, kind)
        return {"kind": kind, "id": name.id, "freed": freed, "used": figures.used, "limit": figures.limit}

    def view(self, account_id: str) -> dict[str, object]:
        """Every resource by kind. The oldest up to the limit can be written to, the others are read-only.

        One request: the counters say the plan, which changes with them. Of an account that never claimed a place, two.
        """
        places, counters_item = self._places.with_counters(account_id)
        tier = counters_item.tier if counters_item else self._accounts.get(account_id).plan.limits_tier
        limits = limits_of(self._catalog.plan(tier), RESOURCES_ITEM)
        by_kind = {kind: list(of_kind) for kind, of_kind in groupby(places, lambda place: place.kind)}
        return {
            "tier": tier,
            "resources": {
                kind: {
                    "limit": limit.limit,
                    "used": len(by_kind.get(kind, [])),
                    "items": [
                        _view(place, read_only=limit.limit is not None and rank >= limit.limit)
                        for rank, place in enumerate(by_kind.get(kind, []))
                    ],
                }
                for kind, limit in limits.items()
            },
        }

    def _figures(self, account_id: str, kind: str) -> Figures:
        counters_item = self._usage.read(account_id, [RESOURCES_ITEM], consistent=True).get(RESOURCES_ITEM)
        if counters_item is None:
            limit = limits_of(self._catalog.plan(self._accounts.get(account_id).plan.limits_tier), RESOURCES_ITEM)[kind]
            return Figures(kind, RESOURCES_ITEM, 0, limit.limit, limit.hard_limit)
        return self._metering.figures(RESOURCES_ITEM, kind, counters_item)

    def _is_read_only(self, account_id: str, place: Place, figures: Figures) -> bool:
        if figures.limit is None or figures.used <= figures.limit:
            return False
        # By what is older, and not by where it stands: it may have been freed since it was claimed.
        own = (place.created_at, place.resource_id)
        ages = [(p.created_at, p.resource_id) for p in self._places.all(account_id) if p.kind == place.kind]
        return sum(age < own for age in ages) >= figures.limit

    def _refused(self, kind: str, counters_item: CountersItem) -> PlanLimitExceeded:
        figures = self._metering.figures(RESOURCES_ITEM, kind, counters_item)
        return PlanLimitExceeded(
            f"The {counters_item.tier} plan has {figures.limit} places for {kind}, and all are taken. "
            "Free one or upgrade the plan.",
            {"kind": kind, **figures.amounts()},
        )


def _view(place: Place, *, read_only: bool) -> dict[str, object]:
    return {"kind": place.kind, "id": place.resource_id, "created_at": place.created_at, "read_only": read_only}
