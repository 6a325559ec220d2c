from __future__ import annotations

import pytest
import stripe

from aerostack_billing.webhooks.handlers import ACCOUNT_TYPES, CONNECT_TYPES
from tests.local_stripe.harness import Stack


def test_the_stacks_own_endpoints_ask_for_exactly_what_the_code_handles(stack: Stack) -> None:
    for name, handled in (("we_local", ACCOUNT_TYPES), ("we_local_connect", CONNECT_TYPES)):
        own = stack.v1.webhook_endpoints.retrieve(name)
        assert own.url == f"{stack.base}/hook"
        assert sorted(own.enabled_events) == sorted(handled)
        assert "secret" not in own


def test_what_happens_in_a_connected_account_is_told_to_a_connect_endpoint_alone(stack: Stack) -> None:
    for connect in (False, True):
        stack.v1.webhook_endpoints.create(
            {"url": f"{stack.base}/hook", "enabled_events": ["*"], "connect": connect, "metadata": {"c": str(connect)}}
        )
    account = stack.v1.accounts.create({"controller": {"stripe_dashboard": {"type": "express"}}})
    stack.door(f"/accounts/{account.id}", {"restricted": False})
    connected = {e["id"] for e in stack.world.all("webhook_endpoint").values() if e["_connect"]}
    (answer,) = [e for e in stack.world.all("event").values() if e["type"] == "account.updated"]
    sent_to = {d["endpoint"] for d in stack.world.store.state.deliveries.values() if d["event"] == answer["id"]}
    assert sent_to == connected
    assert len(connected) == 2


def test_an_endpoint_gets_what_it_asks_for_signed_with_its_secret(stack: Stack) -> None:
    made = stack.v1.webhook_endpoints.create({"url": f"{stack.base}/hook", "enabled_events": ["customer.created"]})
    assert made.secret is not None
    assert "secret" not in stack.v1.webhook_endpoints.retrieve(made.id)
    stack.customer()
    stack.stripe.deliver()
    assert stack.endpoint.types() == ["customer.created"]
    stripe.WebhookSignature.verify_header(
        stack.endpoint.payload, stack.endpoint.received[0][1], made.secret, tolerance=None
    )


def test_an_endpoint_is_changed_and_switched_off(stack: Stack) -> None:
    stack.v1.webhook_endpoints.update("we_local", {"enabled_events": ["*"], "metadata": {"a": "b"}})
    stack.customer()
    stack.stripe.deliver()
    assert stack.endpoint.types() == ["customer.created"]
    assert stack.v1.webhook_endpoints.update("we_local", {"disabled": True}).status == "disabled"
    stack.customer()
    stack.stripe.deliver()
    assert len(stack.endpoint.received) == 1


def test_a_deleted_endpoint_gets_nothing_more(stack: Stack) -> None:
    made = stack.v1.webhook_endpoints.create({"url": f"{stack.base}/hook", "enabled_events": ["*"]})
    stack.customer()
    assert stack.v1.webhook_endpoints.delete(made.id).deleted is True
    assert [endpoint.id for endpoint in stack.v1.webhook_endpoints.list().data] == ["we_local_connect", "we_local"]
    stack.stripe.deliver()
    assert stack.endpoint.received == []
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.webhook_endpoints.retrieve(made.id)


def test_a_crooked_endpoint_is_refused(stack: Stack) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.webhook_endpoints.create({"url": stack.base, "enabled_events": ["weather.changed"]})
