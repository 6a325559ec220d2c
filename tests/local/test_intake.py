"""Stripe's events by the queue, all the way on a whole stack: what is sold the one way is sold the other."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest

from local.stack import Stack
from local.testing import running_stack
from tests.flows.client import Account, Api, Json
from tests.flows.test_webhooks import event, forged, post, signature
from tests.template.deployed import stage_parameters

QUEUE = {name: stage_parameters("prod")[name] for name in ("WebhookIntake", "StripeSigningSecretArn")}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack(parameters=QUEUE) as running:
        yield running


@pytest.fixture
def account(stack: Stack) -> Account:
    return Account(Api(stack), f"acct_{uuid.uuid4().hex}")


def post_genuine(api: Api, sent: Json) -> Json:
    """Deliver an event as Stripe does, and what it is answered."""
    payload = json.dumps(sent).encode()
    answer = post(api, payload, signature(payload, api.now()))
    assert answer.status_code == 200, answer.text
    said: Json = answer.json()
    return said


def waiting(account: Account, queue: str) -> list[Json]:
    found: list[Json] = account.api.door(f"sqs/{queue}")["messages"]
    return found


def test_a_plan_that_is_paid_and_not_verified_comes_by_the_queue(account: Account) -> None:
    account.pay(account.page("pro"))
    account.api.deliver()
    assert account.tier() == "pro"
    assert waiting(account, "StripeEventsQueue") == []


def test_a_deposit_is_credited_once_however_often_its_event_comes(account: Account) -> None:
    body = {
        "amount_cents": 2_500,
        "success_url": "https://app.aerostack.dev/",
        "cancel_url": "https://app.aerostack.dev/",
    }
    account.pay(account.send("POST", "/api/balance/deposit", body).json()["url"])
    account.api.deliver()
    (paid,) = account.api.events("checkout.session.completed", customer=account.customers()[0]["id"])
    for _ in range(3):
        assert post_genuine(account.api, paid)["result"] == "queued"
    assert account.get("/api/balance")["balance_cents"] == 2_500


def test_an_event_that_fails_was_answered_200_and_takes_effect_later(account: Account) -> None:
    account.api.door("stripe/webhooks", {"paused": True})
    account.pay(account.page("pro"))
    for _ in range(20):
        account.api.door("stripe/faults", {"on": "subscriptions.list", "kind": "429"})
    account.api.door("stripe/webhooks", {"paused": False})
    account.api.deliver()
    assert account.tier() == "free"
    account.api.advance(minutes=30)
    assert account.tier() == "pro"
    assert waiting(account, "StripeEventsDeadLetterQueue") == []


def test_what_stripe_did_not_sign_never_reaches_the_queue(account: Account) -> None:
    payload = json.dumps(event()).encode()
    for header in forged(payload, account.api.now()):
        assert post(account.api, payload, header).status_code == 400
    assert waiting(account, "StripeEventsQueue") == []


def test_an_event_over_the_size_of_a_message_is_fetched_at_stripe(account: Account) -> None:
    account.api.door("stripe/webhooks", {"drop": True})
    account.pay(account.page("starter"))
    account.api.deliver()
    account.api.door("stripe/webhooks", {"paused": False})
    customer = account.customers()[0]["id"]
    (sent,) = account.api.events("customer.subscription.created", customer=customer)
    sent["data"]["object"]["description"] = "x" * 300_000
    assert post_genuine(account.api, sent)["result"] == "queued"
    assert account.tier() == "starter"


def test_a_large_event_that_stripe_does_not_know_is_dead_with_an_alarm_and_blocks_nothing(account: Account) -> None:
    made_up = event(text="x" * 300_000)
    assert post_genuine(account.api, made_up)["result"] == "queued"
    assert waiting(account, "StripeEventsQueue") == []
    assert waiting(account, "StripeEventsDeadLetterQueue") == []


def test_a_message_that_is_no_event_of_ours_ends_among_the_dead_letters(stack: Stack, account: Account) -> None:
    message = stack.queues.send("StripeEventsQueue", "{}")
    for _ in range(22):
        account.api.advance(minutes=7)
    assert [letter["message_id"] for letter in waiting(account, "StripeEventsDeadLetterQueue")] == [message]
