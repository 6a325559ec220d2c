"""Creators: the parts always sum to the price, and a hot creator's callers do not meet; onboarded once."""

from __future__ import annotations

from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.earnings import creators_part, due_day
from aerostack_billing.creators.models import Earned, OnboardRequest
from aerostack_billing.creators.onboarding import AlreadyOnboarded
from aerostack_billing.payments.once import RENEW_AFTER_SECONDS
from aerostack_billing.values.errors import InvalidRedirectUrl, PaymentsFailed, PaymentsRefused, PaymentsUnavailable
from tests.rooms.conftest import Meter, Time, use_stripe
from tests.rooms.worlds.creators import RETURN, call, no_violations, onboard, shown
from tests.rooms.worlds.deposits import hear_all
from tests.rooms.worlds.plans import deliver
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import capture, fund, hold

# The split


@given(st.integers(0, 10**12), st.integers(0, 10_000))
def test_the_parts_always_sum_to_the_price_and_none_is_below_zero(price: int, fee_bps: int) -> None:
    part = creators_part(price, fee_bps)
    fee = price - part
    assert 0 <= part <= price
    assert fee * 10_000 <= price * fee_bps < (fee + 1) * 10_000


def test_a_tool_call_pays_its_creator_in_the_transaction_that_debits_the_caller(
    parts: Runtime, account: str, creator: str
) -> None:
    fund(parts, account, 500)
    call(parts, account, creator, "0.34", "a")
    answer = shown(parts, creator)
    assert (answer["pending_cents"], answer["payable_cents"], answer["onboarding"]) == (0.272, 0, "none")
    assert answer["pending_by_day"] == [{"day": "2026-03-18", "amount_cents": 0.272}]
    no_violations(parts, account, creator)


def test_a_refused_call_earns_nothing(parts: Runtime, account: str, creator: str) -> None:
    with pytest.raises(Exception, match="too low"):
        call(parts, account, creator, 1, "a")
    assert shown(parts, creator)["pending_cents"] == 0


def test_a_replayed_call_earns_once(parts: Runtime, account: str, creator: str) -> None:
    fund(parts, account, 500)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: call(parts, account, creator, 10, "a"), range(16)))
    assert shown(parts, creator)["pending_cents"] == 8


def test_a_captured_hold_of_a_tool_pays_its_creator_what_was_captured(
    parts: Runtime, account: str, creator: str, time_stands: Time
) -> None:
    fund(parts, account, 500)
    first = hold(parts, account, 100, "h1", kind="tool_call", creator_id=creator)
    late = hold(parts, account, 100, "h2", kind="tool_call", creator_id=creator, ttl_seconds=60)
    capture(parts, account, first["hold_id"], 50)
    time_stands.forward(60)
    parts.wallet.lapsing.sweep()
    capture(parts, account, late["hold_id"], 20)
    assert shown(parts, creator)["pending_cents"] == 56
    no_violations(parts, account, creator)


def test_an_earning_is_due_no_sooner_than_the_whole_holding_period_later(time_stands: Time) -> None:
    time_stands.to(2026, 3, 10, 23, 59, 59)
    assert due_day(7) == "2026-03-18"
    time_stands.to(2026, 3, 10)
    assert due_day(7) == "2026-03-18"


def test_the_callers_of_a_popular_creator_do_not_meet_on_one_item(
    parts: Runtime, processes: list[Runtime], account: str, creator: str
) -> None:
    """What 320 calls of 32 callers write: of shared items only the counters, evenly, and never the creator's own."""
    callers = [f"{account}_{i}" for i in range(32)]
    for caller in callers:
        fund(parts, caller, 500)
    for process in processes:
        process.creators.earnings.register(creator)
    written: Tally[tuple[str, ...]] = Tally()

    def count(params: dict[str, Any], **_: object) -> None:
        for action in params["TransactItems"]:
            body = next(iter(action.values()))
            key = body.get("Key") or {
                n: v for n, v in body["Item"].items() if n in {"account_id", "item", "creator_id"}
            }
            written[tuple(sorted(value["S"] for value in key.values()))] += 1

    client = parts.dynamo._client
    client.meta.events.register("provide-client-params.dynamodb.TransactWriteItems", count, unique_id="spread")
    with ThreadPoolExecutor(32) as pool:
        calls = [(caller, number) for number in range(10) for caller in callers]
        list(pool.map(lambda at: call(processes[at[1] % 8], at[0], creator, 1, f"k{at[1]}"), calls))
    client.meta.events.unregister("provide-client-params.dynamodb.TransactWriteItems", unique_id="spread")
    shared = {key: times for key, times in written.items() if creator in key}
    assert (creator, "creator") not in {tuple(sorted(key)) for key in shared}
    assert len(shared) > 50
    assert max(shared.values()) < 320 * 0.06
    assert shown(parts, creator)["pending_cents"] == 256


def test_a_tool_call_is_two_requests_once_its_creator_is_known(
    parts: Runtime, account: str, creator: str, meter: Meter
) -> None:
    fund(parts, account, 500)
    call(parts, account, creator, 1, "warm")
    meter.reset()
    call(parts, account, creator, 1, "a")
    assert meter.requests == 2


# Onboarding


def test_onboarding_makes_one_connected_account_and_is_complete_once(
    parts: Runtime, world: StripeWorld, creator: str
) -> None:
    use_stripe(parts, world.base, network_retries=2)
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)
    with ThreadPoolExecutor(6) as pool:
        urls = list(pool.map(lambda _: parts.creators.accounts.onboard(creator, request), range(6)))
    assert len(world.api("accounts")["data"]) == 1
    assert shown(parts, creator)["onboarding"] == "pending"
    world.submit(urls[-1])
    hear_all(parts, world)
    assert shown(parts, creator)["onboarding"] == "complete"
    with pytest.raises(AlreadyOnboarded):
        parts.creators.accounts.onboard(creator, request)


@pytest.mark.parametrize("hours", [0, 30])
def test_an_account_whose_creation_was_lost_is_not_made_again(
    parts: Runtime, world: StripeWorld, creator: str, time_stands: Time, hours: int
) -> None:
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)
    world.door("faults", {"on": "accounts.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        parts.creators.accounts.onboard(creator, request)
    time_stands.forward(hours * 3_600)
    parts.creators.accounts.onboard(creator, request)
    assert len(world.api("accounts")["data"]) == 1


def test_a_creation_that_stripe_failed_is_made_under_a_new_key_within_minutes(
    parts: Runtime, world: StripeWorld, creator: str, time_stands: Time
) -> None:
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)
    world.door("faults", {"on": "accounts.create", "kind": "500_before"})
    with pytest.raises(PaymentsFailed):
        parts.creators.accounts.onboard(creator, request)
    with pytest.raises(PaymentsUnavailable):
        parts.creators.accounts.onboard(creator, request)
    assert world.api("accounts")["data"] == []
    time_stands.forward(RENEW_AFTER_SECONDS)
    parts.creators.accounts.onboard(creator, request)
    assert len(world.api("accounts")["data"]) == 1


def test_an_account_that_was_created_by_a_call_that_failed_is_found(
    parts: Runtime, world: StripeWorld, creator: str
) -> None:
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)
    world.door("faults", {"on": "accounts.create", "kind": "500_after"})
    parts.creators.accounts.onboard(creator, request)
    assert len(world.api("accounts")["data"]) == 1


def test_a_creation_that_stripe_refused_is_tried_under_a_new_key_next_time(
    parts: Runtime, world: StripeWorld, creator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, connect, keys = OnboardRequest(return_url=RETURN, refresh_url=RETURN), parts.payments.connect, list[str]()
    create = connect.create_account

    def refused_at_first(creator_id: str, key: str) -> str:
        keys.append(key)
        if len(keys) == 1:
            raise PaymentsRefused("Connect is not enabled.")
        return create(creator_id, key)

    monkeypatch.setattr(connect, "create_account", refused_at_first)
    with pytest.raises(PaymentsRefused):
        parts.creators.accounts.onboard(creator, request)
    parts.creators.accounts.onboard(creator, request)
    assert len(set(keys)) == 2


def test_a_foreign_return_url_is_refused(parts: Runtime, world: StripeWorld, creator: str) -> None:
    request = OnboardRequest(return_url=RETURN, refresh_url="https://evil.example/")
    with pytest.raises(InvalidRedirectUrl):
        parts.creators.accounts.onboard(creator, request)
    assert world.api("accounts")["data"] == []


# Payouts


def test_the_audit_of_all_compares_what_is_pending_with_the_callers_ledgers(
    parts_alone: Runtime, account: str, creator: str
) -> None:
    parts = parts_alone
    fund(parts, account, 500)
    call(parts, account, creator, 100, "a")
    own = [v for v in parts.audit.service.run(None).violations if v.account_id in {account, creator}]
    assert own == []
    parts.dynamo.update(parts.creators.store.earning(creator, "2026-03-18", Earned(1)))
    own = [v for v in parts.audit.service.run(None).violations if v.account_id in {account, creator}]
    assert [v.invariant for v in own] == ["pending is what callers paid less what matured"]


def test_an_account_that_only_claims_the_creator_in_its_metadata_is_ignored(
    parts: Runtime, world: StripeWorld, creator: str
) -> None:
    onboard(parts, world, creator)
    other = world.create("accounts", **{"type": "express", "metadata[creator_id]": creator})["id"]
    for kind, about in (("account.updated", other), ("payout.failed", "po_1")):
        named = {"id": f"evt_{kind.replace('.', '_')}_{creator}", "type": kind, "created": 1, "account": other}
        event = {**named, "data": {"object": {"id": about}}}
        assert deliver(parts, event).result == "ignored"
    answer = shown(parts, creator)
    assert (answer["onboarding"], answer["last_error"]) == ("complete", None)
