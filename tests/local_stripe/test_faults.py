from __future__ import annotations

import pytest
import stripe

from tests.local_stripe.harness import Stack


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("timeout_before", stripe.APIConnectionError),
        ("timeout_after", stripe.APIConnectionError),
        ("500_before", stripe.APIError),
        ("500_after", stripe.APIError),
    ],
)
def test_the_next_call_is_spoiled_and_its_repetition_happens_once(
    stack: Stack, kind: str, error: type[stripe.StripeError]
) -> None:
    assert stack.door("/faults", {"on": "customers.create", "kind": kind}).status_code == 200
    with pytest.raises(error):
        stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert len(stack.v1.customers.list().data) == (1 if kind.endswith("after") else 0)
    again = stack.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    assert [customer.id for customer in stack.v1.customers.list().data] == [again.id]


def test_a_fault_strikes_as_often_as_ordered_and_only_its_call(stack: Stack) -> None:
    stack.door("/faults", {"on": "customers.create", "kind": "500_before", "times": 2})
    stack.v1.products.create({"name": "Gold"})
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            stack.v1.customers.create()
    stack.v1.customers.create()


def test_the_sdk_gets_over_a_fault_by_itself(stack: Stack) -> None:
    stack.door("/faults", {"on": "customers.create", "kind": "timeout_after"})
    client = stripe.StripeClient("sk_test_local", base_addresses={"api": stack.base}, max_network_retries=1)
    client.v1.customers.create({"name": "Ada"})
    assert len(stack.v1.customers.list().data) == 1


def test_a_crooked_order_is_refused(stack: Stack) -> None:
    for wrong in ({"on": "wishes.create", "kind": "500_after"}, {"on": "customers.create", "kind": "fire"}):
        assert stack.door("/faults", wrong).status_code == 400
    assert stack.door("/faults", {"on": "customers.create", "kind": "500_after", "times": 0}).status_code == 400
    assert stack.door("/faults", [1]).status_code == 400
