"""An older release's tables under this release's code: each account goes on where it was.

`release-*.json` were written by the releases they name (`python -m tests.upgrade VERSION`) and never change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.audit.places import EVERY_SECONDS, Places
from aerostack_billing.audit.rounds import Rounds
from aerostack_billing.audit.wallets import Report, Violation
from aerostack_billing.ledger import chain
from aerostack_billing.values.errors import PlanLimitExceeded
from aerostack_billing.wallet.rules import InsufficientBalance
from tests.rooms.conftest import Time, made_tables, put_together
from tests.rooms.usage.test_releases import free_requests, released
from tests.rooms.worlds.creators import call, refund, shown
from tests.rooms.worlds.usage import claim, consume, free, move_to, settle, take
from tests.rooms.worlds.wallet import capture, charge, fund, hold
from tests.upgrade.lives import ACCOUNTS, CALLER, HOLDS, MAKER, OVER, OWES, PAID, SPENT, USED

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

RELEASES = sorted(Path(__file__).parent.glob("release-*.json"))


@dataclass
class Upgraded:
    """This release's rooms on an older release's tables, and what that release answered."""

    parts: Runtime
    answers: dict[str, Any]
    client: DynamoDBClient

    def wrong(self) -> list[object]:
        found = self.parts.audit.service.run(None, see=self.parts.usage.metering.catch_up)
        return list(found.violations)


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def upgraded(
    request: pytest.FixtureRequest, client: DynamoDBClient, time_stands: Time, account: str
) -> Iterator[Upgraded]:
    """The tables made again for each test: what it changes is gone with them."""
    kept = json.loads(request.param.read_text())
    environment = made_tables(client, f"-{account}")
    for setting, items in kept["tables"].items():
        for item in items:
            client.put_item(TableName=environment[setting], Item=item)
    time_stands.forward(60)
    yield Upgraded(put_together(client, environment), kept["answers"], client)
    for setting in kept["tables"]:
        client.delete_table(TableName=environment[setting])


def test_there_is_an_older_release_to_upgrade_from() -> None:
    assert RELEASES


def test_the_audit_finds_nothing_wrong_at_once_and_after_every_account_was_touched(upgraded: Upgraded) -> None:
    parts = upgraded.parts
    assert upgraded.wrong() == []
    for account in ACCOUNTS:
        consume(parts, account, 1, "email_sends")
        fund(parts, account, 1_500, "pi_later")
        charge(parts, account, "0.5", "later")
    assert upgraded.wrong() == []


def test_wallets_of_before_count_as_changed_daily_until_they_are_written(upgraded: Upgraded, time_stands: Time) -> None:
    parts, seen = upgraded.parts, list[str]()
    audit, stores = parts.audit, (parts.wallet.store, parts.creators.store)
    places = Places(parts.dynamo, parts.settings.events_table)
    told: list[Violation] = []
    rounds = Rounds(audit.service, audit.money, audit.usage, *stores, places, told.append, at_once=0)
    look = audit.money.wallet

    def noting(account: str) -> Report:
        seen.append(account)
        return look(account)

    with mock.patch.object(audit.money, "wallet", noting):
        assert rounds.go_on(lambda: True).whole
        assert set(seen) == set(parts.wallet.store.all_accounts())
        for account in {*seen} - {SPENT}:
            fund(parts, account, 100, "pi_touch")
        time_stands.forward(EVERY_SECONDS["changed"])
        rounds.go_on(lambda: True)
        seen.clear()
        time_stands.forward(EVERY_SECONDS["changed"])
        rounds.go_on(lambda: True)
    assert (seen, told) == ([SPENT], [])


def test_every_key_is_answered_as_it_was(upgraded: Upgraded) -> None:
    parts, answers = upgraded.parts, upgraded.answers
    assert consume(parts, USED, 10, idempotency_key="k") == answers["keyed"]
    again = [
        (charge(parts, SPENT, "12.34", "c1", reference="run-1"), answers["charge"]),
        (call(parts, CALLER, MAKER, 500, "t1"), answers["tool call"]),
        (hold(parts, HOLDS, 400, "h", ttl_seconds=86_400), answers["hold"]),
        (capture(parts, HOLDS, answers["captured"]["hold_id"], 60, "x"), answers["capture"]),
    ]
    for now, then in again:
        # A field that this release adds stands beside those of before.
        assert {name: now[name] for name in then} == then
    assert upgraded.wrong() == []


def test_counters_leases_and_places_go_on(upgraded: Upgraded) -> None:
    parts = upgraded.parts
    assert settle(parts, USED, upgraded.answers["lease"], 400) == 600
    assert consume(parts, USED)["used"] == 45_000 + 10 + 400 + 40 + 1
    assert take(parts, USED, 100)["granted"] == 100
    assert consume(parts, USED, -1_000, "storage_bytes")["used"] == 0
    assert free(parts, USED, "a")["freed"]
    claim(parts, USED, "d")
    with pytest.raises(PlanLimitExceeded):
        consume(parts, OVER)
    assert consume(parts, PAID)["hard_limit"] == 2_400_000
    move_to(parts, PAID, "free")
    assert upgraded.wrong() == []


def test_holds_debts_and_refunds_go_on(upgraded: Upgraded) -> None:
    parts, answers = upgraded.parts, upgraded.answers
    assert capture(parts, HOLDS, answers["hold"]["hold_id"], 250, "later")["captured_cents"] == 250
    with pytest.raises(InsufficientBalance):
        charge(parts, OWES, 1, "later")
    fund(parts, OWES, 2_000, "pi_later")
    charge(parts, OWES, 1, "later")
    refund(parts, SPENT, answers["to refund"]["charge_id"], "later")
    refund(parts, CALLER, answers["tool call"]["charge_id"], "later")
    assert shown(parts, MAKER)["pending_cents"] == 0
    assert upgraded.wrong() == []


def test_the_lines_of_before_are_chained_once_and_sealed_by_the_next(upgraded: Upgraded) -> None:
    parts, chaining = upgraded.parts, upgraded.parts.wallet.chaining
    fund(parts, SPENT, 500, "pi_before")
    spent = parts.ledger.whole(SPENT)
    everybody = chaining.accounts(None)
    foreseen = chaining.preview(everybody)
    assert foreseen.chained > 0
    assert parts.wallet.store.get(SPENT).head is None
    assert chaining.run(everybody) == foreseen
    assert chaining.run(everybody).chained == 0
    assert upgraded.wrong() == []
    assert parts.ledger.whole(SPENT) == spent
    charge(parts, SPENT, 1, "later")
    (*_, last) = parts.ledger.whole(SPENT)
    assert last.hash == parts.wallet.store.get(SPENT).head
    checked = chain.verify(map(chain.line, parts.ledger.whole(SPENT)))
    assert (checked.wrong, checked.hash) == (None, last.hash)
    altered = [
        {**chain.line(line), "description": "Another"} if line.seq == 1 else chain.line(line)
        for line in parts.ledger.whole(SPENT)
    ]
    assert chain.verify(altered).wrong is not None
    assert upgraded.wrong() == []


def test_a_release_that_also_changes_limits_is_right_at_the_next_touch(upgraded: Upgraded) -> None:
    after = released(upgraded.parts, upgraded.client, free_requests(100_000))
    assert consume(after, OVER)["hard_limit"] == 110_000
    assert after.usage.overview.view(USED, None)["usage"]["api_requests"]["hard_limit"] == 110_000
    assert list(after.audit.service.run(None).violations) == []
