from __future__ import annotations

import pathlib

import pytest
import stripe

from local.stripe.webhooks import RETRY_AFTER_SECONDS
from tests.local_stripe.harness import DAY, SECRET, Stack, Switchboard

# What an endpoint of this product asks for, of all that a purchase tells.
PURCHASE = [
    "customer.subscription.created",
    "payment_intent.succeeded",
    "invoice.paid",
    "customer.subscription.updated",
    "checkout.session.completed",
]


def delivery(stack: Stack, event_type: str) -> dict[str, object]:
    listed = stack.get(f"{stack.base}/events").json()["data"]
    found: dict[str, object] = next(e for e in listed if e["type"] == event_type)["deliveries"][0]
    return found


def test_what_the_endpoint_asks_for_arrives_in_order(stack: Stack) -> None:
    stack.subscribed()
    stack.stripe.deliver()
    assert stack.endpoint.types() == PURCHASE
    assert delivery(stack, "invoice.paid")["state"] == "delivered"
    assert stack.v1.events.list({"type": "invoice.paid"}).data[0].pending_webhooks == 0


def test_the_sdk_accepts_the_signature(stack: Stack) -> None:
    stack.subscribed()
    stack.stripe.deliver()
    signature = stack.endpoint.received[-1][1]
    assert signature.startswith(f"t={int(stack.clock.now)},v1=")
    stripe.WebhookSignature.verify_header(stack.endpoint.payload, signature, SECRET, tolerance=None)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(stack.endpoint.payload, signature, "whsec_other", tolerance=None)


def test_a_failure_is_tried_again_later(stack: Stack) -> None:
    stack.deposit(stack.customer().id)
    stack.endpoint.answers = [500, 400, 200]
    stack.v1.checkout.sessions.expire(stack.v1.checkout.sessions.list().data[0].id)
    stack.stripe.deliver()
    assert stack.endpoint.types() == ["checkout.session.expired"]
    body = delivery(stack, "checkout.session.expired")
    assert (body["state"], body["attempts"], body["last_status"]) == ("pending", 1, 500)
    assert stack.stripe.next_due() == stack.clock.now + RETRY_AFTER_SECONDS[0]
    stack.advance(seconds=RETRY_AFTER_SECONDS[0])
    assert len(stack.endpoint.received) == 2
    stack.advance(seconds=RETRY_AFTER_SECONDS[1])
    assert len(stack.endpoint.received) == 3
    assert len({event["id"] for event, _ in stack.endpoint.received}) == 1
    assert len({signature for _, signature in stack.endpoint.received}) == 3
    assert delivery(stack, "checkout.session.expired")["state"] == "delivered"


def test_one_failure_holds_up_no_other(stack: Stack) -> None:
    stack.endpoint.answers = [500]
    stack.subscribed()
    stack.stripe.deliver()
    assert stack.endpoint.types() == PURCHASE
    stack.advance(seconds=1)
    assert stack.endpoint.types() == [*PURCHASE, PURCHASE[0]]


def test_after_three_days_stripe_gives_up(stack: Stack) -> None:
    stack.endpoint.answers = [503] * 100
    session = stack.deposit(stack.customer().id)
    stack.v1.checkout.sessions.expire(session.id)
    stack.stripe.deliver()
    stack.advance(days=2)
    assert delivery(stack, "checkout.session.expired")["state"] == "pending"
    stack.advance(days=2)
    body = delivery(stack, "checkout.session.expired")
    assert (body["state"], body["attempts"]) == ("failed", len(RETRY_AFTER_SECONDS) + 1)
    assert 2.5 * DAY < sum(RETRY_AFTER_SECONDS) < 3.5 * DAY


def test_an_endpoint_that_is_not_there_is_a_failure(stack: Stack) -> None:
    stack.world.find("webhook_endpoint", "we_local")["url"] = "http://127.0.0.1:1/hook"
    stack.v1.checkout.sessions.expire(stack.deposit(stack.customer().id).id)
    stack.stripe.deliver()
    body = delivery(stack, "checkout.session.expired")
    assert (body["state"], body["last_status"]) == ("pending", None)


def test_paused_deliveries_come_in_order_once_resumed(stack: Stack) -> None:
    assert stack.door("/webhooks", {"paused": True}).json() == {"webhooks": "paused"}
    stack.subscribed()
    stack.stripe.deliver()
    stack.advance(hours=1)
    assert stack.endpoint.received == []
    stack.door("/webhooks", {"paused": False})
    stack.stripe.deliver()
    assert stack.endpoint.types() == PURCHASE


def test_dropped_deliveries_are_lost_held_ones_and_new_ones(stack: Stack) -> None:
    stack.door("/webhooks", {"paused": True})
    stack.subscribed()
    stack.door("/webhooks", {"drop": True})
    customer, _ = stack.subscribed()
    stack.door("/webhooks", {"paused": False})
    stack.stripe.deliver()
    assert stack.endpoint.received == []
    assert delivery(stack, "invoice.paid")["state"] == "dropped"
    stack.post(stack.portal(customer.id).url, action="cancel")
    stack.stripe.deliver()
    assert stack.endpoint.types() == ["customer.subscription.updated"]


def test_a_crooked_switch_is_refused(stack: Stack) -> None:
    for wrong in ({}, {"paused": "yes"}, {"drop": 1}):
        assert stack.door("/webhooks", wrong).status_code == 400


def test_resend_sends_one_event_now_also_when_paused(stack: Stack) -> None:
    stack.door("/webhooks", {"paused": True})
    stack.subscribed()
    event = stack.v1.events.list({"type": "invoice.paid"}).data[0]
    for times in (1, 2):
        answer = stack.door(f"/events/{event.id}/resend")
        assert answer.json() == {"id": event.id, "delivered": True, "status": 200}
        assert stack.endpoint.types() == ["invoice.paid"] * times
    stack.door("/webhooks", {"paused": False})
    stack.stripe.deliver()
    assert stack.endpoint.types().count("invoice.paid") == 2
    assert stack.door("/events/evt_none/resend").status_code == 404


def test_an_event_nobody_asked_for_can_be_resent(stack: Stack) -> None:
    stack.customer()
    event = stack.v1.events.list({"type": "customer.created"}).data[0]
    stack.stripe.deliver()
    assert stack.endpoint.received == []
    stack.endpoint.answers = [500]
    assert stack.door(f"/events/{event.id}/resend").json()["delivered"] is False
    assert stack.door(f"/events/{event.id}/resend").json()["delivered"] is True
    assert stack.endpoint.types() == ["customer.created"] * 2


def test_a_resend_that_fails_does_not_undo_an_arrival(stack: Stack) -> None:
    stack.subscribed()
    stack.stripe.deliver()
    stack.endpoint.answers = [500]
    event = stack.v1.events.list({"type": "invoice.paid"}).data[0]
    stack.door(f"/events/{event.id}/resend")
    assert delivery(stack, "invoice.paid")["state"] == "delivered"


def test_the_events_door_lists_all_newest_first(stack: Stack) -> None:
    stack.subscribed()
    listed = stack.get(f"{stack.base}/events").json()["data"]
    assert [event["type"] for event in listed] == stack.event_types()[::-1]


def test_the_background_thread_delivers(stack: Stack) -> None:
    stack.stripe.start()
    stack.stripe.start()
    stack.subscribed()
    assert stack.endpoint.enough(len(PURCHASE)).wait(60)
    stack.stripe.stop()
    stack.stripe.stop()
    assert stack.endpoint.types() == PURCHASE


def test_without_an_endpoint_there_is_nothing_to_resend_to(stack: Stack) -> None:
    stack.customer()
    event = stack.v1.events.list({"type": "customer.created"}).data[0]
    stack.v1.webhook_endpoints.delete("we_local")
    assert stack.door(f"/events/{event.id}/resend").status_code == 400


def test_everything_outlives_the_process_on_disk(board: Switchboard, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "stripe" / "state.json"
    before = Stack(board, path)
    before.door("/webhooks", {"paused": True})
    customer, subscription = before.subscribed()
    key = {"idempotency_key": "k"}
    made = before.v1.customers.create({"name": "Ada"}, key)
    after = Stack(board, path)
    assert after.subscription(customer.id).id == subscription.id
    assert after.v1.customers.create({"name": "Ada"}, key).id == made.id
    assert len(after.v1.prices.list().data) == 6
    assert [file.name for file in path.parent.iterdir()] == ["state.json"]
    after.door("/webhooks", {"paused": False})
    after.stripe.deliver()
    assert after.endpoint.types() == PURCHASE
    after.advance(days=32)
    assert after.subscription(customer.id).status == "active"
    after.require_conformance()
