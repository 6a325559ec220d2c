"""Auto-reload: one payment an attempt whatever breaks, no card hammered, and a user who is told why it stopped."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from aerostack_billing.errors import BillingError, InvalidRequest, PaymentsUnavailable
from aerostack_billing.fields import validated
from aerostack_billing.money import micros
from aerostack_billing.payments.cards import Card, OffSession, Payment
from aerostack_billing.reload.service import Reloads
from aerostack_billing.reload.settings import NoPaymentMethod
from aerostack_billing.runtime import Runtime
from aerostack_billing.wallet import reload_states as states
from aerostack_billing.wallet.models import Attempt, Reload, Wallet, view_reload
from aerostack_billing.wallet.requests import AutoReloadRequest
from tests.store.conftest import Time
from tests.store.stripe_world import StripeWorld
from tests.store.test_deposits import deposit, hear_all
from tests.store.test_wallet import audited, charge, hold, lines


def configure(parts: Runtime, account: str, **settings: object) -> dict[str, object]:
    body = {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000, **settings}
    return view_reload(parts.reload_settings.save(account, validated(AutoReloadRequest, body)).reload)


def state(parts: Runtime, account: str) -> str:
    return parts.wallets.get(account).reload.state


def shown(parts: Runtime, account: str) -> dict[str, Any]:
    return view_reload(parts.wallets.get(account).reload)


def payments(world: StripeWorld) -> list[dict[str, Any]]:
    """Every reload's payment at Stripe, oldest first."""
    found = world.api("payment_intents?limit=100")["data"]
    return [payment for payment in reversed(found) if payment["metadata"].get("kind") == "reload"]


def use_card(parts: Runtime, world: StripeWorld, account: str, card: str, **form: str) -> None:
    portal = parts.subscriptions.portal(account, "https://app.aerostack.dev/")
    status, _ = world.submit(portal, action="update_card", card=card, **form)
    assert status == 303


@pytest.fixture
def filled(parts: Runtime, world: StripeWorld, account: str) -> str:
    """An account with $25.00, a saved card, and a reload of $20.00 below $5.00."""
    deposit(parts, world, account, 2_500)
    configure(parts, account)
    return account


def spend_to_400(parts: Runtime, account: str) -> None:
    charge(parts, account, 2_100, str(uuid.uuid4()))


# Firing


def test_below_the_threshold_it_brings_the_amount_once(parts: Runtime, world: StripeWorld, filled: str) -> None:
    charge(parts, filled, 2_000, "to the threshold")
    assert state(parts, filled) == "armed"
    charge(parts, filled, 100, "below it")
    assert shown(parts, filled)["state"] == "due"
    parts.reloads.sweep()
    parts.reloads.sweep()
    hear_all(parts, world)
    assert audited(parts, filled).balance == micros(2_400)
    assert lines(parts, filled)[-1] == ("reload", 2_000)
    assert [payment["status"] for payment in payments(world)] == ["succeeded"]
    assert shown(parts, filled)["state"] == "armed"


def test_a_hold_that_takes_the_balance_below_fires_too(parts: Runtime, world: StripeWorld, filled: str) -> None:
    hold(parts, filled, 2_100)
    parts.reloads.sweep()
    assert audited(parts, filled).balance == micros(2_400)


def test_saving_below_the_threshold_fires(parts: Runtime, world: StripeWorld, account: str) -> None:
    deposit(parts, world, account, 500)
    assert configure(parts, account, threshold_cents=501)["state"] == "due"
    parts.reloads.sweep()
    assert audited(parts, account).balance == micros(2_500)


def test_saving_at_the_threshold_does_not(parts: Runtime, world: StripeWorld, account: str) -> None:
    deposit(parts, world, account, 500)
    assert configure(parts, account, threshold_cents=500)["state"] == "armed"


def test_a_large_shortfall_is_one_charge_of_a_whole_multiple(parts: Runtime, world: StripeWorld, account: str) -> None:
    deposit(parts, world, account, 500)
    configure(parts, account, threshold_cents=6_000)
    parts.reloads.sweep()
    assert [payment["amount"] for payment in payments(world)] == [6_000]
    assert audited(parts, account).balance == micros(6_500)


def test_a_deposit_that_came_first_calls_the_reload_off(parts: Runtime, world: StripeWorld, filled: str) -> None:
    spend_to_400(parts, filled)
    deposit(parts, world, filled, 500)
    assert state(parts, filled) == "armed"
    parts.reloads.sweep()
    assert payments(world) == []


def test_turned_off_it_never_fires_and_never_turns_itself_on(parts: Runtime, world: StripeWorld, filled: str) -> None:
    spend_to_400(parts, filled)
    configure(parts, filled, enabled=False)
    parts.reloads.sweep()
    use_card(parts, world, filled, "5555555555554444")
    hear_all(parts, world)
    charge(parts, filled, 100, "more")
    parts.reloads.sweep()
    assert (payments(world), state(parts, filled)) == ([], "off")


@pytest.mark.parametrize(
    ("balance", "debt", "threshold", "amount", "cap_left", "expected"),
    [
        (400, 0, 500, 2_000, None, 2_000),
        (0, 0, 500, 500, None, 500),
        (0, 0, 501, 500, None, 1_000),
        (0, 0, 50_000, 500, None, 50_000),
        (0, 20_000, 50_000, 30_000, None, 30_000),
        (0, 1_000, 500, 500, None, 1_500),
        (0, 0, 5_000, 1_000, 3_500, 3_000),
        (0, 0, 500, 1_000, 999, 0),
        (0, 0, 500, 1_000, 0, 0),
    ],
)
def test_the_amount_is_the_smallest_multiple_within_the_limits(
    balance: int, debt: int, threshold: int, amount: int, cap_left: int | None, expected: int
) -> None:
    cap = None if cap_left is None else micros(cap_left)
    reload = Reload(True, micros(threshold), micros(amount), cap, "due")
    wallet = Wallet("a", balance=micros(balance), debt=micros(debt), reload=reload)
    assert states.planned(wallet) == micros(expected)


# Settings


def test_it_needs_a_card(parts: Runtime, world: StripeWorld, account: str) -> None:
    with pytest.raises(NoPaymentMethod):
        configure(parts, account)
    assert parts.wallets.get(account).version == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold_cents": 0},
        {"threshold_cents": 50_001},
        {"amount_cents": 499},
        {"amount_cents": 50_001},
        {"amount_cents": 2_000.5},
        {"threshold_cents": "500"},
        {"monthly_cap_cents": 1_999},
        {"monthly_cap_cents": 0},
        {"threshold_cents": None},
        {"enabled": "yes"},
        {"currency": "usd"},
    ],
)
def test_a_setting_that_could_never_work_is_refused_when_it_is_saved(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        validated(AutoReloadRequest, {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000, **wrong})


def test_the_monthly_cap_holds_and_waits_for_the_next_month(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    configure(parts, filled, monthly_cap_cents=3_999)
    spend_to_400(parts, filled)
    parts.reloads.sweep()
    charge(parts, filled, 2_000, "again")
    parts.reloads.sweep()
    parts.reloads.sweep()
    told = shown(parts, filled)
    assert (told["state"], told["next_attempt_at"]) == ("due", "2026-04-01T00:00:00Z")
    assert told["last_error"]["code"] == "monthly_cap_reached"
    assert len(payments(world)) == 1
    time_stands.to(2026, 4, 1)
    parts.reloads.sweep()
    assert (len(payments(world)), audited(parts, filled).balance) == (2, micros(2_400))
    assert shown(parts, filled)["last_error"] is None


# Lost answers


@pytest.mark.parametrize("kind", ["timeout_after", "500_after", "timeout_before", "500_before"])
def test_a_lost_answer_is_unknown_and_resumed_with_the_same_key(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time, kind: str
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": kind})
    assert parts.reloads.sweep().failed == 1
    assert shown(parts, filled)["state"] == "pending"
    for _ in range(10):
        time_stands.forward(60)
        parts.reloads.sweep()
    assert [payment["status"] for payment in payments(world)] == ["succeeded"]
    assert audited(parts, filled).balance == micros(2_400)
    assert state(parts, filled) == "armed"


def test_a_lost_answer_whose_webhook_arrives_is_credited_by_it_once(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_after"})
    parts.reloads.sweep()
    hear_all(parts, world)
    assert (audited(parts, filled).balance, state(parts, filled)) == (micros(2_400), "armed")
    time_stands.forward(3_600)
    parts.reloads.sweep()
    assert len(payments(world)) == 1


def test_an_attempt_resumed_after_stripe_forgot_its_key_makes_no_second_payment(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_after"})
    parts.reloads.sweep()
    time_stands.forward(40 * 3_600)
    parts.reloads.sweep()
    assert len(payments(world)) == 1
    assert audited(parts, filled).balance == micros(2_400)


def test_a_crash_right_after_the_claim_is_taken_up_again(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)

    class Crash(Exception):
        pass

    def crash(*_: object) -> None:
        raise Crash

    submit = parts.reloads._submit
    parts.reloads._submit = crash  # type: ignore[method-assign, assignment]
    with pytest.raises(Crash):
        parts.reloads.look_after(filled)
    parts.reloads._submit = submit  # type: ignore[method-assign]
    assert shown(parts, filled)["state"] == "pending"
    time_stands.forward(states.RESUME_AFTER_SECONDS)
    parts.reloads.sweep()
    assert len(payments(world)) == 1
    assert audited(parts, filled).balance == micros(2_400)


def test_eight_sweeps_at_once_make_one_payment(
    parts: Runtime, processes: list[Runtime], world: StripeWorld, filled: str
) -> None:
    for other in processes:
        other.payments, other.cards = parts.payments, parts.cards
    spend_to_400(parts, filled)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda other: other.reloads.sweep(), processes))
    hear_all(parts, world)
    assert [payment["status"] for payment in payments(world)] == ["succeeded"]
    assert audited(parts, filled).balance == micros(2_400)


@pytest.mark.parametrize(("kind", "made"), [("timeout_before", 0), ("timeout_after", 1)])
def test_who_turned_reloads_off_is_not_charged_by_an_attempt_that_is_taken_up_again(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time, kind: str, made: int
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": kind})
    assert parts.reloads.sweep().failed == 1
    world.door("faults", {"on": "payment_intents.list", "kind": "timeout_before"})
    assert configure(parts, filled, enabled=False)["state"] == "pending"
    for _ in range(4):
        time_stands.forward(states.RESUME_AFTER_SECONDS)
        parts.reloads.sweep()
    assert (len(payments(world)), state(parts, filled)) == (made, "off")
    assert audited(parts, filled).balance == micros(400 + made * 2_000)


def test_who_turned_reloads_on_again_meanwhile_is_charged_once(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_before"})
    parts.reloads.sweep()
    configure(parts, filled, enabled=False)
    configure(parts, filled)
    time_stands.forward(states.RESUME_AFTER_SECONDS)
    parts.reloads.sweep()
    parts.reloads.sweep()
    assert (len(payments(world)), state(parts, filled)) == (1, "armed")


# Declines


def test_a_card_that_stripe_will_not_hear_of_is_declined_and_told(
    parts: Runtime, world: StripeWorld, filled: str
) -> None:
    spend_to_400(parts, filled)
    parts.cards.default_card = lambda _: Card("pm_detached", "other")  # type: ignore[method-assign]
    assert parts.reloads.sweep().failed == 0
    told = shown(parts, filled)
    assert (told["state"], told["last_error"]["code"]) == ("retrying", "card_not_usable")
    assert payments(world) == []


def test_a_declining_card_is_tried_by_the_schedule_and_no_more_in_seven_days(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    use_card(parts, world, filled, "4000000000000341")
    spend_to_400(parts, filled)
    attempts_at = []
    for minute in range(0, 7 * 24 * 60, 10):
        before = len(payments(world)) if minute < 3_000 or minute % 600 == 0 else None
        parts.reloads.sweep()
        if before is not None and len(payments(world)) > before:
            attempts_at.append(minute)
        time_stands.forward(600)
    hear_all(parts, world)
    assert len(payments(world)) == 3
    assert attempts_at == [0, 60, 1_500]
    told = shown(parts, filled)
    assert (told["state"], told["next_attempt_at"]) == ("suspended", None)
    assert told["last_error"]["code"]
    assert audited(parts, filled).balance == micros(400)


def test_a_decline_shows_when_it_is_tried_again(parts: Runtime, world: StripeWorld, filled: str) -> None:
    use_card(parts, world, filled, "4000000000000341")
    spend_to_400(parts, filled)
    parts.reloads.sweep()
    told = shown(parts, filled)
    assert (told["state"], told["next_attempt_at"]) == ("retrying", "2026-03-10T13:00:00Z")


def attempted(**more: object) -> Wallet:
    attempt = Attempt("r1", micros(2_000), "cus", "pm", "fp", 0)
    reload = Reload(True, micros(500), micros(2_000), None, "claimed", attempt)
    return Wallet("a", balance=micros(400), reload=replace(reload, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "expired_card", "pickup_card", "fraudulent"])
def test_a_decline_that_cannot_recover_suspends_at_once(code: str) -> None:
    assert states.declined(attempted(), "r1", code, "no").reload.state == "suspended"


def test_an_outcome_told_twice_counts_once() -> None:
    once = states.declined(attempted(), "r1", "generic_decline", "no")
    assert states.declined(once, "r1", "generic_decline", "no") == once
    assert once.reload.declines == 1


@pytest.mark.parametrize("way", ["settings", "card"])
def test_a_suspension_ends_by_the_settings_or_by_another_card(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time, way: str
) -> None:
    use_card(parts, world, filled, "4000000000000341")
    spend_to_400(parts, filled)
    for _ in range(3):
        parts.reloads.sweep()
        time_stands.forward(2 * 86_400)
    assert state(parts, filled) == "suspended"
    hear_all(parts, world)
    assert state(parts, filled) == "suspended"
    use_card(parts, world, filled, "4242424242424242")
    if way == "card":
        hear_all(parts, world)
    else:
        configure(parts, filled)
    assert state(parts, filled) == "due"
    parts.reloads.sweep()
    assert audited(parts, filled).balance == micros(2_400)


def test_without_any_card_it_stops_and_says_so(parts: Runtime, world: StripeWorld, filled: str) -> None:
    spend_to_400(parts, filled)
    parts.cards.default_card = lambda _: None  # type: ignore[method-assign]
    parts.reloads.sweep()
    told = shown(parts, filled)
    assert (told["state"], told["last_error"]["code"]) == ("suspended", "no_payment_method")


# 3-D Secure


@pytest.mark.parametrize("mode", ["action", "decline"])
@pytest.mark.parametrize(("answer", "ends"), [("complete", "armed"), ("fail", "declined")])
def test_3d_secure_is_action_required_and_waits_for_its_payer(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time, mode: str, answer: str, ends: str
) -> None:
    world.door("settings", {"off_session_authentication": mode})
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reloads.sweep()
    told = shown(parts, filled)
    assert (told["state"], told["last_error"]["code"]) == ("action_required", "authentication_required")
    for _ in range(5):
        time_stands.forward(3 * 3_600)
        parts.reloads.sweep()
    hear_all(parts, world)
    assert len(payments(world)) == 1
    assert state(parts, filled) == "action_required"
    world.submit(told["action_url"], authenticate=answer)
    hear_all(parts, world)
    assert state(parts, filled) == ends
    assert audited(parts, filled).balance == micros(2_400 if answer == "complete" else 400)


def test_a_confirmation_that_is_called_off_at_stripe_is_waited_for_no_longer(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reloads.sweep()
    assert state(parts, filled) == "action_required"
    world.create(f"payment_intents/{payments(world)[0]['id']}/cancel")
    hear_all(parts, world)
    told = shown(parts, filled)
    assert (told["state"], told["last_error"]["code"], told["action_url"]) == ("retrying", "canceled", None)
    time_stands.forward(3_600)
    parts.reloads.sweep()
    assert [payment["status"] for payment in payments(world)] == ["canceled", "requires_action"]
    assert state(parts, filled) == "action_required"


def test_saving_the_settings_voids_what_waits_for_confirmation(parts: Runtime, world: StripeWorld, filled: str) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reloads.sweep()
    use_card(parts, world, filled, "4242424242424242")
    configure(parts, filled)
    parts.reloads.sweep()
    assert [payment["status"] for payment in payments(world)] == ["canceled", "succeeded"]
    assert audited(parts, filled).balance == micros(2_400)


def test_saving_the_settings_while_a_confirmed_payment_is_processed_makes_no_second_one(
    parts: Runtime, world: StripeWorld, filled: str
) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reloads.sweep()
    ask = parts.cards.payment

    def processing(payment_intent_id: str) -> Payment | None:
        payment = ask(payment_intent_id)
        assert payment is not None
        return replace(payment, status="processing", action_url=None)

    parts.cards.payment = processing  # type: ignore[method-assign]
    use_card(parts, world, filled, "4242424242424242")
    assert configure(parts, filled)["state"] == "pending"
    parts.reloads.sweep()
    assert len(payments(world)) == 1


# The sweep


@dataclass
class Deaf:
    """A listener that keeps what it is told."""

    failures: list[str] = field(default_factory=list)

    def reload_changed(self, wallet: Wallet) -> None:
        """Not looked at."""

    def reload_failed(self, account_id: str, error: BillingError) -> None:
        self.failures.append(account_id)


def test_a_failing_wallet_stops_no_other(parts: Runtime, world: StripeWorld, account: str) -> None:
    accounts = [f"{account}{i}" for i in range(4)]
    for each in accounts:
        deposit(parts, world, each, 2_500)
        configure(parts, each)
        spend_to_400(parts, each)
    listener = Deaf()
    parts.reloads = Reloads(
        parts.wallets, parts.accounts, parts.cards, parts.settlement, listener, "https://app.aerostack.dev/"
    )
    broken = accounts[1]
    pay = parts.cards.pay_off_session

    def break_one(reload: OffSession) -> Payment:
        if reload.account_id == broken:
            raise PaymentsUnavailable("no answer")
        return pay(reload)

    parts.cards.pay_off_session = break_one  # type: ignore[method-assign]
    assert parts.reloads.sweep().failed == 1
    assert listener.failures == [broken]
    balances = {each: parts.wallets.get(each).balance for each in accounts}
    assert balances == {each: micros(400 if each == broken else 2_400) for each in accounts}
