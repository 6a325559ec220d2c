"""No item fills up and no expression grows too long: each at the most that it may come to, on DynamoDB Local.

Others at their bound: open leases in `usage/test_leases.py` and `usage/test_held.py`, keys of a batch in
`usage/test_batches.py`, charges and budgets of one transaction in `wallet/test_charge_batches.py`, stopped callers in
`operators/test_callers.py`. What else grows is an item for each: holds, transfers, places, claims, payouts, tools.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.plans.models import MOST_COUNTED, CatalogData
from aerostack_billing.wallet import spending_store
from aerostack_billing.wallet.spending import MOST_VALUES, Told
from tests.rooms.usage.test_releases import released
from tests.rooms.worlds.usage import batch, ceilings, claim, consume, event, move_to, statuses, take
from tests.rooms.worlds.wallet import charge, fund

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

LARGEST_ITEM = 400 * 1024


def full(data: dict[str, Any], more: int = 0) -> None:
    """A catalog with as many quotas and kinds of resource as it may have, under the longest names."""
    for counted, letter in ((data["monthly_quotas"], "q"), (data["resources"], "r")):
        like = next(iter(counted.values()))
        for number in range(MOST_COUNTED + more - len(counted)):
            counted[f"{letter}_{chr(97 + number)}".ljust(40, "x")] = dict(like)


def test_every_expression_of_counters_takes_the_fullest_catalog(
    parts: Runtime, account: str, client: DynamoDBClient
) -> None:
    """Opened, counted at once and as read, leased, reset, moved up and down, and moved to a release's new limits."""
    consume(parts, account)
    parts = released(parts, client, full)
    quotas = list(parts.catalog.data.monthly_quotas)
    assert len(quotas) == MOST_COUNTED
    every = [event(account, 10, metric) for metric in quotas]
    assert statuses(batch(parts, *every)) == [200] * MOST_COUNTED
    assert (
        statuses(batch(parts, *(each | {"idempotency_key": f"k{n}"} for n, each in enumerate(every))))
        == [200] * MOST_COUNTED
    )
    for _ in range(12):
        take(parts, account, 10)
    for kind in parts.catalog.data.resources:
        claim(parts, account, "one", kind)
    move_to(parts, account, "pro")
    move_to(parts, account, "free")
    moves = ceilings(parts).moves(account, "free", "business", dict.fromkeys(quotas, -5))
    parts.dynamo.transact(list(moves))
    moves = ceilings(parts).moves(account, "business", "free", dict.fromkeys(quotas, 5))
    parts.dynamo.transact(list(moves))
    parts.usage.resets.reset(account, "api_requests")
    after = released(parts, client, lambda data: data["monthly_quotas"]["api_requests"].update(free=60_000))
    assert statuses(batch(after, *every)) == [200] * MOST_COUNTED
    assert after.usage.store.counters_item(account, "2026-03").counters[quotas[-1]].used == 30


def test_a_catalog_with_one_more_or_a_longer_name_does_not_load(parts: Runtime) -> None:
    data = json.loads(parts.catalog.data.model_dump_json())
    full(data, more=1)
    with pytest.raises(ValidationError, match="at most"):
        CatalogData.model_validate(data)
    data = json.loads(parts.catalog.data.model_dump_json())
    data["resources"]["x" * 41] = dict(data["resources"]["projects"])
    with pytest.raises(ValidationError, match="40 characters at most"):
        CatalogData.model_validate(data)


def test_a_day_of_a_label_with_every_value_that_is_told_apart_fits_its_item(parts: Runtime, account: str) -> None:
    """Values of the longest text, of four bytes a character, that have little in common; further ones are the rest."""
    sheet, text = Told(), ""
    for number in range(MOST_VALUES):
        text = "".join(chr(0x20000 + (number * 131 + place * 977) % 40_000) for place in range(128))
        sheet.add(text, (10**12 + number, 10**6, 10**9, 10**9, 10**9, 10**9))
    assert text not in sheet.values
    assert sheet.total[0] == sum(10**12 + number for number in range(MOST_VALUES))
    stored = spending_store.packed(sheet.values)
    assert spending_store.unpacked(stored) == sheet.values
    assert 300_000 < len(stored) < LARGEST_ITEM - 10_000
    short = Told()
    for number in range(MOST_VALUES + 1):
        short.add(f"agt_{number}", (1, 1, 0, 0, 0, 0))
    assert len(short.values) == MOST_VALUES


def test_a_charge_with_the_most_and_longest_labels_is_kept(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    labels = {chr(97 + n).ljust(32, "l"): "\U00020000" * 127 + str(n) for n in range(8)}
    made = charge(parts, account, 1, "k", labels=labels, usage=None)
    parts.wallet.spending_fold.catch_up(account)
    assert made["amount_cents"] == 1


def test_an_act_whose_result_is_too_long_for_an_item_is_noted_as_done(parts: Runtime) -> None:
    log = parts.operator_log
    intent = log.intend("somebody", "callers reverse", {"caller": "svc"}, "It leaked.", None)
    failed = [{"account_id": "a" * 128, "id": f"ch_{n:040}", "code": "REFUND_NEEDS_REVIEW"} for n in range(5_000)]
    log.end(intent, "done", {"refunded": 7, "failed": failed})
    entry = next(each for each in log.entries(1) if each.intent.operation_id == intent.operation_id)
    assert entry.outcome is not None
    assert (entry.outcome.state, entry.outcome.result) == ("done", {"refunded": 7, "left_out": ["failed"]})
