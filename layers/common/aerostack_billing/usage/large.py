"""Counts above a size: each leaves an item that says who counted how much, in the transaction that counts it.

The size is the share of a plan's limit that one lease may take, so an account has a handful of them a month. Where a
plan has no limit, it is that share of the largest limit of any plan.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final, cast

from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock, correlation
from aerostack_billing.platform.dynamo import Dynamo, Item, TransactionRefused, Write
from aerostack_billing.usage.counters import reset_field

PREFIX: Final = "count#"
"""How the keys of such items begin; the item of counters and the moment follow."""
KEPT_SECONDS: Final = 92 * 86_400
"""Until the table's TTL removes one: as long as operators' acts are listed beside it."""


class LargeCounts:
    """Records large counts, and takes one back."""

    def __init__(self, dynamo: Dynamo, table: str, catalog: Catalog, share_percent: int) -> None:
        self._dynamo = dynamo
        self._table = table
        self._catalog = catalog
        self._share_percent = share_percent

    def may_be(self, totals: Mapping[str, int]) -> bool:
        """Whether so much is large under some plan, and a service asks: only then the account's tier is needed."""
        return correlation.caller() is not None and any(
            quantity >= self._catalog.large_from(metric, self._share_percent, tier)
            for metric, quantity in totals.items()
            for tier in self._catalog.data.tiers
        )

    def records(self, account_id: str, item: str, totals: Mapping[str, int], tier: Tier) -> list[Write]:
        """A write for each metric of which so much is counted at once; none where nobody with a token asked.

        They hold under a condition that never fails: their names are new.
        """
        caller = correlation.caller()
        if caller is None:
            return []
        return [
            self._record(account_id, item, metric, quantity, caller)
            for metric, quantity in totals.items()
            if quantity >= self._catalog.large_from(metric, self._share_percent, tier)
        ]

    def give_back(self, item: Item) -> bool:
        """Give back what the count that is recorded by `item` counted, once.

        False, and nothing is changed, where that was done, its counter was reset since, or less is used.
        """
        counters = str(item["period"]).split("#")[1]
        account_id, metric, quantity = item["account_id"], str(item["metric"]), cast("int", item["quantity"])
        once = Write(
            self._table,
            {"account_id": account_id, "period": item["period"]},
            update="SET given_back = :true",
            condition="attribute_exists(account_id) AND attribute_not_exists(given_back)",
            values={":true": True},
        )
        back = Write(
            self._table,
            {"account_id": account_id, "period": counters},
            update="ADD #used :less, #room :more",
            condition="#used >= :more AND (attribute_not_exists(#reset) OR #reset < :counted)",
            names={"#used": f"{metric}_used", "#room": f"{metric}_room", "#reset": reset_field(metric)},
            values={":less": -quantity, ":more": quantity, ":counted": item["counted_at"]},
        )
        try:
            self._dynamo.transact([once, back])
        except TransactionRefused:
            return False
        return True

    def _record(self, account_id: str, item: str, metric: str, quantity: int, caller: str) -> Write:
        moment = clock.now().strftime("%Y%m%d%H%M%S%f")
        # An update, though it creates: functions that count may update items, and put none.
        return Write(
            self._table,
            {"account_id": account_id, "period": f"{PREFIX}{item}#{moment}{secrets.token_hex(4)}"},
            update="SET #metric = :metric, #quantity = :quantity, #at = :at, #caller = :caller, #expires = :expires",
            condition="attribute_not_exists(account_id)",
            names={
                "#metric": "metric",
                "#quantity": "quantity",
                "#at": "counted_at",
                "#caller": "caller",
                "#expires": "expires_at",
            },
            values={
                ":metric": metric,
                ":quantity": quantity,
                ":at": clock.seconds(),
                ":caller": caller,
                ":expires": clock.seconds() + KEPT_SECONDS,
            },
        )
