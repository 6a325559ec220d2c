"""No key that is built from an outside name equals a key of another kind, whatever the name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from aerostack_billing.creators.posting import partition
from aerostack_billing.creators.store import owner_key
from aerostack_billing.idempotency import request_limit
from aerostack_billing.idempotency.store import keyed
from aerostack_billing.ledger.accounts import PROMO, REVENUE, STRIPE, available, debt, held
from aerostack_billing.operators import log
from aerostack_billing.usage.lease_store import Lease, LeaseStore, beside
from aerostack_billing.usage.places import PlaceStore
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM
from aerostack_billing.values.fields import AccountId, ResourceId, adapter
from aerostack_billing.webhooks import store as events

CHARACTERS = st.characters(codec="ascii", exclude_categories=["Cc", "Zs"])
NAMES = st.text(CHARACTERS, min_size=1, max_size=40) | st.sampled_from(
    ["creator:bob", "operator#2026-03", "2026-03", "wallet", "storage", "resources", "reconcile#progress", "idem#a#b"]
)


def named(kind: object, name: str) -> bool:
    try:
        adapter(kind).validate_python(name, strict=True)  # type: ignore[arg-type]
    except ValidationError:
        return False
    return True


@given(account=NAMES, creator=NAMES)
@example(account="creator:bob", creator="bob")
def test_no_account_is_a_creators_or_the_operators_partition_of_the_ledger(account: str, creator: str) -> None:
    if named(AccountId, account) and named(AccountId, creator):
        assert account != partition(creator)
        assert not account.startswith("operator#")
        assert partition(creator) != log._partition("2026-03")


@given(account=NAMES, other=NAMES, creator=NAMES)
def test_the_accounts_of_the_ledger_are_told_apart_by_their_kind_and_owner(
    account: str, other: str, creator: str
) -> None:
    kinds = [available, held, debt]
    built = [kind(account) for kind in kinds] + [partition(creator), REVENUE, STRIPE, PROMO]
    assert len(set(built)) == len(built)
    assert account == other or not {kind(account) for kind in kinds} & {kind(other) for kind in kinds}


@given(resource=NAMES, key=NAMES)
def test_an_item_of_a_resource_or_a_lease_is_no_item_of_counters(resource: str, key: str) -> None:
    counters = {RESOURCES_ITEM, STORAGE_ITEM, "2026-03"}
    lease = LeaseStore._key("acct", Lease("2026-03", "api_requests", 1, 1, beside(key)))["period"]
    if named(ResourceId, resource):
        place = PlaceStore._key("acct", "projects", resource)["period"]
        assert place != lease
        assert place not in counters
    assert lease not in counters


@given(creator=NAMES, connected=NAMES)
def test_the_owner_of_a_connected_account_is_no_creator(creator: str, connected: str) -> None:
    if named(AccountId, creator):
        assert owner_key(connected)["creator_id"] != creator


@given(account=NAMES, key=NAMES, event=NAMES)
def test_a_record_of_a_key_is_no_record_of_an_event(account: str, key: str, event: str) -> None:
    record = keyed("consume", account, key, {}).record_id
    assert record != events._key(event)
    assert events._key(event) != "reconcile#progress"
    counted = request_limit._key(account, 1)
    assert counted not in {record, events._key(event), "reconcile#progress"}


@pytest.mark.parametrize("name", ["creator:bob", "creator:", "a#b", "#", "operator#2026-03"])
def test_such_an_account_is_refused(name: str) -> None:
    assert not named(AccountId, name)
