"""What operators do manually: it holds against everything that goes on meanwhile, and leaves a trace."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.plans.models import UNLIMITED_ROOM
from aerostack_billing.reload.settings import AutoReloadOff, ReloadUnderWay
from aerostack_billing.usage.resets import Reset
from aerostack_billing.values.errors import (
    IdempotencyKeyReused,
    InvalidRequest,
    PlanAgreed,
    PlanLimitExceeded,
    UnknownMetric,
)
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.grants import GrantRequest
from aerostack_billing.webhooks.models import Event, Outcome
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.deposits import deposit, dispute, hear_all
from tests.rooms.worlds.plans import buy, deliver, open_page, pass_days
from tests.rooms.worlds.reload import configure, payments, shown, spend_to_400, state, use_card
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.usage import consume, counter, settle, take
from tests.rooms.worlds.wallet import audited, charge

# A tier manually


def plan_of(parts: Runtime, account: str) -> PlanState:
    return parts.accounts.store.get(account).plan


def test_a_tier_by_hand_moves_the_ceilings_with_it_and_back(parts: Runtime, world: StripeWorld, account: str) -> None:
    consume(parts, account, 55_000)
    parts.accounts.sync.overrule(account, "enterprise")
    assert counter(parts, account) == (55_000, UNLIMITED_ROOM - 55_000)
    assert consume(parts, account)["hard_limit"] is None
    parts.accounts.sync.overrule(account, None)
    assert plan_of(parts, account) == PlanState()
    assert counter(parts, account) == (55_001, -1)
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account)


def test_no_sync_and_no_webhook_takes_a_tier_by_hand_back(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "starter")
    parts.accounts.sync.overrule(account, "enterprise")
    parts.accounts.sync.make_true(account)
    hear_all(parts, world)
    parts.accounts.subscriptions.cancel(account)
    pass_days(world, time_stands, 32)
    hear_all(parts, world)
    plan = plan_of(parts, account)
    assert (plan.tier, plan.tier_override, plan.subscription_id) == ("enterprise", "enterprise", None)


def test_a_tier_that_is_taken_back_leaves_what_is_paid_for(parts: Runtime, world: StripeWorld, account: str) -> None:
    paid = buy(parts, world, account, "starter")
    parts.accounts.sync.overrule(account, "enterprise")
    given = plan_of(parts, account)
    assert given == replace(paid, tier="enterprise", tier_override="enterprise")
    parts.accounts.sync.overrule(account, None)
    assert plan_of(parts, account) == paid
    hear_all(parts, world)
    assert plan_of(parts, account) == paid


def test_webhooks_and_an_operator_at_once_lose_neither(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    acts = [lambda: parts.accounts.sync.overrule(account, "enterprise")]
    acts += [lambda: parts.accounts.sync.make_true(account)] * 7
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda act: act(), acts))
    plan = plan_of(parts, account)
    assert (plan.tier, plan.subscription_id is None) == ("enterprise", False)


def test_who_has_a_tier_by_hand_is_sold_nothing(parts: Runtime, world: StripeWorld, account: str) -> None:
    parts.accounts.sync.overrule(account, "pro")
    with pytest.raises(PlanAgreed):
        open_page(parts, account, "business")
    assert world.api("checkout/sessions")["data"] == []


def test_what_is_foreseen_is_what_is_written_and_writes_nothing(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    buy(parts, world, account, "pro")
    foreseen = parts.accounts.sync.preview_override(account, "enterprise")
    assert parts.accounts.store.get(account) == foreseen.account
    assert parts.accounts.sync.overrule(account, "enterprise").account.plan == foreseen.plan


def test_what_a_sync_would_refund_is_foreseen_and_foreseeing_refunds_nothing(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    for page in [open_page(parts, account, "pro"), open_page(parts, account, "pro")]:
        world.pay(page)
    foreseen = parts.accounts.sync.preview(account)
    newest = world.api("subscriptions?status=all")["data"][0]
    assert (foreseen.account.plan.tier, foreseen.plan.tier) == ("free", "pro")
    assert (foreseen.surplus, foreseen.outranked) == ((newest["id"],), ())
    assert (world.api("refunds")["data"], plan_of(parts, account)) == ([], PlanState())
    assert parts.accounts.sync.make_true(account).account.plan == foreseen.plan
    assert len(world.api("refunds")["data"]) == 1


# Grants


def grant(parts: Runtime, account: str, cents: object, key: str = "g", **more: object) -> dict[str, object]:
    body = {"account_id": account, "amount_cents": cents, "idempotency_key": key, **more}
    return parts.wallet.grants.grant(validated(GrantRequest, body)).body


def test_a_grant_is_money_from_the_promotion_account_once_for_its_key(parts: Runtime, account: str) -> None:
    first = grant(parts, account, "500.25", description="For the outage")
    assert (first["balance_cents"], first["balance_micros"]) == (500, 5_002_500)
    with ThreadPoolExecutor(8) as pool:
        again = list(pool.map(lambda _: grant(parts, account, "500.25", description="For the outage"), range(8)))
    assert again == [first] * 8
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.deposited) == (5_002_500, 0)
    (transfer,) = parts.ledger.whole(account)
    assert (transfer.type, transfer.debit, transfer.description) == ("grant", "promo", "For the outage")
    with pytest.raises(IdempotencyKeyReused):
        grant(parts, account, 501)


def test_a_grant_pays_what_is_owed_first(parts: Runtime, world: StripeWorld, account: str) -> None:
    payment = deposit(parts, world, account, 2_500)
    charge(parts, account, 2_000, "spent")
    dispute(world, payment, "needs_response")
    hear_all(parts, world)
    assert audited(parts, account).debt == micros(2_000)
    answer = grant(parts, account, 2_500)
    assert (answer["balance_cents"], answer["balance_micros"]) == (500, micros(500))
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.debt) == (micros(500), 0)


def test_a_grant_that_fills_the_wallet_calls_a_reload_off(parts: Runtime, world: StripeWorld, filled: str) -> None:
    spend_to_400(parts, filled)
    assert state(parts, filled) == "due"
    grant(parts, filled, 500)
    assert state(parts, filled) == "armed"


@pytest.mark.parametrize("wrong", [0, -1, "1.00001", "1e3", "x", 10_000_001])
def test_a_grant_of_nothing_or_of_nonsense_is_refused(parts: Runtime, account: str, wrong: object) -> None:
    with pytest.raises(InvalidRequest):
        grant(parts, account, wrong)
    assert parts.wallet.store.get(account).version == 0


def test_what_a_grant_would_do_is_said_and_not_done(parts: Runtime, account: str) -> None:
    request = GrantRequest(account_id=account, amount_cents=500, idempotency_key="g")
    assert [transfer.effect for transfer in parts.wallet.grants.preview(request).transfers] == [micros(500)]
    assert parts.wallet.store.get(account).version == 0
    parts.wallet.grants.grant(request)
    assert parts.wallet.grants.preview(request).transfers == ()


# Auto-reload, suspended


def test_a_reload_that_is_suspended_charges_nobody_and_says_why(
    parts: Runtime,
    world: StripeWorld,
    filled: str,
) -> None:
    spend_to_400(parts, filled)
    parts.reload.settings.suspend(filled, "A chargeback is looked into.")
    parts.reload.service.sweep()
    answer = shown(parts, filled)
    assert (answer["state"], answer["enabled"], payments(world)) == ("suspended", True, [])
    assert answer["last_error"]["code"] == "suspended_by_operator"
    assert answer["last_error"]["message"] == "A chargeback is looked into."


def test_another_card_does_not_end_what_an_operator_suspended_but_the_user_does(
    parts: Runtime,
    world: StripeWorld,
    filled: str,
) -> None:
    parts.reload.settings.suspend(filled, "Why.")
    use_card(parts, world, filled, "5555555555554444")
    hear_all(parts, world)
    assert state(parts, filled) == "suspended"
    assert configure(parts, filled)["state"] == "armed"


def test_suspending_voids_a_payment_that_waits_for_its_payer(
    parts: Runtime,
    world: StripeWorld,
    filled: str,
) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    assert state(parts, filled) == "action_required"
    parts.reload.settings.suspend(filled, "Why.")
    assert [payment["status"] for payment in payments(world)] == ["canceled"]
    hear_all(parts, world)
    assert state(parts, filled) == "suspended"


def test_a_reload_that_is_off_or_under_way_is_not_suspended(
    parts: Runtime,
    world: StripeWorld,
    filled: str,
) -> None:
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_after"})
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    with pytest.raises(ReloadUnderWay):
        parts.reload.settings.suspend(filled, "Why.")
    assert state(parts, filled) == "claimed"
    with pytest.raises(AutoReloadOff):
        parts.reload.settings.suspend(f"{filled}x", "Why.")


# Counters, reset


def test_a_reset_gives_all_back_in_one_write_and_the_limit_holds_anew(
    parts: Runtime, account: str, meter: Meter
) -> None:
    consume(parts, account, 55_000)
    meter.reset()
    assert parts.usage.resets.reset(account, "api_requests").used == 55_000
    assert (meter.operations, meter.write_units) == (["BatchGetItem", "Query", "UpdateItem"], 1)
    assert counter(parts, account) == (0, 55_000)
    assert consume(parts, account, 55_000)["state"] == "blocked"
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account)


def test_thresholds_are_announced_anew_after_a_reset(parts: Runtime, account: str) -> None:
    consume(parts, account, 55_000)
    assert parts.usage.store.counters_item(account, "2026-03").counters["api_requests"].announced == 3
    parts.usage.resets.reset(account, "api_requests")
    assert parts.usage.store.counters_item(account, "2026-03").counters["api_requests"].announced == 0


def test_what_is_counted_while_it_is_reset_is_not_lost(parts: Runtime, account: str) -> None:
    consume(parts, account, 1_000, "ai_tokens")
    with ThreadPoolExecutor(8) as pool:
        counting = [pool.submit(consume, parts, account, 1, "ai_tokens") for _ in range(200)]
        given_back = sum(parts.usage.resets.reset(account, "ai_tokens").used for _ in range(5))
        for each in counting:
            each.result()
    used, room = counter(parts, account, "ai_tokens")
    assert (used + given_back, used + room) == (1_200, 110_000)


def test_a_lease_that_a_reset_ended_is_settled_for_nothing(parts: Runtime, account: str) -> None:
    lease, other = take(parts, account, 1_000), take(parts, account, 500, metric="ai_tokens")
    assert len(parts.usage.resets.reset(account, "api_requests").inside) == 1
    assert settle(parts, account, lease, 10) == 0
    assert counter(parts, account) == (0, 55_000)
    assert settle(parts, account, other, 100) == 400


def test_leases_that_are_settled_while_it_is_reset_never_bring_a_counter_below_zero(
    parts: Runtime, account: str
) -> None:
    leases = [take(parts, account, 100) for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        settling = [pool.submit(settle, parts, account, lease, 60) for lease in leases]
        parts.usage.resets.reset(account, "api_requests")
        returned = sum(bool(each.result()) for each in settling)
    used, room = counter(parts, account)
    assert 0 <= used <= returned * 60
    assert used + room == 55_000


def test_a_reset_whose_lease_was_settled_since_it_looked_looks_again(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As much is used as before all the same: the lease's rest was counted by another."""
    lease, look = take(parts, account, 1_000), parts.usage.resets.preview

    def settled_meanwhile(account_id: str, metric: str) -> Reset:
        found = look(account_id, metric)
        monkeypatch.setattr(parts.usage.resets, "preview", look)
        settle(parts, account, lease, 400)
        consume(parts, account, 700)
        return found

    monkeypatch.setattr(parts.usage.resets, "preview", settled_meanwhile)
    assert parts.usage.resets.reset(account, "api_requests").used == 1_100
    assert counter(parts, account) == (0, 55_000)


def test_a_reset_ends_any_number_of_leases(parts: Runtime, account: str, time_stands: Time) -> None:
    leases = [take(parts, account, 2) for _ in range(120)]
    time_stands.forward(1)
    assert parts.usage.resets.reset(account, "api_requests").view()["leases"] == 120
    assert counter(parts, account) == (0, 55_000)
    consume(parts, account, 500)
    assert [settle(parts, account, lease, 0) for lease in leases] == [0] * 120
    assert counter(parts, account) == (500, 54_500)


def test_what_was_never_counted_is_reset_already_and_the_gauge_is_not_to_be(parts: Runtime, account: str) -> None:
    assert parts.usage.resets.reset(account, "api_requests").used == 0
    with pytest.raises(InvalidRequest):
        parts.usage.resets.reset(account, "storage_bytes")
    with pytest.raises(UnknownMetric):
        parts.usage.resets.reset(account, "no_such_metric")


# Events, replayed


def test_a_dead_event_takes_effect_once_what_was_wrong_is_mended(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    world.pay(open_page(parts, account, "pro"))
    (event,) = [e for e in world.events() if e["type"] == "customer.subscription.created"]
    odd = {**event, "data": {"object": {**event["data"]["object"], "customer": ["of a form that is not known"]}}}
    assert deliver(parts, odd).result == "dead"
    assert event["id"] in [record.event_id for record in parts.webhooks.events.dead()]
    assert parts.webhooks.service.replay(Event.model_validate(odd)).result == "dead"
    read = Event.model_validate(event)
    assert deliver(parts, event).result == "duplicate"
    assert parts.webhooks.service.replay(read).result == "processed"
    assert plan_of(parts, account).tier == "pro"
    assert event["id"] not in [record.event_id for record in parts.webhooks.events.dead()]
    assert parts.webhooks.service.replay(read).result == "duplicate"


def test_what_took_effect_is_never_found_to_have_had_none(parts: Runtime) -> None:
    done = Outcome("evt_1", "invoice.paid", "processed", "acct_1")
    parts.webhooks.events.record(done)
    parts.webhooks.events.record(Outcome("evt_1", "invoice.paid", "dead"))
    assert parts.webhooks.events.records(["evt_1"])["evt_1"].result == "processed"


# The log


def test_an_act_is_noted_before_and_after_and_newest_first(
    parts: Runtime, time_stands: Time, environment: dict[str, str]
) -> None:
    log = parts.operator_log
    time_stands.to(2031, 1, 31, 23)
    first = log.intend("ada", "usage reset", {"metric": "api_requests"}, "A loop of theirs.", "acct_1")
    time_stands.to(2031, 2, 1)
    log.end(first, "done", {"given_back": 5})
    second = log.intend("bob", "reconcile", {}, "Webhooks were down.", None)
    answer = [entry.view() for entry in log.entries(2)]
    assert [(entry["who"], entry["state"], entry["ended_at"]) for entry in answer] == [
        ("bob", "unknown", None),
        ("ada", "done", "2031-02-01T00:00:00.000000Z"),
    ]
    assert answer[1]["arguments"] == {"metric": "api_requests"}
    assert answer[1]["result"] == {"given_back": 5}
    assert [entry.intent for entry in log.entries(1)] == [second]


def test_acts_within_one_second_are_told_newest_first_as_well(parts: Runtime, time_stands: Time) -> None:
    time_stands.to(2033, 1, 1)
    begun = []
    for _ in range(10):
        begun.append(parts.operator_log.intend("ada", "reconcile", {}, "Why.", None))
        time_stands.forward(0.001)
    assert [entry.intent for entry in parts.operator_log.entries(1)] == begun[::-1]


def test_a_line_is_never_written_over(parts: Runtime, time_stands: Time) -> None:
    time_stands.to(2032, 1, 1)
    intent = parts.operator_log.intend("ada", "reconcile", {}, "Why.", None)
    parts.operator_log.end(intent, "done", {"n": 1})
    with pytest.raises(Exception, match="condition"):
        parts.operator_log.end(intent, "failed", {})
    (entry,) = parts.operator_log.entries(1)
    assert entry.outcome is not None
    assert (entry.outcome.state, entry.outcome.result) == ("done", {"n": 1})
