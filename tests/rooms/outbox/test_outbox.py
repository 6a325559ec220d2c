"""Domain events: stored with their effect or not at all, once each, and at no cost where there is none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.accounts.store import VersionConflict
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.audit.wallets import Violation
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.platform import correlation
from aerostack_billing.usage.models import PlaceName
from aerostack_billing.usage.store import NoRoom
from aerostack_billing.values.errors import PaymentsRefused, PlanLimitExceeded, StoreUnavailable
from aerostack_billing.wallet.models import Reload, Wallet
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.creators import call, onboard
from tests.rooms.worlds.deposits import deposit, hear_all
from tests.rooms.worlds.outbox import waiting_events, waiting_types
from tests.rooms.worlds.plans import deliver
from tests.rooms.worlds.reload import configure, spend_to_400, use_card
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.usage import consume, move_to, settle, take
from tests.rooms.worlds.wallet import capture, charge, fund, hold, owe, release


def earn(parts: Runtime, account: str, creator: str) -> None:
    """Let the creator earn $16, nine days from now payable."""
    fund(parts, account, 2_500)
    call(parts, account, creator, 2_000, "called")


def audited(parts: Runtime, account: str) -> list[Violation]:
    """What the audit finds wrong, run as its function does."""
    return list(parts.audit.service.run(account, see=parts.usage.metering.catch_up).violations)


# Plans


def test_a_plan_that_changes_is_told_with_what_it_was_and_what_it_is(parts: Runtime, account: str) -> None:
    move_to(parts, account, "pro")
    (changed,) = waiting_events(parts, account)
    assert changed["type"] == "plan.changed"
    assert changed["occurred_at"] == "2026-03-10T12:00:00.000000Z"
    assert changed["data"]["changed"] == ["plan_tier"]
    assert [changed["data"][side]["plan_tier"] for side in ("before", "after")] == ["free", "pro"]


def test_a_cancellation_is_told_and_a_new_period_is_not(parts: Runtime, account: str) -> None:
    now = move_to(parts, account, "pro")
    now = parts.accounts.store.write_plan(now, replace(now.plan, period_end=1_800_000_000), [], None)
    parts.accounts.store.write_plan(now, replace(now.plan, cancel_at_period_end=True), [], None)
    assert sorted(e["data"]["changed"] for e in waiting_events(parts, account)) == [
        ["cancel_at_period_end"],
        ["plan_tier"],
    ]


def test_a_change_that_is_refused_is_not_told(parts: Runtime, account: str) -> None:
    stale = parts.accounts.store.get(account)
    move_to(parts, account, "pro")
    with pytest.raises(VersionConflict):
        parts.accounts.store.write_plan(stale, PlanState(tier="business"), [], None)
    assert waiting_types(parts, account) == ["plan.changed"]


# Usage


def test_each_threshold_is_told_with_the_figures_of_the_moment(parts: Runtime, account: str) -> None:
    for quantity in (40_000, 10_001, 4_999):
        consume(parts, account, quantity)
    figures = {e["type"]: (e["data"]["used"], e["data"]["state"]) for e in waiting_events(parts, account)}
    assert figures == {
        "usage.limit_near": (40_000, "ok"),
        "usage.grace_entered": (50_001, "grace"),
        "usage.blocked": (55_000, "blocked"),
    }


def test_a_caller_that_is_refused_tells_what_one_that_broke_off_did_not(parts: Runtime, account: str) -> None:
    consume(parts, account)
    parts.usage.store.add(account, "2026-03", "api_requests", 54_999, throttled=False)
    assert waiting_types(parts, account) == []
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account)
    assert waiting_types(parts, account) == ["usage.blocked", "usage.grace_entered", "usage.limit_near"]


def test_a_note_that_another_wrote_first_leaves_no_news_of_ones_own(parts: Runtime, account: str) -> None:
    consume(parts, account, 39_999)
    seen = parts.usage.store.add(account, "2026-03", "api_requests", 1, throttled=False)
    for _ in range(2):
        parts.usage.metering.tell(account, "2026-03", "api_requests", seen)
    assert waiting_types(parts, account) == ["usage.limit_near"]


@pytest.mark.parametrize(
    ("item", "metric", "used"), [("2026-03", "api_requests", 54_999), ("storage", "storage_bytes", 2 * 10**9)]
)
def test_what_a_caller_that_broke_off_did_not_tell_is_told_by_the_audit_where_no_other_call_comes(
    parts: Runtime, account: str, item: str, metric: str, used: int
) -> None:
    consume(parts, account, 1, metric)
    parts.usage.store.add(account, item, metric, used)
    assert audited(parts, account) == []
    levels = waiting_types(parts, account)
    assert levels[-1] == "usage.limit_near"
    assert audited(parts, account) == []
    assert waiting_types(parts, account) == levels


def test_a_note_that_the_store_does_not_take_leaves_the_answer_as_it_is_and_the_audit_fails(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise StoreUnavailable("The store did not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(parts.usage.thresholds, "announce", breaks)
        assert consume(parts, account, 45_000)["used"] == 45_000
        lease = take(parts, account, 1_000)
        with pytest.raises(StoreUnavailable):
            audited(parts, account)
    assert waiting_types(parts, account) == []
    assert settle(parts, account, lease, 0) == 1_000
    assert consume(parts, account)["used"] == 45_001
    assert waiting_types(parts, account) == ["usage.limit_near"]


def test_an_audit_that_looks_on_tells_nothing(parts: Runtime, account: str, meter: Meter) -> None:
    consume(parts, account, 1)
    parts.usage.store.add(account, "2026-03", "api_requests", 54_999)
    meter.reset()
    parts.audit.service.run(account)
    assert (meter.spent()[1], waiting_types(parts, account)) == (0, [])


def test_an_audit_that_finds_all_told_writes_nothing(parts: Runtime, account: str, meter: Meter) -> None:
    consume(parts, account, 45_000)
    parts.usage.resources.claim(account, PlaceName(kind="projects", id="site"))
    before = waiting_types(parts, account)
    meter.reset()
    audited(parts, account)
    assert (meter.spent()[1], waiting_types(parts, account)) == (0, before)


@pytest.mark.parametrize(("month", "expected"), [(4, ["usage.limit_near"]), (5, [])])
def test_the_audit_tells_of_the_month_that_just_ended_and_of_none_before(
    parts: Runtime, account: str, time_stands: Time, month: int, expected: list[str]
) -> None:
    consume(parts, account, 1)
    parts.usage.store.add(account, "2026-03", "api_requests", 39_999)
    time_stands.to(2026, month, 1)
    audited(parts, account)
    assert [(e["type"], e["data"]["period"]) for e in waiting_events(parts, account)] == [
        (name, "2026-03") for name in expected
    ]


def test_places_that_are_taken_are_no_threshold(parts: Runtime, account: str) -> None:
    for name in "abc":
        parts.usage.resources.claim(account, PlaceName(kind="projects", id=name))
    audited(parts, account)
    assert waiting_types(parts, account) == []


def test_a_consume_that_passes_no_threshold_stores_no_news_and_costs_one_write_unit(
    parts: Runtime, account: str, meter: Meter
) -> None:
    consume(parts, account)
    meter.reset()
    consume(parts, account)
    assert meter.spent() == (1, 1, 0)
    with pytest.raises(NoRoom):
        parts.usage.store.add(account, "2026-03", "api_requests", 55_000, throttled=False)
    assert waiting_types(parts, account) == []


# Wallets


def test_a_charge_below_the_threshold_is_told_once_and_no_other_costs_a_unit_more(
    parts: Runtime, account: str, meter: Meter
) -> None:
    fund(parts, account, 1_000)
    spent = []
    for amount, key in ((100, "above"), (500, "crosses"), (100, "below")):
        meter.reset()
        charge(parts, account, amount, key)
        spent.append(meter.spent()[:2])
    charge(parts, account, 500, "crosses")
    (low,) = waiting_events(parts, account)
    assert (low["type"], low["data"]["balance_cents"], low["data"]["threshold_cents"]) == ("balance.low", 400, 500)
    assert low["data"]["auto_reload_enabled"] is False
    (requests, units), crossing, below = spent
    assert below == (requests, units)
    assert crossing == (requests, units + 2)


def test_at_the_threshold_is_not_below_it(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    charge(parts, account, 500, "to it")
    assert waiting_types(parts, account) == []
    charge(parts, account, "0.0001", "below it")
    assert waiting_types(parts, account) == ["balance.low"]


def test_a_hold_is_not_spent_yet_and_its_capture_is(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    release(parts, account, hold(parts, account, 900, "a")["hold_id"])
    kept = hold(parts, account, 900, "b")["hold_id"]
    assert waiting_types(parts, account) == []
    capture(parts, account, kept, 600, "c")
    (low,) = waiting_events(parts, account)
    assert (low["data"]["transfer_type"], low["data"]["balance_cents"]) == ("capture", 400)


def test_a_refund_that_takes_the_balance_tells_too(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    owe(parts, account, 1_200)
    (low,) = waiting_events(parts, account)
    assert (low["data"]["balance_cents"], low["data"]["debt_cents"]) == (0, 200)


def test_the_users_own_threshold_counts_and_raising_it_is_no_news(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    deposit(parts, world, account, 2_500)
    configure(parts, account, threshold_cents=100)
    charge(parts, account, 2_300, "to $2")
    configure(parts, account, threshold_cents=300)
    assert waiting_types(parts, account) == []
    configure(parts, account, threshold_cents=100)
    charge(parts, account, 150, "below $1")
    assert waiting_types(parts, account) == ["balance.low"]


def test_a_reload_tells_that_it_succeeded_once_however_often_it_is_heard_of(
    parts: Runtime, world: StripeWorld, filled: str
) -> None:
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    hear_all(parts, world)
    hear_all(parts, world)
    assert waiting_types(parts, filled) == ["balance.low", "reload.succeeded"]
    (succeeded,) = (e for e in waiting_events(parts, filled) if e["type"] == "reload.succeeded")
    assert (succeeded["data"]["amount_cents"], succeeded["data"]["balance_cents"]) == (2_000, 2_400)


def test_each_decline_is_told_and_that_the_third_suspends(
    parts: Runtime,
    world: StripeWorld,
    filled: str,
    time_stands: Time,
) -> None:
    use_card(parts, world, filled, "4000000000000341")
    spend_to_400(parts, filled)
    for wait in (3_601, 86_401, 0):
        parts.reload.service.sweep()
        hear_all(parts, world)
        time_stands.forward(wait)
    failures = [e["data"] for e in waiting_events(parts, filled) if e["type"] == "reload.failed"]
    assert [(f["declines"], f["code"], f["state"]) for f in failures] == [
        (1, "generic_decline", "retrying"),
        (2, "generic_decline", "retrying"),
        (3, "generic_decline", "suspended"),
    ]
    assert failures[0]["next_attempt_at"] == "2026-03-10T13:00:00Z"
    assert waiting_types(parts, filled).count("reload.suspended") == 1


def test_a_payment_that_its_payer_must_confirm_is_told_without_its_link(
    parts: Runtime, world: StripeWorld, filled: str
) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    (asked,) = (e for e in waiting_events(parts, filled) if e["type"] == "reload.action_required")
    assert (asked["data"]["state"], asked["data"]["amount_cents"]) == ("action_required", 2_000)
    assert "http" not in json.dumps(asked)


def test_without_a_card_a_reload_is_suspended_and_nothing_was_asked_for(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)

    def on(wallet: Wallet) -> Change[Wallet]:
        return Change(replace(wallet, reload=Reload(True, 5_000_000, 20_000_000, state="armed")))

    parts.wallet.store.apply(account, on)
    charge(parts, account, 600, "below")
    parts.reload.service.look_after(account)
    assert waiting_types(parts, account) == ["balance.low", "reload.suspended"]
    (suspended,) = (e["data"] for e in waiting_events(parts, account) if e["type"] == "reload.suspended")
    assert (suspended["attempt_id"], suspended["code"]) == (None, "no_payment_method")


# Payouts


def test_a_payout_tells_what_became_of_it(
    parts: Runtime,
    world: StripeWorld,
    creator: str,
    account: str,
    time_stands: Time,
) -> None:
    onboard(parts, world, creator)
    earn(parts, account, creator)
    time_stands.forward(9 * 86_400)
    parts.creators.payouts.look_after(creator)
    transfer = world.api("transfers?limit=1")["data"][0]
    world.create(f"transfers/{transfer['id']}/reversals")
    hear_all(parts, world)
    account_id = parts.creators.store.get(creator).connected_account_id
    refused = {"object": {"id": "po_1", "failure_code": "account_closed"}}
    event = {"id": f"evt_{creator}", "type": "payout.failed", "created": 1, "account": account_id, "data": refused}
    deliver(parts, event)
    assert waiting_types(parts, creator) == ["payout.bank_refused", "payout.paid", "payout.reversed"]
    by_type = {e["type"]: e["data"] for e in waiting_events(parts, creator)}
    assert (by_type["payout.paid"]["amount_cents"], by_type["payout.paid"]["payable_cents"]) == (1_600, 0)
    assert by_type["payout.reversed"]["payable_cents"] == 1_600
    assert by_type["payout.paid"]["payout_id"] == by_type["payout.reversed"]["payout_id"]
    assert by_type["payout.bank_refused"] == {"code": "account_closed"}


def test_a_payout_that_stripe_refuses_is_told_with_the_reason(
    parts: Runtime,
    world: StripeWorld,
    creator: str,
    account: str,
    time_stands: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PaymentsRefused("no", {"provider_code": "insufficient_funds"})

    onboard(parts, world, creator)
    earn(parts, account, creator)
    time_stands.forward(9 * 86_400)
    monkeypatch.setattr(parts.payments.connect, "transfer", refuse)
    parts.creators.payouts.look_after(creator)
    (failed,) = waiting_events(parts, creator)
    assert (failed["type"], failed["data"]["reason"]) == ("payout.failed", "insufficient_funds")
    assert failed["data"]["payable_cents"] == 1_600


# Correlation


def test_news_and_ledger_carry_the_id_of_the_request_that_made_them(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    with correlation.using("req-1"):
        charge(parts, account, 600, "k")
    with correlation.using("req-2"):
        charge(parts, account, 600, "k")
    (low,) = waiting_events(parts, account)
    assert low["correlation_id"] == "req-1"
    whole = parts.wallet.store.ledger.whole(account)
    assert [line.correlation_id for line in whole] == [None, "req-1"]


def test_a_sweep_s_threads_work_under_its_id(parts: Runtime, world: StripeWorld, filled: str) -> None:
    spend_to_400(parts, filled)
    with correlation.using("run-1"):
        parts.reload.service.sweep()
    assert parts.wallet.store.ledger.whole(filled)[-1].correlation_id == "run-1"


def test_a_tool_call_tells_of_its_callers_wallet_alone(parts: Runtime, account: str, creator: str) -> None:
    fund(parts, account, 1_000)
    call(parts, account, creator, 600, "k")
    assert (waiting_types(parts, account), waiting_types(parts, creator)) == (["balance.low"], [])
