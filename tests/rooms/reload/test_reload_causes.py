"""What stops a reload, and what does not: each state follows every cause that bears on it, and has a way out."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import stripe

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.cards import Payment
from aerostack_billing.payments.client import NotAllowed
from aerostack_billing.payments.models import PaymentStatus
from aerostack_billing.reload.settings import ReloadUnderWay
from aerostack_billing.values.errors import PaymentsRefused
from aerostack_billing.values.money import micros
from aerostack_billing.wallet import reload_states as states
from aerostack_billing.wallet.models import Attempt, Reload, Wallet
from aerostack_billing.webhooks.models import Event
from tests.rooms.conftest import Time
from tests.rooms.worlds.deposits import deposit, dispute, hear_all, refund
from tests.rooms.worlds.reload import configure, payments, shown, spend_to_400, state, use_card
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import audited, charge

# A payment that is disputed, reported or refunded


def warn(parts: Runtime, payment_intent: str, number: int = 1) -> None:
    """Deliver the bank's early warning of a payment."""
    event = {
        "id": f"evt_{payment_intent}_{number}",
        "type": "radar.early_fraud_warning.created",
        "created": 1,
        "data": {"object": {"id": "issfr_1", "object": "radar.early_fraud_warning", "payment_intent": payment_intent}},
    }
    parts.webhooks.service.process(Event.model_validate(event))


@pytest.fixture
def deposited(parts: Runtime, world: StripeWorld, account: str) -> str:
    """The payment of an account with $25.00 and a reload of $20.00 below $5.00."""
    payment = deposit(parts, world, account, 2_500)
    configure(parts, account)
    return payment


def test_a_dispute_suspends_in_the_claw_back_s_own_transaction_and_no_card_is_charged(
    parts: Runtime, world: StripeWorld, account: str, deposited: str, time_stands: Time
) -> None:
    dispute(world, deposited, "needs_response")
    hear_all(parts, world)
    answer = shown(parts, account)
    assert (answer["state"], answer["last_error"]["code"]) == ("suspended", "payment_disputed")
    for _ in range(3):
        time_stands.forward(2 * 86_400)
        parts.reload.service.sweep()
    use_card(parts, world, account, "5555555555554444")
    hear_all(parts, world)
    parts.reload.service.sweep()
    assert (payments(world), state(parts, account)) == ([], "suspended")
    assert configure(parts, account)["state"] == "due"


def test_an_early_fraud_warning_suspends_once(parts: Runtime, world: StripeWorld, account: str, deposited: str) -> None:
    warn(parts, deposited)
    assert shown(parts, account)["last_error"]["code"] == "payment_reported_as_fraud"
    assert (state(parts, account), audited(parts, account).balance) == ("suspended", micros(2_500))
    configure(parts, account)
    warn(parts, deposited, 2)
    assert state(parts, account) == "armed"


def test_a_refund_that_leads_below_the_threshold_suspends_and_one_that_does_not_leaves_it_armed(
    parts: Runtime, world: StripeWorld, account: str, deposited: str
) -> None:
    refund(world, deposited, 2_000)
    hear_all(parts, world)
    assert (state(parts, account), audited(parts, account).balance) == ("armed", micros(500))
    refund(world, deposited, 1)
    hear_all(parts, world)
    assert (state(parts, account), shown(parts, account)["last_error"]["code"]) == ("suspended", "payment_refunded")
    parts.reload.service.sweep()
    assert payments(world) == []


def test_an_attempt_under_way_is_credited_and_suspended_only_then(
    parts: Runtime, world: StripeWorld, account: str, deposited: str, time_stands: Time
) -> None:
    spend_to_400(parts, account)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_after"})
    parts.reload.service.sweep()
    warn(parts, deposited)
    assert shown(parts, account)["state"] == "pending"
    hear_all(parts, world)
    answer = shown(parts, account)
    assert (answer["state"], answer["last_error"]["code"]) == ("suspended", "payment_reported_as_fraud")
    assert audited(parts, account).balance == micros(2_400)
    assert len(payments(world)) == 1


def test_an_attempt_that_made_no_payment_is_not_repeated_once_the_card_is_in_doubt(
    parts: Runtime, world: StripeWorld, account: str, deposited: str, time_stands: Time
) -> None:
    spend_to_400(parts, account)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_before"})
    parts.reload.service.sweep()
    warn(parts, deposited)
    time_stands.forward(states.RESUME_AFTER_SECONDS)
    parts.reload.service.sweep()
    assert (payments(world), state(parts, account)) == ([], "suspended")


# What waits for its payer


def test_what_waits_for_its_payer_ends_by_another_card_too(parts: Runtime, world: StripeWorld, filled: str) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    assert state(parts, filled) == "action_required"
    hear_all(parts, world)
    assert state(parts, filled) == "action_required"
    use_card(parts, world, filled, "4242424242424242")
    hear_all(parts, world)
    parts.reload.service.sweep()
    assert [payment["status"] for payment in payments(world)] == ["canceled", "succeeded"]
    assert (audited(parts, filled).balance, state(parts, filled)) == (micros(2_400), "armed")


def test_settings_saved_while_a_sweep_asks_for_3d_secure_make_no_second_payment(
    parts: Runtime, world: StripeWorld, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    settings, apply = parts.reload.settings, parts.wallet.store.apply

    def asked_meanwhile(*args: object) -> object:
        monkeypatch.setattr(parts.wallet.store, "apply", apply)
        parts.reload.service.sweep()
        assert state(parts, filled) == "action_required"
        return apply(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(parts.wallet.store, "apply", asked_meanwhile)
    assert settings is parts.reload.settings
    configure(parts, filled)
    parts.reload.service.sweep()
    assert [payment["status"] for payment in payments(world)] == ["canceled", "requires_action"]


def test_a_payment_that_succeeds_when_its_payer_is_asked_is_credited(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    world.door("settings", {"off_session_authentication": "decline"})
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    ask = parts.payments.cards.ask_payer

    def confirmed(payment: Payment, card: str, return_url: str) -> Payment:
        asked = ask(payment, card, return_url)
        world.submit(str(asked.action_url), authenticate="complete")
        paid = parts.payments.cards.payment(asked.payment_intent_id)
        assert paid is not None
        return paid

    parts.payments.cards.ask_payer = confirmed  # type: ignore[method-assign]
    parts.reload.service.sweep()
    assert (audited(parts, filled).balance, state(parts, filled)) == (micros(2_400), "armed")
    time_stands.forward(7_200)
    parts.reload.service.sweep()
    assert len(payments(world)) == 1


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        ("processing", "submitted"),
        ("requires_capture", "submitted"),
        ("requires_action", "action_required"),
        ("requires_payment_method", "declined"),
        ("requires_confirmation", "due"),
        ("canceled", "declined"),
    ],
)
def test_each_status_of_a_payment_has_an_outcome_of_its_own(
    parts: Runtime, world: StripeWorld, filled: str, status: PaymentStatus, ends: str
) -> None:
    spend_to_400(parts, filled)
    pay = parts.payments.cards.pay_off_session
    made = Payment("pi_1", status, filled, None, "reload", None, 0, 0, 0, None, None, None, None)
    parts.payments.cards.pay_off_session = lambda reload: replace(made, attempt_id=reload.attempt_id)  # type: ignore[method-assign]
    parts.reload.service.sweep()
    assert state(parts, filled) == ends
    parts.payments.cards.pay_off_session = pay  # type: ignore[method-assign]


# An attempt that is repeated


def test_an_attempt_is_not_repeated_once_a_deposit_has_made_it_needless(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_before"})
    parts.reload.service.sweep()
    deposit(parts, world, filled, 5_000)
    time_stands.forward(states.RESUME_AFTER_SECONDS)
    parts.reload.service.sweep()
    assert (payments(world), state(parts, filled)) == ([], "armed")
    assert shown(parts, filled)["last_error"] is None


def test_a_failure_that_stripe_keeps_is_overcome_in_minutes_by_a_new_attempt(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": "500_before"})
    parts.reload.service.sweep()
    assert shown(parts, filled)["state"] == "pending"
    for _ in range(2):
        time_stands.forward(states.RESUME_AFTER_SECONDS)
        parts.reload.service.sweep()
    assert [payment["status"] for payment in payments(world)] == ["succeeded"]
    assert (audited(parts, filled).balance, state(parts, filled)) == (micros(2_400), "armed")


def test_a_reload_without_an_answer_for_minutes_says_so(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_before", "times": 2})
    parts.reload.service.sweep()
    assert shown(parts, filled)["last_error"] is None
    time_stands.forward(states.RESUME_AFTER_SECONDS)
    parts.reload.service.sweep()
    answer = shown(parts, filled)
    assert (answer["state"], answer["last_error"]["code"]) == ("pending", "payment_provider_no_answer")
    time_stands.forward(states.RESUME_AFTER_SECONDS)
    parts.reload.service.sweep()
    assert (state(parts, filled), shown(parts, filled)["last_error"]) == ("armed", None)


def test_a_provider_that_fails_on_is_asked_ever_more_seldom_and_the_user_is_told_once(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    asked_at: list[float] = []

    def refused(_: object) -> Payment:
        asked_at.append(time_stands.at)
        raise NotAllowed("The key may not do this.", {"provider_code": "secret_key_required"})

    parts.payments.cards.pay_off_session = refused  # type: ignore[method-assign]
    began = time_stands.at
    for _ in range(3 * 24 * 12):
        parts.reload.service.sweep()
        time_stands.forward(300)
    assert len(asked_at) == 16
    waits = [later - earlier for earlier, later in itertools.pairwise(asked_at)]
    assert waits == sorted(waits)
    answer = shown(parts, filled)
    assert (answer["state"], answer["last_error"]["code"]) == ("due", "payment_provider_failed")
    assert answer["last_error"]["at"] == "2026-03-10T12:00:00Z"
    assert asked_at[0] == began
    assert parts.wallet.store.get(filled).reload.declines == 0


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (PaymentsRefused("no", {"provider_code": "parameter_unknown", "param": "off_session"}), "due"),
        (PaymentsRefused("no", {"provider_code": "account_invalid"}), "due"),
        (PaymentsRefused("no", {"provider_code": "resource_missing", "param": "payment_method"}), "declined"),
        (PaymentsRefused("no", {"provider_code": "resource_missing", "param": "customer"}), "declined"),
    ],
)
def test_only_what_is_the_card_s_fault_is_a_decline(
    parts: Runtime, world: StripeWorld, filled: str, error: PaymentsRefused, ends: str
) -> None:
    spend_to_400(parts, filled)

    def refused(_: object) -> Payment:
        raise error

    parts.payments.cards.pay_off_session = refused  # type: ignore[method-assign]
    parts.reload.service.sweep()
    assert state(parts, filled) == ends


# How much at most


def test_the_sixth_reload_of_a_day_suspends_with_a_word_to_the_user_until_tomorrow(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    for number in range(6):
        parts.reload.service.sweep()
        if number < 5:
            charge(parts, filled, 2_000, f"again {number}")
    answer = shown(parts, filled)
    assert (answer["state"], answer["last_error"]["code"]) == ("suspended", "daily_limit_reached")
    assert len(payments(world)) == 5
    configure(parts, filled)
    parts.reload.service.sweep()
    assert (len(payments(world)), state(parts, filled)) == (5, "suspended")
    time_stands.to(2026, 3, 11, 0, 0, 1)
    configure(parts, filled)
    parts.reload.service.sweep()
    assert (len(payments(world)), audited(parts, filled).balance) == (6, micros(2_400))


def test_without_a_cap_of_its_own_a_wallet_reloads_ten_times_its_amount_a_month(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    for number in range(11):
        parts.reload.service.sweep()
        charge(parts, filled, 2_000, f"again {number}") if number < 10 else None
        time_stands.forward(86_400)
    answer = shown(parts, filled)
    assert (answer["state"], answer["last_error"]["code"]) == ("suspended", "default_monthly_cap_reached")
    assert len(payments(world)) == 10
    configure(parts, filled, monthly_cap_cents=24_000)
    parts.reload.service.sweep()
    assert len(payments(world)) == 11


# Declines in a row


def test_a_reload_that_succeeds_between_declines_ends_their_row() -> None:
    attempt = Attempt("r1", micros(2_000), "cus", "pm", "fp", 0)
    wallet = Wallet(
        "a", balance=micros(400), reload=Reload(True, micros(500), micros(2_000), None, "claimed", attempt, declines=2)
    )
    assert states.declined(wallet, "r1", "generic_decline", "no").reload.state == "suspended"
    landed = states.credited(replace(wallet, balance=micros(2_400)), "r1")
    again = replace(landed, balance=micros(400), reload=replace(landed.reload, state="claimed", attempt=attempt))
    assert (states.declined(again, "r1", "generic_decline", "no").reload.state) == "declined"


def test_an_operator_suspends_none_with_an_attempt_under_way(parts: Runtime, world: StripeWorld, filled: str) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_before"})
    parts.reload.service.sweep()
    with pytest.raises(ReloadUnderWay):
        parts.reload.settings.suspend(filled, "Looked into.")


# Refunds that fail at the bank


def test_a_refund_that_fails_days_later_comes_back_to_the_wallet(
    parts: Runtime, world: StripeWorld, account: str, deposited: str
) -> None:
    client = stripe.StripeClient("sk_test_local", base_addresses={"api": world.base})
    refund(world, deposited, 1_000)
    refund(world, deposited, 500)
    hear_all(parts, world)
    assert audited(parts, account).balance == micros(1_000)
    made = client.v1.refunds.list({"payment_intent": deposited}).data[0]
    stored = world.stripe.world
    with stored.store.lock:
        failing = stored.all("refund")[made.id]
        failing["status"] = "failed"
        stored.tell("refund.failed", failing)
    hear_all(parts, world)
    assert audited(parts, account).balance == micros(1_000 + made.amount // 1)
