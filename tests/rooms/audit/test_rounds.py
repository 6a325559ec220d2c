"""The audit of many wallets: each run goes on where the last one ended, and none is passed over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.audit.rounds import Places, Rounds
from aerostack_billing.audit.wallets import Report
from aerostack_billing.usage.models import ConsumeRequest
from tests.rooms.conftest import Time
from tests.rooms.worlds.wallet import fund

NONE_IS_FEW = 0
DAY_SECONDS = 86_400


@pytest.fixture
def rounds(parts: Runtime) -> Rounds:
    """A round that begins with this test, on a stack that is large for it."""
    table = parts.settings.events_table
    parts.dynamo._client.delete_item(TableName=table, Key={"event_id": {"S": "audit#place"}})
    audit, stores = parts.audit, (parts.wallet.store, parts.creators.store)
    return Rounds(audit.service, audit.money, audit.usage, *stores, Places(parts.dynamo, table), NONE_IS_FEW)


def times(most: int) -> Callable[[], bool]:
    """Time for so many items."""
    left = iter(range(most))
    return lambda: next(left, None) is not None


def all_around(rounds: Rounds, at_once: int) -> list[Report]:
    """Runs with time for so many items each, up to the one that ends the round."""
    reports = [rounds.go_on(times(at_once))]
    while not reports[-1].whole:
        assert len(reports) < 100, "the round never ends"
        reports.append(rounds.go_on(times(at_once)))
    return reports


def consume(parts: Runtime, account: str) -> None:
    parts.usage.metering.consume(ConsumeRequest(account_id=account, metric="api_requests"))


def spoil(parts: Runtime, account: str) -> None:
    parts.dynamo._client.update_item(
        TableName=parts.settings.wallets_table,
        Key={"account_id": {"S": account}, "item": {"S": "wallet"}},
        UpdateExpression="SET balance = :wrong",
        ExpressionAttributeValues={":wrong": {"N": "7"}},
    )


def repair(parts: Runtime, account: str) -> None:
    parts.dynamo._client.delete_item(
        TableName=parts.settings.wallets_table, Key={"account_id": {"S": account}, "item": {"S": "wallet"}}
    )


def test_a_round_of_many_runs_looks_at_each_wallet_once_and_finds_what_is_wrong(
    parts: Runtime, rounds: Rounds, account: str
) -> None:
    accounts = [f"{account}_{number}" for number in range(12)]
    for own in accounts:
        fund(parts, own, 100)
    spoil(parts, accounts[7])
    try:
        consume(parts, account)
        everything = parts.audit.service.run(None)
        reports = all_around(rounds, everything.accounts // 3 + 1)
        assert len(reports) > 2
        assert sum(report.counters for report in reports) == everything.counters > 0
        assert sum(report.accounts for report in reports) == len(parts.wallet.store.all_accounts())
        found = [v for report in reports for v in report.violations if v.account_id == accounts[7]]
        assert "balance is the sum of its transfers" in {violation.invariant for violation in found}
        assert len(found) == len({violation.invariant for violation in found})
    finally:
        repair(parts, accounts[7])


def test_it_is_told_for_how_long_no_round_has_come_to_its_end(
    parts: Runtime, rounds: Rounds, account: str, time_stands: Time
) -> None:
    for number in range(3):
        fund(parts, f"{account}_{number}", 100)
    assert rounds.go_on(times(1)).behind_seconds == 0
    time_stands.forward(5 * DAY_SECONDS)
    assert rounds.go_on(times(1)).behind_seconds == 5 * DAY_SECONDS
    assert all_around(rounds, 10_000)[-1].behind_seconds == 0
    time_stands.forward(2 * DAY_SECONDS)
    assert rounds.go_on(times(1)).behind_seconds == 2 * DAY_SECONDS
    time_stands.forward(DAY_SECONDS)
    assert rounds.go_on(times(1)).behind_seconds == 3 * DAY_SECONDS


def test_an_audit_that_is_no_part_of_a_round_says_nothing_of_rounds(parts: Runtime, account: str) -> None:
    fund(parts, account, 100)
    assert parts.audit.service.run(account).behind_seconds is None


def test_a_round_that_came_to_its_end_begins_anew(parts: Runtime, rounds: Rounds, account: str) -> None:
    fund(parts, account, 100)
    all_around(rounds, 10_000)
    again = rounds.go_on(times(10_000))
    assert again.whole
    assert again.accounts == len(parts.wallet.store.all_accounts())


def test_few_wallets_are_audited_whole_in_one_run_whatever_the_time(parts: Runtime, account: str) -> None:
    fund(parts, account, 100)
    report = parts.audit.rounds.go_on(lambda: False)
    assert report.whole
    assert report.accounts == len(parts.wallet.store.all_accounts())
