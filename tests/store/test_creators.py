"""Creators: the parts always sum to the price, a hot creator's callers do not meet, each payout is paid once."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.creators.earnings import creators_part, due_day
from aerostack_billing.creators.models import Creator, OnboardRequest, RefundRequest
from aerostack_billing.creators.onboarding import AlreadyOnboarded
from aerostack_billing.creators.postings import Posting
from aerostack_billing.creators.refunds import AlreadyRefunded, ChargeNotFound
from aerostack_billing.errors import IdempotencyKeyReused, InvalidRedirectUrl, PaymentsUnavailable
from aerostack_billing.money import micros
from aerostack_billing.runtime import Runtime
from aerostack_billing.wallet.ledger import Change
from tests.store.conftest import Meter, Time, use_stripe
from tests.store.stripe_world import StripeWorld
from tests.store.test_deposits import hear_all
from tests.store.test_sync import deliver
from tests.store.test_wallet import audited, capture, charge, fund, hold, owe

RETURN = "https://app.aerostack.dev/creators"


def call(parts: Runtime, account: str, creator: str, cents: object, key: str) -> dict[str, Any]:
    return charge(parts, account, cents, key, kind="tool_call", creator_id=creator)


def refund(parts: Runtime, account: str, charge_id: str, key: str = "r", reason: str | None = None) -> dict[str, Any]:
    request = RefundRequest(account_id=account, idempotency_key=key, reason=reason)
    return parts.refunds.refund(charge_id, request).body


def onboard(parts: Runtime, world: StripeWorld, creator: str) -> None:
    url = parts.creator_accounts.onboard(creator, OnboardRequest(return_url=RETURN, refresh_url=RETURN))
    assert world.submit(url)[0] == 303
    hear_all(parts, world)


def shown(parts: Runtime, creator: str) -> dict[str, Any]:
    return parts.creator_statement.view(creator)


def transfers(world: StripeWorld) -> list[dict[str, Any]]:
    """Every transfer at Stripe, oldest first."""
    return list(reversed(world.api("transfers?limit=100")["data"]))


@pytest.fixture
def creator(account: str) -> str:
    return f"{account}_creator"


@pytest.fixture
def earned(parts: Runtime, account: str, creator: str) -> Callable[[int], None]:
    """Lets the creator earn the creator's part of an amount of cents."""

    def earn(cents: int) -> None:
        payment = f"pi_{parts.wallets.get(account).seq}"
        fund(parts, account, cents, payment)
        call(parts, account, creator, cents, f"{payment}:call")

    return earn


def no_violations(parts: Runtime, *accounts: str) -> None:
    for each in accounts:
        assert parts.audit.run(each).violations == ()


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
    told = shown(parts, creator)
    assert (told["pending_cents"], told["payable_cents"], told["onboarding"]) == (0.272, 0, "none")
    assert told["pending_by_day"] == [{"day": "2026-03-18", "amount_cents": 0.272}]
    no_violations(parts, account, creator)


def test_a_refused_call_earns_nothing(parts: Runtime, account: str, creator: str) -> None:
    with pytest.raises(Exception, match="short"):
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
    parts.lapsing.sweep()
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
        process.earnings.expect(creator)
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


# Refunds of charges


def test_a_refund_gives_the_price_back_and_takes_the_pending_share(parts: Runtime, account: str, creator: str) -> None:
    fund(parts, account, 500)
    made = call(parts, account, creator, 100, "a")
    answer = refund(parts, account, made["charge_id"], reason="The tool failed")
    assert (answer["refunded_cents"], answer["balance_cents"]) == (100, 500)
    assert shown(parts, creator)["pending_cents"] == 0
    assert audited(parts, account).spent == 0
    no_violations(parts, account, creator)


@pytest.mark.parametrize("kind", ["bot_conversation", "agent_execution"])
def test_a_charge_of_any_kind_can_be_refunded(parts: Runtime, account: str, kind: str) -> None:
    fund(parts, account, 500)
    made = charge(parts, account, 100, "a", kind=kind)
    assert refund(parts, account, made["charge_id"])["balance_cents"] == 500
    held = hold(parts, account, 100)
    taken = capture(parts, account, held["hold_id"], 30)
    assert refund(parts, account, taken["charge_id"])["refunded_cents"] == 30
    assert audited(parts, account).balance == micros(500)


def test_a_refund_is_made_once(parts: Runtime, account: str, creator: str) -> None:
    fund(parts, account, 500)
    charge_id = call(parts, account, creator, 100, "a")["charge_id"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refund(parts, account, charge_id), range(8)))
    assert all(answer == answers[0] for answer in answers)
    with pytest.raises(AlreadyRefunded):
        refund(parts, account, charge_id, "other")
    with pytest.raises(IdempotencyKeyReused):
        refund(parts, account, charge_id, reason="another body")
    assert audited(parts, account).balance == micros(500)
    assert shown(parts, creator)["pending_cents"] == 0


@pytest.mark.parametrize("charge_id", ["", "ch_", "ch_" + "0" * 40, "pi_1", "hold_" + "0" * 40])
def test_what_is_no_charge_is_404(parts: Runtime, account: str, charge_id: str) -> None:
    with pytest.raises(ChargeNotFound):
        refund(parts, account, charge_id)


def test_another_accounts_charge_is_404(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge_id = charge(parts, account, 100, "a")["charge_id"]
    with pytest.raises(ChargeNotFound):
        refund(parts, f"{account}x", charge_id)


def test_a_refund_pays_a_debt_first(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge_id = charge(parts, account, 400, "a")["charge_id"]
    owe(parts, account, 500)
    refund(parts, account, charge_id)
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.debt) == (0, 0)


def test_a_refund_after_the_share_matured_takes_it_from_what_is_payable_and_then_from_the_next_earnings(
    parts: Runtime, account: str, creator: str, time_stands: Time
) -> None:
    fund(parts, account, 1_000)
    first = call(parts, account, creator, 100, "a")
    time_stands.forward(8 * 86_400)
    parts.payouts.sweep()
    assert shown(parts, creator)["payable_cents"] == 80
    refund(parts, account, first["charge_id"])
    assert shown(parts, creator)["payable_cents"] == 0
    no_violations(parts, account, creator)

    second = call(parts, account, creator, 500, "b")
    call(parts, account, creator, 250, "c")
    time_stands.forward(8 * 86_400)
    parts.payouts.sweep()
    # As if it had been paid: what is payable no longer suffices for the refund.
    parts.creators.apply(creator, lambda c: _paid_out(c, micros(400)))
    refund(parts, account, second["charge_id"])
    told = shown(parts, creator)
    assert (told["payable_cents"], told["owed_cents"]) == (0, 200)
    call(parts, account, creator, 500, "d")
    time_stands.forward(8 * 86_400)
    parts.payouts.sweep()
    assert shown(parts, creator)["payable_cents"] == 200
    no_violations(parts, account, creator)


def _paid_out(creator: Creator, amount: int) -> Change[Creator]:
    posting = Posting(creator)
    posting.begun("po_test", amount)
    posting.arrived("po_test", amount)
    return Change(posting.creator, posting.transfers)


def test_refunds_while_earnings_mature_lose_and_double_no_micro(
    parts: Runtime, processes: list[Runtime], account: str, creator: str, time_stands: Time
) -> None:
    fund(parts, account, 1_000)
    ids = [call(parts, account, creator, 10, f"k{i}")["charge_id"] for i in range(30)]
    time_stands.forward(8 * 86_400)
    acts: list[Callable[[], object]] = [
        lambda i=i, charge_id=charge_id: refund(processes[i % 8], account, charge_id, f"r{i}")  # type: ignore[misc]
        for i, charge_id in enumerate(ids[:15])
    ]
    acts[7:7] = [lambda i=i: processes[i].payouts._mature(creator) for i in range(4)]  # type: ignore[misc]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda act: act(), acts))
    parts.payouts._mature(creator)
    told = shown(parts, creator)
    assert (told["pending_cents"], told["payable_cents"]) == (0, 15 * 8)
    no_violations(parts, account, creator)


# Onboarding


def test_onboarding_makes_one_connected_account_and_is_complete_once(
    parts: Runtime, world: StripeWorld, creator: str
) -> None:
    use_stripe(parts, world.base, network_retries=2)
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)
    with ThreadPoolExecutor(6) as pool:
        urls = list(pool.map(lambda _: parts.creator_accounts.onboard(creator, request), range(6)))
    assert len(world.api("accounts")["data"]) == 1
    assert shown(parts, creator)["onboarding"] == "pending"
    world.submit(urls[-1])
    hear_all(parts, world)
    assert shown(parts, creator)["onboarding"] == "complete"
    with pytest.raises(AlreadyOnboarded):
        parts.creator_accounts.onboard(creator, request)


@pytest.mark.parametrize("hours", [0, 30])
def test_an_account_whose_creation_was_lost_is_not_made_again(
    parts: Runtime, world: StripeWorld, creator: str, time_stands: Time, hours: int
) -> None:
    request = OnboardRequest(return_url=RETURN, refresh_url=RETURN)
    world.door("faults", {"on": "accounts.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        parts.creator_accounts.onboard(creator, request)
    time_stands.forward(hours * 3_600)
    parts.creator_accounts.onboard(creator, request)
    assert len(world.api("accounts")["data"]) == 1


def test_a_foreign_return_url_is_refused(parts: Runtime, world: StripeWorld, creator: str) -> None:
    request = OnboardRequest(return_url=RETURN, refresh_url="https://evil.example/")
    with pytest.raises(InvalidRedirectUrl):
        parts.creator_accounts.onboard(creator, request)
    assert world.api("accounts")["data"] == []


# Payouts


def test_earnings_are_paid_by_one_transfer_of_whole_cents_after_the_holding_period(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    earned(2_000)
    earned(1)
    time_stands.forward(7 * 86_400)
    parts.payouts.sweep()
    assert transfers(world) == []
    time_stands.forward(86_400)
    parts.payouts.sweep()
    parts.payouts.sweep()
    assert [(made["amount"], made["metadata"]["creator_id"]) for made in transfers(world)] == [(1_600, creator)]
    told = shown(parts, creator)
    assert (told["paid_cents"], told["payable_cents"], told["in_transit_cents"]) == (1_600, 0.8, 0)
    assert [payout["state"] for payout in told["payouts"]] == ["paid"]
    no_violations(parts, creator)


def test_below_the_minimum_nothing_is_paid(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    earned(1_249)
    time_stands.forward(8 * 86_400)
    parts.payouts.sweep()
    assert transfers(world) == []
    earned(500)
    time_stands.forward(8 * 86_400)
    parts.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_399]


def test_who_is_not_onboarded_earns_and_is_paid_once_onboarded(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    earned(2_000)
    time_stands.forward(8 * 86_400)
    parts.payouts.sweep()
    assert shown(parts, creator)["payable_cents"] == 1_600
    onboard(parts, world, creator)
    parts.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]


def test_a_restricted_account_is_not_paid_until_it_is_healed(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    account_id = parts.creators.get(creator).connected_account_id
    world.door(f"accounts/{account_id}", {"restricted": True})
    earned(2_000)
    time_stands.forward(8 * 86_400)
    parts.payouts.sweep()
    assert transfers(world) == []
    assert parts.creators.payouts(creator, 10) == []
    assert shown(parts, creator)["onboarding"] == "restricted"
    world.door(f"accounts/{account_id}", {"restricted": False})
    hear_all(parts, world)
    parts.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "500_before", "500_after"])
@pytest.mark.parametrize("hours", [1, 40])
def test_a_payout_whose_outcome_is_unknown_is_resumed_and_pays_once(
    parts: Runtime,
    world: StripeWorld,
    creator: str,
    earned: Callable[[int], None],
    time_stands: Time,
    kind: str,
    hours: int,
) -> None:
    onboard(parts, world, creator)
    earned(2_000)
    time_stands.forward(8 * 86_400)
    world.door("faults", {"on": "transfers.create", "kind": kind})
    assert parts.payouts.sweep().failed == 1
    assert shown(parts, creator)["in_transit_cents"] == 1_600
    no_violations(parts, creator)
    time_stands.forward(hours * 3_600)
    parts.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]
    assert shown(parts, creator)["paid_cents"] == 1_600
    no_violations(parts, creator)


@pytest.mark.parametrize("where", ["_make", "_conclude"])
def test_a_payout_killed_before_or_after_the_transfer_pays_once(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time, where: str
) -> None:
    class Killed(Exception):
        pass

    def kill(*_: object) -> None:
        raise Killed

    onboard(parts, world, creator)
    earned(2_000)
    time_stands.forward(8 * 86_400)
    whole = getattr(parts.payouts, where)
    setattr(parts.payouts, where, kill)
    with pytest.raises(Killed):
        parts.payouts.look_after(creator)
    setattr(parts.payouts, where, whole)
    time_stands.forward(3_600)
    parts.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]
    no_violations(parts, creator)


def test_eight_sweeps_at_once_pay_once(
    parts: Runtime,
    processes: list[Runtime],
    world: StripeWorld,
    creator: str,
    earned: Callable[[int], None],
    time_stands: Time,
) -> None:
    onboard(parts, world, creator)
    earned(2_000)
    time_stands.forward(8 * 86_400)
    for process in processes:
        process.connect = parts.connect
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda process: process.payouts.sweep(), processes))
    time_stands.forward(3_600)
    parts.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]
    no_violations(parts, creator)


def test_a_refused_payout_is_payable_again_with_the_reason(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    earned(2_000)
    time_stands.forward(8 * 86_400)
    world.door("settings", {"transfers_need_balance": True})
    parts.payouts.sweep()
    told = shown(parts, creator)
    assert (told["payable_cents"], told["in_transit_cents"]) == (1_600, 0)
    assert (told["payouts"][0]["state"], told["payouts"][0]["reason"]) == ("failed", "balance_insufficient")
    no_violations(parts, creator)
    world.door("settings", {"transfers_need_balance": False})
    time_stands.forward(86_400)
    parts.payouts.sweep()
    assert [made["amount"] for made in transfers(world)] == [1_600]


def test_a_reversed_payout_is_payable_again_once_and_paid_by_a_new_transfer(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    earned(2_000)
    time_stands.forward(8 * 86_400)
    parts.payouts.sweep()
    reverse(world, transfers(world)[0]["id"])
    hear_all(parts, world)
    hear_all(parts, world)
    told = shown(parts, creator)
    assert (told["payable_cents"], told["paid_cents"]) == (1_600, 0)
    assert told["payouts"][0]["state"] == "reversed"
    no_violations(parts, creator)
    time_stands.forward(86_400)
    parts.payouts.sweep()
    assert [(made["amount"], made["reversed"]) for made in transfers(world)] == [(1_600, True), (1_600, False)]
    no_violations(parts, creator)


def test_a_payout_that_is_reversed_in_two_parts_is_payable_again_once(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    earned(2_000)
    time_stands.forward(8 * 86_400)
    parts.payouts.sweep()
    for cents, back in ((600, 600), (1_000, 1_600)):
        reverse(world, transfers(world)[0]["id"], cents)
        hear_all(parts, world)
        told = shown(parts, creator)
        assert (told["payable_cents"], told["paid_cents"]) == (back, 1_600 - back)
        no_violations(parts, creator)


def reverse(world: StripeWorld, transfer_id: str, cents: int | None = None) -> None:
    client = stripe.StripeClient("sk_test_local", base_addresses={"api": world.base})
    client.v1.transfers.reversals.create(transfer_id, {"amount": cents} if cents else {})


def test_a_bank_that_refuses_is_told_to_the_creator(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    account_id = parts.creators.get(creator).connected_account_id or ""
    event = {
        "id": f"evt_{creator}",
        "type": "payout.failed",
        "created": 1,
        "account": account_id,
        "data": {"object": {"id": "po_1", "failure_code": "account_closed"}},
    }
    assert deliver(parts, event).result == "processed"
    assert shown(parts, creator)["last_error"] == "bank: account_closed"


def test_the_audit_of_all_compares_what_is_pending_with_the_callers_ledgers(
    parts: Runtime, account: str, creator: str
) -> None:
    fund(parts, account, 500)
    call(parts, account, creator, 100, "a")
    own = [v for v in parts.audit.run(None).violations if v.account_id in {account, creator}]
    assert own == []
    parts.dynamo.update(parts.creators.earning(creator, "2026-03-18", 1))
    own = [v for v in parts.audit.run(None).violations if v.account_id in {account, creator}]
    assert [v.invariant for v in own] == ["pending is what callers paid less what matured"]
