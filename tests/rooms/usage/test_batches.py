"""Batches: many events for one write, and the limit still to the request."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.usage.counters import CountersItem
from aerostack_billing.values.errors import (
    StoreUnavailable,
)
from tests.rooms.conftest import Meter
from tests.rooms.worlds.usage import batch, consume, counter, event, statuses


def test_each_event_is_answered_as_it_would_have_been_alone(parts: Runtime, account: str) -> None:
    other = f"{account}x"
    results = batch(
        parts,
        event(account, 10),
        event(account, 5, "ai_tokens"),
        event(account, 7),
        event(account, 0),
        event(account, "1"),
        event(account, 1, "no_such_metric"),
        {"metric": "api_requests"},
        event(other, 55_001),
        event(other, 55_000),
        event(account, 3, dry_run=True),
        event(account, 9, "storage_bytes"),
        event(account, -4, "storage_bytes"),
        event(account, -6, "storage_bytes"),
    )
    assert statuses(results) == [200, 200, 200, 422, 422, 422, 422, 403, 200, 200, 200, 200, 422]
    assert [results[i]["used"] for i in (0, 1, 2, 8, 9, 10, 11)] == [10, 5, 17, 55_000, 17, 9, 5]
    assert results[7]["error"]["code"] == "PLAN_LIMIT_EXCEEDED"
    assert results[5]["error"]["code"] == "UNKNOWN_METRIC"
    assert consume(parts, account)["used"] == 18


def test_a_batch_is_decided_as_its_events_one_after_another(parts: Runtime, account: str) -> None:
    """Against the simplest model: each event alone, in order."""
    chance = random.Random(7)
    for round_number in range(15):
        alone, together = f"{account}a{round_number}", f"{account}b{round_number}"
        events = [
            (
                chance.choice([1, 500, 20_000, 54_000]),
                chance.choice(["api_requests", "ai_tokens"]),
                chance.random() < 0.3,
            )
            for _ in range(chance.randint(1, 30))
        ]
        bodies = [{"idempotency_key": f"k{i % 7}"} if keyed else {} for i, (_, _, keyed) in enumerate(events)]
        one_by_one = [
            batch(parts, event(alone, q, m, **body))[0] for (q, m, _), body in zip(events, bodies, strict=True)
        ]
        at_once = batch(parts, *(event(together, q, m, **body) for (q, m, _), body in zip(events, bodies, strict=True)))
        assert statuses(at_once) == statuses(one_by_one)
        assert counter_or_none(parts, together) == counter_or_none(parts, alone)


def counter_or_none(parts: Runtime, account: str) -> object:
    found = parts.usage.store.read(account, ["2026-03"], consistent=True)
    return found["2026-03"].counters if "2026-03" in found else None


def test_a_hundred_events_of_which_some_are_refused_are_within_the_budget(
    parts: Runtime, account: str, meter: Meter
) -> None:
    consume(parts, account, 54_950)
    meter.reset()
    assert statuses(batch(parts, *(event(account) for _ in range(100)))) == [200] * 50 + [403] * 50
    requests, write_units, read_units = meter.spent()
    # The record that the limit was reached, with its domain event, is a third request of four units, once a month.
    assert requests <= 3
    assert write_units <= 4 + 4
    assert read_units <= 1
    assert counter(parts, account) == (55_000, 0)


def test_one_key_counts_once_in_a_batch_across_batches_and_alone(parts: Runtime, account: str) -> None:
    first = batch(parts, event(account, 5, idempotency_key="k"), event(account, 5, idempotency_key="k"), event(account))
    assert [result["used"] for result in first] == [5, 5, 6]
    again = batch(parts, event(account, 5, idempotency_key="k"), event(account, 1, idempotency_key="l"))
    assert [result["used"] for result in again] == [5, 7]
    assert consume(parts, account, 5, idempotency_key="k")["used"] == 5
    assert statuses(batch(parts, event(account, 6, idempotency_key="k"))) == [409]
    assert counter(parts, account)[0] == 7


def test_no_transaction_of_a_batch_takes_a_key_twice(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB refuses a transaction that names an item twice; DynamoDB Local does not."""
    transact, taken = parts.dynamo.transact, list[object]()

    def noting(writes: Sequence[Write]) -> None:
        taken.extend(write.put["event_id"] for write in writes if write.put)
        transact(writes)

    monkeypatch.setattr(parts.dynamo, "transact", noting)
    batch(parts, event(account, 5, idempotency_key="k"), event(account, 5, idempotency_key="k"))
    assert len(taken) == 1


def test_a_hundred_keyed_events_count_once_also_when_the_batch_is_sent_by_eight_at_once(
    parts: Runtime, account: str
) -> None:
    events = [event(account, 2, idempotency_key=f"k{i}") for i in range(100)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: batch(parts, *events), range(8)))
    assert all(statuses(answer) == [200] * 100 for answer in answers)
    assert counter(parts, account)[0] == 200


def test_batches_at_once_pass_no_more_than_the_limit(parts: Runtime, account: str) -> None:
    consume(parts, account, 54_500)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: batch(parts, *(event(account) for _ in range(100))), range(8)))
    assert sum(statuses(answer).count(200) for answer in answers) == 500
    assert counter(parts, account) == (55_000, 0)


def test_a_batch_with_keys_that_was_decided_by_counters_that_changed_since_is_decided_anew(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another takes what is left between the look at the counters and the count."""
    consume(parts, account, 54_997)
    read, others = parts.usage.store.counters_item, [2]

    def read_then_taken(account_id: str, item: str) -> CountersItem:
        counters_item = read(account_id, item)
        if others:
            consume(parts, account_id, others.pop())
        return counters_item

    monkeypatch.setattr(parts.usage.store, "counters_item", read_then_taken)
    results = batch(parts, *(event(account, idempotency_key=f"k{i}") for i in range(3)))
    assert statuses(results) == [200, 403, 403]
    assert counter(parts, account) == (55_000, 0)


def test_events_that_the_store_could_not_count_are_503_and_the_others_stand(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_all = parts.usage.store.add_all

    def unavailable_for_one(account_id: str, item: str, totals: Mapping[str, int]) -> CountersItem:
        if account_id == account:
            raise StoreUnavailable("The store did not answer.")
        return add_all(account_id, item, totals)

    monkeypatch.setattr(parts.usage.store, "add_all", unavailable_for_one)
    results = batch(parts, event(f"{account}x", 5), event(account), event(f"{account}y", 6), event(account, 0))
    assert statuses(results) == [200, 503, 200, 422]
    assert results[1]["error"]["code"] == "STORE_UNAVAILABLE"
    assert counter(parts, f"{account}y")[0] == 6
