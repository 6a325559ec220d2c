"""Leases: a block of quota to use without asking. It counts as used when it is taken; settling gives the rest back.

A lease's id says all of it, and the store records it. An id that somebody made up, or changed, finds nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import STORAGE
from aerostack_billing.platform import clock
from aerostack_billing.platform.retry import attempts
from aerostack_billing.usage.counters import CountersItem
from aerostack_billing.usage.lease_store import ItemFull, Lease, LeaseExists, LeaseStore, beside, number_of
from aerostack_billing.usage.models import ConsumeRequest, LeaseRequest, SettleRequest
from aerostack_billing.usage.service import Metering
from aerostack_billing.usage.store import NoRoom
from aerostack_billing.values.errors import InvalidRequest, NotFound, StoreUnavailable

_LEASE_ID = re.compile(
    r"lease\.(20\d\d-\d\d)\.([a-z_]{1,40})\.(\d{1,16})\.(\d{1,12})\.([0-9a-f]{16}|x[0-9a-f]{16}|x[0-9a-f]{32})"
)
_ATTEMPTS = 8
_HALF = 50
"""Percent of what is left that one lease takes at most, where the share of the limit is not set higher."""
_LAPSED_TIDIED_AT = 8
"""How many lapsed leases a counters item may carry before they are removed from it, by a request of its own."""


class LeaseNotFound(NotFound):
    """There is no such lease."""

    code = "LEASE_NOT_FOUND"


class LeaseTooLarge(InvalidRequest):
    """One request asks for more than the share of the limit that a lease may take."""

    code = "LEASE_TOO_LARGE"


@dataclass(frozen=True)
class Taken:
    """A lease as it is answered; `replayed` where its key had taken it before."""

    body: dict[str, object]
    replayed: bool = False


class Leases:
    """Takes and settles leases."""

    def __init__(
        self, metering: Metering, store: LeaseStore, accounts: AccountStore, catalog: Catalog, share_percent: int
    ) -> None:
        self._metering = metering
        self._store = store
        self._accounts = accounts
        self._catalog = catalog
        self._share_percent = share_percent

    def take(self, request: LeaseRequest) -> Taken:
        """Count the quantity as used and hand it out; with `allow_partial`, what there is of it.

        One lease takes a share of the limit at most, and half of what is left, so that no request takes the rest of a
        month: LeaseTooLarge (422) for more, unless `allow_partial` takes that share. Under an idempotency key the same
        lease is answered again, so that a lost answer costs no quota. PlanLimitExceeded (403) with nothing counted;
        UnknownMetric and InvalidRequest (422); IdempotencyKeyReused (409).
        """
        asked = ConsumeRequest(account_id=request.account_id, metric=request.metric, quantity=request.quantity)
        self._metering.check(asked)
        if request.metric == STORAGE:
            raise InvalidRequest(f"{STORAGE} cannot be leased: it is a gauge.", {"metric": "not leased"})
        lease = Lease(
            clock.period(),
            request.metric,
            request.quantity,
            clock.seconds() + request.ttl_seconds,
            secrets.token_hex(8) if request.idempotency_key is None else number_of(request.idempotency_key),
        )
        earlier, lease = self._within_share(request, lease)
        if earlier is not None:
            return Taken(_view(earlier), replayed=True)
        short = 0
        for _ in attempts(_ATTEMPTS):
            try:
                after = self._taken(request, lease)
            except LeaseExists as exists:
                return Taken(_view(exists.lease), replayed=True)
            except ItemFull as full:
                # What has lapsed is removed before more is taken; where nothing has, the lease becomes its own item.
                if not self._tidy(request.account_id, lease.period, full.counters_item, least=1):
                    lease = replace(lease, number=beside(lease.number))
                continue
            except NoRoom as none:
                room = none.counters_item.counters[request.metric].room
                if room < (1 if request.allow_partial else lease.granted):
                    self._metering.tell(request.account_id, lease.period, request.metric, none.counters_item)
                    raise self._metering.refused(asked, lease.period, none.counters_item) from none
                if not request.allow_partial:
                    raise _too_large(request.metric, self._most_of(room)) from none
                # Of many who ask at once, who comes too late again asks for less, so that it comes through.
                lease = replace(lease, granted=min(max(1, self._most_of(room) >> short), lease.granted))
                short += 1
                continue
            self._metering.tell(request.account_id, lease.period, request.metric, after)
            self._tidy(request.account_id, lease.period, after, least=_LAPSED_TIDIED_AT)
            return Taken(_view(lease))
        raise StoreUnavailable("Other calls are taking the rest of this quota right now. Try again.")

    def _within_share(self, request: LeaseRequest, lease: Lease) -> tuple[Lease | None, Lease]:
        """The lease as its plan's share allows it, and before it the one that its key took earlier, if it did."""
        most = self._most(request)
        if request.quantity <= most:
            return None, lease
        earlier = self._store.earlier(request.account_id, lease, _fingerprint(request))
        if earlier is None and not request.allow_partial:
            raise _too_large(request.metric, most)
        return earlier, replace(lease, granted=most)

    def _most(self, request: LeaseRequest) -> int:
        """The most that this lease may take. The account is read only where its plan matters."""
        under_any = self._catalog.lease_most(request.metric, self._share_percent)
        if under_any is None or request.quantity <= under_any:
            return request.quantity
        tier = self._accounts.get(request.account_id).plan.quotas_tier
        most = self._catalog.lease_most(request.metric, self._share_percent, tier)
        return request.quantity if most is None else min(most, request.quantity)

    @property
    def _percent_of_rest(self) -> int:
        """How much of what is left one lease may take, in percent."""
        return max(_HALF, self._share_percent)

    def _most_of(self, room: int) -> int:
        """The most that one lease takes where so much is left; the last one is no share of anything."""
        return max(1, room * self._percent_of_rest // 100)

    def _least_room(self, quantity: int) -> int:
        """How much must be left so that one lease may take so much."""
        return quantity if quantity == 1 else -(-quantity * 100 // self._percent_of_rest)

    def _taken(self, request: LeaseRequest, lease: Lease) -> CountersItem:
        """Take the lease; the counters item after it."""
        account_id, least_room = request.account_id, self._least_room(lease.granted)
        take = partial(self._store.take_inside, account_id, lease, least_room)
        if lease.is_beside:
            take = partial(self._store.take_beside, account_id, lease, least_room, _fingerprint(request))
        return self._metering.opened(account_id, lease.period, take)

    def settle(self, lease_id: str, request: SettleRequest) -> dict[str, object]:
        """Give back what of a lease was not used, once. Too late, or settled before: nothing is given back.

        LeaseNotFound (404) for what is no lease; InvalidRequest (422) if more was used than granted.
        """
        lease = _read_id(lease_id)
        if request.used > lease.granted:
            details = {"used": f"at most {lease.granted}"}
            raise InvalidRequest(f"used must be at most {lease.granted}, the granted quantity.", details)
        unused = lease.granted - request.used
        if lease.expires_at <= clock.seconds():
            return {"returned": 0}
        return {"returned": unused if self._store.settle(request.account_id, lease, unused) else 0}

    def _tidy(self, account_id: str, period: str, counters_item: CountersItem, *, least: int) -> bool:
        """Remove lapsed leases from the item where there are at least that many; whether there were.

        The lease that this follows stands, whatever becomes of the tidying.
        """
        lapsed = [name for name, expires_at in counters_item.leases.items() if expires_at <= clock.seconds()]
        if len(lapsed) < least:
            return False
        with suppress(StoreUnavailable):
            self._store.forget(account_id, period, lapsed)
        return True


def _too_large(metric: str, most: int) -> LeaseTooLarge:
    return LeaseTooLarge(
        f"One lease takes {most} of {metric} at most now. Take several, or count at once by consume.",
        {"quantity": f"at most {most}"},
    )


def _fingerprint(request: LeaseRequest) -> str:
    asked = f"{request.metric} {request.quantity} {request.ttl_seconds} {request.allow_partial}"
    return hashlib.sha256(asked.encode()).hexdigest()


def _view(lease: Lease) -> dict[str, object]:
    return {
        "lease_id": f"lease.{lease.period}.{lease.metric}.{lease.granted}.{lease.expires_at}.{lease.number}",
        "period": lease.period,
        "granted": lease.granted,
        "expires_at": clock.iso(lease.expires_at),
    }


def _read_id(lease_id: str) -> Lease:
    found = _LEASE_ID.fullmatch(lease_id)
    if found is None or not lease_id.isascii():
        raise LeaseNotFound("There is no such lease.", {"lease_id": "malformed"})
    period, metric, granted, expires_at, number = found.groups()
    return Lease(period, metric, int(granted), int(expires_at), number)
