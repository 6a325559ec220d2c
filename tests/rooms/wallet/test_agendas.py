"""What becomes due stands under several keys, so that one key's throughput holds no account's writes back."""

from __future__ import annotations

from collections import Counter

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.wallet.agendas import HOLD_AGENDA, RELOAD_AGENDA, SPENDING_AGENDA, shard_of, shards
from tests.rooms.conftest import Time
from tests.rooms.worlds.wallet import audited, fund, hold


@pytest.mark.parametrize(("agenda", "keys"), [(HOLD_AGENDA, 16), (RELOAD_AGENDA, 2), (SPENDING_AGENDA, 1)])
def test_accounts_spread_evenly_over_the_keys_of_an_agenda(agenda: str, keys: int) -> None:
    found = Counter(shard_of(agenda, f"acct_{number}") for number in range(keys * 1_000))
    assert set(found) == set(shards(agenda))
    assert len(found) == keys
    assert max(found.values()) < 1_300


def accounts_of_all_keys(account: str) -> list[str]:
    """An account for each key of the holds' agenda."""
    by_key: dict[str, str] = {}
    for number in range(1_000):
        by_key.setdefault(shard_of(HOLD_AGENDA, f"{account}{number}"), f"{account}{number}")
    return [by_key[key] for key in shards(HOLD_AGENDA)]


def test_what_is_due_is_handed_out_longest_due_first_over_all_keys(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    accounts = accounts_of_all_keys(account)
    for number, own in enumerate(reversed(accounts)):
        fund(parts, own, 500)
        hold(parts, own, 300, ttl_seconds=60 + number)
    time_stands.forward(600)
    due = [own for own, _ in parts.wallet.store.due(HOLD_AGENDA) if own in set(accounts)]
    assert due == accounts[::-1]
    parts.wallet.lapsing.sweep()
    assert {audited(parts, own).held for own in accounts} == {0}


def test_a_hold_that_stood_under_the_agenda_s_only_key_before_there_were_several_lapses(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    own = accounts_of_all_keys(account)[7]
    fund(parts, own, 500)
    taken = hold(parts, own, 300, ttl_seconds=60)
    parts.dynamo._client.update_item(
        TableName=parts.settings.wallets_table,
        Key={"account_id": {"S": own}, "item": {"S": f"hold#{taken['hold_id']}"}},
        UpdateExpression="SET agenda = :one",
        ExpressionAttributeValues={":one": {"S": "hold"}},
    )
    time_stands.forward(61)
    parts.wallet.lapsing.sweep()
    assert audited(parts, own).held == 0
