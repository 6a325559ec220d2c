"""An item of counters, as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from aerostack_billing.plans.models import Tier
from aerostack_billing.platform.dynamo import Item
from aerostack_billing.usage.bursts import read_burst
from aerostack_billing.usage.inside import ends_at
from aerostack_billing.usage.models import Burst, Counter, Level

VERSION: Final = "limits_version"
LEASES: Final = "leases"
"""The attribute of a month's item that holds open leases: when each ends, by its name."""


@dataclass(frozen=True)
class CountersItem:
    """One item of counters, read."""

    tier: Tier
    counters: Mapping[str, Counter]
    limits_version: int = 0
    """The version of the catalog's limits that the rooms come from; 0 for an item from before there were versions."""
    leases: Mapping[str, int] = field(default_factory=dict)
    """When each open lease of the item ends, by its name; lapsed ones may still be among them."""
    burst: Burst | None = None
    """The calls of the minute that was last counted in; a month's item has it."""


def read_counters(item: Item) -> CountersItem:
    """An item of counters, with what stands beside them."""
    names = [name.removesuffix("_used") for name in item if name.endswith("_used")]
    return CountersItem(
        limits_version=cast("int", item.get(VERSION, 0)),
        tier=cast("Tier", item["tier"]),
        counters={
            name: Counter(
                used=cast("int", item[f"{name}_used"]),
                room=cast("int", item[f"{name}_room"]),
                announced=Level(cast("int", item.get(f"{name}_level", 0))),
            )
            for name in names
        },
        leases={name: ends_at(said) for name, said in cast("dict[str, int]", item.get(LEASES, {})).items()},
        burst=read_burst(item),
    )


def reset_field(metric: str) -> str:
    """The attribute of the counters item that says when an operator last reset a metric, in Unix seconds."""
    return f"{metric}_reset_at"
