"""Leases: a block of quota to use without asking. It counts as used when it is taken; settling gives the rest back.

A lease's id tells all of it, and the counters' item notes it. So taking and settling are one write each, and an id that
somebody made up, or changed, finds nothing.
"""

from __future__ import annotations

import re
import secrets

from aerostack_billing.plans.models import STORAGE
from aerostack_billing.platform import clock
from aerostack_billing.usage.lease_store import Lease, LeaseStore
from aerostack_billing.usage.models import ConsumeRequest, LeaseRequest, SettleRequest
from aerostack_billing.usage.service import Metering
from aerostack_billing.usage.store import NoRoom, Sheet
from aerostack_billing.values.errors import InvalidRequest, NotFound

_LEASE_ID = re.compile(r"lease\.(20\d\d-\d\d)\.([a-z_]{1,40})\.(\d{1,16})\.(\d{1,12})\.([0-9a-f]{16})")
_LAPSED_TIDIED_AT = 8
"""How many lapsed leases an item may carry before they are swept out of it, by a request of its own."""


class LeaseNotFound(NotFound):
    """There is no such lease."""

    code = "LEASE_NOT_FOUND"


class Leases:
    """Takes and settles leases."""

    def __init__(self, metering: Metering, store: LeaseStore) -> None:
        self._metering = metering
        self._store = store

    def take(self, request: LeaseRequest) -> dict[str, object]:
        """Count the quantity as used and hand it out; with `allow_partial`, what there is of it.

        PlanLimitExceeded (403) with nothing counted; UnknownMetric and InvalidRequest (422).
        """
        asked = ConsumeRequest(account_id=request.account_id, metric=request.metric, quantity=request.quantity)
        self._metering.check(asked)
        if request.metric == STORAGE:
            raise InvalidRequest(f"{STORAGE} cannot be leased: it is a gauge.", {"metric": "not leased"})
        period, quantity = clock.period(), request.quantity
        while True:
            lease = Lease(period, request.metric, quantity, clock.seconds() + request.ttl_seconds, secrets.token_hex(8))
            try:
                after = self._metering.opened(
                    request.account_id,
                    period,
                    lambda lease=lease: self._store.take(request.account_id, lease),  # type: ignore[misc]
                )
            except NoRoom as none:
                room = none.sheet.counters[request.metric].room
                if not request.allow_partial or room < 1:
                    self._metering.tell(request.account_id, period, request.metric, none.sheet)
                    raise self._metering.refused(asked, period, none.sheet) from none
                quantity = room
                continue
            self._metering.tell(request.account_id, period, request.metric, after)
            self._tidy(request.account_id, period, after)
            return {
                "lease_id": _id_of(lease),
                "period": period,
                "granted": quantity,
                "expires_at": clock.iso(lease.expires_at),
            }

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

    def _tidy(self, account_id: str, period: str, sheet: Sheet) -> None:
        lapsed = [name for name, expires_at in sheet.leases.items() if expires_at <= clock.seconds()]
        if len(lapsed) >= _LAPSED_TIDIED_AT:
            self._store.forget(account_id, period, lapsed)


def _id_of(lease: Lease) -> str:
    return f"lease.{lease.period}.{lease.metric}.{lease.granted}.{lease.expires_at}.{lease.number}"


def _read_id(lease_id: str) -> Lease:
    found = _LEASE_ID.fullmatch(lease_id)
    if found is None or not lease_id.isascii():
        raise LeaseNotFound("There is no such lease.", {"lease_id": "malformed"})
    period, metric, granted, expires_at, number = found.groups()
    return Lease(period, metric, int(granted), int(expires_at), number)
