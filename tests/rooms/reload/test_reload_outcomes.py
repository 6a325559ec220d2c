"""What becomes of a reload's payment: whatever is lost or declined or waits, no card is charged twice or hammered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.cards import Card, Payment
from aerostack_billing.values.money import micros
from aerostack_billing.wallet import reload_states as states
from aerostack_billing.wallet.models import Attempt, Reload, Wallet
from tests.rooms.conftest import Time
from tests.rooms.worlds.deposits import hear_all
from tests.rooms.worlds.reload import configure, payments, shown, spend_to_400, state, use_card
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import audited

# Lost answers


@pytest.mark.parametrize(
    ("kind", "kept_hours"), [("timeout_after", 0), ("500_after", 24), ("timeout_before", 0), ("500_before", 24)]
)
def test_a_lost_answer_is_unknown_and_resumed_with_the_same_key(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time, kind: str, kept_hours: int
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": kind})
    # A payment that a failure of Stripe's left behind is found at once.
    assert parts.reload.service.sweep().failed == int(kind != "500_after")
    assert shown(parts, filled)["state"] == ("armed" if kind == "500_after" else "pending")
    time_stands.forward(kept_hours * 3_600)  # Stripe replays a 500 to its key for a day
    for _ in range(10):
        time_stands.forward(60)
        parts.reload.service.sweep()
    assert [payment["status"] for payment in payments(world)] == ["succeeded"]
    assert audited(parts, filled).balance == micros(2_400)
    assert state(parts, filled) == "armed"


def test_a_lost_answer_whose_webhook_arrives_is_credited_by_it_once(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_after"})
    parts.reload.service.sweep()
    hear_all(parts, world)
    assert (audited(parts, filled).balance, state(parts, filled)) == (micros(2_400), "armed")
    time_stands.forward(3_600)
    parts.reload.service.sweep()
    assert len(payments(world)) == 1


def test_an_attempt_resumed_after_stripe_forgot_its_key_makes_no_second_payment(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": "timeout_after"})
    parts.reload.service.sweep()
    time_stands.forward(40 * 3_600)
    parts.reload.service.sweep()
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

    submit = parts.reload.service.submit
    parts.reload.service.submit = crash  # type: ignore[method-assign, assignment]
    with pytest.raises(Crash):
        parts.reload.service.look_after(filled)
    parts.reload.service.submit = submit  # type: ignore[method-assign]
    assert shown(parts, filled)["state"] == "pending"
    time_stands.forward(states.RESUME_AFTER_SECONDS)
    parts.reload.service.sweep()
    assert len(payments(world)) == 1
    assert audited(parts, filled).balance == micros(2_400)


def test_eight_sweeps_at_once_make_one_payment(
    parts: Runtime, processes: list[Runtime], world: StripeWorld, filled: str
) -> None:
    for other in processes:
        other.payments = parts.payments
    spend_to_400(parts, filled)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda other: other.reload.service.sweep(), processes))
    hear_all(parts, world)
    assert [payment["status"] for payment in payments(world)] == ["succeeded"]
    assert audited(parts, filled).balance == micros(2_400)


@pytest.mark.parametrize(("kind", "made"), [("timeout_before", 0), ("timeout_after", 1)])
def test_who_turned_reloads_off_is_not_charged_by_an_attempt_that_is_taken_up_again(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time, kind: str, made: int
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": kind})
    assert parts.reload.service.sweep().failed == 1
    world.door("faults", {"on": "payment_intents.list", "kind": "timeout_before"})
    assert configure(parts, filled, enabled=False)["state"] == "pending"
    for _ in range(4):
        time_stands.forward(states.RESUME_AFTER_SECONDS)
        parts.reload.service.sweep()
    assert (len(payments(world)), state(parts, filled)) == (made, "off")
    assert audited(parts, filled).balance == micros(400 + made * 2_000)


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
def test_who_turned_reloads_on_again_meanwhile_is_charged_once(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time, kind: str
) -> None:
    spend_to_400(parts, filled)
    world.door("faults", {"on": "payment_intents.create", "kind": kind})
    parts.reload.service.sweep()
    configure(parts, filled, enabled=False)
    configure(parts, filled)
    time_stands.forward(states.RESUME_AFTER_SECONDS)
    parts.reload.service.sweep()
    parts.reload.service.sweep()
    assert (len(payments(world)), state(parts, filled)) == (1, "armed")


# Declines


def test_a_card_that_stripe_will_not_hear_of_is_declined_and_told(
    parts: Runtime, world: StripeWorld, filled: str
) -> None:
    spend_to_400(parts, filled)
    parts.payments.cards.default_card = lambda _: Card("pm_detached", "other")  # type: ignore[method-assign]
    assert parts.reload.service.sweep().failed == 0
    body = shown(parts, filled)
    assert (body["state"], body["last_error"]["code"]) == ("retrying", "card_not_usable")
    assert payments(world) == []


def test_a_declining_card_is_tried_by_the_schedule_and_no_more_in_seven_days(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    use_card(parts, world, filled, "4000000000000341")
    spend_to_400(parts, filled)
    attempts_at = []
    for minute in range(0, 7 * 24 * 60, 10):
        before = len(payments(world)) if minute < 3_000 or minute % 600 == 0 else None
        parts.reload.service.sweep()
        if before is not None and len(payments(world)) > before:
            attempts_at.append(minute)
        time_stands.forward(600)
    hear_all(parts, world)
    assert len(payments(world)) == 3
    assert attempts_at == [0, 60, 1_500]
    body = shown(parts, filled)
    assert (body["state"], body["next_attempt_at"]) == ("suspended", None)
    assert body["last_error"]["code"]
    assert audited(parts, filled).balance == micros(400)


def test_a_decline_shows_when_it_is_tried_again(parts: Runtime, world: StripeWorld, filled: str) -> None:
    use_card(parts, world, filled, "4000000000000341")
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    body = shown(parts, filled)
    assert (body["state"], body["next_attempt_at"]) == ("retrying", "2026-03-10T13:00:00Z")


def attempted(**more: object) -> Wallet:
    attempt = Attempt("r1", micros(2_000), "cus", "pm", "fp", 0)
    reload = Reload(True, micros(500), micros(2_000), None, "claimed", attempt)
    return Wallet("a", balance=micros(400), reload=replace(reload, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "expired_card", "pickup_card", "fraudulent"])
def test_a_decline_that_cannot_recover_suspends_at_once(code: str) -> None:
    assert states.declined(attempted(), "r1", code, "no").reload.state == "suspended"


def test_a_decline_told_after_reloads_were_turned_off_leaves_them_off() -> None:
    after = states.declined(attempted(enabled=False), "r1", "generic_decline", "no").reload
    assert (after.state, after.next_attempt_at) == ("off", None)


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
        parts.reload.service.sweep()
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
    parts.reload.service.sweep()
    assert audited(parts, filled).balance == micros(2_400)


def test_without_any_card_it_stops_and_says_so(parts: Runtime, world: StripeWorld, filled: str) -> None:
    spend_to_400(parts, filled)
    parts.payments.cards.default_card = lambda _: None  # type: ignore[method-assign]
    parts.reload.service.sweep()
    body = shown(parts, filled)
    assert (body["state"], body["last_error"]["code"]) == ("suspended", "no_payment_method")


# 3-D Secure


@pytest.mark.parametrize("mode", ["action", "decline"])
@pytest.mark.parametrize(("answer", "ends"), [("complete", "armed"), ("fail", "declined")])
def test_3d_secure_is_action_required_and_waits_for_its_payer(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time, mode: str, answer: str, ends: str
) -> None:
    world.door("settings", {"off_session_authentication": mode})
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    body = shown(parts, filled)
    assert (body["state"], body["last_error"]["code"]) == ("action_required", "authentication_required")
    for _ in range(5):
        time_stands.forward(3 * 3_600)
        parts.reload.service.sweep()
    hear_all(parts, world)
    assert len(payments(world)) == 1
    assert state(parts, filled) == "action_required"
    world.submit(body["action_url"], authenticate=answer)
    hear_all(parts, world)
    assert state(parts, filled) == ends
    assert audited(parts, filled).balance == micros(2_400 if answer == "complete" else 400)


def test_a_confirmation_that_is_called_off_at_stripe_is_waited_for_no_longer(
    parts: Runtime, world: StripeWorld, filled: str, time_stands: Time
) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    assert state(parts, filled) == "action_required"
    world.create(f"payment_intents/{payments(world)[0]['id']}/cancel")
    hear_all(parts, world)
    body = shown(parts, filled)
    assert (body["state"], body["last_error"]["code"], body["action_url"]) == ("retrying", "canceled", None)
    time_stands.forward(3_600)
    parts.reload.service.sweep()
    assert [payment["status"] for payment in payments(world)] == ["canceled", "requires_action"]
    assert state(parts, filled) == "action_required"


def test_saving_the_settings_voids_what_waits_for_confirmation(parts: Runtime, world: StripeWorld, filled: str) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    use_card(parts, world, filled, "4242424242424242")
    configure(parts, filled)
    parts.reload.service.sweep()
    assert [payment["status"] for payment in payments(world)] == ["canceled", "succeeded"]
    assert audited(parts, filled).balance == micros(2_400)


def test_saving_the_settings_while_a_confirmed_payment_is_processed_makes_no_second_one(
    parts: Runtime, world: StripeWorld, filled: str
) -> None:
    use_card(parts, world, filled, "4000002760003184", authenticate="complete")
    spend_to_400(parts, filled)
    parts.reload.service.sweep()
    ask = parts.payments.cards.payment

    def processing(payment_intent_id: str) -> Payment | None:
        payment = ask(payment_intent_id)
        assert payment is not None
        return replace(payment, status="processing", action_url=None)

    parts.payments.cards.payment = processing  # type: ignore[method-assign]
    use_card(parts, world, filled, "4242424242424242")
    assert configure(parts, filled)["state"] == "pending"
    parts.reload.service.sweep()
    assert len(payments(world)) == 1
