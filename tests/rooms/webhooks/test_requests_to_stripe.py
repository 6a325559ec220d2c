"""What an event asks of Stripe: the events of many renewals at once have to fit what Stripe serves a second."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.transport import Urllib3Client
from aerostack_billing.webhooks.models import Event
from tests.rooms.conftest import Time
from tests.rooms.worlds.deposits import deposit, events, open_deposit, refund
from tests.rooms.worlds.plans import buy, deliver, pass_days
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import lines

HANDLED_OF_A_RENEWAL = ("invoice.paid", "customer.subscription.updated", "payment_intent.succeeded")


@pytest.fixture
def asked(world: StripeWorld, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Method and path of each request to Stripe."""
    del world
    requests: list[str] = []
    real = Urllib3Client.request

    def request(
        self: Urllib3Client,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: str | bytes | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        requests.append(f"{method.upper()} {urlsplit(url).path}")
        return real(self, method, url, headers, post_data)

    monkeypatch.setattr(Urllib3Client, "request", request)
    return requests


def new_of(world: StripeWorld, before: set[str], *types: str) -> list[dict[str, Any]]:
    return [event for event in events(world, *types) if event["id"] not in before]


def test_a_renewal_asks_stripe_once_for_each_event_of_the_plan_and_never_for_its_payment(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time, asked: list[str]
) -> None:
    buy(parts, world, account, "pro")
    before = {event["id"] for event in world.events()}
    pass_days(world, time_stands, 32)
    renewal = new_of(world, before, *HANDLED_OF_A_RENEWAL)
    assert {event["type"] for event in renewal} == set(HANDLED_OF_A_RENEWAL)
    asked.clear()
    of_payment = [event for event in renewal if event["type"] == "payment_intent.succeeded"]
    assert {deliver(parts, event).result for event in of_payment} == {"ignored"}
    assert asked == []
    of_plan = [event for event in renewal if event not in of_payment]
    assert {deliver(parts, event).result for event in of_plan} == {"processed"}
    assert asked == ["GET /v1/subscriptions"] * len(of_plan)


def test_a_deposit_asks_stripe_once_for_the_payment_and_once_for_the_card(
    parts: Runtime, world: StripeWorld, account: str, asked: list[str]
) -> None:
    deposit(parts, world, account)
    world.pay(open_deposit(parts, account))
    event = events(world, "payment_intent.succeeded")[-1]
    asked.clear()
    assert deliver(parts, event).result == "processed"
    assert [request.split("/")[2] for request in asked] == ["payment_intents", "customers"]


def test_a_deposit_that_was_credited_is_asked_for_once_more_than_that_it_is_ours(
    parts: Runtime, world: StripeWorld, account: str, asked: list[str]
) -> None:
    refund(world, deposit(parts, world, account), 500)
    asked.clear()
    assert deliver(parts, events(world, "charge.refunded")[-1]).result == "processed"
    assert [request.split("/")[2] for request in asked] == ["payment_intents", "refunds"] * 2
    assert lines(parts, account) == [("deposit", 2_500), ("refund", -500)]


def test_an_event_that_says_its_payment_is_no_deposit_is_not_believed_of_one_that_was_credited(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    deposit(parts, world, account)
    event = events(world, "payment_intent.succeeded")[-1]
    event["id"], event["data"]["object"]["metadata"] = f"evt_{uuid.uuid4().hex}", {}
    assert deliver(parts, event).result == "processed"


def test_an_event_that_says_nothing_of_metadata_is_asked_about(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    world.pay(open_deposit(parts, account))
    event = events(world, "payment_intent.succeeded")[-1]
    del event["data"]["object"]["metadata"]
    assert deliver(parts, event).result == "processed"
    assert lines(parts, account) == [("deposit", 2_500)]


def test_a_replay_asks_stripe_whatever_the_event_says(parts: Runtime, world: StripeWorld, account: str) -> None:
    world.pay(open_deposit(parts, account))
    event = events(world, "payment_intent.succeeded")[-1]
    event["data"]["object"]["metadata"] = {}
    assert deliver(parts, event).result == "ignored"
    assert parts.webhooks.service.replay(Event.model_validate(event)).result == "processed"
    assert lines(parts, account) == [("deposit", 2_500)]
